"""A limit of output tokens is lowered where the request's dialect says it, and all else stays."""

from typing import Any

import msgspec
import pytest
from operations import asked

from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect
from antiphon.wire.codecs import CODECS
from antiphon.wire.lowered import lowered, lowers

SAID: list[dict[str, Any]] = [{"role": "user", "content": "hé"}]
CASES: list[tuple[Dialect, dict[str, Any], tuple[str, ...]]] = [
    ("openai_chat", {"model": "m", "messages": SAID, "max_tokens": 900}, ("max_tokens",)),
    ("openai_chat", {"model": "m", "messages": SAID, "max_completion_tokens": 900}, ("max_completion_tokens",)),
    ("openai_chat", {"model": "m", "messages": SAID, "top_k": 4}, ("max_completion_tokens",)),
    ("openai_responses", {"model": "m", "input": "hi", "max_output_tokens": 900}, ("max_output_tokens",)),
    ("anthropic_messages", {"model": "m", "messages": SAID, "max_tokens": 900}, ("max_tokens",)),
    ("openai_completions", {"model": "m", "prompt": "hi"}, ("max_tokens",)),
    (
        "gemini",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"temperature": 0.5}},
        ("generationConfig", "maxOutputTokens"),
    ),
    (
        "gemini",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generation_config": {"max_output_tokens": 900}},
        ("generation_config", "max_output_tokens"),
    ),
    ("gemini", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, ("generationConfig", "maxOutputTokens")),
]


@pytest.mark.parametrize(("dialect", "body", "path"), CASES)
def test_the_limit_is_set_and_all_else_stays(dialect: Dialect, body: dict[str, Any], path: tuple[str, ...]) -> None:
    request = asked(CODECS[dialect], msgspec.json.encode(body), model="m")
    made = lowered(request, 17)
    assert made.head.output_tokens == 17
    assert made.digest == request.digest
    assert made.head.needs == request.head.needs
    found = msgspec.json.decode(made.body.whole())
    expected = msgspec.json.decode(msgspec.json.encode(body))
    inner = expected
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
    inner[path[-1]] = 17
    assert found == expected


def test_only_dialects_with_such_a_limit_are_lowered() -> None:
    assert {name for name in CODECS if lowers(name)} == {case[0] for case in CASES}


def test_a_request_that_reads_no_limit_is_refused() -> None:
    request = asked(CODECS["openai_chat"], msgspec.json.encode({"model": "m", "messages": SAID}), model="m")
    with pytest.raises(BadRequest):
        lowered(request, 0)
