import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.receipt import Loss
from antiphon.wire.codec import left_over
from antiphon.wire.losses import HEADER_BYTES, MORE, MOST, MOST_FIELD, Losses, told_losses

ITEM = re.compile(r'"((?:[^"\\]|\\["\\])*)";effect="((?:[^"\\]|\\["\\])*)"(;adapted)?')


def fields(losses: Losses) -> list[str]:
    return [loss.field for loss in losses.told()]


def test_losses_are_told_in_the_order_in_which_they_were_found() -> None:
    losses = Losses()
    losses.add("seed", "X has none")
    losses.add("stop", "X has one", "sent as one", adapted=True)

    assert losses.told() == (
        Loss(field="seed", why="X has none", effect="left out"),
        Loss(field="stop", why="X has one", effect="sent as one", adapted=True),
    )
    assert Losses().told() == ()


@pytest.mark.parametrize(
    ("first", "second", "adapted"), [(True, False, False), (False, True, False), (True, True, True)]
)
def test_a_field_is_told_once_and_as_lost_where_it_was_both(first: bool, second: bool, adapted: bool) -> None:
    losses = Losses()
    losses.add("a", "1", adapted=first)
    losses.add("b", "1", adapted=True)
    losses.add("a", "2", adapted=second)

    assert [(loss.field, loss.adapted) for loss in losses.told()] == [("a", adapted), ("b", True)]


@pytest.mark.parametrize(("adapted", "late"), [(True, True), (True, False), (False, True)])
def test_of_very_many_the_rest_is_counted_and_is_lost_where_one_of_it_is(adapted: bool, late: bool) -> None:
    losses = Losses()
    for number in range(MOST + 5):
        losses.add(f"a[{number}]", "why", adapted=adapted if number < MOST + 4 else late)

    *_, last = losses.told()

    assert len(losses.told()) == MOST + 1
    assert (last.field, last.why, last.adapted) == (MORE, "5 more losses", adapted and late)


def test_a_field_of_any_length_is_cut() -> None:
    losses = Losses()
    losses.add("x" * 1_000_000, "why")
    losses.add("x" * 1_000_001, "why")

    assert fields(losses) == ["x" * (MOST_FIELD - 1) + MORE]


def test_every_one_of_some_fields_is_left_out() -> None:
    losses = Losses()
    losses.all_of(("a", "b"), "", "why")
    losses.all_of(("c",), "messages[0]", "why")

    assert fields(losses) == ["a", "b", "messages[0].c"]


# --- what a foreign object says beside the words


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_what_says_nothing_is_no_loss(value: object) -> None:
    losses = Losses()
    left_over({"a": value}, "", losses, "X")

    assert losses.told() == ()


@pytest.mark.parametrize("value", [True, 0, 0.0, 1, "a", [0], {"a": None}])
def test_what_says_something_is_told_with_its_path(value: object) -> None:
    losses = Losses()
    left_over({"a": value, "known": value}, "tools[1]", losses, "X", ("known",))
    left_over({"a": value}, "", losses, "X")

    assert [(loss.field, loss.why, loss.adapted) for loss in losses.told()] == [
        ("tools[1].a", "X has no such field", False),
        ("a", "X has no such field", False),
    ]


# --- the header


def read(header: bytes) -> list[tuple[str, str, bool]]:
    """The list that the header holds, by RFC 9651."""
    name, _, value = header.partition(b": ")
    assert name == b"x-antiphon-losses"
    assert value.endswith(b"\r\n")
    text, out = value.removesuffix(b"\r\n").decode("ascii"), list[tuple[str, str, bool]]()
    while text:
        found = ITEM.match(text)
        assert found, text
        out.append((found[1].replace("\\", ""), found[2].replace("\\", ""), found[3] is not None))
        text = text[found.end() :]
        assert not text or text.startswith(", ")
        text = text.removeprefix(", ")
    return out


def test_the_header_lists_fields_and_what_became_of_them() -> None:
    losses = (
        Loss(field="seed", why="no", effect="left out"),
        Loss(field="messages[0].content", why="no", effect='sent as "text"', adapted=True),
        Loss(field=MORE, why="5 more losses", effect="left out"),
    )

    assert told_losses(losses) == (
        b'x-antiphon-losses: "seed";effect="left out", '
        b'"messages[0].content";effect="sent as \\"text\\"";adapted, "...";effect="left out"\r\n'
    )


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=40), st.booleans()), min_size=1, max_size=80))
def test_whatever_the_fields_are_the_header_is_a_short_list_of_ascii(found: list[tuple[str, str, bool]]) -> None:
    losses = Losses()
    for field, effect, adapted in found:
        losses.add(field, "why", effect, adapted=adapted)
    told = losses.told()

    items = read(told_losses(told))

    assert 1 <= len(items) <= len(told)
    assert sum(len(field) for field, _, _ in items) <= HEADER_BYTES
    assert [adapted for _, _, adapted in items] == [loss.adapted for loss in told[: len(items)]]
