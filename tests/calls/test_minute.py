from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.minute import Minute

STEPS = st.lists(st.tuples(st.floats(0, 40), st.integers(0, 9)), max_size=60)


def replay(steps: Sequence[tuple[float, int]]) -> tuple[Minute, list[tuple[float, int]], float]:
    minute, told, now_s = Minute(), list[tuple[float, int]](), 0.0
    for wait_s, amount in steps:
        now_s += wait_s
        minute.add(amount, now_s)
        told.append((now_s, amount))
    return minute, told, now_s


@given(STEPS, st.floats(0, 100))
def test_it_never_leaves_out_what_is_younger_than_a_minute(steps: list[tuple[float, int]], later_s: float) -> None:
    minute, told, now_s = replay(steps)
    now_s += later_s

    used = minute.used(now_s)

    assert used >= sum(amount for at_s, amount in told if now_s - at_s < 60)
    assert used <= sum(amount for at_s, amount in told if now_s - at_s <= 65)


@given(STEPS, st.integers(0, 50))
def test_it_is_free_when_it_says_so_and_not_before(steps: list[tuple[float, int]], most: int) -> None:
    minute, _, now_s = replay(steps)

    free_s = minute.free_at_s(most, now_s)

    assert free_s >= now_s
    if free_s > now_s:
        assert minute.used(max(now_s, free_s - 0.001)) > most
    assert minute.used(free_s) <= most


def test_what_was_counted_too_much_is_taken_back() -> None:
    minute = Minute()
    minute.add(100, 3.0)

    minute.add(-40, 7.0)

    assert minute.used(8.0) == 60
    assert minute.used(1e6) == 0


def test_an_amount_counts_for_a_minute_at_least_and_65_seconds_at_most() -> None:
    early, late = Minute(), Minute()
    early.add(1, 5.0)
    late.add(1, 9.9)

    assert [early.used(69.9), early.used(70.0)] == [1, 0]
    assert [late.used(69.9), late.used(70.0)] == [1, 0]
