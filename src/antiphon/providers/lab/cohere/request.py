"""The fields of Cohere's API, version 2, as far as it refuses others.

Source: the types of cohere 7.3.1 (v2/client.py, types/), read 2026-11; https://docs.cohere.com/reference/chat.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct, json

from antiphon.providers.lab.schema import Schema


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class Part(Struct, frozen=True):
    type: Literal["text", "thinking", "image_url", "document"]
    text: str | None = None
    thinking: str | None = None
    document: Any = None


class Function(Struct, frozen=True):
    name: str
    arguments: str = "{}"


class ToolCall(Struct, frozen=True):
    id: str
    type: Literal["function"]
    function: Function


class Message(Struct, frozen=True):
    role: Literal["user", "assistant", "system", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_plan: str | None = None
    tool_call_id: str | None = None
    citations: Any = None


class Declared(Struct, frozen=True):
    name: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]+$")]
    parameters: Schema | None = None
    description: str | None = None


class Tool(Struct, frozen=True):
    type: Literal["function"]
    function: Declared


class ResponseFormat(Strict, frozen=True):
    type: Literal["text", "json_object"]
    json_schema: Schema | None = None


class Thinking(Strict, frozen=True):
    type: Literal["enabled", "disabled"]
    token_budget: Annotated[int, Meta(ge=1)] | None = None


class Body(Strict, frozen=True, kw_only=True):
    """A body of POST /v2/chat."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1)]
    stream: bool | None = None
    tools: list[Tool] | None = None
    strict_tools: bool | None = None
    documents: list[Any] | None = None
    citation_options: Any = None
    response_format: ResponseFormat | None = None
    safety_mode: str | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=5)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    seed: int | None = None
    frequency_penalty: Annotated[float, Meta(ge=0, le=1)] | None = None
    presence_penalty: Annotated[float, Meta(ge=0, le=1)] | None = None
    k: Annotated[int, Meta(ge=0, le=500)] | None = None
    p: Annotated[float, Meta(ge=0.01, le=0.99)] | None = None
    logprobs: bool | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    thinking: Thinking | None = None
    priority: int | None = None


class Input(Struct, frozen=True):
    content: list[Part]


class Embed(Strict, frozen=True, kw_only=True):
    """A body of POST /v2/embed."""

    model: str
    input_type: Literal["search_document", "search_query", "classification", "clustering", "image"]
    texts: Annotated[list[str], Meta(max_length=96)] | None = None
    images: list[str] | None = None
    inputs: list[Input] | None = None
    max_tokens: int | None = None
    output_dimension: Annotated[int, Meta(ge=1, le=4096)] | None = None
    embedding_types: list[Literal["float", "int8", "uint8", "binary", "ubinary", "base64"]] | None = None
    truncate: Literal["NONE", "START", "END"] | None = None
    priority: int | None = None


class Document(Struct, frozen=True):
    text: str = ""


class Rerank(Struct, frozen=True, kw_only=True):
    """A body of POST /v2/rerank, and of others' /v1/rerank."""

    model: str
    query: Annotated[str, Meta(min_length=1)]
    documents: Annotated[list[str | Document], Meta(min_length=1, max_length=10_000)]
    top_n: Annotated[int, Meta(ge=1)] | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = None


BODY = json.Decoder(Body)
EMBED = json.Decoder(Embed)
RERANK = json.Decoder(Rerank)
NO_MESSAGES = [Raw(b"{}")]
