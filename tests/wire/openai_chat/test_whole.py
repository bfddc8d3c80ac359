import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antiphon.core.error import UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.whole import Facts, facts

ANSWER: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "model": "up-1",
    "system_fingerprint": "fp",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


def answer(**fields: Any) -> bytes:
    return json.dumps({**ANSWER, **fields}).encode()


def test_an_answer_says_its_model_and_use() -> None:
    assert facts(answer()) == Facts(
        model="up-1", fingerprint="fp", usage=Usage(input_tokens=10, output_tokens=5), usage_note=""
    )


@pytest.mark.parametrize("fields", [{}, {"usage": None}, {"usage": None, "model": None, "system_fingerprint": None}])
def test_what_an_answer_leaves_out_is_not_made_up(fields: dict[str, Any]) -> None:
    said = {name: value for name, value in ANSWER.items() if name == "choices"}

    assert facts(json.dumps({**said, **fields}).encode()) == Facts(model="", fingerprint="", usage=None, usage_note="")


def test_a_usage_that_can_not_be_believed_is_noted() -> None:
    found = facts(answer(usage={"prompt_tokens": -4, "completion_tokens": 5}))

    assert found.usage is None
    assert "prompt_tokens" in found.usage_note


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"<html>busy</html>",
        b'{"error":{"message":"no"}}',
        answer(choices=None),
        answer(choices={}),
        answer(choices="x"),
        answer(model=4),
        answer(usage=[]),
        answer(usage="many"),
        answer()[:-1],
        answer() + b"x",
        answer().replace(b"up-1", b"\xff"),
    ],
)
def test_what_is_no_chat_completion_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match="not a chat completion"):
        facts(body)


@given(st.binary(max_size=60) | st.binary(max_size=10).map(lambda noise: answer().replace(b"up-1", noise)))
@example(b'{"choices":[],"usage":{"prompt_tokens":1' + b"0" * 5000 + b"}}")
def test_any_bytes_are_an_answer_or_malformed(body: bytes) -> None:
    try:
        found = facts(body)
    except UpstreamMalformed:
        return
    assert isinstance(found, Facts)
