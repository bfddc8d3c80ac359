"""The lab's Cohere API as Cohere's own SDK sees it."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings

cohere = pytest.importorskip("cohere", reason="needs the package cohere")
httpx = pytest.importorskip("httpx", reason="needs the package httpx")

CLOCK = {
    "type": "function",
    "function": {"name": "clock", "description": "time", "parameters": {"type": "object", "properties": {}}},
}
HELLO = {"role": "user", "content": "Hello"}
ONCE = {"max_retries": 0}


@asynccontextmanager
async def asking(*faults: FaultSettings) -> AsyncGenerator[Any]:
    models = {"lab": LabModel(tokens_per_s=1e6, faults=list(faults)), "small": LabModel(context_tokens=20)}
    async with running(LabSettings(models=models)) as lab, httpx.AsyncClient() as http:
        yield cohere.AsyncClientV2(api_key="x", base_url=lab.url, httpx_client=http)


async def test_a_chat_whole_and_as_a_stream_says_the_same() -> None:
    async with asking() as client:
        whole = await client.chat(model="lab", messages=[HELLO])
        events = [event async for event in client.chat_stream(model="lab", messages=[HELLO])]
    text = whole.message.content[0].text
    assert text.startswith("[lab, a simulated model]")
    assert (whole.finish_reason, whole.usage.tokens.input_tokens) == ("COMPLETE", 2)
    said = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert "".join(said) == text
    assert events[-1].delta.usage == whole.usage


async def test_tools_are_called_and_their_results_read() -> None:
    asked = {"role": "user", "content": "call clock"}
    async with asking() as client:
        called = await client.chat(model="lab", messages=[asked], tools=[CLOCK])
        events = [event async for event in client.chat_stream(model="lab", messages=[asked], tools=[CLOCK])]
        [call] = called.message.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": "noon"}
        answer = await client.chat(model="lab", messages=[asked, called.message, result], tools=[CLOCK])
    assert (called.finish_reason, call.function.name, call.function.arguments) == ("TOOL_CALL", "clock", "{}")
    assert "tool-call-start" in [event.type for event in events]
    assert 'gave "noon"' in answer.message.content[0].text


async def test_thoughts_and_structured_output() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_object", "json_schema": schema}
    async with asking() as client:
        answer = await client.chat(
            model="lab", messages=[HELLO], response_format=form, thinking={"type": "enabled", "token_budget": 100}
        )
    thought, text = answer.message.content
    assert thought.thinking.startswith("Simulated reasoning")
    assert json.loads(text.text) == {"city": "lab"}


async def test_embeddings_come_in_each_type() -> None:
    async with asking() as client:
        made = await client.embed(
            model="lab",
            input_type="search_document",
            texts=["one", "two"],
            output_dimension=16,
            embedding_types=["float", "int8", "ubinary"],
        )
    assert [len(values) for values in made.embeddings.float_] == [16, 16]
    assert [len(values) for values in made.embeddings.ubinary] == [2, 2]
    assert made.meta.billed_units.input_tokens == 2


async def test_documents_that_share_words_with_the_query_come_first() -> None:
    documents = ["nothing of it", "the red house by the sea", "a red car"]
    async with asking() as client:
        ranked = await client.rerank(model="lab", query="red house", documents=documents, top_n=2)
    assert [found.index for found in ranked.results] == [1, 2]
    assert 0 < ranked.results[1].relevance_score < ranked.results[0].relevance_score < 1
    assert ranked.meta.billed_units.search_units == 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "not found in previous tool calls"),
    ({"messages": [HELLO, {"role": "assistant", "content": "Hi"}]}, "last message must be from the user"),
    ({"messages": [{"role": "user", "content": ""}]}, "content must not be empty"),
    ({"p": 5.0}, "`float` <= 0.99"),
    ({"model": "small", "messages": [{"role": "user", "content": "word " * 100}]}, "too many tokens"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
async def test_what_the_real_one_refuses_is_refused(given: dict[str, Any], says: str) -> None:
    async with asking() as client:
        with pytest.raises(cohere.BadRequestError) as caught:
            await client.chat(**{"model": "lab", "messages": [HELLO], **given})
    assert says in caught.value.body["message"]


async def test_a_rate_limit_is_an_error_in_its_own_form() -> None:
    async with asking(FaultSettings(kind="rate_limited")) as client:
        with pytest.raises(cohere.TooManyRequestsError):
            await client.chat(model="lab", messages=[HELLO], request_options=ONCE)
