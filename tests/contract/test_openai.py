"""The `openai` SDK's Chat Completions, over every upstream."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from suite.leaving import assert_left
from suite.places import RETRY_S
from suite.words import DEGREES, PIXEL, READ, City, schema

from antiphon.providers.lab.run import Running
from rig.gateway import Gateway
from rig.sdk import client, says

pytestmark = pytest.mark.processes


def tool(name: str, *fields: str) -> Any:
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema(*fields)}}


TOOLS = [tool("get_weather", "city"), tool("get_time", "zone")]


@pytest.fixture(scope="module")
def sdk(gateway: Gateway) -> Iterator[OpenAI]:
    with client(gateway) as one:
        yield one


def test_a_whole_answer_and_its_usage(sdk: OpenAI, up: str) -> None:
    answer = sdk.chat.completions.create(model=up, messages=says("Hello!"), max_completion_tokens=500)

    assert READ in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_a_stream_with_its_usage(sdk: OpenAI, up: str) -> None:
    chunks = list(
        sdk.chat.completions.create(
            model=up, messages=says("Hello!"), stream=True, stream_options={"include_usage": True}
        )
    )

    assert READ in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_loop_of_a_tool(sdk: OpenAI, up: str) -> None:
    messages = says("Please call get_weather")
    asked = sdk.chat.completions.create(model=up, messages=messages, tools=TOOLS).choices[0]
    assert asked.finish_reason == "tool_calls"
    (call,) = asked.message.tool_calls or ()
    assert call.type == "function"
    assert list(json.loads(call.function.arguments)) == ["city"]

    messages += [asked.message, {"role": "tool", "tool_call_id": call.id, "content": DEGREES}]
    final = sdk.chat.completions.create(model=up, messages=messages, tools=TOOLS).choices[0]
    assert DEGREES in (final.message.content or "")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_parallel_calls_and_both_results(sdk: OpenAI, up: str, stream: bool) -> None:
    messages = says("call get_weather and get_time")
    if stream:
        with sdk.chat.completions.stream(model=up, messages=messages, tools=TOOLS) as events:
            asked: Any = events.get_final_completion().choices[0].message
    else:
        asked = sdk.chat.completions.create(model=up, messages=messages, tools=TOOLS).choices[0].message
    calls = asked.tool_calls or ()
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]

    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{DEGREES} {place}"} for place, call in enumerate(calls)
    ]
    final = sdk.chat.completions.create(model=up, messages=[*messages, asked, *results], tools=TOOLS).choices[0]
    assert f"{DEGREES} 0" in (final.message.content or "")
    assert f"{DEGREES} 1" in (final.message.content or "")


def test_an_answer_parsed_into_a_model(sdk: OpenAI, up: str) -> None:
    answer = sdk.chat.completions.parse(model=up, messages=says("A city"), response_format=City)

    assert isinstance(answer.choices[0].message.parsed, City)


def test_an_image_is_seen(sdk: OpenAI, up: str) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    parts = [{"type": "text", "text": "Look"}, image]
    answer = sdk.chat.completions.create(model=up, messages=[{"role": "user", "content": parts}])

    assert "1 image" in (answer.choices[0].message.content or "")


def test_thoughts_are_told_and_may_go_back(sdk: OpenAI, up: str) -> None:
    messages = says("Think")
    answer = sdk.chat.completions.create(model=up, messages=messages, reasoning_effort="low").choices[0].message

    assert (answer.model_extra or {})["reasoning_content"].startswith("Simulated reasoning")
    again = sdk.chat.completions.create(
        model=up, messages=[*messages, answer.to_dict(), *says("And now?")], reasoning_effort="low"
    )
    assert "I read 3 messages" in (again.choices[0].message.content or "")


def test_thoughts_in_a_stream(sdk: OpenAI, up: str) -> None:
    chunks = sdk.chat.completions.create(model=up, messages=says("Think"), reasoning_effort="low", stream=True)

    said = [
        (chunk.choices[0].delta.model_extra or {}).get("reasoning_content") or "" for chunk in chunks if chunk.choices
    ]
    assert "".join(said).startswith("Simulated reasoning")


def test_a_request_that_is_too_long(sdk: OpenAI, up: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model=f"{up}-small", messages=says("word " * 400), max_completion_tokens=10)

    assert "token" in str(caught.value) or "long" in str(caught.value)


def test_a_limit_says_when_to_come_again(sdk: OpenAI, up: str) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        sdk.chat.completions.create(model=f"{up}-limited", messages=says("Hello!"))

    assert caught.value.response.headers["retry-after"] == f"{RETRY_S:.0f}"


@pytest.mark.parametrize(("kind", "status"), [("broken", 502), ("full", 503), ("denied", 502)])
def test_a_failing_upstream_is_a_server_error(sdk: OpenAI, up: str, kind: str, status: int) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(model=f"{up}-{kind}", messages=says("Hello!"))

    assert caught.value.status_code == status
    assert caught.value.message


def test_leaving_amid_a_stream_ends_the_upstreams_work(sdk: OpenAI, up: str, lab: Running) -> None:
    stream = sdk.chat.completions.create(model=f"{up}-slow", messages=says("Hello!"), stream=True)
    next(iter(stream))
    stream.close()

    assert_left(lab, up)
