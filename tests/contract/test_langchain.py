"""LangChain's models of OpenAI and Anthropic, over every upstream."""

from typing import Any

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from suite.words import DEGREES, PIXEL, READ, City

from rig.config import ALICE
from rig.gateway import Gateway

pytestmark = [pytest.mark.processes, pytest.mark.filterwarnings("ignore")]
KINDS = ("openai_chat", "openai_responses", "anthropic")


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{DEGREES} in {city}"


@tool
def get_time(zone: str) -> str:
    """The time in a zone."""
    return f"noon in {zone}"


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest, gateway: Gateway, up: str) -> BaseChatModel:
    openai: Any = {"model": up, "base_url": f"{gateway.url}/v1", "api_key": ALICE, "max_retries": 0}
    match request.param:
        case "openai_chat":
            return ChatOpenAI(**openai)
        case "openai_responses":
            return ChatOpenAI(**openai, use_responses_api=True, store=False)
        case _:
            return ChatAnthropic(model_name=up, base_url=gateway.url, api_key=ALICE, max_retries=0, max_tokens=900)  # type: ignore[call-arg, arg-type]


def test_whole_and_streamed(model: BaseChatModel) -> None:
    whole = model.invoke("Hello!")
    pieces = list(model.stream("Hello!"))

    assert READ in whole.text
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] > 0
    assert READ in "".join(piece.text for piece in pieces)


def test_the_loop_of_two_tools(model: BaseChatModel) -> None:
    bound = model.bind_tools([get_weather, get_time])
    said: list[Any] = [HumanMessage("call get_weather and get_time")]
    asked = bound.invoke(said)
    assert isinstance(asked, AIMessage)
    assert [call["name"] for call in asked.tool_calls] == ["get_weather", "get_time"]

    runs = {"get_weather": get_weather, "get_time": get_time}
    results = [
        ToolMessage(runs[call["name"]].invoke(call["args"]), tool_call_id=call["id"]) for call in asked.tool_calls
    ]
    final = bound.invoke([*said, asked, *results])
    assert DEGREES in final.text
    assert "noon" in final.text


def test_an_answer_in_a_models_form(model: BaseChatModel) -> None:
    method = "function_calling" if isinstance(model, ChatAnthropic) else "json_schema"

    assert isinstance(model.with_structured_output(City, method=method).invoke("A city"), City)


def test_an_image_is_seen(model: BaseChatModel) -> None:
    image = {"type": "image", "source_type": "base64", "mime_type": "image/png", "data": PIXEL}
    said = HumanMessage([{"type": "text", "text": "Look"}, image])

    assert "1 image" in model.invoke([said]).text
