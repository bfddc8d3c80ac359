"""What a person says on a task that waits for one."""

from typing import Any, cast

from msgspec import Struct

from antiphon.core.run import Wait
from antiphon.wire.a2a.errors import A2AError
from antiphon.wire.a2a.words import Message, data_of, text_of

_YES = frozenset({"approve", "approved", "yes", "y", "ok"})
_NO = frozenset({"reject", "rejected", "no", "n", "deny"})


class Decision(Struct, frozen=True, kw_only=True):
    """On an approval."""

    approve: bool
    note: str = ""


def decision_of(message: Message, wait: Wait) -> Decision:
    """Raises: A2AError, where it says neither yes nor no."""
    data = _data(message, wait)
    said = data.get("decision", data.get("answer", text_of(message)))
    word = ("yes" if said else "no") if isinstance(said, bool) else str(said).strip().lower().rstrip(".!")
    note = str(data.get("note", ""))
    if word in _YES:
        return Decision(approve=True, note=note)
    if word in _NO:
        return Decision(approve=False, note=note)
    raise A2AError(
        'the task waits for an approval: send a data part {"key": KEY, "decision": "approve"} or "reject"',
        reason="INVALID_PARAMS",
    )


def answer_of(message: Message, wait: Wait) -> Any:
    """The answer to a question, a review or a hand-off. Raises: A2AError."""
    data = _data(message, wait)
    if "answer" in data:
        return data["answer"]
    rest = {name: value for name, value in data.items() if name not in ("key", "kind")}
    if rest:
        return rest
    text = text_of(message)
    if not text:
        raise A2AError("the message has neither a text nor data with `answer`", reason="INVALID_PARAMS")
    return text


def _data(message: Message, wait: Wait) -> dict[str, Any]:
    """The message's object. Raises: A2AError, where it is for another wait."""
    found = next((cast("dict[str, Any]", one) for one in data_of(message) if isinstance(one, dict)), dict[str, Any]())
    key = found.get("key")
    if key is not None and key != wait.key:
        raise A2AError(f"the task no longer waits for {str(key)[:64]!r}, but for {wait.key!r}", reason="INVALID_PARAMS")
    return found
