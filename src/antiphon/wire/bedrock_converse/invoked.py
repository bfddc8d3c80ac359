"""Streams of InvokeModelWithResponseStream: frames that carry a model's own events, base64 in JSON.

Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: ResponseStream, PayloadPart.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.response import Event
from antiphon.wire.bedrock_converse.failures import failure_of
from antiphon.wire.eventstream import Frame, FrameReader
from antiphon.wire.stream import Decoder, Relay


class _Part(Struct, gc=False):
    bytes: bytes


class _Typed(Struct, gc=False):
    type: str = "message"


_part = msgspec.json.Decoder(_Part)
_typed = msgspec.json.Decoder(_Typed)
_LINE_ENDS = str.maketrans({"\r": " ", "\n": " "})


class Chunks:
    """Unwraps such a stream to the server-sent events that the model's maker would send."""

    __slots__ = ("_reader", "failure")

    def __init__(self) -> None:
        self._reader = FrameReader()
        self.failure: UpstreamError | None = None
        """The upstream said amid its stream that it failed; what follows is dropped."""

    def feed(self, piece: bytes) -> bytes:
        """Take what came, however it was cut. Returns: whole events. Raises: UpstreamMalformed."""
        out: list[bytes] = []
        for frame in self._reader.feed(piece):
            if self.failure is not None:
                break
            out.append(self._event(frame))
        return out[0] if len(out) == 1 else b"".join(out)

    def _event(self, frame: Frame) -> bytes:
        if frame.headers.get(":message-type") != "event":
            self.failure = failure_of(frame)
            if self.failure is not None:
                return b""
        if frame.headers.get(":event-type") != "chunk":
            return b""
        try:
            data = _part.decode(frame.payload).bytes
            kind = _typed.decode(data).type
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"a chunk of the upstream's stream is not an event in JSON: {error}") from error
        # In JSON a line end is white space only, but it would cut the event in two.
        if b"\n" in data or b"\r" in data:
            data = data.replace(b"\r", b" ").replace(b"\n", b" ")
        return b"event: " + kind.translate(_LINE_ENDS).encode() + b"\ndata: " + data + b"\n\n"


class Invoked(Decoder):
    """Reads such a stream with the decoder of the model's maker."""

    __slots__ = ("_chunks", "_inner")

    def __init__(self, inner: Decoder) -> None:
        super().__init__()
        self._chunks = Chunks()
        self._inner = inner

    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came, however it was cut. Raises: UpstreamMalformed."""
        plain = self._chunks.feed(piece)
        self._inner.model = self.model
        events = self._inner.feed(plain) if plain else ()
        self._tell()
        return events

    def end(self) -> Sequence[Event]:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamBroken, amid an answer."""
        if self._chunks.failure is not None:
            return ()
        events = self._inner.end()
        self._tell()
        return events

    def _tell(self) -> None:
        inner = self._inner
        self.done, self.usage_note = inner.done, inner.usage_note
        self.failure = inner.failure or self._chunks.failure


class InvokedRelay(Relay):
    """Passes such a stream on to callers who speak the dialect of the model's maker."""

    __slots__ = ("_chunks", "_inner")

    def __init__(self, inner: Relay) -> None:
        super().__init__()
        self._chunks = Chunks()
        self._inner = inner

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""
        plain = self._chunks.feed(piece)
        out = self._inner.feed(plain) if plain else b""
        self._tell()
        return out

    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""
        if self._chunks.failure is not None and not self._inner.done:
            raise self._chunks.failure
        out = self._inner.end()
        self._tell()
        return out

    def _tell(self) -> None:
        inner = self._inner
        self.content_seen, self.done, self.events = inner.content_seen, inner.done, inner.events
        self.model, self.fingerprint = inner.model, inner.fingerprint
        self.usage, self.usage_note, self.losses = inner.usage, inner.usage_note, inner.losses
        self.failure = inner.failure or self._chunks.failure
