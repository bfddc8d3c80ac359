"""Callers of every dialect of chat are answered, and refused, in their own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from anthropic.types import Message as Claude
from fakes.exchange import Asked
from fakes.house import DONE, chunk, completion, events_of, usage_event
from fakes.upstream import Answer
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from antiphon.calls.settings import RouteSettings
from antiphon.core.error import UpstreamBroken
from antiphon.routing.settings import LastResortSettings

Make = Callable[..., Any]
KEY = "sk-alice-1"
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "gemini": "/v1beta/models/fast:generateContent",
}
BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {"messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"input": "hi", "store": False},
    "anthropic_messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
TYPES: dict[str, Any] = {
    "openai_chat": ChatCompletion,
    "openai_responses": Response,
    "anthropic_messages": Claude,
    "gemini": GenerateContentResponse,
}
EACH = pytest.mark.parametrize("dialect", PATHS)


def at(place: Make, *script: Any, **house: Any) -> Any:
    """A site before an upstream that speaks Chat Completions alone."""
    return place(*script, house={"profile": "deepseek", **house})


def path(dialect: str, *, stream: bool = False, model: str = "fast") -> str:
    if dialect != "gemini":
        return PATHS[dialect]
    return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")


def body(dialect: str, *, stream: bool = False, model: str = "fast", **more: Any) -> bytes:
    fields = {**BODIES[dialect], **more}
    if dialect != "gemini":
        fields |= {"model": model, **({"stream": True} if stream else {})}
    return json.dumps(fields).encode()


async def ask(
    here: Any, dialect: str, *, stream: bool = False, model: str = "fast", key: str = KEY, **more: Any
) -> Asked:
    said = body(dialect, stream=stream, model=model, **more)
    return await here.ask("POST", path(dialect, stream=stream, model=model), key, said, content_type="application/json")


def text_of(dialect: str, value: Any) -> str:
    match dialect:
        case "openai_chat":
            return value["choices"][0]["message"]["content"]
        case "openai_responses":
            return value["output"][0]["content"][0]["text"]
        case "anthropic_messages":
            return value["content"][0]["text"]
        case _:
            return value["candidates"][0]["content"]["parts"][0]["text"]


def events(asked: Asked) -> list[Any]:
    assert asked.headers["content-type"].startswith("text/event-stream")
    lines = [line[6:] for line in asked.body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def streamed(dialect: str, said: list[Any]) -> str:
    """The text of a stream that ended as it should."""
    match dialect:
        case "openai_chat":
            assert said[-1]["choices"][0]["finish_reason"] == "stop" or said[-1].get("usage")
            return "".join(one["choices"][0]["delta"].get("content") or "" for one in said if one["choices"])
        case "openai_responses":
            assert said[-1]["type"] == "response.completed"
            return "".join(one["delta"] for one in said if one["type"] == "response.output_text.delta")
        case "anthropic_messages":
            assert said[-1]["type"] == "message_stop"
            return "".join(one["delta"].get("text", "") for one in said if one["type"] == "content_block_delta")
        case _:
            assert said[-1]["candidates"][0]["finishReason"] == "STOP"
            parts = [part for one in said for part in one["candidates"][0].get("content", {}).get("parts", [])]
            return "".join(part.get("text", "") for part in parts)


STREAM = (chunk(""), chunk("Hel"), chunk("lo"), chunk(finish="stop"), usage_event(), DONE)


@EACH
async def test_a_whole_answer_comes_in_the_callers_dialect(place: Make, dialect: str) -> None:
    asked = await ask(at(place, Answer(completion("Hello", created=7))), dialect)

    assert (asked.status, asked.headers["content-type"]) == (200, "application/json")
    TYPES[dialect].model_validate(asked.json)
    assert text_of(dialect, asked.json) == "Hello"


@EACH
async def test_a_stream_comes_in_the_callers_dialect(place: Make, dialect: str) -> None:
    asked = await ask(at(place, events_of(*STREAM)), dialect, stream=True)

    assert streamed(dialect, events(asked)) == "Hello"


def error_of(dialect: str, value: Any) -> Any:
    """The error object, after a look at what its dialect has around it."""
    match dialect:
        case "anthropic_messages":
            assert value["type"] == "error"
            assert {"type", "message"} <= value["error"].keys()
        case "gemini":
            assert {"code", "message", "status"} <= value["error"].keys()
        case _:
            assert {"message", "type", "param", "code"} <= value["error"].keys()
    return value["error"]


@EACH
@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"key": "sk-wrong-01"}, 401),
        ({"key": ""}, 401),
        ({"model": "unknown"}, 404),
    ],
)
async def test_a_refusal_comes_in_the_callers_dialect(
    place: Make, dialect: str, how: dict[str, Any], status: int
) -> None:
    asked = await ask(place(), dialect, **how)

    assert asked.status == status
    error = error_of(dialect, asked.json)
    assert error["message"]
    if dialect == "gemini":
        assert error["code"] == status
    assert asked.headers["x-antiphon-receipt"]


@EACH
@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"a":1,"a":2}'])
async def test_what_is_no_object_is_refused_in_the_callers_dialect(place: Make, dialect: str, said: bytes) -> None:
    asked = await place().ask("POST", path(dialect), KEY, said, content_type="application/json")

    assert asked.status == 400
    error_of(dialect, asked.json)


@pytest.mark.parametrize("dialect", [name for name in PATHS if name != "openai_chat"])
async def test_a_field_of_another_type_is_named_in_the_callers_dialect(place: Make, dialect: str) -> None:
    asked = await ask(at(place), dialect, tools=5)

    assert asked.status == 400
    assert "tools" in error_of(dialect, asked.json)["message"]


@EACH
async def test_what_is_no_json_is_refused_in_the_callers_dialect(place: Make, dialect: str) -> None:
    asked = await place().ask("POST", path(dialect), KEY, b"{}", content_type="text/plain")

    assert asked.status == 415
    error_of(dialect, asked.json)


@EACH
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_another_method_is_refused_in_the_callers_dialect(place: Make, dialect: str, method: str) -> None:
    asked = await place().ask(method, path(dialect), KEY)

    assert (asked.status, asked.headers["allow"]) == (405, "POST")
    if method != "HEAD":
        error_of(dialect, asked.json)


@EACH
@pytest.mark.parametrize("on_cut", ["fail", "continue"])
async def test_a_stream_that_breaks_off_ends_with_an_error_of_its_dialect(
    place: Make, dialect: str, on_cut: str
) -> None:
    broken = events_of(chunk(""), chunk("Hel"), fails=UpstreamBroken("cut"))
    house = {"route": {"on_cut": on_cut}} if dialect != "openai_chat" else {}
    asked = await ask(at(place, broken, **house), dialect, stream=True)

    *said, last = events(asked)
    assert asked.status == 200
    assert said
    if dialect == "openai_responses":
        assert last["type"] in {"error", "response.failed"}
    else:
        error_of(dialect, last)


@EACH
async def test_an_operators_own_text_is_an_answer_of_the_callers_dialect(place: Make, dialect: str) -> None:
    last = {"route": {"last_resort": LastResortSettings(respond="Call us.")}}

    whole = await ask(at(place, UpstreamBroken("cut"), **last), dialect)
    stream = await ask(at(place, UpstreamBroken("cut"), **last), dialect, stream=True)

    assert (whole.status, whole.headers["x-antiphon-last-resort"]) == (200, "respond")
    TYPES[dialect].model_validate(whole.json)
    assert text_of(dialect, whole.json) == "Call us."
    assert streamed(dialect, events(stream)) == "Call us."


async def test_geminis_list_holds_what_its_events_say(place: Make) -> None:
    said = body("gemini")
    listed = await at(place, events_of(*STREAM)).ask(
        "POST", "/v1beta/models/fast:streamGenerateContent", KEY, said, content_type="application/json"
    )
    told = await ask(at(place, events_of(*STREAM)), "gemini", stream=True)

    assert listed.headers["content-type"] == "application/json"
    assert streamed("gemini", listed.json) == streamed("gemini", events(told)) == "Hello"


async def test_geminis_list_ends_well_however_its_answer_does(place: Make) -> None:
    broken = events_of(chunk(""), chunk("Hel"), fails=UpstreamBroken("cut"))
    asked = await at(place, broken).ask(
        "POST", "/v1beta/models/fast:streamGenerateContent", KEY, body("gemini"), content_type="application/json"
    )
    last = {"route": {"last_resort": LastResortSettings(respond="Call us.")}}
    own = await at(place, UpstreamBroken("cut"), **last).ask(
        "POST", "/v1beta/models/fast:streamGenerateContent", KEY, body("gemini"), content_type="application/json"
    )

    error_of("gemini", asked.json[-1])
    assert (own.headers["content-type"], streamed("gemini", own.json)) == ("application/json", "Call us.")


@EACH
async def test_a_loss_is_told_to_callers_of_every_dialect(place: Make, dialect: str) -> None:
    here = place(house={"policy": RouteSettings(on_loss="refuse"), "profile": "cohere"})
    told = {
        "openai_chat": {"logit_bias": {"1": 1}},
        "openai_responses": {"truncation": "auto"},
        "anthropic_messages": {"inference_geo": "us"},
        "gemini": {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
    }[dialect]

    asked = await ask(here, dialect, **told)

    assert asked.status == 400
    error_of(dialect, asked.json)
    assert next(iter(told)) in json.dumps(asked.json)
