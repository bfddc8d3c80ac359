"""What gateways put into messages does not reach providers that refuse it."""

import json
from typing import Any

import pytest
from operations import asked, sent

from antiphon.wire.codec import Quirks
from antiphon.wire.openai_chat.codec import OpenAIChat

TOLD: dict[str, Any] = {
    "role": "assistant",
    "content": "Two",
    "reasoning_content": "hm",
    "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
    "tool_calls": [
        {
            "id": "c",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "g"}},
        }
    ],
}
BODY = {"model": "m", "messages": [{"role": "user", "content": "One"}, TOLD], "seed": 7}


def through(who: str, cut: int = 0) -> tuple[dict[str, Any], list[str]]:
    put = sent(
        OpenAIChat(), asked(OpenAIChat(), BODY, endpoint="/v1/chat/completions", cut=cut), quirks=Quirks(who=who)
    )
    return json.loads(put.body.whole()), [loss.field for loss in put.losses]


@pytest.mark.parametrize("cut", [0, 7])
def test_a_strict_provider_gets_messages_without_it_and_it_is_told(cut: int) -> None:
    body, losses = through("openai", cut)

    (call,) = TOLD["tool_calls"]
    plain = {"role": "assistant", "content": "Two", "tool_calls": [{**call}]}
    del plain["tool_calls"][0]["extra_content"]
    assert body == {"model": "up", "messages": [{"role": "user", "content": "One"}, plain], "seed": 7}
    assert losses == [
        "messages[1].thinking_blocks",
        "messages[1].reasoning_content",
        "messages[1].tool_calls[0].extra_content",
    ]


def test_another_provider_gets_the_callers_own_bytes() -> None:
    body, losses = through("vllm")

    assert body == {**BODY, "model": "up"}
    assert losses == []


def test_words_of_a_text_are_no_fields() -> None:
    said = {"model": "m", "messages": [{"role": "user", "content": 'What is "thinking_blocks"?'}]}
    put = sent(OpenAIChat(), asked(OpenAIChat(), said, endpoint="/v1/chat/completions"), quirks=Quirks(who="openai"))

    assert json.loads(put.body.whole()) == {**said, "model": "up"}
    assert put.losses == ()
