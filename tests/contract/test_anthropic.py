"""The `anthropic` SDK, over every upstream."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, beta_tool
from suite.leaving import assert_left
from suite.places import RETRY_S
from suite.words import DEGREES, PIXEL, READ, City, schema

from antiphon.providers.lab.run import Running
from rig.config import ALICE
from rig.gateway import Gateway

pytestmark = pytest.mark.processes
TOOLS: list[Any] = [
    {"name": "get_weather", "description": "The weather", "input_schema": schema("city")},
    {"name": "get_time", "description": "The time", "input_schema": schema("zone")},
]


@pytest.fixture(scope="module")
def sdk(gateway: Gateway) -> Iterator[Anthropic]:
    with Anthropic(api_key=ALICE, base_url=gateway.url, max_retries=0) as one:
        yield one


def says(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_whole_answer_and_its_usage(sdk: Anthropic, up: str) -> None:
    answer = sdk.messages.create(model=up, max_tokens=500, system="Be brief", messages=says("Hello!"))

    assert "I read 2 messages" in text_of(answer)
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0) > 0
    assert answer.usage.output_tokens > 0


def test_a_stream_gathered_by_the_sdk(sdk: Anthropic, up: str) -> None:
    with sdk.messages.stream(model=up, max_tokens=500, messages=says("Hello!")) as stream:
        said = "".join(stream.text_stream)
        final = stream.get_final_message()

    assert READ in said
    assert text_of(final) == said
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_loop_of_two_tools(sdk: Anthropic, up: str, stream: bool) -> None:
    said = says("call get_weather and get_time")
    asked: Any = {"model": up, "max_tokens": 900, "messages": said, "tools": TOOLS}
    if stream:
        with sdk.messages.stream(**asked) as events:
            answer = events.get_final_message()
    else:
        answer = sdk.messages.create(**asked)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use"
    assert [(call.name, list(call.input)) for call in calls] == [("get_weather", ["city"]), ("get_time", ["zone"])]

    results = [{"type": "tool_result", "tool_use_id": call.id, "content": DEGREES} for call in calls]
    said += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    final = sdk.messages.create(model=up, max_tokens=900, messages=said, tools=TOOLS)
    assert text_of(final).count(DEGREES) == 2


def test_the_sdks_own_loop_of_tools(sdk: Anthropic, up: str) -> None:
    @beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"{DEGREES} in {city}"

    held: Any = {"thread": False} if up == "anthropic" else {}  # the lab holds no conversations, as others don't
    runner = sdk.beta.messages.tool_runner(
        model=up, max_tokens=900, tools=[get_weather], messages=says("call get_weather"), **held
    )

    assert DEGREES in text_of(runner.until_done())


def test_one_call_at_a_time_where_it_is_wanted(sdk: Anthropic, up: str) -> None:
    raw = sdk.messages.with_raw_response.create(
        model=up,
        max_tokens=900,
        messages=says("call get_weather and get_time"),
        tools=TOOLS,
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    calls = [block for block in raw.parse().content if block.type == "tool_use"]

    assert len(calls) == 1 or "parallel_tool_calls" in raw.headers.get("x-antiphon-losses", "")


def test_an_answer_parsed_into_a_model(sdk: Anthropic, up: str) -> None:
    answer = sdk.messages.parse(model=up, max_tokens=900, messages=says("A city"), output_format=City)

    assert isinstance(answer.parsed_output, City)


def test_an_image_is_seen(sdk: Anthropic, up: str) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    said: Any = [{"role": "user", "content": [{"type": "text", "text": "Look"}, image]}]

    assert "1 image" in text_of(sdk.messages.create(model=up, max_tokens=500, messages=said))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_thoughts_are_told_and_may_go_back(sdk: Anthropic, up: str, stream: bool) -> None:
    said = says("Think")
    asked: Any = {"model": up, "max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2048}}
    if stream:
        with sdk.messages.stream(messages=said, **asked) as events:
            answer = events.get_final_message()
    else:
        answer = sdk.messages.create(messages=said, **asked)
    first = answer.content[0]
    if up == "openai":  # Chat Completions has no way to ask for thoughts: what a model tells of them by itself is told
        assert first.type in {"thinking", "text"}
    else:
        assert first.type == "thinking"
        assert first.thinking.startswith("Simulated reasoning")

    said += [{"role": "assistant", "content": answer.content}, *says("And now?")]
    assert "I read 3 messages" in text_of(sdk.messages.create(messages=said, **asked))


def test_errors_are_those_of_anthropic(sdk: Anthropic, up: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        sdk.messages.create(model=f"{up}-small", max_tokens=10, messages=says("word " * 400))
    with pytest.raises(anthropic.RateLimitError) as limited:
        sdk.messages.create(model=f"{up}-limited", max_tokens=10, messages=says("Hello!"))
    with pytest.raises(anthropic.InternalServerError):
        sdk.messages.create(model=f"{up}-broken", max_tokens=10, messages=says("Hello!"))
    with pytest.raises(anthropic.NotFoundError):
        sdk.messages.create(model="nobody", max_tokens=10, messages=says("Hello!"))

    assert isinstance(refused.value.body, dict)
    assert refused.value.body["type"] == "error"
    assert limited.value.response.headers["retry-after"] == f"{RETRY_S:.0f}"


def test_a_wrong_key_and_a_bearer_token(gateway: Gateway) -> None:
    with (
        Anthropic(api_key="sk-nobody-000", base_url=gateway.url, max_retries=0) as nobody,
        pytest.raises(anthropic.AuthenticationError),
    ):
        nobody.messages.create(model="anthropic", max_tokens=10, messages=says("Hello!"))
    with Anthropic(auth_token=ALICE, api_key=None, base_url=gateway.url, max_retries=0) as one:
        assert READ in text_of(one.messages.create(model="anthropic", max_tokens=500, messages=says("Hello!")))


def test_tokens_are_counted(sdk: Anthropic, up: str) -> None:
    counted = sdk.messages.count_tokens(model=up, messages=says("Hello there, how are you?"), tools=TOOLS)

    assert counted.input_tokens > 5


def test_leaving_amid_a_stream_ends_the_upstreams_work(sdk: Anthropic, up: str, lab: Running) -> None:
    with sdk.messages.create(model=f"{up}-slow", max_tokens=900, messages=says("Hello!"), stream=True) as stream:
        next(event for event in stream if event.type == "content_block_delta")

    assert_left(lab, up)
