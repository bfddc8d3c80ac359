"""The canonical form of what is said: every dialect maps to and from these values.

`extra` holds the fields that a dialect carried and this form has no word for; they travel on.
"""

from typing import Any, Literal

from msgspec import Struct, field

Extra = dict[str, Any]
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    text: str
    extra: Extra = field(default_factory=dict)


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """What an assistant said instead of an answer."""

    text: str
    extra: Extra = field(default_factory=dict)


class Image(Struct, frozen=True, kw_only=True, tag="image"):
    """An image by `url`; a `data:` URL carries its bytes."""

    url: str
    detail: str | None = None
    extra: Extra = field(default_factory=dict)


class Audio(Struct, frozen=True, kw_only=True, tag="audio"):
    """Sound: base64 `data` in `format`, or the `id` of an earlier answer's sound."""

    data: str | None = None
    format: str | None = None
    id: str | None = None
    extra: Extra = field(default_factory=dict)


class File(Struct, frozen=True, kw_only=True, tag="file"):
    """A file: base64 `data` (often a `data:` URL) or the provider's `id`."""

    data: str | None = None
    id: str | None = None
    name: str | None = None
    extra: Extra = field(default_factory=dict)


class ToolCall(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """A tool that the assistant asks for. `arguments` is the text as it came: JSON for functions."""

    id: str
    name: str
    arguments: str
    kind: str = "function"
    extra: Extra = field(default_factory=dict)


class Reasoning(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """What a model thought before its answer; `signature` is the provider's proof of it."""

    text: str
    signature: str | None = None
    extra: Extra = field(default_factory=dict)


class Unknown(Struct, frozen=True, kw_only=True, tag="unknown"):
    """A part of a kind that this form has no word for: `raw` is the dialect's own object."""

    kind: str
    raw: Extra


Part = Text | Refusal | Image | Audio | File | ToolCall | Reasoning | Unknown


class Message(Struct, frozen=True, kw_only=True):
    """One turn. A tool's result is a message of role `tool` whose `tool_call_id` names the call."""

    role: Role
    parts: tuple[Part, ...] = ()
    plain: bool = False
    """The content came as one text rather than as a list of parts."""
    name: str | None = None
    tool_call_id: str | None = None
    extra: Extra = field(default_factory=dict)


class Tool(Struct, frozen=True, kw_only=True):
    """A tool that the model may call. `parameters` is a JSON Schema."""

    name: str
    kind: str = "function"
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)


class ToolChoice(Struct, frozen=True, kw_only=True):
    """`none`, `auto`, `required`, or `named` with the tool's `name`; else `other` with its `raw` form."""

    mode: Literal["none", "auto", "required", "named", "other"]
    name: str | None = None
    raw: Extra = field(default_factory=dict)


class ResponseFormat(Struct, frozen=True, kw_only=True):
    """The form that the answer must have."""

    kind: Literal["text", "json_object", "json_schema", "other"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=dict)


class Sampling(Struct, frozen=True, kw_only=True):
    """How the model draws its answer."""

    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | str | None = None
    logit_bias: dict[str, int] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on the answer. `output_tokens` includes reasoning tokens."""

    output_tokens: int | None = None
    legacy: bool = False
    """The bound was given under its older name (`max_tokens`)."""


class Content(Struct, frozen=True, kw_only=True):
    """Everything that a request says, read out of its body."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    sampling: Sampling = Sampling()
    limits: Limits = Limits()
    metadata: dict[str, str] | None = None
    extra: Extra = field(default_factory=dict)
