"""The real `openai` SDK gets what it would get from OpenAI."""

import json
from collections.abc import Iterator

import pytest
from openai import OpenAI
from pydantic import BaseModel

from rig.gateway import Gateway
from rig.sdk import async_client, client, says, tool

pytestmark = pytest.mark.processes

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def sdk(gateway: Gateway) -> Iterator[OpenAI]:
    with client(gateway) as one:
        yield one


class City(BaseModel):
    name: str
    population: int
    capital: bool


def test_a_whole_answer(sdk: OpenAI, gateway: Gateway) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model="chat", messages=says("Hello!"))
    answer = raw.parse()

    said = answer.choices[0].message.content
    assert said is not None
    assert said.startswith("[chat, a simulated model] I read 1 message, 1 word.")
    assert (answer.object, answer.model, answer.choices[0].finish_reason) == ("chat.completion", "chat", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    receipt = gateway.receipt(raw.headers["x-antiphon-receipt"])
    assert receipt["outcome"] == "ok"
    assert receipt["usage"]["output_tokens"] == answer.usage.completion_tokens
    assert raw.headers["x-request-id"] == answer.id


def test_a_stream_says_what_the_whole_answer_says(sdk: OpenAI) -> None:
    whole = sdk.chat.completions.create(model="chat", messages=says("Stream this"))
    chunks = list(sdk.chat.completions.create(model="chat", messages=says("Stream this"), stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)


def test_a_stream_with_its_usage(sdk: OpenAI) -> None:
    stream = sdk.chat.completions.create(
        model="chat", messages=says("Count"), stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = stream

    assert last.choices == []
    assert last.usage is not None
    assert last.usage.prompt_tokens == 2
    assert all(chunk.usage is None for chunk in chunks)


def test_the_stream_helper(sdk: OpenAI) -> None:
    with sdk.chat.completions.stream(model="chat", messages=says("Help")) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()

    assert "content.delta" in kinds
    assert (final.choices[0].message.content or "").startswith("[chat, a simulated model]")


def test_a_tool_is_called_and_its_result_read(sdk: OpenAI) -> None:
    tools = [tool("get_weather", city="string"), tool("get_time", zone="string")]
    messages = says("Please call get_weather and tell me.")

    asked = sdk.chat.completions.create(model="chat", messages=messages, tools=tools).choices[0]
    assert asked.finish_reason == "tool_calls"
    assert asked.message.tool_calls is not None
    (call,) = asked.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert list(json.loads(call.function.arguments)) == ["city"]

    messages += [asked.message, {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}]
    final = sdk.chat.completions.create(model="chat", messages=messages, tools=tools).choices[0]
    assert final.finish_reason == "stop"
    assert f'The tool call {call.id} gave "18 degrees".' in (final.message.content or "")


def test_parallel_tool_calls_streamed(sdk: OpenAI) -> None:
    tools = [tool("get_weather", city="string"), tool("get_time", zone="string")]
    messages = says("call get_weather and get_time")

    with sdk.chat.completions.stream(model="chat", messages=messages, tools=tools) as stream:
        final = stream.get_final_completion().choices[0]

    assert final.message.tool_calls is not None
    assert [call.function.name for call in final.message.tool_calls] == ["get_weather", "get_time"]
    assert [list(json.loads(call.function.arguments)) for call in final.message.tool_calls] == [["city"], ["zone"]]
    whole = sdk.chat.completions.create(
        model="chat", messages=messages, tools=tools, parallel_tool_calls=False, tool_choice="required"
    )
    assert len(whole.choices[0].message.tool_calls or ()) == 1


def test_structured_output_as_json_schema(sdk: OpenAI) -> None:
    schema = {**City.model_json_schema(), "additionalProperties": False}
    answer = sdk.chat.completions.create(
        model="chat",
        messages=says("A city"),
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": True}},
    )

    City.model_validate_json(answer.choices[0].message.content or "")


def test_structured_output_parsed_into_a_model(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.parse(model="chat", messages=says("A city"), response_format=City)

    assert isinstance(answer.choices[0].message.parsed, City)


def test_images_audio_and_files_are_read(sdk: OpenAI) -> None:
    content = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    answer = sdk.chat.completions.create(model="chat", messages=[{"role": "user", "content": content}])

    assert "I read 1 message, 1 word, 1 image, 1 audio part, 1 file." in (answer.choices[0].message.content or "")


def test_several_answers_with_log_probabilities(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.create(
        model="chat", messages=says("Twice"), n=2, logprobs=True, top_logprobs=2, max_completion_tokens=12, seed=3
    )

    assert [choice.index for choice in answer.choices] == [0, 1]
    for choice in answer.choices:
        assert choice.finish_reason == "length"
        assert choice.logprobs is not None
        assert "".join(token.token for token in choice.logprobs.content or ()) == choice.message.content
        assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content or ())


def test_several_answers_streamed(sdk: OpenAI) -> None:
    chunks = list(sdk.chat.completions.create(model="chat", messages=says("Twice"), n=2, stream=True))
    whole = sdk.chat.completions.create(model="chat", messages=says("Twice"), n=2)

    for index, choice in enumerate(whole.choices):
        parts = (one for chunk in chunks for one in chunk.choices if one.index == index)
        assert "".join(one.delta.content or "" for one in parts) == choice.message.content


def test_reasoning_is_passed_and_booked(sdk: OpenAI, gateway: Gateway) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model="chat", messages=says("Think"), reasoning_effort="low")
    message = raw.parse().choices[0].message
    chunks = sdk.chat.completions.create(model="chat", messages=says("Think"), reasoning_effort="low", stream=True)

    assert message.model_extra is not None
    thought = message.model_extra["reasoning_content"]
    assert thought.startswith("Simulated reasoning:")
    assert (
        "".join((chunk.choices[0].delta.model_extra or {}).get("reasoning_content", "") for chunk in chunks) == thought
    )
    assert gateway.receipt(raw.headers["x-antiphon-receipt"])["usage"]["reasoning_tokens"] == 16


def test_models_are_listed_and_retrieved(sdk: OpenAI, gateway: Gateway) -> None:
    names = [model.id for model in sdk.models.list()]

    assert names == sorted(gateway.config["models"])
    assert sdk.models.retrieve("chat").model_dump(include={"id", "object", "owned_by"}) == {
        "id": "chat",
        "object": "model",
        "owned_by": "antiphon",
    }
    assert (sdk.models.retrieve("chat").model_extra or {})["context_window"] == 128_000


async def test_the_async_client_whole_streamed_and_parsed(gateway: Gateway) -> None:
    async with async_client(gateway) as sdk:
        whole = await sdk.chat.completions.create(model="chat", messages=says("Hello!"))
        stream = await sdk.chat.completions.create(model="chat", messages=says("Hello!"), stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        parsed = await sdk.chat.completions.parse(model="chat", messages=says("A city"), response_format=City)
        names = [model.id async for model in sdk.models.list()]

    assert text == whole.choices[0].message.content
    assert isinstance(parsed.choices[0].message.parsed, City)
    assert "chat" in names
