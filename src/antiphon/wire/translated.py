"""A stream that is read in one dialect and written in another."""

from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.response import Event
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder, Encoder, Relay

MAX_BYTES = 67_108_864
"""Of a stream: some dialects say parts of an answer only once they are whole, so they are held in memory."""


class Translated(Relay):
    """The passage of a stream from an upstream's dialect to the caller's."""

    __slots__ = ("_decoder", "_encoder", "_losses", "_size_bytes")

    def __init__(self, decoder: Decoder, encoder: Encoder, losses: Losses) -> None:
        super().__init__()
        self._decoder = decoder
        self._encoder = encoder
        self._losses = losses
        self._size_bytes = 0

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""
        if self.failure is not None:
            return b""
        decoder = self._decoder
        self._size_bytes += len(piece)
        if self._size_bytes > MAX_BYTES:
            raise UpstreamMalformed(f"the upstream's stream is longer than {MAX_BYTES} bytes")
        out = [self._event(event) for event in decoder.feed(piece)]
        if decoder.failure is not None:
            self.failure = decoder.failure
            self.tell()
        elif decoder.done and not self.done:
            self._close(out)
        return out[0] if len(out) == 1 else b"".join(out)

    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""
        decoder = self._decoder
        try:
            out = [self._event(event) for event in decoder.end()] if not self.done else []
        except UpstreamError:
            self.tell()
            raise
        failure: UpstreamError | None = self.failure or decoder.failure
        if failure is not None:
            self.tell()
            raise failure
        if not self.done:
            self._close(out)
        return b"".join(out)

    def _event(self, event: Event) -> bytes:
        self.events += 1
        if not self.model and event.model:
            self.model, self.fingerprint = event.model, event.fingerprint or ""
        if event.usage is not None:
            self.usage = event.usage
        if not self.content_seen:
            self.content_seen = any(
                delta.text
                or delta.reasoning
                or delta.redacted
                or delta.tool_calls
                or delta.refusal
                or delta.audio
                or delta.unknown
                for delta in event.deltas
            )
        return self._encoder.event(event)

    def _close(self, out: list[bytes]) -> None:
        self.done = True
        out.append(self._encoder.end())
        self.tell()

    def tell(self) -> None:
        """Bring `losses` and `usage_note` up to date."""
        self.service = self._decoder.service
        self.usage_note = self._decoder.usage_note
        self.losses = self._losses.told()
