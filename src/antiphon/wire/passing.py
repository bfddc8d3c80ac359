"""Passes a stream of server-sent events on as it comes; each dialect says what it reads from an event."""

from abc import abstractmethod

import msgspec

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.wire.codec import Relay
from antiphon.wire.sse import SseReader, data_of

DONE = b"[DONE]"


class Passing(Relay):
    """One stream's passage, event by event."""

    __slots__ = ("_reader", "finished")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self.finished = False
        """The answer is whole, though the stream may go on."""

    @abstractmethod
    def note(self, event: bytes, payload: bytes) -> bytes:
        """Note what an event says.

        Returns: what of the event goes on.
        Raises: msgspec.MsgspecError, UnicodeDecodeError, where its payload is not what it should be.
        """

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""
        events = self._reader.feed(piece)
        return self._event(events[0]) if len(events) == 1 else b"".join([self._event(event) for event in events])

    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""
        try:
            rest = self._event(self._reader.end())
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if self.failure is not None:
            raise self.failure
        if not (self.done or self.finished):
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return rest

    def failed(self, said: object) -> bytes:
        """The upstream says that it failed. Returns: nothing, which goes on."""
        message = msgspec.json.encode(said)[:300].decode(errors="replace")
        self.failure = UpstreamError(f"the upstream ended its stream with an error: {message}")
        self.failure.noted = "the upstream ended its stream with an error"
        return b""

    def _event(self, event: bytes) -> bytes:
        if self.failure is not None:
            return b""
        data = data_of(event)
        payload = data.strip() if data else b""
        if not payload:
            return event
        if payload == DONE:
            self.done = True
            return event
        self.events += 1
        try:
            return self.note(event, payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
