"""Every member of the pinned SDK's unions is carried. The types are walked, not listed: what a new SDK brings is here at
once.
"""

import json
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
import typing_extensions
from openai._types import SequenceNotStr
from openai.types.responses import (
    Response,
    ResponseInputItemParam,
    ResponseOutputItem,
    ResponseStreamEvent,
    ToolParam,
)
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import BaseModel

from antiphon.core.request import Head
from antiphon.core.response import Choice
from antiphon.core.response import Response as Answer
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.answers import decode_response
from antiphon.wire.openai_responses.decode import decode
from antiphon.wire.openai_responses.encode import encode
from antiphon.wire.openai_responses.items import read_answer
from antiphon.wire.openai_responses.relay import ResponseRelay
from antiphon.wire.openai_responses.told import encode_response

HEAD = Head(dialect="openai_responses", endpoint="/v1/responses", model="m")
MARKS = (Required, NotRequired, typing_extensions.Required, typing_extensions.NotRequired)
LISTS = (list, Iterable, SequenceNotStr)
SIMPLE: dict[Any, Any] = {str: "text", int: 1, float: 0.5, bool: True, object: {"a": [1]}, Any: {}}


def fields_of(tp: Any) -> dict[str, Any] | None:
    if isinstance(tp, type) and issubclass(tp, BaseModel):
        return {field.alias or name: field.annotation for name, field in tp.model_fields.items()}
    return get_type_hints(tp, include_extras=True) if typing_extensions.is_typeddict(tp) else None


def samples(tp: Any) -> list[Any]:
    """Values of a type, all fields given: one for each member of a union, one of each literal."""
    origin, arguments = get_origin(tp), get_args(tp)
    fields = fields_of(tp)
    if fields is not None:
        return [{name: value for name, kind in fields.items() for value in samples(kind)[:1] if value is not None}]
    if origin is Annotated or origin in MARKS:
        return samples(arguments[0])
    if origin in {Union, types.UnionType}:
        return [value for member in arguments if member is not type(None) for value in samples(member)] or [None]
    if origin is Literal:
        return list(arguments)
    if origin is dict:
        return [{"key": samples(arguments[1])[0]}]
    if tp is type(None):
        return [None]
    if origin in LISTS or (isinstance(origin, type) and issubclass(origin, Iterable)):
        return [samples(arguments[0])]
    return [SIMPLE[tp]]


def with_kinds(tp: Any) -> list[Any]:
    """Samples of a union's members, one for each word that their `type` may be."""
    out: list[Any] = []
    for member in get_args(tp) if get_origin(tp) is not Annotated else get_args(get_args(tp)[0]):
        (sample,) = samples(member)
        kinds = samples((fields_of(member) or {}).get("type", str))
        out.extend({**sample, "type": kind} if isinstance(kind, str) and "type" in sample else sample for kind in kinds)
    return out


def kind_of(value: Any) -> str:
    return str(value.get("type", "none"))


def normal(item: dict[str, Any]) -> dict[str, Any]:
    """An item less what says nothing: that it is complete, empty lists, the kind of a message or reference."""
    out = {name: value for name, value in item.items() if not (name == "status" and value == "completed")}
    content = out.get("content")
    if item.get("type", "message") == "message" and "role" in item:
        out["type"] = "message"
        if item["role"] == "assistant" and isinstance(content, list):
            out["content"] = [
                {**part, "type": part["type"].replace("input_text", "output_text")} if isinstance(part, dict) else part
                for part in content
            ]
    return out


ITEMS = with_kinds(ResponseInputItemParam)
TOOLS = with_kinds(ToolParam)
OUTPUT = with_kinds(ResponseOutputItem)
STREAM = with_kinds(ResponseStreamEvent)


def test_the_walk_finds_all_members() -> None:
    assert len(ITEMS) >= 33
    assert len(TOOLS) >= 16
    assert len(STREAM) >= 50


@pytest.mark.parametrize("item", ITEMS, ids=kind_of)
def test_every_kind_of_input_item_is_carried(item: dict[str, Any]) -> None:
    losses = Losses()
    out = encode(decode({"model": "m", "input": [item]}), Terms(model="m"), losses)

    (written,) = out["input"]
    assert normal(written) == normal(item)
    assert losses.told() == ()


@pytest.mark.parametrize("tool", TOOLS, ids=kind_of)
def test_every_kind_of_tool_is_carried(tool: dict[str, Any]) -> None:
    out = encode(decode({"model": "m", "input": "x", "tools": [tool]}), Terms(model="m"), Losses())

    assert out["tools"] == [tool]


CHOICES = samples(get_type_hints(ResponseCreateParamsBase, include_extras=True)["tool_choice"])


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_choice_of_a_tool_is_carried(choice: Any) -> None:
    out = encode(decode({"model": "m", "input": "x", "tool_choice": choice}), Terms(model="m"), Losses())

    assert out["tool_choice"] == choice


FIELDS = {
    name: value
    for name, kind in (fields_of(ResponseCreateParamsBase) or {}).items()
    for value in samples(kind)[:1]
    if name not in ("model", "input", "background")
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_a_request_is_carried(name: str) -> None:
    body = {"model": "m", "input": [], name: FIELDS[name]}

    assert encode(decode(body), Terms(model="m"), Losses()) == body


@pytest.mark.parametrize("item", OUTPUT, ids=kind_of)
def test_every_kind_of_output_item_is_carried_whole(item: dict[str, Any]) -> None:
    answer = Answer(
        dialect="openai_responses",
        id="resp_1",
        model="m",
        created_s=1,
        choices=(Choice(index=0, message=read_answer([item])),),
    )
    (written,) = encode_response(answer, HEAD, Losses())["output"]
    told = {"logprobs"}  # stand beside the message

    assert _less(normal(written), told) == _less(normal(item), told)


def _less(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _less(inner, names) for name, inner in value.items() if name not in names}
    return [_less(inner, names) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("said", STREAM, ids=kind_of)
def test_every_kind_of_event_passes_unchanged(said: dict[str, Any]) -> None:
    event = b"event: %b\ndata: %b\n\n" % (said["type"].encode(), msgspec.json.encode(said))
    relay = ResponseRelay()
    out = relay.feed(event)

    failed = said["type"] in ("error", "response.failed")
    assert out == (b"" if failed else event)
    assert (relay.failure is not None) == failed
    assert relay.sequence == 2


def test_a_written_answer_is_what_the_sdk_reads() -> None:
    body = decode_response({"id": "resp_1", "model": "m", "output": OUTPUT[:1], "status": "completed"})
    out = json.loads(json.dumps(encode_response(body, HEAD, Losses())))

    read = Response.model_validate(out, strict=True)
    assert (read.id, read.status, read.output_text) == ("resp_1", "completed", "text")
