"""Passes a streamed answer on as it comes, and reads from it what the receipt needs. Source: openai-python 3.52.0,
`types/responses/response_stream_event.py`.
"""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.wire.fields import as_list
from antiphon.wire.openai_responses.failures import failure_of
from antiphon.wire.openai_responses.usage import usage_of
from antiphon.wire.passing import Passing

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_NO_CONTENT = frozenset(
    {
        "response.created",
        "response.in_progress",
        "response.queued",
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_summary_part.added",
    }
)


class _Kind(Struct, gc=False):
    type: str = ""
    sequence_number: int = -1


class _Response(Struct, gc=False):
    model: str | None = None
    service_tier: Any = None
    usage: dict[str, Any] | None = None
    error: Any = None
    status: str | None = None
    output: Any = None


class _About(Struct, gc=False):
    response: _Response | None = None


_kind = msgspec.json.Decoder(_Kind)
_about = msgspec.json.Decoder(_About)
_any = msgspec.json.Decoder(dict[str, Any])


class ResponseRelay(Passing):
    """One stream's passage. Whole events pass at once, unchanged; of most only the kind is read."""

    __slots__ = ("sequence",)

    def __init__(self) -> None:
        super().__init__()
        self.sequence = 0
        """The number that the stream's next event has: for `errors.event`."""

    def note(self, event: bytes, payload: bytes) -> bytes:
        """Note what an event says. Returns: what of it goes on."""
        try:
            said = _kind.decode(payload)
        except msgspec.ValidationError:
            return event
        kind = said.type
        if said.sequence_number >= self.sequence:
            self.sequence = said.sequence_number + 1
        if self.content_seen and kind == "response.output_text.delta":
            return event
        if kind == "error" or not kind:
            return self._odd(event, payload, kind)
        if kind in ENDS:
            return self._end(event, payload, kind)
        if not self.model and kind.startswith("response.") and kind in _NO_CONTENT:
            about = _about.decode(payload).response
            self.model = about.model or "" if about is not None else ""
        if kind not in _NO_CONTENT:
            self.content_seen = True
        return event

    def _odd(self, event: bytes, payload: bytes, kind: str) -> bytes:
        """An error, or an event without a kind, which may tell of one."""
        said = _any.decode(payload)
        if kind == "error" or said.get("error") is not None:
            self.failure = failure_of(said)
            return b""
        return event

    def _end(self, event: bytes, payload: bytes, kind: str) -> bytes:
        about = _about.decode(payload).response or _Response()
        self.model = about.model or self.model
        self.service = about.service_tier if isinstance(about.service_tier, str) else ""
        if about.usage is not None:
            self.usage, self.usage_note = usage_of(about.usage)
        if kind == "response.failed":
            self.failure = failure_of(about.error)
            return b""
        self.content_seen = self.content_seen or bool(as_list(about.output))
        self.done = self.finished = True
        return event
