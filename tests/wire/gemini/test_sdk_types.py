"""Every field of the SDK's types goes through the canonical form and comes out as it was.

The types are walked, not listed. The package is `google-genai`; without it this file is skipped.
"""

import types
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from antiphon.wire.codec import Terms
from antiphon.wire.gemini.answers import decode_response
from antiphon.wire.gemini.decode import decode
from antiphon.wire.gemini.encode import encode
from antiphon.wire.gemini.reply import encode_response
from antiphon.wire.losses import Losses

sdk = pytest.importorskip("google.genai.types", reason="the package google-genai is not installed")

MOST_DEEP = 5
TOP = {"systemInstruction", "safetySettings", "tools", "toolConfig", "labels", "cachedContent", "serviceTier"}
"""Fields of the SDK's one config that stand beside `generationConfig` on the wire. Source: models.py, 3.6.1."""
NOT_SENT = {"httpOptions", "shouldReturnHttpResponse", "automaticFunctionCalling", "automaticContinuation"}
NOT_TOLD = {"sdkHttpResponse", "automaticFunctionCallingHistory", "parsed"}
TERMS = Terms(model="gemini-3-pro")


def value(tp: Any, deep: int) -> Any:
    """A value of a type, as it stands in JSON."""
    origin, arguments = get_origin(tp), get_args(tp)
    if origin in {Union, types.UnionType}:
        return value(next(one for one in arguments if one is not type(None)), deep)
    if origin is Literal:
        return arguments[0]
    if origin is list:
        return [value(arguments[0], deep)]
    if origin is dict:
        return {"key": value(arguments[1], deep)}
    if isinstance(tp, type) and issubclass(tp, BaseModel):
        return fields(tp, deep + 1)
    if isinstance(tp, type) and issubclass(tp, Enum):
        return [one.value for one in tp][-1]
    if tp is datetime:
        return "2026-11-27T12:00:00Z"
    simple = {str: "text", int: 3, float: 0.5, bool: True, bytes: "AAAA"}
    return simple.get(tp, {"any": [1, {"deep": "x"}]})


def fields(model: type[BaseModel], deep: int = 0) -> dict[str, Any]:
    """An object that has every field of a type; very deep ones are empty."""
    if deep > MOST_DEEP:
        return {}
    return {to_camel(name): value(field.annotation, deep) for name, field in model.model_fields.items()}


def parts(model: type[BaseModel]) -> list[dict[str, Any]]:
    """One part for each kind of data, with all else that a part can say."""
    whole = fields(model)
    kinds = (
        "text",
        "functionCall",
        "functionResponse",
        "inlineData",
        "fileData",
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    )
    beside = {name: said for name, said in whole.items() if name not in kinds}
    out = [{kind: whole[kind], **beside, "thought": False} for kind in kinds]
    return [*out, {"text": "", **beside, "thought": True}]


def request(**more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **more}


def config() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, said in fields(sdk.GenerateContentConfig).items():
        if name in NOT_SENT:
            continue
        if name == "systemInstruction":
            yield name, request(systemInstruction={"parts": [{"text": "be brief"}]})
        elif name == "tools":
            continue
        elif name == "serviceTier":
            yield name, request(serviceTier="priority")
        elif name in TOP:
            yield name, request(**{name: said})
        elif name == "responseMimeType":
            yield name, request(generationConfig={name: "application/json"})
        elif name in {"responseSchema", "responseJsonSchema"}:
            schema = fields(sdk.Schema) if name == "responseSchema" else {"type": "object"}
            yield name, request(generationConfig={"responseMimeType": "application/json", name: schema})
        else:
            yield name, request(generationConfig={name: said})


def through(body: dict[str, Any]) -> Any:
    losses = Losses()
    out = encode(decode(body), TERMS, losses)
    assert losses.told() == ()
    return msgspec.json.decode(msgspec.json.encode(out))


CONFIGS = dict(config())
TOOLS = {name: said for name, said in fields(sdk.Tool).items() if name != "functionDeclarations"}


@pytest.mark.parametrize("part", parts(sdk.Part), ids=lambda part: next(iter(part)))
@pytest.mark.parametrize("role", ["user", "model"])
def test_every_field_of_a_part_comes_out_as_it_went_in(part: dict[str, Any], role: str) -> None:
    body = {"contents": [{"role": role, "parts": [part]}]}

    assert "functionResponse" in part or through(body) == body
    assert through(body)["contents"][0]["parts"] == [part]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_field_of_the_config_comes_out_as_it_went_in(name: str) -> None:
    assert through(CONFIGS[name]) == CONFIGS[name]


@pytest.mark.parametrize("name", TOOLS)
def test_every_kind_of_tool_comes_out_as_it_went_in(name: str) -> None:
    body = request(tools=[{name: TOOLS[name]}, {name: {}}])

    assert through(body) == body


@pytest.mark.parametrize("schema", ["parameters", "parametersJsonSchema"])
def test_every_field_of_a_function_comes_out_as_it_went_in(schema: str) -> None:
    function = fields(sdk.FunctionDeclaration)
    other = {"parameters", "parametersJsonSchema"} - {schema}
    body = request(tools=[{"functionDeclarations": [{n: v for n, v in function.items() if n not in other}]}])

    assert through(body) == body


def answer(**candidate: Any) -> dict[str, Any]:
    content = {"parts": [{"text": "hello"}], "role": "model"}
    return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0, **candidate}]}


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, said in fields(sdk.Candidate).items():
        if name != "content":
            yield f"candidate.{name}", answer(**{name: said})
    for name, said in fields(sdk.GenerateContentResponse).items():
        if name not in NOT_TOLD | {"candidates", "createTime"}:
            yield name, {**answer(), name: said}
    for reason in sdk.FinishReason:
        yield f"reason.{reason.value}", answer(finishReason=reason.value)
    for number, part in enumerate(parts(sdk.Part)):
        yield f"part.{number}", answer(content={"parts": [part], "role": "model"})


ANSWERS = dict(answers())


@pytest.mark.parametrize("name", ANSWERS)
def test_every_field_of_an_answer_comes_out_as_it_went_in(name: str) -> None:
    losses = Losses()
    out = encode_response(decode_response(ANSWERS[name])[0], losses)

    assert msgspec.json.decode(msgspec.json.encode(out)) == ANSWERS[name]
    assert losses.told() == ()


@pytest.mark.parametrize("name", ANSWERS)
def test_the_sdk_reads_what_we_write(name: str) -> None:
    written = encode_response(decode_response(ANSWERS[name])[0], Losses())
    read: Callable[..., Any] = sdk.GenerateContentResponse.model_validate

    assert read(written) == read(ANSWERS[name])
