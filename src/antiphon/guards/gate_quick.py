"""Events that differ from each other in one text alone: what stands around it is known, so that they need no reading."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.guards.gate_course import Course

_encode: Callable[[str], bytes] = msgspec.json.Encoder().encode
_decode_text: Callable[[bytes], str] = msgspec.json.Decoder(str).decode
_VARIES = re.compile(
    rb'(?<!\\)"(?:(sequence_number|candidatesTokenCount|thoughtsTokenCount|totalTokenCount|completion_tokens|total_tokens)'
    rb'":(\d{1,15})|obfuscation":"([A-Za-z0-9]*)")'
)
"""What is another in each event, beside the text: counts, and OpenAI's padding."""
_TEXT = rb'[^"\\\r\n]*(?:\\.[^"\\\r\n]*)*'
_PROBE = "zq"


class Quick:
    """One shape of event.

    An event is of this shape if its bytes are those of the one that the shape was learnt from, but for a JSON text between
    quotes, and for counts and padding: so its meaning is the same but for these.
    """

    __slots__ = ("_after", "_before", "_ends", "_middle", "_start", "_stop", "course", "number")

    def __init__(self, before: bytes, after: bytes, middle: re.Pattern[bytes] | None, course: Course) -> None:
        self._before = before
        self._after = after
        self._ends = len(after)
        self._middle = middle
        """What stands between; None: the text alone."""
        self._start = self._stop = 0
        self.course = course
        self.number: tuple[int, int] | None = None
        """Where the sequence number of the event stands that was read last."""

    def read(self, event: bytes) -> str | None:
        """The text of an event; None: it is of another shape."""
        if not (event.startswith(self._before) and event.endswith(self._after)):
            return None
        start, stop = len(self._before), len(event) - self._ends
        if self._middle is not None:
            match = self._middle.fullmatch(event, start, stop)
            if match is None:
                return None
            start, stop = match.span("text")
            self.number = match.span("number") if "number" in self._middle.groupindex else None
        self._start, self._stop = start, stop
        said = event[start:stop]
        if said.isalnum():
            return said.decode()
        if b"\n" in said or b"\r" in said:
            return None
        try:
            if b"\\" in said or b'"' in said:
                return _decode_text(b'"%b"' % said)
            return said.decode()
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def written(self, event: bytes, text: str) -> bytes:
        """The event that was read last with another text."""
        return b"%b%b%b" % (event[: self._start], _encode(text)[1:-1], event[self._stop :])

    def numbered(self, event: bytes, text: str, number: int) -> bytes:
        """The same with another number."""
        start, stop = self._start, self._stop
        assert self.number is not None
        first, last = self.number
        said = _encode(text)[1:-1]
        if first > stop:
            return b"%b%b%b%d%b" % (event[:start], said, event[stop:first], number, event[last:])
        return b"%b%d%b%b%b" % (event[:first], number, event[last:start], said, event[stop:])


def learnt(event: bytes, text: str, course: Course, slot: Callable[[bytes], Any]) -> Quick | None:
    """The shape of an event; None where it can't be told.

    Args:
        text: The one that stands in it.
        slot: Reads the text of such an event.
    """
    said = _encode(text)
    if event.count(said) != 1:
        return None
    start = event.find(said) + 1
    stop = start + len(said) - 2
    if slot(b"%b%b%b" % (event[:start], _PROBE.encode(), event[stop:])) != _PROBE:
        return None
    holes = [(*match.span(2 if match[1] else 3), match[1]) for match in _VARIES.finditer(event)]
    holes = sorted([*((a, b, name) for a, b, name in holes if not start <= a < stop), (start, stop, b"text")])
    first, last = holes[0][0], holes[-1][1]
    middle = _middle(event, holes) if len(holes) > 1 else None
    return Quick(event[:first], event[last:], middle, course)


def _middle(event: bytes, holes: list[tuple[int, int, bytes | None]]) -> re.Pattern[bytes]:
    out: list[bytes] = []
    at, names = holes[0][0], {b"text": b"(?P<text>%b)" % _TEXT, b"sequence_number": rb"(?P<number>\d{1,15})"}
    for start, stop, name in holes:
        pattern = rb"[A-Za-z0-9]*" if name is None else names.pop(name, rb"\d{1,15}")
        out += (re.escape(event[at:start]), pattern)
        at = stop
    return re.compile(b"".join(out))
