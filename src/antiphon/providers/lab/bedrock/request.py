"""The fields of Bedrock's Converse, as far as it refuses others.

Source: botocore 1.44.8, data/bedrock-runtime/2023-09-30/service-2.json, read 2026-11.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json

from antiphon.providers.lab.schema import Schema

Name = Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
Id = Annotated[str, Meta(pattern="^[a-zA-Z0-9_.:-]{1,64}$")]


class Strict(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Members that nobody knows are refused: these are unions, of which one member is set."""


class CachePoint(Strict, frozen=True):
    type: Literal["default"]
    ttl: Literal["5m", "1h"] = "5m"


class Image(Strict, frozen=True):
    format: Literal["png", "jpeg", "gif", "webp"]
    source: dict[str, Any]


class Document(Strict, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    source: dict[str, Any]
    format: str | None = None
    context: str | None = None
    citations: Any = None


class ToolUse(Strict, frozen=True):
    tool_use_id: Id
    name: Name
    input: dict[str, Any]
    type: str | None = None


class ResultPart(Strict, frozen=True):
    text: str | None = None
    json: Any = None
    image: Image | None = None
    document: Document | None = None
    video: Any = None
    search_result: Any = None


class ToolResult(Strict, frozen=True):
    tool_use_id: Id
    content: list[ResultPart]
    status: Literal["success", "error"] | None = None
    type: str | None = None


class ReasoningText(Strict, frozen=True):
    text: str
    signature: str | None = None


class Reasoning(Strict, frozen=True):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Block(Strict, frozen=True):
    text: str | None = None
    image: Image | None = None
    document: Document | None = None
    video: Any = None
    audio: Any = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    guard_content: Any = None
    cache_point: CachePoint | None = None
    reasoning_content: Reasoning | None = None
    citations_content: Any = None
    search_result: Any = None


class SystemBlock(Strict, frozen=True):
    text: Annotated[str, Meta(min_length=1)] | None = None
    guard_content: Any = None
    cache_point: CachePoint | None = None


class Message(Strict, frozen=True):
    role: Literal["user", "assistant"]
    content: Annotated[list[Block], Meta(min_length=1)]


class InputSchema(Strict, frozen=True):
    json: Schema


class ToolSpec(Strict, frozen=True):
    name: Name
    input_schema: InputSchema
    description: Annotated[str, Meta(min_length=1)] | None = None
    strict: bool | None = None


class Tool(Strict, frozen=True):
    tool_spec: ToolSpec | None = None
    cache_point: CachePoint | None = None
    system_tool: Any = None


class Chosen(Strict, frozen=True):
    name: Name


class ToolChoice(Strict, frozen=True):
    auto: dict[str, Any] | None = None
    any: dict[str, Any] | None = None
    tool: Chosen | None = None


class ToolConfig(Strict, frozen=True):
    tools: Annotated[list[Tool], Meta(min_length=1)]
    tool_choice: ToolChoice | None = None


class Inference(Strict, frozen=True):
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop_sequences: list[Annotated[str, Meta(min_length=1)]] | None = None


class JsonSchema(Strict, frozen=True):
    schema: str
    name: str | None = None
    description: str | None = None


class Structure(Strict, frozen=True):
    json_schema: JsonSchema


class TextFormat(Strict, frozen=True):
    type: Literal["json_schema"]
    structure: Structure


class OutputConfig(Strict, frozen=True):
    text_format: TextFormat | None = None
    effort: str | None = None


class Body(Struct, frozen=True, rename="camel"):
    """Of /model/{m}/converse; members that nobody knows are passed over."""

    messages: list[Message]
    system: list[SystemBlock] = []
    inference_config: Inference = Inference()
    tool_config: ToolConfig | None = None
    output_config: OutputConfig = OutputConfig()
    additional_model_request_fields: dict[str, Any] = {}


BODY = json.Decoder(Body)
SCHEMA = json.Decoder(Schema)
