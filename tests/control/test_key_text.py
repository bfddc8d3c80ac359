import re

from hypothesis import given
from hypothesis import strategies as st

from antiphon.control.key_text import LENGTH, SIGNS, digest, make, mistyped

RANDOM = st.binary(min_size=32, max_size=32)


@given(RANDOM)
def test_a_key_has_one_form_and_is_no_mistake(random: bytes) -> None:
    text = make(random)
    assert re.fullmatch(r"ak-[0-9A-Za-z]{49}", text)
    assert len(text) == LENGTH
    assert not mistyped(text.encode())


@given(RANDOM, st.integers(3, LENGTH - 1), st.sampled_from(SIGNS))
def test_a_wrong_sign_is_noticed(random: bytes, at: int, sign: str) -> None:
    text = make(random)
    changed = text[:at] + sign + text[at + 1 :]
    assert mistyped(changed.encode()) == (changed != text)


@given(RANDOM, RANDOM)
def test_different_bytes_make_different_keys(one: bytes, other: bytes) -> None:
    assert (make(one) == make(other)) == (one == other)
    assert (digest(make(one)) == digest(make(other))) == (one == other)


@given(RANDOM, st.integers(0, LENGTH - 1))
def test_a_cut_key_is_noticed(random: bytes, length: int) -> None:
    cut = make(random)[:length].encode()
    assert mistyped(cut) == cut.startswith(b"ak-")


def test_keys_are_not_made_twice() -> None:
    assert len({make() for _ in range(1000)}) == 1000


def test_other_texts_are_no_mistakes_of_ours() -> None:
    assert not any(mistyped(text) for text in (b"", b"sk-1234", b"\xff\xfe", b"AK-" + b"0" * 49))
    assert mistyped(b"ak-\xff" + b"0" * 48)
