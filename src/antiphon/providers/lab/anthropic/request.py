"""The fields of Anthropic's Messages API, as far as it refuses others.

Source: the types of anthropic 2.14.0 (message_create_params.py and the *_param.py beside it), read 2026-11;
https://platform.claude.com/docs/en/api/messages.
"""

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct, json

from antiphon.providers.lab.schema import Schema


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class Mark(Strict, frozen=True):
    """cache_control."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class Text(Strict, frozen=True, tag="text"):
    text: str
    cache_control: Mark | None = None
    citations: list[Raw] | None = None


class Source(Struct, frozen=True):
    """Of an image or a document."""

    type: Literal["base64", "url", "file", "text", "content"]
    media_type: str | None = None
    data: str | None = None


class Image(Strict, frozen=True, tag="image"):
    source: Source
    cache_control: Mark | None = None
    transformations: Raw = Raw(b"null")


class Document(Strict, frozen=True, tag="document"):
    source: Source
    cache_control: Mark | None = None
    citations: Raw = Raw(b"null")
    context: str | None = None
    title: str | None = None


class SearchResult(Strict, frozen=True, tag="search_result"):
    source: str
    title: str
    content: list[Text]
    cache_control: Mark | None = None
    citations: Raw = Raw(b"null")


class ToolUse(Strict, frozen=True, tag="tool_use"):
    id: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    input: dict[str, Raw]
    cache_control: Mark | None = None
    caller: Raw = Raw(b"null")
    toolset_name: str | None = None


class ToolReference(Strict, frozen=True, tag="tool_reference"):
    tool_name: str
    cache_control: Mark | None = None


Inner = Text | Image | Document | SearchResult | ToolReference
"""What a tool's result may hold."""


class ToolResult(Strict, frozen=True, tag="tool_result"):
    tool_use_id: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]
    content: str | list[Inner] | None = None
    is_error: bool | None = None
    cache_control: Mark | None = None
    toolset_name: str | None = None


class Thinking(Strict, frozen=True, tag="thinking"):
    thinking: str
    signature: str


class Redacted(Strict, frozen=True, tag="redacted_thinking"):
    data: str


class ServerToolUse(Strict, frozen=True, tag="server_tool_use"):
    id: Annotated[str, Meta(pattern="^srvtoolu_[a-zA-Z0-9_]+$")]
    name: str
    input: dict[str, Raw]
    cache_control: Mark | None = None
    caller: Raw = Raw(b"null")


class SearchToolResult(Strict, frozen=True, tag="web_search_tool_result"):
    tool_use_id: Annotated[str, Meta(pattern="^srvtoolu_[a-zA-Z0-9_]+$")]
    content: Raw
    cache_control: Mark | None = None
    caller: Raw = Raw(b"null")


Block = (
    Text
    | Image
    | Document
    | SearchResult
    | ToolUse
    | ToolResult
    | Thinking
    | Redacted
    | ServerToolUse
    | SearchToolResult
)


class Message(Strict, frozen=True):
    role: Literal["user", "assistant"]
    content: str | list[Raw]


class Tool(Strict, frozen=True):
    """One of the caller's own."""

    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: Schema
    type: Literal["custom"] | None = None
    description: str | None = None
    cache_control: Mark | None = None
    strict: bool | None = None
    eager_input_streaming: bool | None = None
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None
    input_examples: list[Raw] | None = None


class BuiltIn(Struct, frozen=True):
    """A tool whose type Anthropic defines."""

    type: str
    name: str = ""
    cache_control: Mark | None = None


class ToolChoice(Strict, frozen=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(Strict, frozen=True):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: Annotated[int, Meta(ge=1024)] | None = None
    display: Literal["summarized", "omitted"] | None = None


class Format(Strict, frozen=True):
    type: Literal["json_schema"]
    schema: Raw


class OutputConfig(Strict, frozen=True):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: Format | None = None


class Metadata(Strict, frozen=True):
    user_id: str | None = None


class Count(Strict, frozen=True, kw_only=True):
    """A body of POST /v1/messages/count_tokens."""

    model: str = ""
    messages: list[Raw]
    system: str | list[Raw] | None = None
    tools: list[Raw] | None = None
    tool_choice: ToolChoice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    cache_control: Mark | None = None
    speed: Literal["standard", "fast"] | None = None
    user_profile_id: str | None = None
    workspace_id: str | None = None
    output_format: Format | None = None
    context_management: Raw = Raw(b"null")
    mcp_servers: Raw = Raw(b"null")
    anthropic_version: str | None = None
    anthropic_beta: list[str] | None = None


class Body(Count, frozen=True, kw_only=True):
    """A body of POST /v1/messages."""

    max_tokens: Annotated[int, Meta(ge=0)]
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    container: Raw = Raw(b"null")
    inference_geo: str | None = None
    diagnostics: Raw = Raw(b"null")


BODY = json.Decoder(Body)
COUNT = json.Decoder(Count)
MESSAGE = json.Decoder(Message)
BLOCK = json.Decoder(Block)
TEXT = json.Decoder(Text)
TOOL = json.Decoder(Tool)
BUILT_IN = json.Decoder(BuiltIn)
SCHEMA = json.Decoder(Schema)
