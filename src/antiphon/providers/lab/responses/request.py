"""The fields of OpenAI's Responses API, as far as it refuses others.

Source: the types of openai 3.52.0 (responses/response_create_params.py, response_input_item_param.py), read 2026-11.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct, json

from antiphon.providers.lab.schema import Schema


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that nobody knows are refused."""


class Part(Struct, frozen=True):
    """Of a message's content or a call's output."""

    type: Literal["input_text", "output_text", "refusal", "input_image", "input_file", "input_audio", "summary_text"]
    text: str | None = None
    refusal: str | None = None


class Item(Struct, frozen=True):
    """One item of the input; what it must have depends on its type."""

    type: str = "message"
    id: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None


class Tool(Struct, frozen=True):
    type: str
    name: str = ""
    parameters: Schema | None = None
    strict: bool | None = None


class Allowed(Struct, frozen=True):
    type: str
    name: str = ""


class ToolChoice(Struct, frozen=True):
    type: str
    name: str = ""
    mode: Literal["auto", "required"] = "auto"
    tools: list[Allowed] = []


class Format(Struct, frozen=True):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: Schema | None = None


class Text(Strict, frozen=True):
    format: Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Struct, frozen=True):
    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class Body(Strict, frozen=True, kw_only=True):
    """A body of POST /v1/responses."""

    model: str
    input: str | list[Raw] = []
    instructions: str | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    include: list[str] | None = None
    tools: list[Raw] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    max_tool_calls: int | None = None
    text: Text | None = None
    reasoning: Reasoning | None = None
    metadata: dict[str, str] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_logprobs: int | None = None
    truncation: Literal["auto", "disabled"] | None = None
    background: bool | None = None
    conversation: Any = None
    context_management: Any = None
    prompt: Any = None
    image: Any = None
    moderation: Any = None
    access_programs: Any = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Any = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    user: str | None = None


BODY = json.Decoder(Body)
ITEM = json.Decoder(Item)
TOOL = json.Decoder(Tool)
