"""Splits a stream into what its events carry.

Google ends lines with CR LF, which the common reader has to look at twice; an event that comes alone is taken at once.
"""

from antiphon.wire.gemini.errors import error_of
from antiphon.wire.sse import SseReader, data_of


class Pieces:
    """Whole events of a stream, each with what it carries."""

    __slots__ = ("_reader", "_whole")

    def __init__(self) -> None:
        self._reader = SseReader()
        self._whole = True
        """No start of an event waits for its rest."""

    def feed(self, piece: bytes) -> list[tuple[bytes, bytes]]:
        """Take what came. Returns: events and their data, which is empty for comments. Raises: UpstreamMalformed."""
        if self._whole and piece[:6] == b"data: ":
            if (
                piece[-4:] == b"\r\n\r\n"
                and piece.find(b"\r") == len(piece) - 4
                and piece.find(b"\n") == len(piece) - 3
            ):
                return [(piece, piece[6:-4].strip())]
            if piece[-2:] == b"\n\n" and piece.find(b"\n") == len(piece) - 2 and piece.find(b"\r") < 0:
                return [(piece, piece[6:-2].strip())]
        events = self._reader.feed(piece)
        self._whole = self._reader.between
        return [(event, carried(event)) for event in events]

    def end(self) -> tuple[bytes, bytes]:
        """The stream has ended. Returns: what has no blank line behind it."""
        rest = self._reader.end()
        return rest, carried(rest)


def carried(event: bytes) -> bytes:
    """What an event carries: its data, or an error that came without the frame of an event."""
    data = data_of(event)
    if data is not None:
        return data.strip()
    return event if event.lstrip()[:1] in (b"{", b"[") and error_of(event) is not None else b""
