"""Events that differ from each other in one text alone: what stands around it is known, so that they need no reading."""

from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.guards.gate_flow import Course

_encode: Callable[[str], bytes] = msgspec.json.Encoder().encode
_decode_text: Callable[[bytes], str] = msgspec.json.Decoder(str).decode
_PADDING = b'"obfuscation":"'
"""OpenAI's padding: of another length in each event."""
_PROBE = "zq"


class Quick:
    """One shape of event.

    An event is of this shape if its bytes are those of the one that the shape was learnt from, but for what stands between the
    quotes of one text, which is a JSON text by itself: so its meaning is the same but for that text.
    """

    __slots__ = ("_after", "_before", "_ends", "_starts", "course")

    def __init__(self, before: bytes, after: bytes, course: Course) -> None:
        self._before = before
        self._after = after
        self._starts = len(before)
        self._ends = len(after)
        self.course = course

    def event(self, event: bytes) -> bytes | None:
        """What goes on of an event; None: it is of another shape."""
        if not (event.startswith(self._before) and event.endswith(self._after)):
            return None
        said = event[self._starts : -self._ends]
        if b"\n" in said or b"\r" in said:
            return None
        if b"\\" in said or b'"' in said:
            try:
                text = _decode_text(b'"%b"' % said)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return None
        else:
            try:
                text = said.decode()
            except UnicodeDecodeError:
                return None
        out = self.course.push(text)
        if out == text:
            return event
        return b"%b%b%b" % (self._before, _encode(out)[1:-1], self._after) if out else b""


def learnt(event: bytes, text: str, course: Course, slot: Callable[[bytes], Any]) -> Quick | None:
    """The shape of an event; None where it can't be told.

    Args:
        text: The one that stands in it.
        slot: Reads the text of such an event.
    """
    said = b'"%b"' % _encode(text)[1:-1]
    if event.count(said) != 1:
        return None
    at = event.find(said) + 1
    before, after = event[:at], event[at + len(said) - 2 :]
    if slot(b"%b%b%b" % (before, _PROBE.encode(), after)) != _PROBE:
        return None
    return Quick(before, after, course)
