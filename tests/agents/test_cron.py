"""When cron expressions come, also where the clocks are changed."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from antiphon.agents.triggers.cron import Schedule

ZURICH = ZoneInfo("Europe/Zurich")


def ns(said: str) -> int:
    at = datetime.fromisoformat(said)
    return int((at if at.tzinfo else at.replace(tzinfo=ZURICH)).timestamp()) * 10**9


def times(text: str, begin: str, count: int, zone: str = "Europe/Zurich") -> list[str]:
    """So many in a row, as the clocks there show them."""
    schedule, at, found = Schedule(text, zone), ns(begin), []
    for _ in range(count):
        at = schedule.next(at)
        assert schedule.last(at) == at, "a time is its own last one"
        found.append(datetime.fromtimestamp(at // 10**9, ZoneInfo(zone)).isoformat())
    return found


@pytest.mark.parametrize(
    ("text", "begin", "found"),
    [
        ("30 7 * * 1-5", "2026-11-27T08:00", ["2026-11-30T07:30:00+01:00", "2026-12-01T07:30:00+01:00"]),
        ("@daily", "2026-11-27T08:00", ["2026-11-28T00:00:00+01:00", "2026-11-29T00:00:00+01:00"]),
        ("*/30 * * * *", "2026-11-27T08:00", ["2026-11-27T08:30:00+01:00", "2026-11-27T09:00:00+01:00"]),
        ("0 0 29 2 *", "2026-11-27T08:00", ["2028-02-29T00:00:00+01:00", "2032-02-29T00:00:00+01:00"]),
        # Spring: 2:30 is left out, and comes with the first moment behind the gap.
        ("30 2 * * *", "2026-03-28T12:00", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
        # Autumn: 2:30 is shown twice, and comes with the first.
        ("30 2 * * *", "2026-10-24T12:00", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        # An expression that names every hour goes on through the hour that is shown twice.
        (
            "0 * * * *",
            "2026-10-25T01:30",
            ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"],
        ),
    ],
)
def test_times_come_by_the_clocks_of_the_zone(text: str, begin: str, found: list[str]) -> None:
    assert times(text, begin, len(found)) == found


def test_the_last_time_in_the_hour_that_is_shown_twice_is_the_first_of_both() -> None:
    schedule = Schedule("30 2 * * *", "Europe/Zurich")
    assert schedule.last(ns("2026-10-25T02:45:00+01:00")) == ns("2026-10-25T02:30:00+02:00")


@given(at=some.integers(ns("2026-01-01T00:00"), ns("2027-01-01T00:00")))
@settings(max_examples=50, deadline=None)
def test_between_the_last_and_the_next_time_nothing_comes(at: int) -> None:
    schedule = Schedule("15 */6 * * *", "Europe/Zurich")
    last, following = schedule.last(at), schedule.next(at)
    assert last <= at < following
    assert schedule.next(last) == following


@pytest.mark.parametrize(
    ("text", "zone", "wrong"),
    [
        ("0 7 * *", "UTC", "has 4 fields, not 5"),
        ("0 7 * * * *", "UTC", "has 6 fields, not 5"),
        ("61 7 * * *", "UTC", "never comes"),
        ("0 0 31 2 *", "UTC", "never comes"),
        ("@often", "UTC", "never comes"),
        ("", "UTC", "has 0 fields"),
        ("0 7 * * *", "Europe/Atlantis", "no time zone"),
        ("0 7 * * *", "../../etc/passwd", "no time zone"),
    ],
)
def test_what_never_comes_is_refused(text: str, zone: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Schedule(text, zone)
