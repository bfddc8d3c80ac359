"""How the lab reads requests, and what it says of those that it can't."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.error import BadRequest
from antiphon.providers.lab.count import cut, pieces, tokens
from antiphon.providers.lab.decode import decode

USER = {"role": "user", "content": "hi"}


def body(**fields: object) -> bytes:
    return json.dumps({"model": "lab", "messages": [USER], **fields}).encode()


@pytest.mark.parametrize(
    ("data", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b'{"model": "\xff"}', None),
        (b"[" * 100_000, None),
        (b'{"model": "lab", "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}", None),
        (b'{"messages": [{"role": "user"}]}', "model"),
        (b'{"model": "lab"}', "messages"),
        (body(model=3), "model"),
        (body(messages=[]), "messages"),
        (body(messages="hi"), "messages"),
        (body(messages=[USER, {"content": "x"}]), "messages[1].role"),
        (body(messages=[{"role": "robot"}]), "messages[0].role"),
        (body(messages=[{"role": "user", "content": [{"text": "x"}]}]), "messages[0].content[0].type"),
        (body(n=0), "n"),
        (body(max_tokens=0), "max_tokens"),
        (body(stream="yes"), "stream"),
        (body(top_logprobs=2), "top_logprobs"),
        (body(tool_choice="required"), "tool_choice"),
        (body(tools=[{"type": "function", "function": {}}]), "tools[0].function.name"),
    ],
)
def test_what_can_not_be_read_is_refused_by_the_name_of_its_field(data: bytes, param: str | None) -> None:
    with pytest.raises(BadRequest) as refused:
        decode(data)
    assert refused.value.param == param
    assert refused.value.said_status == 400


def test_unknown_fields_are_taken() -> None:
    asked = decode(body(frobnicate={"a": 1}, messages=[USER | {"mood": "good"}]))
    assert asked.last_user_text == "hi"


def test_the_key_stands_for_all_that_an_answer_depends_on() -> None:
    plain = decode(body()).key
    assert decode(body(stream=True, stream_options={"include_usage": True})).key == plain
    assert decode(b'{"messages": [{"role": "user", "content": "hi"}],  "model":"lab"}').key == plain
    others = [body(model="b"), body(temperature=1), body(temperature=2), body(messages=[USER, USER]), body(user="u")]
    assert len({plain, *(decode(other).key for other in others)}) == 6


def test_prompt_tokens_count_texts_media_tool_calls_and_tools() -> None:
    text = {"role": "user", "content": [{"type": "text", "text": "x" * 5}, {"type": "image_url", "image_url": {}}]}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert decode(body(messages=[text])).prompt_tokens == 2 + 256
    assert decode(body(messages=[call])).prompt_tokens == 3
    assert decode(body(tools=tools)).prompt_tokens == 1 + -(-len(json.dumps(tools)) // 4)


@given(st.text(), st.integers(0, 20))
def test_a_cut_text_is_the_longest_start_within_its_tokens(text: str, most: int) -> None:
    start = cut(text, most)
    assert text.startswith(start)
    assert tokens(start) <= most
    assert start == text or len(start.encode()) + len(text[len(start)].encode()) > 4 * most


@given(st.text())
def test_pieces_add_up_to_their_text(text: str) -> None:
    assert "".join(pieces(text)) == text
