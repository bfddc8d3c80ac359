"""What lab models answer, asked by the real OpenAI SDK."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from openai import APIConnectionError, AsyncOpenAI, BadRequestError, NotFoundError
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from antiphon.providers.lab.run import Running, default_settings, running, serve
from antiphon.providers.lab.settings import LabModel, LabSettings, Spread

QUICK = LabModel(tokens_per_s=1e6)
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there, lab"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
            "required": ["city", "unit"],
        },
    },
}
TIME: ChatCompletionToolParam = {"type": "function", "function": {"name": "get-time"}}


def allowed(mode: str, name: str) -> dict[str, object]:
    tools = [{"type": "function", "function": {"name": name}}]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@asynccontextmanager
async def asking(models: dict[str, LabModel] | None = None, *, seed: int = 1) -> AsyncGenerator[AsyncOpenAI]:
    settings = LabSettings(seed=seed, models=models or {"lab": QUICK})
    async with (
        running(settings) as lab,
        AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="any", max_retries=0) as client,
    ):
        yield client


async def text_of(client: AsyncOpenAI, content: str = "Hello", /, **more: object) -> str:
    answer = await client.chat.completions.create(
        model="lab", messages=[{"role": "user", "content": content}], extra_body=more
    )
    return answer.choices[0].message.content or ""


async def chunks_of(client: AsyncOpenAI, content: str = "Hello", /, **more: object) -> list[ChatCompletionChunk]:
    stream = await client.chat.completions.create(
        model="lab", messages=[{"role": "user", "content": content}], stream=True, extra_body=more
    )
    return [chunk async for chunk in stream]


async def test_an_answer_names_itself_and_says_what_it_read() -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Be kind"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_id": "f1"}},
                {"type": "file", "file": {"file_id": "f2"}},
            ],
        },
    ]
    async with asking() as client:
        answer = await client.chat.completions.create(model="lab", messages=messages)
    text = answer.choices[0].message.content or ""
    assert text.startswith("[lab, a simulated model] I read 2 messages, 5 words, 1 image, 1 audio part, 2 files. ")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "lab"


async def test_the_same_seed_and_body_give_the_same_answer_in_any_order_and_process() -> None:
    async with asking() as client:
        first = [await text_of(client, content) for content in ("a", "b", "a")]
    async with asking() as client:
        second = [await text_of(client, content) for content in ("b", "a", "b")]
    async with asking(seed=2) as client:
        other = await text_of(client, "a")
    assert first[0] == first[2] == second[1]
    assert first[1] == second[0] == second[2]
    assert len({first[0], first[1], other}) == 3


async def test_any_field_but_those_of_streaming_changes_the_answer() -> None:
    async with asking() as client:
        plain = await text_of(client)
        assert await text_of(client, temperature=0.5) != plain
        assert await text_of(client, seed=7) != plain
        assert await text_of(client, stream_options=None) == plain


async def test_a_stream_says_what_the_whole_answer_says_a_token_an_event() -> None:
    async with asking() as client:
        whole = await client.chat.completions.create(model="lab", messages=HELLO)
        stream = await client.chat.completions.create(
            model="lab", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content
    assert whole.usage is not None
    assert len([text for text in texts if text]) == whole.usage.completion_tokens
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_has_a_usage_event_only_when_asked() -> None:
    async with asking() as client:
        chunks = await chunks_of(client)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


async def test_usage_counts_four_bytes_a_token_rounded_up() -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(model="lab", messages=HELLO)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4  # 16 bytes
    assert answer.usage.completion_tokens == -(-len(answer.choices[0].message.content or "") // 4)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_a_long_start_that_was_seen_before_is_cached() -> None:
    system: ChatCompletionMessageParam = {"role": "system", "content": "x" * 8000}  # 2,000 tokens
    async with asking({"lab": QUICK, "other": QUICK}) as client:
        counts: list[int] = []
        for model, said in (("lab", "one"), ("lab", "two"), ("other", "two")):
            answer = await client.chat.completions.create(
                model=model, messages=[system, {"role": "user", "content": said}]
            )
            assert answer.usage is not None
            assert answer.usage.prompt_tokens_details is not None
            counts.append(answer.usage.prompt_tokens_details.cached_tokens or 0)
    assert counts == [0, 1920, 0]


async def test_n_answers_differ_and_their_streams_take_turns() -> None:
    async with asking() as client:
        whole = await client.chat.completions.create(model="lab", messages=HELLO, n=3)
        stream = await client.chat.completions.create(model="lab", messages=HELLO, n=3, stream=True)
        said = ["", "", ""]
        order: list[int] = []
        async for chunk in stream:
            choice = chunk.choices[0]
            said[choice.index] += choice.delta.content or ""
            order.append(choice.index)
    texts = [choice.message.content for choice in whole.choices]
    assert len(set(texts)) == 3
    assert said == texts
    assert order[:6] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_an_answer_keeps_to_its_limit(limit: str) -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(model="lab", messages=HELLO, extra_body={limit: 5})
    assert answer.choices[0].message.content == "[lab, a simulated mo"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5


@pytest.mark.parametrize(
    ("most", "reasoning", "content"), [(2, 2, ""), (16, 16, ""), (18, 16, "[lab, a "), (19, 16, "[lab, a simu")]
)
async def test_a_limit_is_spent_on_reasoning_first(most: int, reasoning: int, content: str) -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(
            model="lab", messages=HELLO, reasoning_effort="low", max_completion_tokens=most
        )
    assert answer.choices[0].message.content == content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert (answer.usage.completion_tokens, answer.usage.completion_tokens_details.reasoning_tokens) == (
        most,
        reasoning,
    )


async def test_a_limit_cuts_tool_calls_short() -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(
            model="lab",
            messages=[{"role": "user", "content": "call get_weather and get-time"}],
            tools=[WEATHER, TIME],
            max_completion_tokens=6,
        )
    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "la')
    assert answer.choices[0].finish_reason == "length"


async def test_an_answer_ends_before_a_stop_text() -> None:
    async with asking() as client:
        assert await text_of(client, stop=["read", " simulated"]) == "[lab, a"


async def test_reasoning_comes_before_the_answer_and_is_counted() -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(model="lab", messages=HELLO, reasoning_effort="low")
        chunks = await chunks_of(client, "Hello there, lab", reasoning_effort="low")
    message = answer.choices[0].message.model_dump()
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 16
    assert len(message["reasoning_content"]) == 64
    deltas = [chunk.choices[0].delta.model_dump() for chunk in chunks]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas) == message["reasoning_content"]
    assert "".join(delta.get("content") or "" for delta in deltas) == message["content"]


async def test_logprobs_cover_the_whole_text_and_are_the_same_each_time() -> None:
    async with asking() as client:
        first, second = [
            await client.chat.completions.create(
                model="lab", messages=HELLO, logprobs=True, top_logprobs=2, stream=False
            )
            for _ in range(2)
        ]
    said = first.choices[0].logprobs
    assert said == second.choices[0].logprobs
    assert said is not None
    assert said.content is not None
    assert "".join(token.token for token in said.content) == first.choices[0].message.content
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in said.content)


async def test_a_json_object_is_json() -> None:
    async with asking() as client:
        text = await text_of(client, response_format={"type": "json_object"})
    assert json.loads(text)["lab"] == "[lab, a simulated model]"


async def test_structured_output_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 5}, "age": {"type": "integer", "minimum": 3}},
        "required": ["name", "age"],
    }
    async with asking() as client:
        text = await text_of(
            client, response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
        )
    assert json.loads(text) == {"name": "labxx", "age": 3}


async def test_a_tool_that_is_named_in_words_is_called() -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(
            model="lab", messages=[{"role": "user", "content": "please call get_weather."}], tools=[WEATHER, TIME]
        )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls is not None
    [call] = choice.message.tool_calls
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "lab", "unit": "C"}


@pytest.mark.parametrize(
    ("said", "more", "names"),
    [
        ("call get_weather, then call get-time", {}, ["get_weather", "get-time"]),
        ("Call get_weather, get-time and get_weather!", {}, ["get_weather", "get-time", "get_weather"]),
        ("call get_weather and get-time", {"parallel_tool_calls": False}, ["get_weather"]),
        ("anything", {"tool_choice": "required"}, ["get_weather"]),
        ("call get-time", {"tool_choice": "required"}, ["get-time"]),
        ("x", {"tool_choice": {"type": "function", "function": {"name": "get-time"}}}, ["get-time"]),
        ("call get_weather", {"tool_choice": allowed("auto", "get-time")}, []),
        ("anything", {"tool_choice": allowed("required", "get-time")}, ["get-time"]),
        ("call get_weather", {"tool_choice": "none"}, []),
        ("call get_weather_now", {}, []),
        ("call home", {}, []),
    ],
)
async def test_words_and_tool_choice_say_which_tools_are_called(
    said: str, more: dict[str, object], names: list[str]
) -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(
            model="lab", messages=[{"role": "user", "content": said}], tools=[WEATHER, TIME], extra_body=more
        )
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == names
    assert len({call.id for call in calls}) == len(names)


async def test_streamed_tool_calls_add_up_to_the_whole_ones() -> None:
    said: list[ChatCompletionMessageParam] = [{"role": "user", "content": "call get_weather and get-time"}]
    async with asking() as client:
        whole = await client.chat.completions.create(model="lab", messages=said, tools=[WEATHER, TIME])
        stream = await client.chat.completions.create(model="lab", messages=said, tools=[WEATHER, TIME], stream=True)
        gathered: dict[int, list[str]] = {}
        finish = None
        async for chunk in stream:
            finish = chunk.choices[0].finish_reason
            for piece in chunk.choices[0].delta.tool_calls or []:
                assert piece.function is not None
                if piece.id is not None:
                    gathered[piece.index] = [piece.id, piece.function.name or "", ""]
                gathered[piece.index][2] += piece.function.arguments or ""
    calls = [call for call in whole.choices[0].message.tool_calls or [] if call.type == "function"]
    assert finish == "tool_calls"
    assert list(gathered.values()) == [[call.id, call.function.name, call.function.arguments] for call in calls]


async def test_after_a_tools_result_it_speaks_and_quotes_it() -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(
            model="lab",
            messages=[
                {"role": "user", "content": "call get-time"},
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "get-time", "arguments": "{}"}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "half past nine"},
            ],
            tools=[TIME],
        )
    assert answer.choices[0].message.tool_calls is None
    assert 'The tool call c1 gave "half past nine".' in (answer.choices[0].message.content or "")


async def test_a_custom_tool_is_called_with_free_text() -> None:
    async with asking() as client:
        answer = await client.chat.completions.create(
            model="lab",
            messages=[{"role": "user", "content": "call run"}],
            tools=[{"type": "custom", "custom": {"name": "run"}}],
        )
    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("run", "lab")


@pytest.mark.parametrize(("gold", "wrong_kind"), [("42", str.isdecimal), ("C", str.isupper), ("blue", str.islower)])
async def test_answers_are_right_as_often_as_the_quality_of_their_class_says(gold: str, wrong_kind: object) -> None:
    model = LabModel(tokens_per_s=1e6, quality={"default": 0.0, "math": 1.0, "code": 0.5})

    async def shares(client: AsyncOpenAI, task: str) -> float:
        texts = [
            await text_of(client, str(number), metadata={"lab_task": task, "lab_gold": gold}) for number in range(60)
        ]
        answers = [text.split("ANSWER: ")[1].splitlines()[0] for text in texts]
        assert callable(wrong_kind)
        assert all(wrong_kind(answer) for answer in answers)
        return sum(answer == gold for answer in answers) / len(answers)

    async with asking({"lab": model}) as client:
        assert await shares(client, "math") == 1.0
        assert await shares(client, "poetry") == 0.0
        assert 0.3 < await shares(client, "code") < 0.7


async def test_a_request_that_overflows_the_context_is_refused_as_openai_does() -> None:
    async with asking({"lab": LabModel(context_tokens=100)}) as client:
        with pytest.raises(BadRequestError) as refused:
            await text_of(client, "x" * 404)
        assert refused.value.code == "context_length_exceeded"
        assert "maximum context length is 100 tokens" in refused.value.message
        with pytest.raises(BadRequestError, match=r"you requested 101 tokens \(10 in the messages, 91 in the"):
            await text_of(client, "x" * 40, max_tokens=91)
        assert await text_of(client, "x" * 40, max_tokens=90)


async def test_an_unknown_model_is_not_found_and_the_known_are_listed() -> None:
    async with asking({"a": QUICK, "b/c": QUICK}) as client:
        with pytest.raises(NotFoundError) as refused:
            await client.chat.completions.create(model="z", messages=HELLO)
        assert refused.value.code == "model_not_found"
        assert [model.id async for model in client.models.list()] == ["a", "b/c"]
        assert (await client.models.retrieve("b/c")).id == "b/c"
        with pytest.raises(NotFoundError):
            await client.models.retrieve("z")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [TIME], "tool_choice": {"type": "function", "function": {"name": "nope"}}}, "tool_choice"),
        ({"response_format": {"type": "poem"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"n": 129}, "n"),
    ],
)
async def test_what_it_can_not_do_is_refused_by_name(more: dict[str, object], param: str) -> None:
    async with asking() as client:
        with pytest.raises(BadRequestError) as refused:
            await text_of(client, **more)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"


async def test_serving_ends_when_its_task_is_cancelled() -> None:
    ready: asyncio.Queue[Running] = asyncio.Queue()
    task = asyncio.create_task(serve(default_settings(), "127.0.0.1", 0, on_ready=ready.put_nowait))
    lab = await ready.get()
    async with AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="any", max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == ["lab-fast", "lab-balanced", "lab-premium"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(APIConnectionError):
            await client.models.list()


async def test_answers_take_their_time() -> None:
    model = LabModel(first_token=Spread(p50_ms=20), tokens_per_s=2000)
    async with asking({"lab": model}) as client:
        answer = await client.chat.completions.with_raw_response.create(model="lab", messages=HELLO)
        parsed = answer.parse()
    assert parsed.usage is not None
    assert answer.elapsed.total_seconds() >= 0.020 + (parsed.usage.completion_tokens - 1) / 2000
