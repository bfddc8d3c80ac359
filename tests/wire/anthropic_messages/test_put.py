from typing import Any

import msgspec
import pytest
from anthropic_said import CODEC, REFUSES, USER, body, request

from antiphon.wire.codec import Quirks, Terms


def put(said: dict[str, Any] | bytes, **terms: Any) -> bytes:
    return CODEC.put(request(said), Terms(**{"model": "claude", **terms})).body.whole()


ODD = (
    b'{ "max_tokens" : 9,\n "system": "S\\u0041", "messages": [ {"role":"user","content":"Hi"} ] ,'
    b' "model":"claude", "x": [1e2] }'
)


def test_nothing_to_change_leaves_the_very_body() -> None:
    asked = request(ODD)

    assert CODEC.put(asked, Terms(model="claude")).body is asked.body


def test_only_the_model_is_put_in() -> None:
    assert put(ODD, model="up\u00e9") == ODD.replace(b'"claude"', '"upé"'.encode())


@pytest.mark.parametrize(
    ("system", "after"),
    [
        (None, "P"),
        ("", "P"),
        ("S", [{"type": "text", "text": "P"}, {"type": "text", "text": "S"}]),
        ([], [{"type": "text", "text": "P"}]),
        (
            [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
            [
                {"type": "text", "text": "P"},
                {"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}},
            ],
        ),
    ],
)
def test_the_prompt_goes_before_what_the_caller_says(system: Any, after: Any) -> None:
    said = body(system=system)

    assert msgspec.json.decode(put(said, prompt="P")) == {**said, "system": after}


def test_the_prompt_is_put_in_where_no_system_is() -> None:
    assert msgspec.json.decode(put(body(), prompt="P")) == {**body(), "system": "P"}


def test_the_bytes_of_the_callers_system_stay() -> None:
    wrapped = b'[{"type":"text","text":"P"},{"type":"text","text":"S\\u0041"}]'

    assert put(ODD, prompt="P") == ODD.replace(b'"S\\u0041"', wrapped)


@pytest.mark.parametrize("gap", [b"", b" ", b" " * 200])
def test_a_broken_answer_is_gone_on_with_by_a_last_message(gap: bytes) -> None:
    text = b'{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"a]"}' + gap + b"]" + gap + b"}"

    after = msgspec.json.decode(put(text, so_far="So far \n"))

    assert after["messages"][-1] == {"role": "assistant", "content": "So far"}
    assert after["messages"][0] == {"role": "user", "content": "a]"}


def test_white_space_alone_is_nothing_to_go_on_with() -> None:
    assert msgspec.json.decode(put(body(), so_far=" \n")) == body()


def test_fields_that_the_upstream_refuses_are_left_out_and_told() -> None:
    put_ = CODEC.put(request(body(system="S", temperature=0.5, x=1)), Terms(model="up", quirks=REFUSES))

    assert msgspec.json.decode(put_.body.whole()) == {**body(x=1), "model": "up"}
    assert {(loss.field, loss.why) for loss in put_.losses} == {
        ("system", "Acme refuses it"),
        ("temperature", "Acme refuses it"),
    }


def test_all_edits_go_together() -> None:
    said = body(system="S", temperature=0.5, top_k=1)
    quirks = Quirks(rejects=("temperature", "top_k"))

    after = msgspec.json.decode(put(said, model="up", prompt="P", so_far="x", quirks=quirks))

    assert after == {
        "model": "up",
        "max_tokens": 9,
        "messages": [USER, {"role": "assistant", "content": "x"}],
        "system": [{"type": "text", "text": "P"}, {"type": "text", "text": "S"}],
    }


def thought(signature: str) -> dict[str, Any]:
    return body(
        messages=[
            USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": signature},
                    {"type": "text", "text": "A"},
                ],
            },
            USER,
        ],
        stream=True,
    )


def test_thinking_of_its_own_goes_byte_for_byte() -> None:
    asked = request(thought("EqRk=="))

    assert CODEC.put(asked, Terms(model="claude")).body is asked.body


@pytest.mark.parametrize(
    ("signature", "model", "left"),
    [
        ("gemini:abc", "claude-opus-4-7", True),
        ("gemini:abc", "kimi-k3", True),
        ("", "claude-opus-4-7", True),
        ("", "kimi-k3", False),
    ],
)
def test_thoughts_that_the_upstream_can_not_check_are_left_out_and_told(signature: str, model: str, left: bool) -> None:
    said = thought(signature)

    put_ = CODEC.put(request(said), Terms(model=model))

    after = msgspec.json.decode(put_.body.whole())
    assert after["stream"] is True
    assert [block["type"] for block in after["messages"][1]["content"]] == (["text"] if left else ["thinking", "text"])
    assert [loss.field for loss in put_.losses] == (["messages[1].content[0]"] if left else [])
