"""A stream that goes on from where another broke off, so that the caller reads one answer."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.wire.sse import SseReader, data_of

_SAME = ("id", "created", "model", "system_fingerprint")
"""What all events of one answer say alike."""
_PLAIN = frozenset({"role", "content", "refusal", "reasoning_content", "reasoning"})
"""What a delta of a text answer may hold beside nothing at all."""


_object = msgspec.json.Decoder(dict[str, Any])


class Start(Struct, frozen=True, kw_only=True):
    """The start of an answer that broke off."""

    text: str
    said: dict[str, Any]
    """What its events say alike."""


def so_far(stream: bytes) -> Start | None:
    """The text of the events that a caller has; None where it can't be gone on with: no text, tool calls, sound, parts."""
    reader = SseReader()
    text: list[str] = []
    said: dict[str, Any] = {}
    for event in reader.feed(stream):
        chunk = _decoded(event)
        if chunk is None:
            continue
        said = said or {name: chunk[name] for name in _SAME if name in chunk}
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if choice.get("finish_reason") or any(value for name, value in delta.items() if name not in _PLAIN):
                return None
            content = delta.get("content") or ""
            if delta.get("refusal") or not isinstance(content, str):  # some send parts, such as thoughts
                return None
            text.append(content)
    whole = "".join(text)
    return Start(text=whole, said=said) if whole else None


class Continued:
    """Makes the events of one stream those of another that it goes on from."""

    def __init__(self, start: Start) -> None:
        self._said = start.said
        self._reader = SseReader()

    def rewrite(self, piece: bytes) -> bytes:
        """Whole events in, whole events out: with the first answer's id and model, and no second beginning."""
        return b"".join([self._event(event) for event in (*self._reader.feed(piece), self._reader.end()) if event])

    def _event(self, event: bytes) -> bytes:
        chunk = _decoded(event)
        if chunk is None:
            return event
        chunk.update(self._said)
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta")
            if delta:
                delta.pop("role", None)
        return b"data: %b\n\n" % msgspec.json.encode(chunk)


def _decoded(event: bytes) -> dict[str, Any] | None:
    """An event's object; None when it is none, as `[DONE]` or a comment, or can't be read: the relay looked at what it
    needed, and passed over the rest.
    """
    data = data_of(event)
    if data is None or not data.lstrip().startswith(b"{"):
        return None
    try:
        return _object.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
