"""What holds for the head of any long body, whichever dialect it is in."""

import json
from collections.abc import Generator
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Need
from antiphon.wire import slices
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.slices import marked, scanned, values

T = TypeVar("T")
SURROGATE = b'{"model":"m","tools":[{"description":"\\ud800"}]}'


def run(work: Generator[None, None, T]) -> T:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def cut(text: bytes, places: list[int]) -> Body:
    edges = [0, *sorted({min(place, len(text)) for place in places}), len(text)]
    return Body(tuple(text[start:end] for start, end in pairwise(edges)))


@given(st.text(max_size=8), st.lists(st.integers(0, 60), max_size=8))
def test_characters_may_be_cut_anywhere(said: str, places: list[int]) -> None:
    text = json.dumps({"model": "m", "said": said}, ensure_ascii=False).encode(errors="replace")

    assert run(scanned(cut(text, places))).keys() == {"model", "said"}


@given(st.lists(st.integers(0, 40), max_size=8))
def test_a_byte_that_is_no_text_is_named_wherever_the_body_is_cut(places: list[int]) -> None:
    text = '{"model":"mü","said":"ab'.encode() + b'\xc3"}'

    with pytest.raises(BadRequest, match="the body is not UTF-8: byte 25 is 0xc3"):
        run(scanned(cut(text, places)))


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        ("openai_chat", b'{"model":"m","messages":[{"role":"user","content":"%b"}]}'),
        ("openai_responses", b'{"model":"m","input":[{"role":"user","content":"%b"}]}'),
        ("anthropic_messages", b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"%b"}]}'),
        ("gemini", b'{"contents":[{"role":"user","parts":[{"text":"%b"}]}]}'),
        ("openai_embeddings", b'{"model":"m","input":["%b"]}'),
    ],
)
def test_no_dialect_passes_on_a_long_body_that_is_not_utf_8(dialect: str, text: bytes) -> None:
    body = Body((text % (b"x" * LONG_BYTES + b"\xff"),))

    with pytest.raises(BadRequest, match=r"is not UTF-8: byte \d+ is 0xff"):
        list(CODECS[dialect].read_long(body, Asked(endpoint="/", model="m" if dialect == "gemini" else "")))


@pytest.mark.parametrize(
    ("text", "said", "param"),
    [
        (
            SURROGATE,
            "`tools`, read by itself: tools[0].description holds half a surrogate pair",
            "tools[0].description",
        ),
        (b'{"model":"m","tools":[{"a":1,"a":2}]}', "`tools`, read by itself: the key `a` occurs 2 times", "a"),
        (b'{"model":"m","tools":[NaN]}', "`tools`, read by itself: NaN is not JSON", "tools"),
    ],
)
def test_a_value_is_read_as_strictly_as_a_whole_body(text: bytes, said: str, param: str) -> None:
    body = Body((text,))

    with pytest.raises(BadRequest) as raised:
        values(body, run(scanned(body)), ("tools", "absent"))

    assert raised.value.message.startswith(said)
    assert raised.value.param == param


@given(st.lists(st.integers(0, 200), max_size=8))
def test_no_mark_is_missed_where_a_body_is_cut(places: list[int]) -> None:
    text = b'{"said":"%b","messages":"%b image %b"}' % (b"image " * 3, b"x" * 70, b"y" * 70)
    body = cut(text, places)
    field = run(scanned(body))["messages"]

    def find(piece: bytes) -> list[Need]:
        assert len(piece) <= len(b" image ") + slices.PIECE_BYTES
        return ["images"] if b" image " in piece else []

    assert run(marked(body, field, len(b" image "), find)) == {"images"}
    beside = Field(key=0, start=text.index(b"yyy"), end=len(text))
    assert run(marked(body, beside, len(b" image "), find)) == frozenset()
