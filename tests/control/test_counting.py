import json
from typing import Any

import pytest

from antiphon.control.counting import A_MEDIUM, A_MESSAGE, estimate, named, written
from antiphon.core.content import Content, Image, Message, Text, Tool
from antiphon.core.request import Dialect


def content(*parts: Any, **more: Any) -> Content:
    return Content(dialect="openai_chat", messages=(Message(role="user", parts=parts),), **more)


def test_an_estimate_grows_with_all_that_a_model_reads() -> None:
    little = estimate(content(Text(text="How are you?")), "openai", "gpt-x")
    assert A_MESSAGE < little < 20
    more = estimate(content(Text(text="How are you? " * 100)), "openai", "gpt-x")
    assert 200 < more < 500
    tool = Tool(name="find", description="d" * 400, parameters={"type": "object"})
    assert estimate(content(Text(text="How are you?"), tools=(tool,)), "openai", "gpt-x") > little + 50


@pytest.mark.parametrize(
    ("profile", "model", "tokens"), [("", "anything", A_MEDIUM), ("openai", "gpt-4o", 85 + 8 * 170)]
)
def test_a_picture_counts_for_the_most_that_it_can_be(profile: str, model: str, tokens: int) -> None:
    picture = estimate(content(Image(url="https://a.test/1.png")), profile, model)

    assert picture == tokens + A_MESSAGE


@pytest.mark.parametrize(
    ("dialect", "body", "sent"),
    [
        ("openai_responses", {"model": "m", "input": "a"}, {"model": "up", "input": "a"}),
        ("anthropic_messages", {"messages": [], "model": "m"}, {"messages": [], "model": "up"}),
        ("gemini", {"contents": []}, {"contents": []}),
        (
            "gemini",
            {"generateContentRequest": {"model": "models/m", "contents": []}},
            {"generateContentRequest": {"model": "models/up", "contents": []}},
        ),
    ],
)
def test_a_body_names_the_providers_model(dialect: Dialect, body: dict[str, Any], sent: dict[str, Any]) -> None:
    assert json.loads(named(json.dumps(body).encode(), dialect, "up")) == sent


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        ("openai_responses", {"object": "response.input_tokens", "input_tokens": 7}),
        ("anthropic_messages", {"input_tokens": 7}),
        ("gemini", {"totalTokens": 7}),
    ],
)
def test_a_count_is_written_as_its_dialect_has_it(dialect: Dialect, said: dict[str, Any]) -> None:
    assert json.loads(written(dialect, 7)) == said
