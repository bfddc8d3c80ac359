"""The lab's Messages API as the real SDK of Anthropic sees it."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings

anthropic = pytest.importorskip("anthropic", reason="needs the package anthropic")

WEATHER = {
    "name": "weather",
    "description": "tells the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK = {"name": "clock", "input_schema": {"type": "object", "properties": {}}}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@asynccontextmanager
async def asking(*faults: FaultSettings) -> AsyncGenerator[Any]:
    models = {"lab": LabModel(tokens_per_s=1e6, faults=list(faults)), "small": LabModel(context_tokens=50)}
    async with running(LabSettings(models=models)) as lab:  # noqa: SIM117 - the second needs the first
        async with anthropic.AsyncAnthropic(base_url=lab.url, api_key="sk-ant-x", max_retries=0) as client:
            yield client


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


async def create(client: Any, content: object = "Hello", **more: object) -> Any:
    given = {"model": "lab", "max_tokens": 4096, "messages": [user(content)]} | more
    return await client.messages.create(**given)


async def test_a_message_has_its_text_its_stop_reason_and_its_usage() -> None:
    async with asking() as client:
        message = await create(client, system="Be brief.")
    assert message.content[0].text.startswith("[lab, a simulated model]")
    assert (message.role, message.type, message.stop_reason) == ("assistant", "message", "end_turn")
    assert message.usage.input_tokens == 5  # two texts of 9 and 5 bytes
    assert message.usage.output_tokens > 0
    assert message.usage.cache_read_input_tokens == 0
    assert message.id.startswith("msg_lab")


async def test_a_stream_says_what_the_whole_message_says() -> None:
    async with asking() as client:
        whole = await create(client)
        async with client.messages.stream(model="lab", max_tokens=4096, messages=[user("Hello")]) as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_message()
    assert final.content[0].text == whole.content[0].text
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
    assert final.stop_reason == "end_turn"


async def test_limits_and_stop_sequences_end_a_message() -> None:
    async with asking() as client:
        short = await create(client, max_tokens=3)
        stopped = await create(client, stop_sequences=["simulated"])
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 3)
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "simulated")
    assert stopped.content[0].text == "[lab, a "


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_are_called_and_their_results_read(stream: bool) -> None:
    async with asking() as client:
        given = {"tools": [WEATHER, CLOCK], "max_tokens": 4096, "model": "lab"}
        asked = [user("call weather and clock")]
        if stream:
            async with client.messages.stream(messages=asked, **given) as events:
                called = await events.get_final_message()
        else:
            called = await client.messages.create(messages=asked, **given)
        uses = [block for block in called.content if block.type == "tool_use"]
        assert called.stop_reason == "tool_use"
        assert [(use.name, use.input) for use in uses] == [("weather", {"city": "lab"}), ("clock", {})]
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": f"{use.name}: fine"} for use in uses]
        history = [*asked, {"role": "assistant", "content": called.content}, user(results)]
        answer = await client.messages.create(messages=history, **given)
    assert answer.stop_reason == "end_turn"
    assert 'gave "weather: fine"' in answer.content[0].text


@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts_have_a_proof_that_must_come_back_as_it_was(stream: bool) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    given = {"model": "lab", "max_tokens": 4096, "tools": [CLOCK], "thinking": thinking}
    asked = [user("call clock")]
    async with asking() as client:
        if stream:
            async with client.messages.stream(messages=asked, **given) as events:
                called = await events.get_final_message()
        else:
            called = await client.messages.create(messages=asked, **given)
        thought, use = called.content
        assert thought.signature.startswith("lab-sig-")
        assert thought.thinking.startswith("Simulated reasoning")
        assert called.usage.output_tokens_details.thinking_tokens == 16
        result = user([{"type": "tool_result", "tool_use_id": use.id}])
        kept = {"role": "assistant", "content": called.content}
        answer = await client.messages.create(messages=[*asked, kept, result], **given)
        assert answer.stop_reason == "end_turn"
        forged = {"type": "thinking", "thinking": "other", "signature": thought.signature}
        changed = {"role": "assistant", "content": [forged, use]}
        with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
            await client.messages.create(messages=[*asked, changed, result], **given)
        without = {"role": "assistant", "content": [use]}
        with pytest.raises(anthropic.BadRequestError, match="Expected `thinking` or `redacted_thinking`"):
            await client.messages.create(messages=[*asked, without, result], **given)


async def test_thoughts_are_redacted_or_omitted_when_asked() -> None:
    async with asking() as client:
        redacted = await create(client, "lab:redact-thinking", thinking={"type": "enabled", "budget_tokens": 1024})
        hidden = await create(client, thinking={"type": "adaptive", "display": "omitted"})
        assert redacted.content[0].type == "redacted_thinking"
        assert (hidden.content[0].thinking, hidden.content[0].type) == ("", "thinking")
        back = [user("Hi"), {"role": "assistant", "content": redacted.content}, user("Go on")]
        again = await create(client, messages=back)
    assert again.stop_reason == "end_turn"


async def test_structured_output_is_json_of_the_schema_and_objects_must_be_closed() -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    async with asking() as client:
        message = await create(client, output_config={"format": form})
        assert set(json.loads(message.content[0].text)) == {"city", "degrees"}
        open_ = {name: value for name, value in SCHEMA.items() if name != "additionalProperties"}
        with pytest.raises(anthropic.BadRequestError, match="additionalProperties"):
            await create(client, output_config={"format": {"type": "json_schema", "schema": open_}})


async def test_images_and_documents_are_counted() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
    async with asking() as client:
        content = [{"type": "text", "text": "What is it?"}, image, paper]
        message = await create(client, content)
        counted = await client.messages.count_tokens(model="lab", messages=[user(content)])
    assert message.usage.input_tokens == counted.input_tokens == 3 + 2 * 256
    assert "1 image, 1 file" in message.content[0].text


async def test_what_is_marked_is_written_to_the_cache_and_then_read() -> None:
    long = [{"type": "text", "text": "word " * 1000, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    async with asking() as client:
        first = (await create(client, "One", system=long)).usage
        second = (await create(client, "Two", system=long)).usage
        without = (await create(client, "Two", system="word " * 1000)).usage
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens, first.input_tokens) == (1250, 0, 1)
    assert first.cache_creation.ephemeral_1h_input_tokens == 1250
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens, second.input_tokens) == (0, 1250, 1)
    assert (without.cache_read_input_tokens, without.input_tokens) == (0, 1251)


async def test_a_web_search_is_the_labs_own_and_comes_back() -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    async with asking() as client:
        asked = [user("Please search for it")]
        found = await create(client, messages=asked, tools=[tool])
        assert [block.type for block in found.content] == ["server_tool_use", "web_search_tool_result", "text"]
        assert found.content[1].content[0].url.startswith("https://lab.invalid/")
        assert found.usage.server_tool_use.web_search_requests == 1
        history = [*asked, {"role": "assistant", "content": found.content}, user("Thanks")]
        assert (await create(client, messages=history, tools=[tool])).stop_reason == "end_turn"


USE = {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "noon"}
MARK = {"cache_control": {"type": "ephemeral"}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": -1}, "max_tokens"),
    ({"messages": []}, "at least one message is required"),
    ({"messages": [{"role": "assistant", "content": "Hi"}]}, 'must use the "user" role'),
    ({"messages": [user("")]}, "non-empty content"),
    ({"messages": [user([{"type": "text", "text": " "}])]}, "non-whitespace text"),
    ({"messages": [user("Hi"), {"role": "assistant", "content": "So "}]}, "trailing whitespace"),
    ({"messages": [user([RESULT])]}, "unexpected `tool_use_id`"),
    ({"messages": [user("Hi"), {"role": "assistant", "content": [USE]}, user("Well?")]}, "without `tool_result` blocks"),
    (
        {"messages": [user("Hi"), {"role": "assistant", "content": [USE]}, user([{"type": "text", "text": "x"}, RESULT])]},
        "without `tool_result` blocks",
    ),
    ({"extra_body": {"seed": 1}}, "seed: Extra inputs are not permitted"),
    ({"extra_body": {"output_format": {"type": "json_schema", "schema": SCHEMA}}}, "output_format: Extra inputs"),
    ({"stop_sequences": [" "]}, "non-whitespace"),
    ({"extra_body": {"temperature": 1.5}}, "temperature"),
    ({"tool_choice": {"type": "any"}}, "only be specified while providing tools"),
    ({"tools": [{"type": "oddity", "name": "x"}]}, "Input tag 'oddity'"),
    ({"tools": [CLOCK, CLOCK]}, "Tool names must be unique"),
    ({"thinking": {"type": "enabled", "budget_tokens": 9999}}, "must be greater than `thinking.budget_tokens`"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}, "extra_body": {"temperature": 0.5}}, "`temperature` may only be set to 1"),
    ({"system": [{"type": "text", "text": str(place), **MARK} for place in range(5)]}, "A maximum of 4 blocks"),
    ({"model": "small", "messages": [user("word " * 100)]}, "prompt is too long: 125 tokens > 50 maximum"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), REFUSED)
async def test_what_the_real_one_refuses_is_refused(given: dict[str, Any], says: str) -> None:
    async with asking() as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await create(client, **given)
    assert says in str(caught.value)
    assert caught.value.body["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("rate_limited", "RateLimitError", 429),
        ("unauthorized", "AuthenticationError", 401),
        ("error_529", "InternalServerError", 529),
        ("error_500", "InternalServerError", 500),
    ],
)
async def test_faults_are_errors_in_its_own_form(kind: Any, error: str, status: int) -> None:
    async with asking(FaultSettings(kind=kind)) as client:
        with pytest.raises(getattr(anthropic, error)) as caught:
            await create(client)
    assert caught.value.status_code == status
    assert caught.value.body["type"] == "error"
    assert "lab fault" in caught.value.body["error"]["message"]


async def test_an_unknown_model_is_not_found() -> None:
    async with asking() as client:
        with pytest.raises(anthropic.NotFoundError):
            await create(client, model="other")


async def test_wrong_usage_is_wrong_in_its_own_words() -> None:
    async with asking(FaultSettings(kind="wrong_usage")) as client:
        assert (await create(client)).usage.input_tokens == -7
