"""Reads an upstream's stream of chunks for a caller of another dialect."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.response import Delta, Event
from antiphon.wire.openai_chat.events import decode_event
from antiphon.wire.openai_chat.usage import usage_of
from antiphon.wire.sse import SseReader, data_of
from antiphon.wire.stream import Decoder

_DONE = b"[DONE]"


class _Delta(Struct, gc=False, forbid_unknown_fields=True):
    content: str


class _Choice(Struct, gc=False, forbid_unknown_fields=True):
    delta: _Delta
    index: int
    finish_reason: None = None
    logprobs: None = None


class _Usual(Struct, gc=False):
    """A chunk that is text alone; what else it says beside its choices, every chunk of the stream says."""

    id: str
    model: str
    created: int
    choices: tuple[_Choice]
    usage: None = None
    error: None = None


_usual = msgspec.json.Decoder(_Usual)
_chunk = msgspec.json.Decoder(dict[str, Any])


class ChunkDecoder(Decoder):
    """One stream."""

    __slots__ = ("_between", "_finished", "_reader", "_seen")

    def __init__(self) -> None:
        super().__init__()
        self._reader = SseReader()
        self._seen = False
        """A first chunk was read whole."""
        self._finished = False
        self._between = False
        """The next byte begins an event which is not the first."""

    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came. Raises: UpstreamMalformed."""
        if self._between and piece.endswith(b"\n\n") and piece.find(b"\n\n") == len(piece) - 2 and b"\r" not in piece:
            one = self._event(piece)
            return () if one is None else (one,)
        found = [self._event(event) for event in self._reader.feed(piece)]
        self._between = self._reader.between
        return [event for event in found if event is not None]

    def end(self) -> Sequence[Event]:
        """The body has ended. Raises: UpstreamBroken."""
        try:
            last = self._event(self._reader.end())
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if not (self.done or self._finished) and self.failure is None:
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return [] if last is None else [last]

    def _event(self, event: bytes) -> Event | None:
        data = data_of(event)
        payload = data.strip() if data else b""
        if not payload or self.done or self.failure is not None:
            return None
        if payload == _DONE:
            self.done = True
            return None
        if self._seen:
            try:
                usual = _usual.decode(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return self._odd(payload)
            choice = usual.choices[0]
            delta = Delta(index=choice.index, text=choice.delta.content)
            return Event(
                dialect="openai_chat", id=usual.id, model=usual.model, created_s=usual.created, deltas=(delta,)
            )
        return self._odd(payload)

    def _odd(self, payload: bytes) -> Event | None:
        """Read a chunk with anything else in it. Raises: UpstreamMalformed."""
        try:
            chunk = _chunk.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
        if chunk.get("error"):
            message = msgspec.json.encode(chunk["error"])[:300].decode(errors="replace")
            self.failure = UpstreamError(f"the upstream ended its stream with an error: {message}")
            self.failure.noted = "the upstream ended its stream with an error"
            return None
        event = decode_event(chunk)
        if not self._seen:
            tier = chunk.get("service_tier")
            self.service = tier if isinstance(tier, str) else ""
        self._seen = True
        self._finished = self._finished or any(delta.finish_reason is not None for delta in event.deltas)
        if chunk.get("usage") is not None:
            _, self.usage_note = usage_of(chunk["usage"])
        return event if event.model else replace(event, model=self.model)
