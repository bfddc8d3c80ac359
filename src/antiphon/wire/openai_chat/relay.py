"""Passes a streamed answer on as it comes, and reads from it what the receipt needs."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.error import UpstreamMalformed
from antiphon.wire.openai_chat.usage import usage_of
from antiphon.wire.passing import DONE, EventRelay, without_usage
from antiphon.wire.sse import data_of


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


class ChunkRelay(EventRelay):
    """One stream's passage. An event is either passed whole or, when only we asked for it, kept whole."""

    __slots__ = ("_hide_usage",)

    def __init__(self, *, hide_usage: bool) -> None:
        super().__init__()
        self._hide_usage = hide_usage

    def event(self, event: bytes) -> bytes:
        """Note what an event says. Returns: what of it goes on."""
        if self.failure is not None:
            return b""
        data = data_of(event)
        payload = data.strip() if data else b""
        if not payload:
            return event
        if payload == DONE:
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
            return self.failed(chunk.error)
        if chunk.usage is UNSET:
            return event
        if chunk.usage is not None:
            self.usage, self.usage_note = usage_of(chunk.usage)
        return self._without_usage(event, payload, chunk) if self._hide_usage else event

    def _without_usage(self, event: bytes, payload: bytes, chunk: _Chunk) -> bytes:
        try:
            null = chunk.usage is None
            return without_usage(event, payload, alone=not (null or chunk.choices), null=null)
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
