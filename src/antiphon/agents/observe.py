"""What an observation does to the State. Pure: the same results give the same State."""

from hashlib import sha256

import msgspec

from antiphon.agents.context import SHORT_BYTES
from antiphon.agents.scene import merged
from antiphon.agents.state import Action, Observation, State, Taken, Value
from antiphon.core.content import Message, Text

MOST_TAKEN = 64
"""Steps that a State keeps; what was done before is in the events of the run."""
HANDLED_BYTES = 65_536
VALUES_BYTES = 1_048_576
"""Of all values of a State; older ones are dropped then, the oldest first, but for their line on what they were."""


def clipped(whole: str, most_bytes: int, handle: str) -> str:
    """As much of a result as a model may see; a longer one, and one that may be cut later, names its handle."""
    raw = whole.encode()
    if len(raw) <= most_bytes:
        return f"{whole}\n[{handle}]" if len(raw) > SHORT_BYTES else whole
    head = raw[:most_bytes].decode("utf-8", "ignore")
    return f"{head}…\n[cut: {len(raw)} bytes in all; read_value {handle} reads on] [{handle}]"


def note(
    state: State,
    action: Action,
    observation: Observation,
    value: Value | None = None,
    *,
    at_ns: int = 0,
    hidden: bool = False,
) -> None:
    """Put an observation into the State: its context, values, and what it has seen.

    Args:
        hidden: The model sees a handle in place of what came back, so that it has not seen it.
    """
    if not action.own:
        state.context.append(answer(action, observation))
    state.taken.append(Taken(action=action, observation=observation, at_ns=at_ns))
    del state.taken[:-MOST_TAKEN]
    if value is not None and observation.handle:
        state.values[observation.handle] = value
        _bound(state)
    if not hidden:
        state.seen = merged(state.seen, observation.origins)
        state.data_class = state.seen.data_class


def answer(action: Action, observation: Observation) -> Message:
    """An observation as the model is shown it: the result of its call, or a turn of its own where it called nothing."""
    parts = (Text(text=observation.text or "(nothing came back)"),)
    if action.call is None:
        return Message(role="user", parts=parts, form="text")
    return Message(role="tool", parts=parts, form="text", tool_call_id=action.call.id, failed=bool(observation.failed))


def _bound(state: State) -> None:
    size_bytes = sum(len(one.text) for one in state.values.values())
    for handle, one in list(state.values.items()):
        if size_bytes <= VALUES_BYTES:
            return
        if one.text:
            size_bytes -= len(one.text)
            state.values[handle] = Value(text="", origins=one.origins, about=f"{one.about}, dropped")


def fingerprint(*parts: object) -> str:
    """16 hexadecimal digits of some JSON."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
