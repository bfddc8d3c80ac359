import contextlib
import json
from typing import Any

import pytest
from bodies import JSON, chats, segments
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.wire.scan import MAX_DEPTH, Scanner

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
NOISE = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b'"a"', b'"b":', b"1", b" ", b"null", b"\n", b"\xff"]
    ),
    max_size=30,
).map(b"".join)


def scanned(pieces: tuple[bytes, ...], tokens: int = 1000) -> Scanner:
    """Scan to the end; never takes more steps than there are bytes."""
    scanner = Scanner(Body(pieces))
    for _ in range(sum(map(len, pieces)) + len(pieces) + 2):
        if scanner.step(tokens):
            return scanner
    raise AssertionError("the scanner does not come to an end")


def spans(scanner: Scanner) -> dict[str, tuple[int, int, int]]:
    return {name: (field.key, field.start, field.end) for name, field in scanner.fields.items()}


def outcome(pieces: tuple[bytes, ...], tokens: int = 1000) -> dict[str, tuple[int, int, int]] | str:
    """What was found, or why it was refused."""
    try:
        return spans(scanned(pieces, tokens))
    except BadRequest as error:
        return error.message


@st.composite
def cut_noise(draw: DrawFn) -> tuple[bytes, ...]:
    text = draw(NOISE | st.binary(max_size=40) | NOISE.map(lambda inner: b'{"a":' + inner + b"}"))
    return draw(segments(text))


@often
@given(cut_noise(), st.integers(1, 3))
@example((b'{"a\\', b"", b'"b":1}'), 1)
@example((b'{"a', b"\\", b'":1}'), 1)
def test_any_bytes_are_taken_or_refused_and_never_more(pieces: tuple[bytes, ...], tokens: int) -> None:
    with contextlib.suppress(BadRequest):
        scanned(pieces, tokens)


@often
@given(cut_noise())
def test_how_bytes_are_cut_changes_nothing(pieces: tuple[bytes, ...]) -> None:
    whole = (b"".join(pieces),)

    assert outcome(pieces, 1) == outcome(whole)


@often
@given(cut_noise())
def test_what_json_takes_without_repeated_keys_is_taken_with_the_same_values(pieces: tuple[bytes, ...]) -> None:
    text = b"".join(pieces)
    try:
        pairs: Any = json.loads(text.decode(), object_pairs_hook=list)
    except (ValueError, UnicodeDecodeError):
        return
    is_object = text.strip().startswith(b"{")
    if not is_object or len({name for name, _ in pairs}) != len(pairs):
        with pytest.raises(BadRequest):
            scanned(pieces)
        return

    fields = scanned(pieces).fields

    assert list(fields) == [name for name, _ in pairs]
    for name, value in pairs:
        assert json.loads(text[fields[name].start : fields[name].end], object_pairs_hook=list) == value


@often
@given(chats(), st.data())
def test_every_field_of_a_body_is_found_where_it_stands(
    case: tuple[dict[str, Any], bytes], data: st.DataObject
) -> None:
    fields, text = case

    found = scanned(data.draw(segments(text)), data.draw(st.integers(1, 50))).fields

    assert list(found) == list(fields)
    for name, field in found.items():
        key, colon, value = (
            text[field.key : field.start - 1],
            text[field.start - 1 : field.start],
            text[field.start : field.end],
        )
        assert json.loads(key) == name
        assert key.startswith(b'"')
        assert colon == b":"
        assert json.loads(value) == fields[name]
        assert text[field.end : field.end + 1] in (b",", b"}")


@often
@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.data())
def test_every_prefix_of_a_body_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value).encode()
    end = data.draw(st.integers(0, len(text) - 1))

    with pytest.raises(BadRequest):
        scanned(data.draw(segments(text[:end])))


def test_depth_is_bounded_as_it_is_for_the_other_reader() -> None:
    inner = MAX_DEPTH - 1

    scanned((b'{"a":' + b"[" * inner + b"]" * inner + b"}",))
    with pytest.raises(BadRequest, match="deeper"):
        scanned((b'{"a":' + b"[" * (inner + 1) + b"]" * (inner + 1) + b"}",))


def test_a_step_looks_at_no_more_tokens_than_it_is_told() -> None:
    scanner = Scanner(Body((b'{"a":[1,2,3],"b":{"c":"d"}}',)))

    steps = 1
    while not scanner.step(1):
        steps += 1

    assert steps == 17 + 2, "a string is two tokens, its start and its end; then the end of the segment, and of all"


def test_a_body_of_no_bytes_is_refused() -> None:
    with pytest.raises(BadRequest):
        scanned(())
    with pytest.raises(BadRequest):
        scanned((b"", b""))
