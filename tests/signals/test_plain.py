"""Facts that are read off the request, its caller and the time."""

from typing import Any

import pytest
from asking import chat, extractor, fact_of, facts_of, value_of

from antiphon.core.signal import Value

DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who.tenant", "acme"),
        ("who.team", "blue"),
        ("who.department", "sales"),
        ("who.user", "kim"),
        ("who.key", "app"),
        ("who.tags", ("beta", "eu")),
        ("time.hour", 22),
        ("time.weekday", 2),
        ("time.now", 1_700_000_000_000_000_000),
        ("time.zone", "UTC"),
        ("request.model", "auto"),
        ("request.dialect", "openai_chat"),
        ("request.stream", False),
        ("request.answers", 1),
        ("request.output_tokens", None),
        ("request.temperature", None),
        ("request.images", 0),
        ("tools.count", 0),
        ("tools.names", ()),
        ("tools.required", False),
        ("talk.turns", 1),
        ("talk.system", False),
        ("region", None),
        ("finding.sensitivity", None),
        ("finding.injection", None),
        ("context.share", None),
    ],
)
def test_a_plain_request_says(name: str, value: Value) -> None:
    assert value_of(name, "Hello!") == value


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ({"stream": True}, "request.stream", True),
        ({"n": 3}, "request.answers", 3),
        ({"max_tokens": 50}, "request.output_tokens", 50),
        ({"temperature": 0}, "request.temperature", 0.0),
        ({"tools": [{"type": "function", "function": {"name": "a"}}], "tool_choice": "auto"}, "tools.required", False),
        ({"functions": [{"name": "a"}, {"name": "b"}]}, "tools.names", ("a", "b")),
    ],
)
def test_a_field_of_the_request_says(more: dict[str, Any], name: str, value: Value) -> None:
    assert value_of(name, chat("Hello!", **more)) == value


def test_the_size_is_that_of_the_body() -> None:
    assert value_of("request.bytes", b'{"model":"auto","messages":[{"role":"user","content":"hi"}]}') == 60


def test_sounds_and_files_are_counted() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "file", "file": {"file_id": "f2"}},
        {"type": "text", "text": "What is in these?"},
    ]
    facts = facts_of({"model": "auto", "messages": [{"role": "user", "content": parts}]})
    assert [facts.value(f"request.{kind}") for kind in ("images", "audio", "files")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The committee met on Tuesday to discuss the new library and asked for a cheaper roof.", 17),
        ("def total(prices):\n    return sum(price for price in prices if price > 0)\n", 19),
        ("Die Lieferung kam zu spät, aber der Kundendienst war sehr freundlich und schnell.", 16),
        ("请帮我理解我们团队为董事会准备的季度收入报告。", 15),
        ("昨日、東京の取引先から新しい契約書が届きました。", 18),
        ("Пожалуйста, переведите этот договор на английский язык до завтра.", 16),
        ("어제 받은 계약서를 영어로 번역해 주세요.", 12),
    ],
)
def test_tokens_are_near_those_of_a_real_vocabulary(text: str, tokens: int) -> None:
    """Counted with `o200k_base`; a message's own are 4."""
    found = value_of("context.tokens", text)
    assert isinstance(found, int)
    assert found - 4 == pytest.approx(tokens, rel=0.45)


def test_all_that_is_sent_counts_in_the_context() -> None:
    long = "word " * 1000
    alone = value_of("context.tokens", long)
    with_more = value_of("context.tokens", chat(("system", long), long, ("assistant", long), ("tool", long)))
    assert isinstance(alone, int)
    assert with_more == pytest.approx(4 * alone, rel=0.01)
    assert value_of("context.share", long, window_tokens=2 * alone) == pytest.approx(0.5)


def test_tools_count_in_the_context() -> None:
    tool = {"type": "function", "function": {"name": "a", "description": "long " * 200}}
    assert value_of("context.tokens", chat("hi", tools=[tool])) > 200  # type: ignore[operator]


def test_the_clock_goes_by_the_configured_zone() -> None:
    here = extractor(time_zone="Asia/Tokyo")
    facts = facts_of("hi", extractor=here)
    assert [facts.value(f"time.{name}") for name in ("hour", "weekday", "zone")] == [7, 3, "Asia/Tokyo"]


def test_the_region_is_the_configured_one() -> None:
    assert value_of("region", "hi", extractor=extractor(region="eu-west")) == "eu-west"
    assert fact_of("region", "hi").why == "`signals.region` is not set"


@pytest.mark.parametrize("name", ["header.x_team", "header.x-team"])
def test_a_header_is_a_fact_by_its_name(name: str) -> None:
    headers = {b"x-team": "blå".encode(), b"authorization": b"Bearer secret"}
    assert value_of(name, "hi", headers=headers) == "blå"
    assert value_of(name, "hi") == ""


@pytest.mark.parametrize("name", ["header.authorization", "header.cookie", "header.x", "header.", "keyword.none", "x"])
def test_what_is_not_declared_is_not_known(name: str) -> None:
    with pytest.raises(KeyError):
        value_of(name, "hi", headers={b"authorization": b"Bearer secret"})
