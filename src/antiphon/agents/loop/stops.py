"""When a run ends before its envelope does: nothing new comes, the same error comes again. Pure."""

from antiphon.agents.documents.document import StopSpec
from antiphon.agents.loop.observations import fingerprint
from antiphon.agents.loop.scene import Stopped
from antiphon.agents.state import Action, Observation, State

MOST_KEPT = 512
"""Of digests that a State keeps, the newest."""
FRESH = "fresh"
SAME = "You made this very call before, and it gave the same. Once more, and the run ends: do something else."


def turn(state: State, spec: StopSpec) -> None:
    """Before a turn: whether the last one gave anything. Raises: Stopped."""
    fresh = state.notes.pop(FRESH, None)
    if fresh is None:
        return
    state.idle = 0 if fresh else state.idle + 1
    if state.idle >= spec.no_progress:
        raise Stopped("no_progress", f"{state.idle} steps in a row gave nothing new")


def after(state: State, spec: StopSpec, action: Action, observation: Observation, came: str) -> str:
    """Behind an action.

    Args:
        came: What came back, without handles: those differ each time.
    Returns: what the model is to be told besides; empty: nothing. Raises: Stopped.
    """
    name = action.call.name if action.call is not None else action.kind
    arguments = action.call.arguments if action.call is not None else {"text": action.text}
    same = _count(state.repeats, fingerprint(name, arguments, observation.failed, came))
    if same == 1 and not observation.failed:
        state.notes[FRESH] = True
    else:
        state.notes.setdefault(FRESH, False)
    if observation.failed:
        return _failed(state, spec, f"{name}:{observation.failed}", observation)
    for key in [key for key in state.failures if key.startswith(f"{name}:")]:
        del state.failures[key]
    if same >= spec.same_call:
        raise Stopped("no_progress", f"the same call of {name} gave the same {same} times")
    return SAME if same == spec.same_call - 1 and same > 1 else ""


def _failed(state: State, spec: StopSpec, key: str, observation: Observation) -> str:
    failures = _count(state.failures, key)
    if failures >= spec.same_error:
        raise Stopped("repeated_error", f"{key} {failures} times: {observation.text[:200]}")
    return ""


def _count(counts: dict[str, int], key: str) -> int:
    counts[key] = counts.pop(key, 0) + 1
    while len(counts) > MOST_KEPT:
        del counts[next(iter(counts))]
    return counts[key]
