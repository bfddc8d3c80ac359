"""Frameworks of agents that ask ours as a model: openai-agents and pydantic-ai, by Responses and by Chat Completions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from agent_place import ALICE, Place, asks, document, says
from openai import AsyncOpenAI, ConflictError
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.messages import ModelResponse, ThinkingPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.openai import OpenAIResponsesModel as PydanticResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, set_tracing_disabled

KINDS = ["chat", "responses"]


@asynccontextmanager
async def client(tmp_path: Path) -> AsyncIterator[tuple[Place, AsyncOpenAI]]:
    set_tracing_disabled(True)
    async with (
        Place(tmp_path, {"helper": says, "asker": asks}, document("helper"), document("asker")) as here,
        AsyncOpenAI(base_url=f"{here.base}/v1", api_key=ALICE) as asked,
    ):
        yield here, asked


def agent(kind: str, asked: AsyncOpenAI, name: str = "helper") -> Agent[None]:
    model = OpenAIChatCompletionsModel if kind == "chat" else OpenAIResponsesModel
    return Agent(name="x", instructions="Be kind.", model=model(f"agent/{name}", asked))


@pytest.mark.parametrize("kind", KINDS)
async def test_openai_agents_drives_an_agent_as_a_model(tmp_path: Path, kind: str) -> None:
    async with client(tmp_path) as (_, asked):
        result = await Runner.run(agent(kind, asked), "hello")
        streamed = Runner.run_streamed(agent(kind, asked), "again")
        kinds = [event.data.type async for event in streamed.stream_events() if event.type == "raw_response_event"]
    assert result.final_output == "You said: hello"
    assert streamed.final_output == "You said: again"
    assert any("reasoning" in one for one in kinds)
    assert result.context_wrapper.usage.total_tokens == 42


@pytest.mark.parametrize("kind", KINDS)
async def test_pydantic_ai_drives_an_agent_as_a_model(tmp_path: Path, kind: str) -> None:
    async with client(tmp_path) as (_, asked):
        provider = OpenAIProvider(openai_client=asked)
        named = "agent/helper"
        chosen = (
            OpenAIChatModel(named, provider=provider)
            if kind == "chat"
            else PydanticResponsesModel(named, provider=provider)
        )
        made = PydanticAgent(chosen, instructions="Be kind.")
        result = await made.run("hello")
        async with made.run_stream("again") as stream:
            text = await stream.get_output()
            parts = [part for one in stream.all_messages() if isinstance(one, ModelResponse) for part in one.parts]
    assert result.output == "You said: hello"
    assert text == "You said: again"
    assert any(isinstance(part, ThinkingPart) and "look_up answered" in part.content for part in parts)


async def test_a_run_that_waits_is_not_tried_again_by_the_client(tmp_path: Path) -> None:
    async with client(tmp_path) as (here, asked):
        with pytest.raises(ConflictError, match="waits for a person"):
            await Runner.run(agent("chat", asked, "asker"), "paint it")
        assert len(here.house.journal.shut) == 1
