"""The fields of Gemini's API, as far as it refuses others. Names come in camelCase; snake_case is taken too.

Source: https://ai.google.dev/api/generate-content and /api/caching, read 2026-11; the types of google-genai 3.6.1.
"""

import re
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Raw, Struct, json

FREE = frozenset(
    {
        "args",
        "response",
        "responseJsonSchema",
        "_responseJsonSchema",
        "parametersJsonSchema",
        "labels",
        "properties",
        "partMetadata",
    }
)
"""What is inside these has names of the caller's own."""
SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z])")


class Strict(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class Blob(Strict, frozen=True):
    mime_type: str
    data: str
    display_name: str | None = None


class FileData(Strict, frozen=True):
    file_uri: str
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(Strict, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    args: dict[str, Raw] | None = None
    id: str | None = None


class FunctionResponse(Strict, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    response: dict[str, Raw]
    id: str | None = None
    parts: list[Any] | None = None
    will_continue: bool | None = None
    scheduling: str | None = None


class Part(Strict, frozen=True):
    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: Any = None
    code_execution_result: Any = None
    tool_call: Any = None
    tool_response: Any = None
    thought: bool | None = None
    thought_signature: str | None = None
    video_metadata: Any = None
    media_resolution: Any = None
    part_metadata: Any = None


class Content(Strict, frozen=True):
    parts: list[Part] = []
    role: str | None = None


class Declaration(Strict, frozen=True):
    name: Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.:\-]{0,127}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None
    response: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    behavior: str | None = None


class Tool(Strict, frozen=True):
    function_declarations: list[Declaration] | None = None
    google_search: Any = None
    google_search_retrieval: Any = None
    code_execution: Any = None
    url_context: Any = None
    computer_use: Any = None
    google_maps: Any = None
    file_search: Any = None
    mcp_servers: Any = None
    retrieval: Any = None
    enterprise_web_search: Any = None


class Calling(Strict, frozen=True):
    mode: Literal["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"] | None = None
    allowed_function_names: list[str] | None = None
    stream_function_call_arguments: bool | None = None


class ToolConfig(Strict, frozen=True):
    function_calling_config: Calling | None = None
    retrieval_config: Any = None
    include_server_side_tool_invocations: bool | None = None


class ThinkingConfig(Strict, frozen=True):
    include_thoughts: bool | None = None
    thinking_budget: Annotated[int, Meta(ge=-1)] | None = None
    thinking_level: Literal["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"] | None = None


class GenerationConfig(Strict, frozen=True):
    stop_sequences: Annotated[list[str], Meta(max_length=5)] | None = None
    response_mime_type: Literal["", "text/plain", "application/json", "text/x.enum"] | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    raw_json_schema: dict[str, Any] | None = msgspec.field(default=None, name="_responseJsonSchema")
    response_modalities: list[str] | None = None
    candidate_count: Annotated[int, Meta(ge=1, le=8)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[float, Meta(ge=1)] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    enable_enhanced_civic_answers: bool | None = None
    speech_config: Any = None
    thinking_config: ThinkingConfig | None = None
    image_config: Any = None
    media_resolution: str | None = None
    audio_timestamp: bool | None = None
    routing_config: Any = None


class Body(Strict, frozen=True):
    """Of generateContent and streamGenerateContent."""

    contents: list[Content] = []
    system_instruction: Content | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    safety_settings: list[Any] | None = None
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    labels: dict[str, str] | None = None
    model: str | None = None
    store: bool | None = None
    service_tier: str | None = None


class Count(Strict, frozen=True):
    """Of countTokens; Vertex AI takes the fields of a request beside the contents."""

    contents: list[Content] = []
    generate_content_request: Body | None = None
    system_instruction: Content | None = None
    tools: list[Tool] | None = None
    generation_config: GenerationConfig | None = None
    model: str | None = None


class Embed(Strict, frozen=True):
    """Of embedContent, and one of batchEmbedContents."""

    content: Content
    model: str | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: Annotated[int, Meta(ge=1, le=4096)] | None = None
    embed_content_config: Any = None


class EmbedMany(Strict, frozen=True):
    requests: Annotated[list[Embed], Meta(min_length=1, max_length=100)]


class Instance(Struct, frozen=True):
    content: str
    task_type: str | None = None
    title: str | None = None


class Parameters(Struct, frozen=True, rename="camel"):
    output_dimensionality: Annotated[int, Meta(ge=1, le=4096)] | None = None
    auto_truncate: bool | None = None


class Predict(Struct, frozen=True):
    """Of Vertex AI's :predict, for text embeddings."""

    instances: Annotated[list[Instance], Meta(min_length=1, max_length=250)]
    parameters: Parameters = Parameters()


BODY = json.Decoder(Body)
COUNT = json.Decoder(Count)
EMBED = json.Decoder(Embed)
EMBED_MANY = json.Decoder(EmbedMany)
PREDICT = json.Decoder(Predict)


def in_camel(value: Any) -> Any:
    """The same JSON with known names in camelCase."""
    if isinstance(value, list):
        return [in_camel(inner) for inner in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    said: dict[str, Any] = {}
    for name, inner in cast("dict[str, Any]", value).items():
        written = SNAKE.sub(lambda found: found.group(1).upper(), name)
        said[written] = inner if written in FREE else in_camel(inner)
    return said
