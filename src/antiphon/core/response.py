"""The canonical answer and stream event. For `extra` and `legacy` see `core.content`."""

from typing import Any, Literal

from msgspec import Struct, field

from antiphon.core.content import Audio, Citation, Extra, Message, Unknown
from antiphon.core.request import Dialect
from antiphon.core.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call", "other"]


class Choice(Struct, frozen=True, kw_only=True):
    """One of the answers."""

    index: int
    message: Message
    finish_reason: FinishReason | None = None
    finish_raw: str | None = None
    """The upstream's own word for an `other` reason, or where it says more than the reason does."""
    stop_sequence: str | None = None
    """The text that it stopped at."""
    logprobs: dict[str, Any] | None = None
    extra: Extra = field(default_factory=Extra)


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer."""

    dialect: Dialect
    """Whose `extra` and `finish_raw` this is."""
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
    signature: str | None = None
    signed_by: str = ""
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
    signature: str | None = None
    """Proof of the thoughts so far, or of the text: see `core.content.Reasoning`. It ends a block of thoughts."""
    signed_by: str = ""
    redacted: bool = False
    """`signature` is a whole block of thoughts that nothing is shown of."""
    citations: tuple[Citation, ...] = ()
    """Of the text so far."""
    unknown: tuple[Unknown, ...] = ()
    """Whole parts of kinds that this form has no word for."""
    audio: Audio | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: FinishReason | None = None
    finish_raw: str | None = None
    stop_sequence: str | None = None
    logprobs: dict[str, Any] | None = None
    extra: Extra = field(default_factory=Extra)
    """Beside the delta."""
    delta_extra: Extra = field(default_factory=Extra)
    """In it."""


class Event(Struct, frozen=True, kw_only=True):
    """One item of a streamed answer. The last that is about an answer has its `finish_reason`; usage may come with it or
    behind it.
    """

    dialect: Dialect
    id: str
    model: str
    created_s: int
    deltas: tuple[Delta, ...] = ()
    usage: Usage | None = None
    usage_raw: Extra = field(default_factory=Extra)
    fingerprint: str | None = None
    extra: Extra = field(default_factory=Extra)
