import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antiphon.core.error import BadRequest
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.json import MAX_DEPTH, PIECE_BYTES, loads, twice

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=30
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=6)


def refused(body: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        loads(body)
    return caught.value


@given(OBJECTS, st.booleans(), st.sampled_from([None, 0, 3]), st.sampled_from(["", " ", "\n\t\r "]))
def test_a_valid_object_reads_as_the_standard_library_reads_it(
    fields: dict[str, Any], ascii_only: bool, indent: int | None, space: str
) -> None:
    body = (space + json.dumps(fields, ensure_ascii=ascii_only, indent=indent) + space).encode()

    assert loads(body) == json.loads(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_as_a_bad_request(body: bytes) -> None:
    try:
        value = loads(body)
    except BadRequest:
        return
    assert value == json.loads(body)


@given(OBJECTS, st.data())
def test_a_cut_object_is_refused(fields: dict[str, Any], data: st.DataObject) -> None:
    body = json.dumps(fields).encode()
    cut = data.draw(st.integers(0, len(body) - 1))

    refused(body[:cut])


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b"}',
        b'{"x":{"model":1,"y":2,"model":1}}',
        b'{"x":[[{"model":null,"model":null}]]}',
        b'{"model":1,"mod\\u0065l":2}',
    ],
)
def test_a_key_that_occurs_twice_is_refused_at_every_level_and_named(body: bytes) -> None:
    error = refused(body)

    assert "`model` occurs 2 times" in error.message
    assert error.param == "model"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_know_is_refused(word: str) -> None:
    assert word in refused(f'{{"temperature":{word}}}'.encode()).message


@pytest.mark.parametrize("digits", ["1e999", "-1e999", "9" * 400 + ".0"])
def test_a_number_that_would_become_infinite_is_refused(digits: str) -> None:
    assert "too large" in refused(f'{{"temperature":{digits}}}'.encode()).message


def test_a_whole_number_of_thousands_of_digits_is_refused() -> None:
    assert "number" in refused(b'{"seed":' + b"9" * 5000 + b"}").message


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\uD83Dx", r"\udc00\ud800", r"\\\ud800"])
def test_half_a_surrogate_pair_is_refused_with_its_place(half: str) -> None:
    error = refused(f'{{"messages":[{{"content":"a{half}"}}]}}'.encode())

    assert error.param == "messages[0].content"
    assert "surrogate" in error.message


def test_half_a_surrogate_pair_in_a_key_is_refused() -> None:
    assert "a key" in refused(rb'{"a\ud800":1}').message


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\ud800", r"\u00e9", r"\ud7ff\ue000"])
def test_whole_pairs_and_escaped_backslashes_are_taken(text: str) -> None:
    body = f'{{"a":"{text}"}}'.encode()

    assert loads(body) == json.loads(body)


@pytest.mark.parametrize(
    "body", [b'{"a":"\xff"}', b"\xff\xfe{\x00}\x00", '{"a":"é"}'.encode("latin-1"), b'{"a":"\xed\xa0\x80"}']
)
def test_bytes_that_are_not_utf_8_are_refused(body: bytes) -> None:
    assert "not UTF-8" in refused(body).message


@pytest.mark.parametrize("rest", [b"x", b"{}", b",", b"\x00", b" null", b"\xc2\xa0"])
def test_anything_behind_the_object_is_refused(rest: bytes) -> None:
    assert "behind its JSON object" in refused(b'{"a":1}' + rest).message


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_depth_is_bounded(opening: bytes, closing: bytes) -> None:
    def nested(levels: int) -> bytes:
        inner = levels - 1
        return b'{"x":' + opening * inner + b"1" + closing * inner + b"}"

    assert loads(nested(MAX_DEPTH)) == json.loads(nested(MAX_DEPTH))
    assert "nested deeper than 128" in refused(nested(MAX_DEPTH + 1)).message


@pytest.mark.parametrize("levels", [2_000, 200_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_bottomless_body_is_refused_without_harm(levels: int, opening: bytes) -> None:
    assert "nested deeper" in refused(b'{"x":' + opening * levels).message


def test_many_flat_brackets_are_no_depth() -> None:
    body = json.dumps({"a": [[i] for i in range(500)], "b": [{"c": {}}] * 500}).encode()

    assert loads(body) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[]", "a list"),
        (b'"a"', "a text"),
        (b"null", "'n'"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a":\n  ,}', "Expecting value at line 2, column 3"),
        (b'{"a":1\n "b":2}', "line 2, column 2"),
        (b"{'a':1}", "double quotes at line 1, column 2"),
        (b'{"a":"\n"}', "control character"),
        (b'{"a":01}', "delimiter"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, said: str) -> None:
    error = refused(body)

    assert said in error.message
    assert error.said_status == 400


def outcome(body: bytes) -> object:
    try:
        return loads(body)
    except BadRequest as error:
        return (error.message, error.param)


@given(st.one_of(OBJECTS.map(lambda fields: json.dumps(fields).encode()), st.binary()))
@example(b'{"a":[{"b":1,"b":2}]}')
@example(b'{"a":[1],"a":[2]}')
@example(b'{"a":["\\ud800"]}')
@example(b'{"a":["\xff"]}')
@example(b'{"a":[NaN]}')
@example(b'{"a":[1e999]}')
@example(b'{"a": [1,]}')
@example(b'{"a":' + b"[" * 200 + b"]" * 200 + b"}")
def test_a_long_body_is_read_as_a_short_one(body: bytes) -> None:
    assert outcome(body + b" " * LONG_BYTES) == outcome(body)


@given(st.lists(st.sampled_from(['"', ":", "\\", "{", "}", "é", "a"]), max_size=40), st.integers(0, PIECE_BYTES))
def test_a_key_that_comes_twice_is_found_wherever_a_long_text_is_cut(said: list[str], filling: int) -> None:
    text = json.dumps({"a": ["x" * filling, "".join(said)] * 3, "b": {"c": 1}}).encode()

    assert not twice(text, 3)
    assert twice(text.replace(b'"c": 1', b'"c": 1, "c": 2'), 3)
