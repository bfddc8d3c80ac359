import pytest

from antiphon.cli import text
from antiphon.core.usage import Usage


@pytest.mark.parametrize(
    ("value_s", "shown"), [(0.0, "0.0 ms"), (0.0006, "0.6 ms"), (0.0484, "48 ms"), (1.2, "1.20 s"), (125.0, "125.00 s")]
)
def test_a_duration_has_the_digits_that_count(value_s, shown):
    assert text.seconds(value_s) == shown


@pytest.mark.parametrize(
    ("nano", "shown"), [(0, "$0.00"), (37_950, "$0.00003795"), (1, "$0.000000001"), (1_500_000_000, "$1.50")]
)
def test_an_amount_keeps_every_digit(nano, shown):
    assert text.dollars(nano) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (250_000_000, "250 MB"), (84_500_000_000, "84.5 GB")],
)
def test_a_size_has_a_unit(count, shown):
    assert text.size(count) == shown


def test_tokens_are_told_with_their_kinds():
    usage = Usage(input_tokens=9, cached_tokens=4, output_tokens=61, reasoning_tokens=20)
    assert text.tokens(usage) == "9 tokens in (4 cached), 61 out (20 reasoning)"
    assert text.tokens(Usage(input_tokens=1, output_tokens=1)) == "1 token in, 1 out"
    assert text.tokens(Usage(input_tokens=9, output_tokens=61)) == "9 tokens in, 61 out"


def test_cells_stand_beneath_each_other():
    assert text.table([("a", "bcd", "e"), ("long", "f", "")], ("X", "Y", "Z")) == [
        "X     Y    Z",
        "a     bcd  e",
        "long  f",
    ]
    assert text.table([]) == []


def test_a_cell_can_neither_break_its_line_nor_drive_a_terminal():
    assert text.table([("a\nb\x1b[31m\x9b", "c")]) == ["a b\ufffd[31m\ufffd  c"]


def test_pairs_without_a_value_are_left_out():
    assert text.pairs([("one", "1"), ("none", "")]) == ["one  1"]
