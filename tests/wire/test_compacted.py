"""The oldest turns go, and only as many as have to."""

import json
from typing import Any

import pytest
from operations import asked

from antiphon.core.request import Dialect, Request
from antiphon.wire.codecs import CODECS
from antiphon.wire.compacted import compacted

LONG = "word " * 100


def _chat(dialect: Dialect, body: dict[str, Any]) -> Request:
    return asked(CODECS[dialect], body, model="m")


def _said(request: Request, field: str) -> list[dict[str, Any]]:
    return json.loads(request.body.whole())[field]


def quarter(size_bytes: int) -> int:
    return size_bytes // 4


MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": LONG + "first"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": LONG},
    {"role": "assistant", "content": "Seen."},
    {"role": "user", "content": LONG + "second"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "third"},
]  # fmt: skip


def test_whole_turns_go_and_instructions_stay() -> None:
    request = _chat("openai_chat", {"model": "m", "messages": MESSAGES, "temperature": 0})
    found = compacted(request, 200, quarter)
    assert found is not None
    less, loss = found
    assert _said(less, "messages") == [MESSAGES[0], *MESSAGES[5:]]
    assert loss.field == "messages[1..4]"
    assert loss.effect == "the 4 oldest messages were left out"
    assert less.digest == request.digest
    assert json.loads(less.body.whole())["temperature"] == 0


def test_no_more_goes_than_has_to() -> None:
    request = _chat("openai_chat", {"model": "m", "messages": MESSAGES})
    most = quarter(request.body.size_bytes) - 1
    found = compacted(request, most, quarter)
    assert found is not None
    assert _said(found[0], "messages")[1] == MESSAGES[5]


def test_a_last_turn_that_is_too_long_is_not_cut() -> None:
    request = _chat("openai_chat", {"model": "m", "messages": MESSAGES[-3:]})
    assert compacted(request, 5, quarter) is None


def test_a_result_is_no_turn_of_a_person() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": LONG},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "seen"}]},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "next"},
    ]
    request = _chat("anthropic_messages", {"model": "m", "max_tokens": 9, "messages": messages})
    found = compacted(request, 60, quarter)
    assert found is not None
    assert _said(found[0], "messages") == messages[4:]


@pytest.mark.parametrize(
    ("dialect", "field", "body"),
    [
        ("openai_responses", "input", {"model": "m", "input": [
            {"role": "user", "content": LONG}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}),
        ("gemini", "contents", {"contents": [
            {"role": "user", "parts": [{"text": LONG}]}, {"role": "model", "parts": [{"text": "a"}]},
            {"role": "user", "parts": [{"text": "b"}]}]}),
    ],
)  # fmt: skip
def test_each_dialect_has_its_turns(dialect: Dialect, field: str, body: dict[str, Any]) -> None:
    found = compacted(_chat(dialect, body), 40, quarter)
    assert found is not None
    assert _said(found[0], field) == body[field][2:]


def test_what_has_no_turns_stays() -> None:
    assert compacted(_chat("openai_responses", {"model": "m", "input": LONG}), 5, quarter) is None
