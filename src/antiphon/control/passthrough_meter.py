"""Reads what an answer used on its way past, where it is in a dialect that is known."""

from collections.abc import Mapping

from antiphon.core.error import AntiphonError
from antiphon.core.usage import Usage
from antiphon.providers.raw import Meter
from antiphon.wire.codec import AnyCodec
from antiphon.wire.codecs import CODECS
from antiphon.wire.stream import Relay

MOST_READ_BYTES = 4_194_304
"""Most bytes of a whole answer that are kept to be read; a longer one goes on unread."""
MOST_HEAD_BYTES = 4096
HTTP_OK = 200


class Reading:
    """One answer's. It changes nothing, and whatever is odd ends it, never the answer."""

    def __init__(self, codec: AnyCodec | None, named: str) -> None:
        self._codec = codec
        self._relay: Relay | None = None
        self._kept: bytearray | None = None
        self._heads = False
        self.named = named
        """The model that the request names."""
        self.model = ""
        """The model that the answer names."""
        self.usage: Usage | None = None
        self.head = b""
        """The start of an error answer."""

    def begin(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """The answer's head has come."""
        self._heads = status >= 400
        codec = self._codec
        if codec is None or status != HTTP_OK or headers.get(b"content-encoding", b"identity") != b"identity":
            return
        kind = headers.get(b"content-type", b"")
        if kind.lower().startswith(b"text/event-stream"):
            self._relay = codec.relay(hides_usage=False)
        elif codec.takes(kind):
            self._kept = bytearray()

    def feed(self, piece: bytes) -> None:
        """A piece of it goes past."""
        if self._heads and len(self.head) < MOST_HEAD_BYTES:
            self.head += piece[:MOST_HEAD_BYTES]
        if self._relay is not None:
            relay = self._relay
            try:
                relay.feed(piece)
            except (AntiphonError, ValueError):
                self._relay = None
            self.model, self.usage = relay.model, relay.usage
        elif self._kept is not None:
            self._kept += piece
            if len(self._kept) > MOST_READ_BYTES:
                self._kept = None

    def end(self) -> None:
        """It has ended, whole."""
        kept, codec = self._kept, self._codec
        if kept is None or codec is None:
            return
        self._kept = None
        try:
            facts = codec.facts(bytes(kept))
        except (AntiphonError, ValueError):
            return
        self.model, self.usage = facts.model, facts.usage


def metered(meter: Meter | None, named: str) -> Reading:
    """Read what answers of this path say."""
    return Reading(None if meter is None else CODECS.get(meter.dialect), named)
