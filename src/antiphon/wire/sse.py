"""Splits a stream of server-sent events. Source: WHATWG HTML, section 9.2, 2026-11."""

import re

from antiphon.core.error import UpstreamMalformed

MAX_EVENT_BYTES = 16_777_216
"""An event above this is refused: it would be held in memory until its end."""

_END_OF_LINE = re.compile(rb"\r\n|\n|\r")
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_BOM = b"\xef\xbb\xbf"


class SseReader:
    """Gives back whole events, however the bytes were cut on their way.

    The raw bytes of all events and of `end` are those of the stream, less its byte order mark. A
    carriage return that may be half of a line end waits for the byte behind it.
    """

    __slots__ = ("_begun", "_held", "_max_bytes", "_seen")

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._held = bytearray()
        self._seen = 0
        """How much of what is held was searched for an end."""
        self._begun = False
        self._max_bytes = max_event_bytes

    @property
    def between(self) -> bool:
        """Whether the next byte begins an event which is not the first, before which a byte order mark may stand."""
        return self._begun and not self._held

    def feed(self, piece: bytes) -> list[bytes]:
        """Take what came. Returns: the events that are whole now, blank line included.

        Raises: UpstreamMalformed when an event is longer than allowed.
        """
        if not self._held and self._begun and _is_one_event(piece):
            return [self._bounded(piece)]
        held = self._held
        held += piece
        events: list[bytes] = []
        start = 0
        for match in _BLANK_LINE.finditer(held, max(0, self._seen - 3)):
            end = match.end()
            if end == len(held) and held[-1] == 0x0D:
                break
            events.append(self._bounded(self._marked_off(bytes(held[start:end]))))
            start = end
        del held[:start]
        self._seen = len(held)
        if self._seen > self._max_bytes + len(_BOM):
            raise self._too_long()
        return events

    def end(self) -> bytes:
        """The stream has ended. Returns: what has no blank line behind it; often nothing."""
        rest = self._marked_off(bytes(self._held))
        self._held.clear()
        self._seen = 0
        return rest

    def _marked_off(self, event: bytes) -> bytes:
        """The first event without the byte order mark before it."""
        if self._begun:
            return event
        self._begun = True
        return event.removeprefix(_BOM)

    def _bounded(self, event: bytes) -> bytes:
        if len(event) > self._max_bytes:
            raise self._too_long()
        return event

    def _too_long(self) -> UpstreamMalformed:
        return UpstreamMalformed(f"one event of the upstream's stream is longer than {self._max_bytes} bytes")


def _is_one_event(piece: bytes) -> bool:
    """Whether this is surely one event and no more: the form in which nearly all come."""
    return piece.endswith(b"\n\n") and piece.find(b"\n\n") == len(piece) - 2 and b"\r" not in piece


def data_of(event: bytes) -> bytes | None:
    """What an event carries, its `data` lines joined by line feeds; None when it has none, as a comment."""
    at = event.find(b"\n") + 1
    if b"\r" not in event:
        if at == len(event) - 1 and event.startswith(b"data: "):
            return event[6:-2]
        # A line that names it and a line of data: so come the events of OpenAI Responses and of Anthropic.
        if event.startswith(b"event: ") and event.startswith(b"data: ", at) and event.find(b"\n", at) == len(event) - 2:
            return event[at + 6 : -2]
    lines: list[bytes] = []
    for line in _END_OF_LINE.split(event):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines) if lines else None
