"""Every field of the SDK's request types, and every block and tool of its unions, is read and written back as it came.

The types are walked, not listed. The SDK here is anthropic 2.14.0.
"""

import os
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
import typing_extensions

from antiphon.core.body import Body
from antiphon.core.content import Unknown
from antiphon.core.request import Request
from antiphon.wire.anthropic_messages.answers import decode_response, encode_response
from antiphon.wire.anthropic_messages.codec import AnthropicMessages
from antiphon.wire.anthropic_messages.decode import decode
from antiphon.wire.anthropic_messages.stream_decoder import MessagesDecoder
from antiphon.wire.anthropic_messages.stream_encoder import MessagesEncoder
from antiphon.wire.codec import Asked, Terms
from antiphon.wire.losses import Losses

pytest.importorskip("anthropic", reason="the package anthropic is not installed")

from anthropic.types import (  # noqa: E402  # behind the check that it is there
    ContentBlockParam,
    Message,
    RawMessageStreamEvent,
    ToolUnionParam,
    message_create_params,
)
from anthropic.types.beta import (  # noqa: E402
    BetaContentBlockParam,
    BetaMessage,
    BetaRawMessageStreamEvent,
    BetaToolUnionParam,
)
from anthropic.types.beta import message_create_params as beta_params  # noqa: E402
from pydantic import BaseModel  # noqa: E402

MARKS = (Required, NotRequired, typing_extensions.Required, typing_extensions.NotRequired)
HEADERS = {"betas", "user_profile_id", "workspace_id"}
"""Arguments of the SDK that it sends as headers."""
DEPTH = 7


def fields_of(tp: Any) -> dict[str, Any] | None:
    if isinstance(tp, type) and issubclass(tp, BaseModel):
        return {name: field.annotation for name, field in tp.model_fields.items()}
    if not typing_extensions.is_typeddict(tp):
        return None
    out = {}
    for name, hint in get_type_hints(tp, include_extras=True).items():
        kind = hint
        while get_origin(kind) in MARKS:
            kind = get_args(kind)[0]
        out[name] = kind
    return out


def samples(tp: Any, depth: int = DEPTH) -> list[Any]:
    """Values of a type that show each of its fields, union members and literals."""
    if isinstance(tp, typing_extensions.TypeAliasType):
        return samples(tp.__value__, depth)
    origin, arguments = get_origin(tp), get_args(tp)
    fields = fields_of(tp)
    if fields is not None:
        return objects(fields, depth - 1) if depth else []
    if origin is Annotated:
        return samples(arguments[0], depth)
    if origin in {Union, types.UnionType}:
        return [value for member in arguments for value in samples(member, depth)]
    if origin is Literal:
        return list(arguments[:3])
    if origin is dict:
        return [{"key": value} for value in samples(arguments[1], depth)[:2]]
    if isinstance(origin, type) and issubclass(origin, Iterable):
        values = samples(arguments[0], depth)
        return [values] if values else []
    simple: dict[Any, list[Any]] = {
        str: ["text", "é\n😀"],
        int: [3],
        float: [0.5],
        bool: [True],
        type(None): [],
        object: [{"any": [1, None]}],
    }
    if tp in simple:
        return simple[tp]
    if tp is os.PathLike or origin is os.PathLike or "IO" in str(tp) or "Path" in str(tp):
        return []
    return ["2026-11-27T00:00:00Z"] if "datetime" in str(tp) else []


def objects(fields: dict[str, Any], depth: int) -> list[dict[str, Any]]:
    drawn = {name: samples(kind, depth) for name, kind in fields.items() if name not in HEADERS}
    drawn = {name: values for name, values in drawn.items() if values}
    most = max((len(values) for values in drawn.values()), default=1)
    return [{name: values[index % len(values)] for name, values in drawn.items()} for index in range(most)]


def through(body: dict[str, Any]) -> dict[str, Any]:
    codec = AnthropicMessages()
    raw = Body((msgspec.json.encode(body),))
    head, spots = codec.read(raw, Asked(endpoint="/v1/messages"))
    content = codec.decode(Request(head=head, body=raw, spots=spots, digest=""))
    sent = codec.encode(content, Terms(model=body["model"], stream=head.stream), Losses())
    return msgspec.json.decode(sent)


def with_block(block: dict[str, Any], role: str) -> dict[str, Any]:
    return {"model": "other", "max_tokens": 1, "messages": [{"role": role, "content": [block]}]}


def params(union: Any) -> Iterator[Any]:
    for member in get_args(union):
        if typing_extensions.is_typeddict(member):
            yield member


def ids(union: Any) -> list[str]:
    return [member.__name__ for member in params(union)]


def as_sent(value: Any) -> Any:
    """A value less what says what is so anyway."""
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {name: as_sent(item) for name, item in value.items()}
    if out.get("type") == "custom" and "input_schema" in out:
        del out["type"]
    return out


BLOCKS = [*params(ContentBlockParam), *params(BetaContentBlockParam)]
TOOLS = [*params(ToolUnionParam), *params(BetaToolUnionParam)]
FIELDS = {
    **fields_of(beta_params.MessageCreateParamsBase),
    **fields_of(message_create_params.MessageCreateParamsBase),
}


@pytest.mark.parametrize("role", ["user", "assistant"])
@pytest.mark.parametrize("tp", BLOCKS, ids=lambda tp: tp.__name__)
def test_every_block_of_the_sdk_comes_out_as_it_went_in(tp: Any, role: str) -> None:
    found = samples(tp)

    assert found
    for block in found:
        body = with_block(block, role)

        assert through(body) == body


@pytest.mark.parametrize("tp", TOOLS, ids=lambda tp: tp.__name__)
def test_every_tool_of_the_sdk_comes_out_as_it_went_in(tp: Any) -> None:
    found = samples(tp)

    assert found
    for tool in found:
        body = {**with_block({"type": "text", "text": "x"}, "user"), "tools": [tool]}

        assert through(body) == as_sent(body)


@pytest.mark.parametrize(
    "name", sorted(FIELDS.keys() - HEADERS - {"model", "max_tokens", "messages", "stream", "tools", "thread"})
)
def test_every_field_of_the_sdk_comes_out_as_it_went_in(name: str) -> None:
    found = samples(FIELDS[name])

    assert found
    for value in found:
        body = {**with_block({"type": "text", "text": "x"}, "user"), name: value}

        assert through(body) == body


def test_blocks_that_have_a_word_are_not_carried_raw() -> None:
    """Which kinds have none is decided here: a new one of the SDK's fails this until somebody has."""
    raw = {
        tp.__name__.removeprefix("Beta").removeprefix("Request")
        for tp in BLOCKS
        for block in samples(tp)
        for message in decode(with_block(block, "user")).messages
        for part in message.parts
        if isinstance(part, Unknown) and part.raw is not None and message.role == "user"
    }

    assert raw == {
        "AdvisorToolResultBlockParam",
        "BashCodeExecutionToolResultBlockParam",
        "CodeExecutionToolResultBlockParam",
        "CompactionBlockParam",
        "ContainerUploadBlockParam",
        "FallbackBlockParam",
        "MCPToolListingBlockParam",
        "MCPToolResultBlockParam",
        "MCPToolUseBlockParam",
        "ServerToolUseBlockParam",
        "TextEditorCodeExecutionToolResultBlockParam",
        "ToolAdditionBlockParam",
        "ToolRemovalBlockParam",
        "ToolSearchToolResultBlockParam",
        "WebFetchToolResultBlockParam",
        "WebSearchToolResultBlockParam",
    }


@pytest.mark.parametrize("tp", [Message, BetaMessage], ids=["Message", "BetaMessage"])
def test_answers_of_the_sdk_come_out_as_they_went_in(tp: Any) -> None:
    for answer in samples(tp):
        answer["usage"] = {**answer["usage"], "input_tokens": 1, "output_tokens": 9}
        response, _ = decode_response(msgspec.json.encode(answer))

        assert msgspec.json.decode(encode_response(response, Losses())) == answer


@pytest.mark.parametrize("read", [Message.model_validate, BetaMessage.model_validate], ids=["Message", "BetaMessage"])
def test_the_sdk_reads_what_another_dialect_answered(read: Callable[[Any], Any]) -> None:
    from_openai = pytest.importorskip("antiphon.wire.openai_chat.answers")
    response = from_openai.decode_response(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": "Hi",
                        "tool_calls": [
                            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
                        ],
                    },
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    )

    message = read(msgspec.json.decode(encode_response(response, Losses())))

    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 2)


@pytest.mark.parametrize("union", [RawMessageStreamEvent, BetaRawMessageStreamEvent], ids=["Raw", "BetaRaw"])
def test_every_event_of_the_sdk_is_read(union: Any) -> None:
    for event in samples(union):
        decoder, encoder = MessagesDecoder(), MessagesEncoder(Losses())
        data = b"event: x\ndata: " + msgspec.json.encode(event) + b"\n\n"

        for read in decoder.feed(data):
            encoder.event(read)

        assert decoder.failure is None
        assert encoder.end().endswith(b'data: {"type":"message_stop"}\n\n')
