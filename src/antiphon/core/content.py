"""The canonical form of what is said: every dialect maps to and from these values.

`extra` holds what a dialect carried and this form has no word for, nested as it came: what an inner
object says beside its words is under that object's name. It travels on, and it wins over a word. A
word that came as an explicit null is None here and null in `extra`.

`legacy` marks what was given under the older of two names that the dialect has for it.
"""

from typing import Any, Literal

from msgspec import Struct, field

Extra = dict[str, Any]
ContentForm = Literal["text", "parts", "none"]


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    text: str
    extra: Extra = field(default_factory=Extra)


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """What an assistant said instead of an answer."""

    text: str
    inline: bool = False
    """It stood in the list of parts, not beside the content."""
    extra: Extra = field(default_factory=Extra)


class Image(Struct, frozen=True, kw_only=True, tag="image"):
    """An image by `url`; a `data:` URL carries its bytes."""

    url: str
    detail: str | None = None
    extra: Extra = field(default_factory=Extra)


class Audio(Struct, frozen=True, kw_only=True, tag="audio"):
    """Sound: base64 `data` in `format`. One that an assistant spoke has an `id`, by which later turns name it."""

    data: str | None = None
    format: str | None = None
    id: str | None = None
    transcript: str | None = None
    extra: Extra = field(default_factory=Extra)


class File(Struct, frozen=True, kw_only=True, tag="file"):
    """A file: base64 `data` (often a `data:` URL) or the provider's `id`."""

    data: str | None = None
    id: str | None = None
    name: str | None = None
    extra: Extra = field(default_factory=Extra)


class ToolCall(Struct, frozen=True, kw_only=True, tag="tool_call"):
    """A tool that the assistant asks for. `arguments` is the text as it came: JSON for functions, free for others.

    A call of a kind that the dialect's reader doesn't know has no name: all of it is in `extra`.
    """

    id: str
    name: str
    arguments: str
    kind: str = "function"
    legacy: bool = False
    """It has no id then, and there is one at most."""
    extra: Extra = field(default_factory=Extra)


class Reasoning(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """What a model thought before its answer; `signature` is the provider's proof of it."""

    text: str
    signature: str | None = None
    label: str = ""
    """The name it came under, where a dialect has several and this isn't the usual one."""
    extra: Extra = field(default_factory=Extra)


class Unknown(Struct, frozen=True, kw_only=True, tag="unknown"):
    """A part of a kind that this form has no word for: `raw` is the dialect's own object."""

    kind: str
    raw: Extra


Part = Text | Refusal | Image | Audio | File | ToolCall | Reasoning | Unknown


class Message(Struct, frozen=True, kw_only=True):
    """One turn. A tool's result is a message of role `tool` whose `tool_call_id` names the call."""

    role: str
    """`system`, `developer`, `user`, `assistant`, `tool` or `function`; another is carried as it came."""
    parts: tuple[Part, ...] = ()
    """Reasoning, then the content, then refusal, spoken answer and tool calls."""
    form: ContentForm = "parts"
    """The content came as one text, as a list of parts, or not at all."""
    name: str | None = None
    tool_call_id: str | None = None
    extra: Extra = field(default_factory=Extra)


class Tool(Struct, frozen=True, kw_only=True):
    """A tool that the model may call. `parameters` is a JSON Schema.

    A tool of a kind that the dialect's reader doesn't know has no name: all of it is in `extra`.
    """

    name: str
    kind: str = "function"
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    legacy: bool = False
    extra: Extra = field(default_factory=Extra)


class ToolChoice(Struct, frozen=True, kw_only=True):
    """`none`, `auto`, `required`, or `named` with the tool's `name` and `kind`; else `other` with its `raw` form."""

    mode: Literal["none", "auto", "required", "named", "other"]
    name: str | None = None
    kind: str = "function"
    legacy: bool = False
    raw: Any = None
    extra: Extra = field(default_factory=Extra)


class ResponseFormat(Struct, frozen=True, kw_only=True):
    """The form that the answer must have. All of an `other` one is in `extra`."""

    kind: Literal["text", "json_object", "json_schema", "other"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    extra: Extra = field(default_factory=Extra)


class Sampling(Struct, frozen=True, kw_only=True):
    """How the model draws its answer."""

    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | str | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on the answer. `output_tokens` includes reasoning tokens."""

    output_tokens: int | None = None
    legacy: bool = False


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
    user: str | None = None
    """End user that the caller names."""
    extra: Extra = field(default_factory=Extra)
