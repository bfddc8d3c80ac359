"""Passes a stream of server-sent events on as it comes; each dialect says what it reads from an event."""

import re
from abc import abstractmethod

import msgspec
from msgspec import Raw

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.stream import Relay

DONE = b"[DONE]"
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_fields = msgspec.json.Decoder(dict[str, Raw])


class EventRelay(Relay):
    """One stream's passage. Whole events pass at once; the start of one waits for its rest."""

    __slots__ = ("_between", "_reader", "finished")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self._between = False
        """The next byte begins an event which is not the first."""
        self.finished = False
        """The answer is whole, though the stream may go on."""

    @abstractmethod
    def event(self, event: bytes) -> bytes:
        """Note what a whole event says. Returns: what of it goes on. Raises: UpstreamMalformed."""

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""
        if self._between and piece.endswith(b"\n\n") and piece.find(b"\n\n") == len(piece) - 2 and b"\r" not in piece:
            return self.event(piece)
        events = self._reader.feed(piece)
        self._between = self._reader.between
        return b"".join([self.event(event) for event in events])

    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""
        try:
            rest = self.event(self._reader.end())
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


class Passing(EventRelay):
    """The same of a dialect whose events are a JSON text each, behind the last of which comes a mark."""

    __slots__ = ()

    @abstractmethod
    def note(self, event: bytes, payload: bytes) -> bytes:
        """Note what an event says.

        Returns: what of the event goes on.
        Raises: msgspec.MsgspecError, UnicodeDecodeError, where its payload is not what it should be.
        """

    def event(self, event: bytes) -> bytes:
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


def without_usage(event: bytes, payload: bytes, *, alone: bool, null: bool) -> bytes:
    """An event less the usage that only we asked for.

    Args:
        alone: It says nothing else.
        null: It tells that there is no usage yet.
    Raises: msgspec.MsgspecError, UnicodeDecodeError.
    """
    if alone:
        return b""
    if null and event.count(b'"usage"') == 1:
        rest, edits = _NULL_USAGE.subn(b"", event)
        if edits:
            return rest
    fields = _fields.decode(payload)
    fields.pop("usage", None)
    said = msgspec.json.encode(fields)
    return event.replace(payload, said, 1) if payload in event else b"data: %b\n\n" % said
