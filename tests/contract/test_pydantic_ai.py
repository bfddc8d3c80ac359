"""Pydantic AI's agents on models of OpenAI, Anthropic and Google, over every upstream."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent, BinaryContent, ModelHTTPError
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from suite.words import DEGREES, READ, City

from rig.config import ALICE
from rig.gateway import Gateway

pytestmark = [pytest.mark.processes, pytest.mark.filterwarnings("ignore")]
KINDS = ("openai_chat", "openai_responses", "anthropic", "google")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364f8cf500f000386018"
    "05a34d7d60000000049454e44ae426082"
)


def model_of(kind: str, gateway: Gateway, name: str) -> Model:
    def openai() -> Any:
        return OpenAIProvider(openai_client=AsyncOpenAI(api_key=ALICE, base_url=f"{gateway.url}/v1", max_retries=0))

    match kind:
        case "openai_chat":
            return OpenAIChatModel(name, provider=openai())
        case "openai_responses":
            return OpenAIResponsesModel(name, provider=openai())
        case "anthropic":
            client = AsyncAnthropic(api_key=ALICE, base_url=gateway.url, max_retries=0)
            return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
        case _:
            return GoogleModel(name, provider=GoogleProvider(api_key=ALICE, base_url=gateway.url))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_whole_and_streamed(gateway: Gateway, up: str, kind: str) -> None:
    agent = Agent(model_of(kind, gateway, up))
    whole = await agent.run("Hello!")
    async with agent.run_stream("Hello!") as stream:
        said = [piece async for piece in stream.stream_text(delta=True)]

    assert READ in whole.output
    assert whole.usage.total_tokens > 0
    assert READ in "".join(said)


async def test_its_own_loop_of_tools(gateway: Gateway, up: str, kind: str) -> None:
    agent = Agent(model_of(kind, gateway, up))

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"{DEGREES} in {city}"

    @agent.tool_plain
    def get_time(zone: str) -> str:
        """The time in a zone."""
        return f"noon in {zone}"

    output = (await agent.run("call get_weather and get_time")).output

    assert DEGREES in output
    assert "noon" in output


async def test_an_answer_in_a_models_form(gateway: Gateway, up: str, kind: str) -> None:
    by_tool = Agent(model_of(kind, gateway, up), output_type=City)

    assert isinstance((await by_tool.run("call final_result")).output, City)


async def test_an_image_is_seen(gateway: Gateway, up: str, kind: str) -> None:
    agent = Agent(model_of(kind, gateway, up))
    output = (await agent.run(["Look", BinaryContent(PNG, media_type="image/png")])).output

    assert "1 image" in output


async def test_an_error_has_its_status(gateway: Gateway, up: str, kind: str) -> None:
    with pytest.raises(ModelHTTPError) as caught:
        await Agent(model_of(kind, gateway, f"{up}-limited")).run("Hello!")

    assert caught.value.status_code == 429
