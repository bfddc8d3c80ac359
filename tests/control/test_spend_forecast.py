from datetime import date, timedelta

import pytest

from antiphon.control.spend_forecast import DAY_NS, forecast, window

NOW_NS = 1_795_435_200 // 86_400 * DAY_NS
"""2026-11-23, a Monday, at midnight."""
TODAY = date(2026, 11, 23)
MONTH = (NOW_NS - 22 * DAY_NS, NOW_NS + 8 * DAY_NS)


def back(*money: int) -> dict[date, int]:
    """Money of the days before today, the last one yesterday's."""
    return {TODAY - timedelta(days=len(money) - at): one for at, one in enumerate(money)}


def test_the_window_is_the_month_unless_one_that_ends_later_was_asked_for() -> None:
    assert window(NOW_NS, NOW_NS, NOW_NS - DAY_NS) == MONTH
    assert window(NOW_NS, NOW_NS + DAY_NS, NOW_NS - DAY_NS) == (NOW_NS - DAY_NS, NOW_NS + DAY_NS)
    december = NOW_NS + 30 * DAY_NS
    assert window(december, december, 0) == (NOW_NS + 8 * DAY_NS, NOW_NS + 39 * DAY_NS)


def test_even_days_go_on_as_they_are_and_nothing_else_is_held_possible() -> None:
    found = forecast(1000, back(100, 100, 100, 100), NOW_NS, *MONTH)

    assert found is not None
    assert (found.expected_nano_usd, found.low_nano_usd, found.high_nano_usd) == (1800, 1800, 1800)
    assert "median day of the last 4" in found.method


def test_one_wild_day_does_not_move_it() -> None:
    found = forecast(0, back(100, 100, 9_000_000, 100, 100), NOW_NS, *MONTH)

    assert found is not None
    assert found.expected_nano_usd == 800


def test_from_two_weeks_on_weekends_count_as_weekends() -> None:
    money = [0 if (TODAY - timedelta(days=14 - at)).weekday() >= 5 else 100 for at in range(14)]

    found = forecast(0, back(*money), NOW_NS, *MONTH)

    assert found is not None
    assert found.expected_nano_usd == 600  # eight days from Monday on: five weekdays, a weekend, one more Monday
    assert "each weekday" in found.method


def test_a_part_of_a_day_counts_as_a_part() -> None:
    found = forecast(0, back(100, 100, 100), NOW_NS + DAY_NS // 2, NOW_NS, NOW_NS + DAY_NS)

    assert found is not None
    assert found.expected_nano_usd == 50


def test_days_that_differ_widen_what_is_held_possible_but_never_below_what_is_spent() -> None:
    found = forecast(700, back(10, 300, 20, 280, 150), NOW_NS, *MONTH)

    assert found is not None
    assert found.low_nano_usd < found.expected_nano_usd < found.high_nano_usd
    assert found.low_nano_usd >= 700


def test_days_without_spend_are_days_too() -> None:
    days = {TODAY - timedelta(days=9): 100, TODAY - timedelta(days=1): 100}

    found = forecast(0, days, NOW_NS, *MONTH)

    assert found is not None
    assert found.expected_nano_usd == 0


@pytest.mark.parametrize("days", [{}, back(100), back(100, 100)])
def test_fewer_than_three_days_tell_nothing(days: dict[date, int]) -> None:
    assert forecast(0, days, NOW_NS, *MONTH) is None
