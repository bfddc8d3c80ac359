"""A stream as one JSON list, which is what `streamGenerateContent` gives without `alt=sse`."""

from antiphon.wire.gemini.pieces import Pieces


class AsArray:
    """Turns whole events into the items of a list."""

    __slots__ = ("_begun", "_pieces")

    def __init__(self) -> None:
        self._pieces = Pieces()
        self._begun = False

    def feed(self, events: bytes) -> bytes:
        """The list as far as it came; comments are left out."""
        return b"".join([self._item(data) for _, data in self._pieces.feed(events) if data])

    def end(self) -> bytes:
        """What is left, and the end of the list."""
        _, data = self._pieces.end()
        rest = self._item(data) if data else b""
        return rest + (b"\n]\n" if self._begun else b"[]\n")

    def _item(self, data: bytes) -> bytes:
        mark = b"\n,\r\n" if self._begun else b"["
        self._begun = True
        return mark + data
