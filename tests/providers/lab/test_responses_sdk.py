"""The lab's Responses API as OpenAI's own SDK sees it."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings

openai = pytest.importorskip("openai", reason="needs the package openai")

CLOCK = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@asynccontextmanager
async def asking(*faults: FaultSettings) -> AsyncGenerator[Any]:
    async with running(LabSettings(models={"lab": LabModel(tokens_per_s=1e6, faults=list(faults))})) as lab:  # noqa: SIM117 - the second needs the first
        async with openai.AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="x", max_retries=0) as client:
            yield client


async def test_a_response_has_its_text_and_its_usage_and_is_kept() -> None:
    async with asking() as client:
        made = await client.responses.create(model="lab", input="Hello", instructions="Be brief.")
        again = await client.responses.retrieve(made.id)
        await client.responses.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(made.id)
    assert made.output_text.startswith("[lab, a simulated model]")
    assert (made.status, made.usage.input_tokens) == ("completed", 5)
    assert again == made


async def test_a_stream_builds_what_the_whole_response_says() -> None:
    given: dict[str, Any] = {"model": "lab", "input": "Hello", "reasoning": {"effort": "low", "summary": "auto"}}
    async with asking() as client:
        whole = await client.responses.create(**given)
        events = [event async for event in await client.responses.create(**given, stream=True)]
        async with client.responses.stream(**given) as stream:
            final = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert final.output_text == whole.output_text
    assert final.usage == whole.usage
    kinds = dict.fromkeys(event.type for event in events)
    assert list(kinds) == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done", "response.reasoning_summary_part.done", "response.output_item.done",
        "response.content_part.added", "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.completed",
    ]  # fmt: skip


@pytest.mark.parametrize("stores", [False, True])
async def test_functions_are_called_and_their_outputs_read(stores: bool) -> None:
    async with asking() as client:
        given: dict[str, Any] = {"model": "lab", "tools": [WEATHER, CLOCK], "store": stores}
        asked = [{"role": "user", "content": "call weather and clock"}]
        called = await client.responses.create(
            input=asked, reasoning={"effort": "low"}, include=["reasoning.encrypted_content"], **given
        )
        thought, *calls = called.output
        assert thought.encrypted_content.startswith("lab-sig-")
        assert [(call.name, json.loads(call.arguments)) for call in calls] == [
            ("weather", {"city": "lab"}),
            ("clock", {}),
        ]
        outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "fine"} for call in calls]
        if stores:
            answer = await client.responses.create(input=outputs, previous_response_id=called.id, **given)
        else:
            answer = await client.responses.create(input=[*asked, *called.output, *outputs], **given)
            with pytest.raises(openai.BadRequestError, match="not found"):
                await client.responses.create(input=outputs, previous_response_id=called.id, **given)
    assert 'gave "fine"' in answer.output_text


async def test_structured_output_is_json_of_the_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "name": "place", "schema": schema, "strict": True}
    async with asking() as client:
        made = await client.responses.create(model="lab", input="Where?", text={"format": form})
    assert json.loads(made.output_text) == {"city": "lab"}


async def test_a_limit_leaves_a_response_incomplete() -> None:
    async with asking() as client:
        made = await client.responses.create(model="lab", input="Hello", max_output_tokens=16)
    assert (made.status, made.incomplete_details.reason) == ("incomplete", "max_output_tokens")


OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
CALLED = {"type": "function_call", "call_id": "call_1", "name": "clock", "arguments": "{}"}
FORGED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "other"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"input": []}, "Missing required parameter: 'input'"),
    ({"input": [OUTPUT]}, "No tool call found"),
    ({"input": [{"role": "user", "content": "Hi"}, CALLED]}, "No tool output found"),
    ({"input": [FORGED]}, "could not be verified"),
    ({"input": [{"role": "user", "content": [{"type": "output_text", "text": "Hi"}]}]}, "Invalid value: 'output_text'"),
    ({"extra_body": {"max_tokens": 3}}, "Unknown parameter: 'max_tokens'"),
    ({"max_output_tokens": 1}, "max_output_tokens"),
    ({"text": {"format": {"type": "json_schema"}}}, "Missing required parameter: 'text.format.name'"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
async def test_what_the_real_one_refuses_is_refused(given: dict[str, Any], says: str) -> None:
    async with asking() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(**{"model": "lab", "input": "Hello", **given})
    assert says in str(caught.value)
