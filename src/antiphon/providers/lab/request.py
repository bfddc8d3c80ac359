"""What the lab reads of a request: OpenAI's Chat Completions, as far as an answer depends on it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct, structs

from antiphon.providers.lab.count import MEDIA_TOKENS, tokens, tokens_of_bytes
from antiphon.providers.lab.schema import Schema

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class Part(Struct, frozen=True):
    """One part of a message's content; only text is read, the rest is counted by its type."""

    type: str
    text: str | None = None


class Message(Struct, frozen=True):
    role: Role
    content: str | list[Part] | None = None
    tool_call_id: str | None = None
    tool_calls: list[Raw] | None = None

    @property
    def parts(self) -> list[Part]:
        content = self.content
        if content is None:
            return []
        return [Part("text", content)] if isinstance(content, str) else content

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if part.text is not None)

    @property
    def tokens(self) -> int:
        """Text and tool calls by their bytes, every other part as `MEDIA_TOKENS`."""
        texts = sum(tokens(part.text) if part.text is not None else MEDIA_TOKENS for part in self.parts)
        return texts + sum(tokens_of_bytes(len(bytes(call))) for call in self.tool_calls or ())


class Function(Struct, frozen=True):
    name: str
    parameters: Schema | None = None


class Tool(Struct, frozen=True):
    """A function, or a custom tool that takes free text."""

    type: str
    function: Function | None = None
    custom: Function | None = None

    @property
    def name(self) -> str:
        named = self.function or self.custom
        return named.name if named else ""


class AllowedTools(Struct, frozen=True):
    mode: Literal["auto", "required"]
    tools: list[Tool]


class ToolChoice(Struct, frozen=True):
    type: str
    function: Function | None = None
    custom: Function | None = None
    allowed_tools: AllowedTools | None = None


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class JsonSchema(Struct, frozen=True):
    name: str
    schema: Schema | None = None


class ResponseFormat(Struct, frozen=True):
    type: str
    json_schema: JsonSchema | None = None


class Chat(Struct, frozen=True, kw_only=True):
    """A body of POST /v1/chat/completions. Fields that no rule here needs are not looked at."""

    model: str
    messages: Annotated[list[Raw], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop: str | list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    metadata: dict[str, str] | None = None

    @property
    def output_tokens(self) -> int | None:
        """The most tokens that the answer may have."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    @property
    def stops(self) -> list[str]:
        if self.stop is None:
            return []
        return [self.stop] if isinstance(self.stop, str) else self.stop


class Unit(Struct, frozen=True):
    """A piece of a request that a cache mark may end."""

    raw: bytes
    tokens: int
    ttl: str | None = None
    """How long the cache keeps all up to here; None: no mark."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request that was read."""

    chat: Chat
    messages: tuple[Message, ...]
    raw_messages: tuple[bytes, ...]
    tools_bytes: int
    """Size of the tools as they came, 0 without tools."""
    key: str
    """What its answer depends on, see `antiphon.providers.lab.decode`."""
    start: str = ""
    """The start of an answer, which the last message is: to be gone on with."""
    key_before: str = ""
    """The key of the request without it."""
    size: int | None = None
    """Its tokens, where the dialect counts in its own way."""
    units: tuple[Unit, ...] | None = None
    """All of it in order, where only what is marked is cached; None: the starts of conversations are."""

    @property
    def prompt_tokens(self) -> int:
        """All messages, and the tools by the bytes of their JSON."""
        if self.size is not None:
            return self.size
        return sum(message.tokens for message in self.messages) + tokens_of_bytes(self.tools_bytes)

    def without_start(self) -> "Asked":
        """The request that an answer with this start was an answer to."""
        shorter = {"messages": self.messages[:-1], "raw_messages": self.raw_messages[:-1]}
        return structs.replace(self, **shorter, key=self.key_before, start="")

    @property
    def last_user_text(self) -> str:
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def tool_results(self) -> tuple[Message, ...]:
        """The tool results that end the conversation."""
        first = len(self.messages)
        while first and self.messages[first - 1].role == "tool":
            first -= 1
        return self.messages[first:]


MESSAGE = msgspec.json.Decoder(Message)
CHAT = msgspec.json.Decoder(Chat)
