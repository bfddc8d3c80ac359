"""The canonical answer and stream event."""

from typing import Any, Literal

from msgspec import Struct, field

from antiphon.core.content import Message
from antiphon.core.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call", "other"]


class Choice(Struct, frozen=True, kw_only=True):
    """One of the answers; `finish_reason` keeps the upstream's own word in `finish_raw`."""

    index: int
    message: Message
    finish_reason: FinishReason | None
    finish_raw: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    model: str
    created_s: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    usage_extra: dict[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class ToolCallDelta(Struct, frozen=True, kw_only=True):
    """A piece of a tool call: the first names it, the rest add to `arguments`."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    kind: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class Delta(Struct, frozen=True, kw_only=True):
    """What one event adds to one answer."""

    index: int = 0
    role: str | None = None
    text: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: FinishReason | None = None
    finish_raw: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    delta_extra: dict[str, Any] = field(default_factory=dict)


class Event(Struct, frozen=True, kw_only=True):
    """One item of a streamed answer."""

    id: str
    model: str
    created_s: int
    deltas: tuple[Delta, ...] = ()
    usage: Usage | None = None
    usage_extra: dict[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
