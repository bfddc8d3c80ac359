"""Passes a stream of legacy completions on as it comes, and reads from it what the receipt needs."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.wire.openai_chat.usage import usage_of
from antiphon.wire.passing import Passing, without_usage


class _Choice(Struct):
    text: str | None = None
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | UnsetType | None = UNSET
    error: Any = None
    model: str | None = None
    system_fingerprint: str | None = None


_chunk = msgspec.json.Decoder(_Chunk)


class CompletionRelay(Passing):
    """One stream's passage."""

    __slots__ = ("_hides_usage",)

    def __init__(self, *, hides_usage: bool) -> None:
        super().__init__()
        self._hides_usage = hides_usage

    def note(self, event: bytes, payload: bytes) -> bytes:
        chunk = _chunk.decode(payload)
        if not self.model:
            self.model = chunk.model or ""
            self.fingerprint = chunk.system_fingerprint or self.fingerprint
        for choice in chunk.choices or ():
            if choice.text:
                self.content_seen = True
            if choice.finish_reason is not None:
                self.finished = True
        if chunk.error is not None:
            return self.failed(chunk.error)
        if chunk.usage is UNSET:
            return event
        if chunk.usage is not None:
            self.usage, self.usage_note = usage_of(chunk.usage)
        if not self._hides_usage:
            return event
        usage = chunk.usage is not None
        return without_usage(event, payload, alone=usage and not chunk.choices, null=not usage)
