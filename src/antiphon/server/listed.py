"""Gemini's stream as one JSON list, which callers get who don't ask for `alt=sse`."""

from antiphon.server.reply import Wrap
from antiphon.wire.codec import JSON
from antiphon.wire.gemini.array import AsArray


class Listed(Wrap):
    """The list, and its content type."""

    content_type = JSON

    def __init__(self) -> None:
        self._list = AsArray()

    def feed(self, piece: bytes) -> bytes:
        return self._list.feed(piece)

    def end(self) -> bytes:
        return self._list.end()
