"""The canonical form of what is said: every dialect maps to and from these values.

`extra` holds what a dialect carried and this form has no word for, nested as it came: what an inner
object says beside its words is under that object's name. It travels on to its own dialect, and it wins
over a word there; for any other it is a loss. A word that came as an explicit null is None here and
null in `extra`.

`legacy` marks what was given under the older of two names that the dialect has for it.
"""

from typing import Any, Literal

from msgspec import Struct, field

from antiphon.core.request import Dialect

Extra = dict[str, Any]
ContentForm = Literal["text", "parts", "none"]


class Cache(Struct, frozen=True, kw_only=True):
    """A mark up to which the provider is to keep the prompt in its cache."""

    ttl: str = ""
    """Such as `5m` or `1h`; empty: the provider's usual time."""
    extra: Extra = field(default_factory=Extra)


class Citation(Struct, frozen=True, kw_only=True):
    """Where something that was said comes from."""

    kind: Literal["url", "document", "file", "other"]
    url: str | None = None
    title: str | None = None
    quoted: str | None = None
    """The source's own words."""
    start: int | None = None
    """Of what it stands behind, in characters of the text."""
    end: int | None = None
    document: int | None = None
    """Place of the document in the request."""
    file_id: str | None = None
    extra: Extra = field(default_factory=Extra)


class Text(Struct, frozen=True, kw_only=True, tag="text"):
    text: str
    citations: tuple[Citation, ...] = ()
    cache: Cache | None = None
    signature: str | None = None
    """The provider's proof of the thoughts that led here, see `Reasoning`."""
    signed_by: str = ""
    extra: Extra = field(default_factory=Extra)


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal"):
    """What an assistant said instead of an answer."""

    text: str
    inline: bool = False
    """It stood in the list of parts, not beside the content."""
    extra: Extra = field(default_factory=Extra)


class Image(Struct, frozen=True, kw_only=True, tag="image"):
    """An image by `url` (a `data:` URL carries its bytes), or by the provider's `id` of it."""

    url: str = ""
    id: str | None = None
    media_type: str | None = None
    """Where it isn't in a `data:` URL."""
    detail: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=Extra)


class Audio(Struct, frozen=True, kw_only=True, tag="audio"):
    """Sound: base64 `data` in `format`. One that an assistant spoke has an `id`, by which later turns name it."""

    data: str | None = None
    format: str | None = None
    id: str | None = None
    transcript: str | None = None
    url: str | None = None
    cache: Cache | None = None
    extra: Extra = field(default_factory=Extra)


class File(Struct, frozen=True, kw_only=True, tag="file"):
    """A file or video: base64 `data` (often a `data:` URL), a `url`, plain `text`, or the provider's `id`."""

    data: str | None = None
    id: str | None = None
    name: str | None = None
    url: str | None = None
    text: str | None = None
    media_type: str | None = None
    """Where it isn't in a `data:` URL."""
    cache: Cache | None = None
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
    cache: Cache | None = None
    signature: str | None = None
    """The provider's proof of the thoughts that led here, see `Reasoning`."""
    signed_by: str = ""
    extra: Extra = field(default_factory=Extra)


class Reasoning(Struct, frozen=True, kw_only=True, tag="reasoning"):
    """What a model thought before its answer.

    `signature` is the provider's proof of it, without which some refuse to go on; only `signed_by`, the dialect that it
    came in, can read it.
    """

    text: str
    signature: str | None = None
    signed_by: str = ""
    redacted: bool = False
    """Nothing of it is shown: `signature` holds all of it, encrypted."""
    id: str | None = None
    summary: bool = False
    """`text` is what the provider makes of the thoughts, not the thoughts."""
    label: str = ""
    """The name it came under, where a dialect has several and this isn't the usual one."""
    extra: Extra = field(default_factory=Extra)


class Unknown(Struct, frozen=True, kw_only=True, tag="unknown"):
    """A part of a kind that this form has no word for, such as a tool that the provider runs: `raw` is the dialect's
    own object.
    """

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
    failed: bool = False
    """A tool's result that tells of its failure."""
    id: str | None = None
    """The provider's own id of it."""
    cache: Cache | None = None
    """Of a tool's result."""
    extra: Extra = field(default_factory=Extra)


class Tool(Struct, frozen=True, kw_only=True):
    """A tool that the model may call. `parameters` is a JSON Schema.

    The provider itself runs those of the kinds `web_search`, `code_execution`, `computer` and `mcp`; what is said of them
    is in `extra`. A tool of a kind that the dialect's reader doesn't know has no name: all of it is in `extra`.
    """

    name: str
    kind: str = "function"
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    legacy: bool = False
    cache: Cache | None = None
    extra: Extra = field(default_factory=Extra)


class ToolChoice(Struct, frozen=True, kw_only=True):
    """`none`, `auto`, `required`, or `named` with the tool's `name` and `kind`; else `other` with its `raw` form."""

    mode: Literal["none", "auto", "required", "named", "other"]
    name: str | None = None
    kind: str = "function"
    legacy: bool = False
    raw: Any = None
    names: tuple[str, ...] = ()
    """Where only some of the tools are allowed, these."""
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
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] | str | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    reasoning_effort: str | None = None
    """`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`."""
    reasoning_tokens: int | None = None
    """Most tokens to think with; 0: not at all, -1: as many as the model likes."""
    reasoning_shown: bool | None = None
    """Whether thoughts, or a summary of them, are to be told."""
    verbosity: str | None = None


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on the answer. `output_tokens` includes reasoning tokens."""

    output_tokens: int | None = None
    legacy: bool = False


class Content(Struct, frozen=True, kw_only=True):
    """Everything that a request says, read out of its body."""

    dialect: Dialect
    """Whose `extra` this is."""
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
    service_tier: str | None = None
    cache_key: str | None = None
    """By which a provider finds prompts with the same beginning."""
    extra: Extra = field(default_factory=Extra)
