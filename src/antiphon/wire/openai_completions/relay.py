"""Passes a stream of legacy completions on as it comes, and reads from it what the receipt needs."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from antiphon.wire.openai_chat.usage import usage_of
from antiphon.wire.passing import Passing

_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')


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
_fields = msgspec.json.Decoder(dict[str, Raw])


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
        return _without_usage(event, payload, chunk) if self._hides_usage else event


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
    return b"data: %b\n\n" % msgspec.json.encode(fields)
