"""The canonical answer and stream event. For `extra` and `legacy` see `core.content`."""

from typing import Any, Literal

from msgspec import Struct, field

from antiphon.core.content import Audio, Extra, Message
from antiphon.core.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call", "other"]


class Choice(Struct, frozen=True, kw_only=True):
    """One of the answers."""

    index: int
    message: Message
    finish_reason: FinishReason | None = None
    finish_raw: str | None = None
    """The upstream's own word for an `other` reason."""
    logprobs: dict[str, Any] | None = None
    extra: Extra = field(default_factory=Extra)


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer."""

    id: str
    model: str
    created_s: int
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    usage_raw: Extra = field(default_factory=Extra)
    """The usage as it came, where it says more than `usage`, or what can't be believed. It wins over `usage`."""
    fingerprint: str | None = None
    extra: Extra = field(default_factory=Extra)


class ToolCallDelta(Struct, frozen=True, kw_only=True):
    """A piece of a tool call: the first names it, the rest add to `arguments`."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str | None = None
    kind: str | None = None
    custom: bool = False
    """Its arguments are free text: later pieces don't repeat the kind."""
    legacy: bool = False
    extra: Extra = field(default_factory=Extra)


class Delta(Struct, frozen=True, kw_only=True):
    """What one event adds to one answer."""

    index: int = 0
    role: str | None = None
    text: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_label: str = ""
    """The name it came under, where that isn't the dialect's usual one."""
    audio: Audio | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: FinishReason | None = None
    finish_raw: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: Extra = field(default_factory=Extra)
    """Beside the delta."""
    delta_extra: Extra = field(default_factory=Extra)
    """In it."""


class Event(Struct, frozen=True, kw_only=True):
    """One item of a streamed answer."""

    id: str
    model: str
    created_s: int
    deltas: tuple[Delta, ...] = ()
    usage: Usage | None = None
    usage_raw: Extra = field(default_factory=Extra)
    fingerprint: str | None = None
    extra: Extra = field(default_factory=Extra)
