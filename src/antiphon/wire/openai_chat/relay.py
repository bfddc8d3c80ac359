"""Passes a streamed answer on as it comes, and reads from it what the receipt needs."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.wire.codec import Relay
from antiphon.wire.openai_chat.usage import usage_of
from antiphon.wire.sse import SseReader, data_of

_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_DONE = b"[DONE]"


class _Delta(Struct):
    content: Any = None
    tool_calls: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    audio: Any = None
    function_call: Any = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | UnsetType | None = UNSET
    error: Any = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: Any = None


_chunk = msgspec.json.Decoder(_Chunk)
_fields = msgspec.json.Decoder(dict[str, Raw])


class ChunkRelay(Relay):
    """One stream's passage. Feed it what comes; send on what it gives back.

    Whole events pass at once, unchanged. The end of a piece that is no whole event waits for its
    rest, so that an event is either passed whole or, when only we asked for it, kept whole.
    """

    __slots__ = ("_hide_usage", "_reader", "_whole", "finished")

    def __init__(self, *, hide_usage: bool) -> None:
        super().__init__()
        self._hide_usage = hide_usage
        self._reader = SseReader()
        self._whole = True
        """No start of an event waits for its rest."""
        self.finished = False
        """Some answer has ended."""

    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""
        if self._whole and piece.endswith(b"\n\n") and piece.find(b"\n\n") == len(piece) - 2 and b"\r" not in piece:
            return self._event(piece)
        events = self._reader.feed(piece)
        self._whole = not self._reader.holding
        return b"".join([self._event(event) for event in events])

    def _event(self, event: bytes) -> bytes:
        """Note what an event says. Returns: what of it goes on."""
        if self.failure is not None:
            return b""
        data = data_of(event)
        payload = data.strip() if data else b""
        if not payload:
            return event
        if payload == _DONE:
            self.done = True
            return event
        try:
            chunk = _chunk.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
        self.events += 1
        if not self.model:
            self.model = chunk.model or ""
            self.fingerprint = chunk.system_fingerprint or self.fingerprint
            self.service = chunk.service_tier if isinstance(chunk.service_tier, str) else ""
        if chunk.choices:
            self._choices(chunk.choices)
        if chunk.error is not None:
            message = msgspec.json.encode(chunk.error)[:300].decode(errors="replace")
            self.failure = UpstreamError(f"the upstream ended its stream with an error: {message}")
            self.failure.noted = "the upstream ended its stream with an error"
            return b""
        if chunk.usage is UNSET:
            return event
        if chunk.usage is not None:
            self.usage, self.usage_note = usage_of(chunk.usage)
        return self._without_usage(event, payload, chunk) if self._hide_usage else event

    def _without_usage(self, event: bytes, payload: bytes, chunk: _Chunk) -> bytes:
        try:
            return _without_usage(event, payload, chunk)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error

    def _choices(self, choices: list[_Choice]) -> None:
        for choice in choices:
            if choice.finish_reason is not None:
                self.finished = True
            delta = choice.delta
            if delta is not None and not self.content_seen:
                self.content_seen = bool(
                    delta.content
                    or delta.tool_calls
                    or delta.reasoning_content
                    or delta.reasoning
                    or delta.refusal
                    or delta.audio
                    or delta.function_call
                )

    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""
        rest = self._reader.end()
        try:
            rest = self._event(rest)
        except UpstreamMalformed as error:
            raise UpstreamBroken("the upstream's stream ended amid an event") from error
        if self.failure is not None:
            raise self.failure
        if not (self.done or self.finished):
            raise UpstreamBroken("the upstream's stream ended before its answer did")
        return rest


def _without_usage(event: bytes, payload: bytes, chunk: _Chunk) -> bytes:
    """An event less the usage that only we asked for. An event that says nothing else goes whole."""
    if chunk.usage is not None and not chunk.choices:
        return b""
    if chunk.usage is None and event.count(b'"usage"') == 1:
        rest, edits = _NULL_USAGE.subn(b"", event)
        if edits:
            return rest
    fields = _fields.decode(payload)
    fields.pop("usage", None)
    said = msgspec.json.encode(fields)
    return event.replace(payload, said, 1) if payload in event else b"data: %b\n\n" % said
