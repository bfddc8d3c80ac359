from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from antiphon.core.body import Body, Edit


@st.composite
def cut(draw: DrawFn, text: bytes) -> tuple[bytes, ...]:
    """A text in pieces, empty ones too."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return tuple(text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True))


@st.composite
def edited(draw: DrawFn) -> tuple[bytes, tuple[bytes, ...], tuple[Edit, ...]]:
    """A text, the same in pieces, and edits of it in order that don't overlap."""
    text = draw(st.binary(max_size=30))
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    edits = tuple(Edit(start, end, draw(st.binary(max_size=4))) for start, end in pairs)
    return text, draw(cut(text)), edits


def spliced(text: bytes, edits: tuple[Edit, ...]) -> bytes:
    """The same done in the plainest way: from the end, so that offsets stay true."""
    for edit in reversed(edits):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@given(edited())
@example((b"abcd", (b"ab", b"cd"), (Edit(1, 3, b"X"), Edit(3, 3, b"Y"))))
@example((b"abcd", (b"a", b"b", b"c", b"d"), (Edit(0, 4, b""), Edit(4, 4, b"end"))))
@example((b"", (), (Edit(0, 0, b"all"),)))
def test_edits_are_a_splice_however_the_bytes_came(case: tuple[bytes, tuple[bytes, ...], tuple[Edit, ...]]) -> None:
    text, segments, edits = case

    body = Body(segments).edited(edits)

    assert body.whole() == spliced(text, edits)
    assert body.size_bytes == len(spliced(text, edits))


@given(edited())
def test_an_edited_body_leaves_the_first_as_it_was(
    case: tuple[bytes, tuple[bytes, ...], tuple[Edit, ...]],
) -> None:
    text, segments, edits = case
    body = Body(segments)

    body.edited(edits)

    assert body.segments == segments
    assert body.whole() == text


@given(st.binary(max_size=30).flatmap(lambda text: st.tuples(st.just(text), cut(text))), st.data())
def test_a_slice_is_that_of_the_whole(case: tuple[bytes, tuple[bytes, ...]], data: st.DataObject) -> None:
    text, segments = case
    start = data.draw(st.integers(0, len(text) + 2))
    end = data.draw(st.integers(start, len(text) + 4))

    assert Body(segments).slice(start, end) == text[start:end]


@given(st.binary(max_size=30).flatmap(lambda text: st.tuples(st.just(text), cut(text))))
def test_digest_and_size_are_those_of_the_whole(case: tuple[bytes, tuple[bytes, ...]]) -> None:
    text, segments = case
    body = Body(segments)

    assert body.sha256() == sha256(text).hexdigest()
    assert body.size_bytes == len(text)
    assert body.whole() == text
    assert body.sha256() == sha256(text).hexdigest()


def test_segments_that_no_edit_touches_are_shared() -> None:
    first, second, third = b"a" * 1000, b"b" * 1000, b"c" * 1000

    segments = Body((first, second, third)).edited((Edit(1500, 1501, b"X"),)).segments

    assert segments[0] is first
    assert segments[-1] is third


def test_without_edits_a_body_is_itself() -> None:
    body = Body((b"a", b"b"))

    assert body.edited(()) is body


@pytest.mark.parametrize("count", [0, 2, 3])
def test_a_body_is_joined_once(count: int) -> None:
    body = Body((b"x",) * count)

    assert body.whole() is body.whole()
    assert body.segments == (b"x" * count,)


def test_a_body_whose_segments_were_taken_has_none() -> None:
    body = Body((b"one", b"two"))

    assert body.taken() == [b"one", b"two"]
    assert body.segments == ()
    assert body.size_bytes == 6
