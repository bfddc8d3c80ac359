"""The `openai` SDK's Responses, over every upstream."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from suite.leaving import assert_left
from suite.places import RETRY_S
from suite.words import DEGREES, PIXEL, READ, UNCOUNTED, City, schema

from antiphon.providers.lab.run import Running
from rig.gateway import Gateway
from rig.sdk import client

pytestmark = pytest.mark.processes


def tool(name: str, *fields: str) -> Any:
    return {"type": "function", "name": name, "description": name, "parameters": schema(*fields), "strict": True}


TOOLS = [tool("get_weather", "city"), tool("get_time", "zone")]


@pytest.fixture(scope="module")
def sdk(gateway: Gateway) -> Iterator[OpenAI]:
    with client(gateway) as one:
        yield one


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_a_whole_answer_and_its_usage(sdk: OpenAI, up: str) -> None:
    answer = sdk.responses.create(model=up, input="Hello!", instructions="Be brief", store=False)

    assert "I read 2 messages" in answer.output_text
    assert (answer.status, answer.object) == ("completed", "response")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0


def test_a_streams_events_are_numbered_and_complete(sdk: OpenAI, up: str) -> None:
    events = list(sdk.responses.create(model=up, input="Hello!", stream=True, store=False))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert READ in said
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == said
    assert last.response.usage is not None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_loop_of_two_tools(sdk: OpenAI, up: str, stream: bool) -> None:
    said = ask("call get_weather and get_time")
    if stream:
        with sdk.responses.stream(model=up, input=said, tools=TOOLS, store=False) as events:
            events.until_done()
            answer: Any = events.get_final_response()
    else:
        answer = sdk.responses.create(model=up, input=said, tools=TOOLS, store=False)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [call.name for call in calls] == ["get_weather", "get_time"]
    assert [list(json.loads(call.arguments)) for call in calls] == [["city"], ["zone"]]

    said += [item.to_dict() for item in answer.output]
    said += [{"type": "function_call_output", "call_id": call.call_id, "output": DEGREES} for call in calls]
    final = sdk.responses.create(model=up, input=said, tools=TOOLS, store=False)
    assert final.output_text.count(DEGREES) == 2


def test_one_call_at_a_time_where_it_is_wanted(sdk: OpenAI, up: str) -> None:
    raw = sdk.responses.with_raw_response.create(
        model=up, input="call get_weather and get_time", tools=TOOLS, store=False, parallel_tool_calls=False
    )
    calls = [item for item in raw.parse().output if item.type == "function_call"]

    told = raw.headers.get("x-antiphon-losses", "")
    if up != "bedrock":  # it is told among Claude's own fields, which the lab's Bedrock does not heed
        assert len(calls) == 1 or "parallel_tool_calls" in told


def test_a_conversation_goes_on_from_a_kept_answer(sdk: OpenAI, up: str) -> None:
    first = sdk.responses.create(model=up, input="Hello!")
    second = sdk.responses.create(model=up, input="And now?", previous_response_id=first.id)

    assert "I read 3 messages" in second.output_text


def test_an_answer_parsed_into_a_model(sdk: OpenAI, up: str) -> None:
    answer = sdk.responses.parse(model=up, input="A city", text_format=City, store=False)

    assert isinstance(answer.output_parsed, City)


def test_an_image_is_seen(sdk: OpenAI, up: str) -> None:
    parts = [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PIXEL}"},
    ]
    said: Any = [{"role": "user", "content": parts}]

    assert "1 image" in sdk.responses.create(model=up, input=said, store=False).output_text


def test_thoughts_are_told_and_may_go_back(sdk: OpenAI, up: str) -> None:
    said = ask("Think")
    answer = sdk.responses.create(
        model=up,
        input=said,
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
        store=False,
    )
    assert answer.output[0].type == "reasoning"
    assert answer.usage is not None
    assert up in UNCOUNTED or answer.usage.output_tokens_details.reasoning_tokens > 0

    said += [item.to_dict() for item in answer.output] + ask("And now?")
    again = sdk.responses.create(model=up, input=said, reasoning={"effort": "low"}, store=False)
    assert "I read 3 messages" in again.output_text


def test_errors_are_those_of_openai(sdk: OpenAI, up: str) -> None:
    with pytest.raises(openai.BadRequestError):
        sdk.responses.create(model=f"{up}-small", input="word " * 400, store=False)
    with pytest.raises(openai.RateLimitError) as limited:
        sdk.responses.create(model=f"{up}-limited", input="Hello!", store=False)
    with pytest.raises(openai.InternalServerError):
        sdk.responses.create(model=f"{up}-broken", input="Hello!", store=False)

    assert limited.value.response.headers["retry-after"] == f"{RETRY_S:.0f}"


def test_leaving_amid_a_stream_ends_the_upstreams_work(sdk: OpenAI, up: str, lab: Running) -> None:
    stream = sdk.responses.create(model=f"{up}-slow", input="Hello!", stream=True, store=False)
    next(event for event in stream if event.type == "response.output_text.delta")
    stream.close()

    assert_left(lab, up)
