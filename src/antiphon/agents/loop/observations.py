"""What an observation does to the State. Pure: the same results give the same State."""

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.loop.context import SHORT_BYTES
from antiphon.agents.loop.scene import merged
from antiphon.agents.state import Action, Observation, State, Taken, Value
from antiphon.core.content import Message, Text
from antiphon.core.tool import Origins

MOST_TAKEN = 64
"""Steps that a State keeps; what was done before is in the events of the run."""
HANDLED_BYTES = 65_536


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
    if action.own:
        _keep_own(state, action, observation, value)
    else:
        state.context.append(answer(action, observation))
    state.taken.append(Taken(action=action, observation=observation, at_ns=at_ns))
    del state.taken[:-MOST_TAKEN]
    if value is not None and observation.handle:
        state.values[observation.handle] = value
    if not (hidden or action.own):  # what comes of its own action is seen once whoever made it shows it
        state.seen = merged(state.seen, observation.origins)
        state.data_class = state.seen.data_class


class Own(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of an action of the loop's own, until whoever made it takes it."""

    text: str
    failed: str = ""
    value: Any = None
    """As JSON, or its whole text."""
    origins: Origins = Origins()


OWN = "own"
"""Stands in the State's notes for these, by key of the action."""


def _keep_own(state: State, action: Action, seen: Observation, value: Value | None) -> None:
    whole = None if value is None else value.text if value.data is None else value.data
    own_ = Own(text=seen.text, failed=seen.failed, value=whole, origins=seen.origins)
    state.notes.setdefault(OWN, {})[action.key] = msgspec.to_builtins(own_)


def own(state: State, key: str) -> Own:
    """What came of an action of the loop's own."""
    return msgspec.convert(state.notes[OWN][key], Own)


def forget_own(state: State, key: str) -> None:
    """It was taken."""
    state.notes.get(OWN, {}).pop(key, None)


def answer(action: Action, observation: Observation) -> Message:
    """An observation as the model is shown it: the result of its call, or a turn of its own where it called nothing."""
    parts = (Text(text=observation.text or "(nothing came back)"),)
    if action.call is None:
        return Message(role="user", parts=parts, form="text")
    return Message(role="tool", parts=parts, form="text", tool_call_id=action.call.id, failed=bool(observation.failed))


def fingerprint(*parts: object) -> str:
    """16 hexadecimal digits of some JSON."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
