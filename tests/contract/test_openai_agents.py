"""OpenAI's Agents SDK with both of its models, over every upstream."""

from typing import Any

import pytest
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.models.openai_responses import OpenAIResponsesModel
from openai import RateLimitError
from suite.words import DEGREES, READ, City

from agents import Agent, Runner, function_tool, set_tracing_disabled
from rig.gateway import Gateway
from rig.sdk import async_client

pytestmark = [pytest.mark.processes, pytest.mark.filterwarnings("ignore")]


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{DEGREES} in {city}"


@pytest.fixture(autouse=True, scope="module")
def untraced() -> None:
    """Its traces would go to OpenAI."""
    set_tracing_disabled(True)


@pytest.fixture(params=[OpenAIChatCompletionsModel, OpenAIResponsesModel], ids=["chat", "responses"])
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_a_run(gateway: Gateway, up: str, model: Any) -> None:
    async with async_client(gateway) as sdk:
        result = await Runner.run(Agent(name="A", instructions="Be brief", model=model(up, sdk)), "Hello!")

    assert "I read 2 messages" in result.final_output


async def test_a_streamed_run(gateway: Gateway, up: str, model: Any) -> None:
    async with async_client(gateway) as sdk:
        result = Runner.run_streamed(Agent(name="A", model=model(up, sdk)), "Hello!")
        kinds = {event.type async for event in result.stream_events()}

    assert "raw_response_event" in kinds
    assert READ in result.final_output


async def test_its_own_loop_of_tools(gateway: Gateway, up: str, model: Any) -> None:
    async with async_client(gateway) as sdk:
        agent = Agent(name="A", model=model(up, sdk), tools=[get_weather])
        result = await Runner.run(agent, "call get_weather")

    assert DEGREES in result.final_output


async def test_an_answer_in_a_models_form(gateway: Gateway, up: str, model: Any) -> None:
    async with async_client(gateway) as sdk:
        result = await Runner.run(Agent(name="A", model=model(up, sdk), output_type=City), "A city")

    assert isinstance(result.final_output, City)


async def test_an_error_is_openais(gateway: Gateway, up: str, model: Any) -> None:
    async with async_client(gateway) as sdk:
        with pytest.raises(RateLimitError):
            await Runner.run(Agent(name="A", model=model(f"{up}-limited", sdk)), "Hello!")
