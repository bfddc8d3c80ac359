"""What a ticket holds."""

import json
from typing import Any

import pytest
from fakes.house import aimed, deployed

from antiphon.calls.bound import bounds_of
from antiphon.core.body import Body
from antiphon.core.deployment import Price
from antiphon.core.request import Dialect, Request
from antiphon.providers.target import say
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

PNG = "data:image/png;base64," + "A" * 4000
HI: list[Any] = [{"role": "user", "content": "hi"}]
CHEAP = Price(input=1000, output=10)


def request(dialect: Dialect, **body: Any) -> Request:
    named = {} if dialect == "gemini" else {"model": "m"}
    whole = Body((json.dumps({**named, **body}).encode(),))
    head, spots = CODECS[dialect].read(
        whole, Asked(endpoint="/v1/images/generations", model="m" if dialect == "gemini" else "")
    )
    return Request(head=head, body=whole, spots=spots, digest="")


def bound(
    dialect: Dialect = "openai_chat", *, profile: str = "openai", deployment: dict[str, Any] | None = None, **body: Any
) -> Any:
    fields = {"price": CHEAP, "output_tokens": 100, "context_tokens": None, **(deployment or {})}
    made = aimed(deployed(**fields), profile)
    asked = request(dialect, **body)
    return bounds_of(asked, made, say(asked, made), int).money_nano_usd


def test_it_grows_with_the_answer_and_with_how_many_are_asked_for() -> None:
    one = bound(messages=HI, max_completion_tokens=50)

    assert one is not None
    assert bound(messages=HI, max_completion_tokens=5000) > one
    assert bound(messages=HI, max_completion_tokens=50, n=3) > one


def test_without_a_bound_of_the_callers_the_models_own_counts() -> None:
    assert bound(messages=HI, deployment={"output_tokens": 10_000}) > bound(
        messages=HI, deployment={"output_tokens": 100}
    )


@pytest.mark.parametrize("deployment", [{"price": None}, {"output_tokens": None}])
def test_what_has_no_price_or_no_end_has_no_bound(deployment: dict[str, Any]) -> None:
    assert bound(messages=HI, deployment=deployment) is None


def test_tools_cost_what_a_provider_writes_about_them() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    padding = [{"role": "user", "content": "hi" + "x" * len(json.dumps(tools))}]

    assert bound(messages=HI, tools=tools) > bound(messages=padding)


def test_what_a_providers_own_tools_find_has_no_bound() -> None:
    assert bound(messages=HI, web_search_options={}) is None
    assert bound(messages=HI, web_search_options=None) is not None
    assert (
        bound(
            "anthropic_messages",
            profile="anthropic",
            max_tokens=5,
            messages=HI,
            tools=[{"type": "web_search_20250305", "name": "web_search"}],
        )
        is None
    )


def test_pictures_count_by_what_they_are_not_by_their_bytes() -> None:
    def asking(url: str) -> Any:
        content = [{"type": "image_url", "image_url": {"url": url}}]
        return bound(messages=[{"role": "user", "content": content}], deployment={"context_tokens": 100_000})

    assert asking(PNG) is not None
    assert asking("https://a.example/a.png") is not None
    assert asking("https://a.example/a.png") > bound(messages=HI, deployment={"context_tokens": 100_000})


@pytest.mark.parametrize(
    ("dialect", "profile", "body", "elsewhere"),
    [
        ("openai_responses", "openai", {"input": "hi", "store": False}, {"previous_response_id": "resp_1"}),
        ("openai_responses", "openai", {"input": "hi", "store": False}, {"conversation": "conv_1"}),
        (
            "gemini",
            "gemini",
            {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
            {"cachedContent": "cachedContents/1"},
        ),
    ],
)
def test_of_input_that_is_not_in_the_body_only_the_window_is_a_bound(
    dialect: Dialect, profile: str, body: dict[str, Any], elsewhere: dict[str, Any]
) -> None:
    window = {"context_tokens": 1_000_000}

    assert bound(dialect, profile=profile, **body, **elsewhere) is None
    assert bound(dialect, profile=profile, deployment=window, **body, **elsewhere) >= 1_000_000 * CHEAP.input // 1000
    assert bound(dialect, profile=profile, **body) is not None


@pytest.mark.parametrize(
    ("dialect", "profile", "body"),
    [
        ("openai_embeddings", "openai", {"input": "hi"}),
        ("openai_moderations", "openai", {"input": "hi"}),
        ("cohere_rerank", "cohere", {"query": "q", "documents": ["a"]}),
    ],
)
def test_what_answers_without_words_costs_its_input_alone(dialect: Dialect, profile: str, body: dict[str, Any]) -> None:
    cost = bound(dialect, profile=profile, **body)

    assert cost is not None
    assert cost == bound(dialect, profile=profile, deployment={"output_tokens": None}, **body)


@pytest.mark.parametrize(
    ("dialect", "body"), [("openai_images", {"prompt": "a cat"}), ("openai_speech", {"input": "hi", "voice": "alloy"})]
)
def test_nothing_bounds_what_is_made(dialect: Dialect, body: dict[str, Any]) -> None:
    assert bound(dialect, **body) is None


def test_a_translated_request_is_bounded_by_what_is_sent() -> None:
    assert bound(messages=HI, profile="anthropic") is not None
