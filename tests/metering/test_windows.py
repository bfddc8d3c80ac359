from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.budget import NO_END_NS, Span, Window
from antiphon.metering.windows import NS, Calendar, as_time, span_at


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * NS


def utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("period", "timezone", "at", "start", "end"),
    [
        ("minute", "UTC", "2026-03-01T10:20:30Z", "2026-03-01T10:20", "2026-03-01T10:21"),
        ("hour", "UTC", "2026-03-01T10:20:30Z", "2026-03-01T10:00", "2026-03-01T11:00"),
        ("hour", "Asia/Kolkata", "2026-03-01T10:20:30Z", "2026-03-01T09:30", "2026-03-01T10:30"),
        ("day", "UTC", "2026-03-01T00:00:00Z", "2026-03-01T00:00", "2026-03-02T00:00"),
        ("day", "America/New_York", "2026-03-01T04:59:59Z", "2026-02-28T05:00", "2026-03-01T05:00"),
        # the clocks go forward: 23 hours; and back: 25 hours
        ("day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00", "2026-10-25T23:00"),
        # no midnight: the day begins at one o'clock
        ("day", "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00", "2026-04-24T21:00"),
        ("week", "UTC", "2026-03-01T12:00:00Z", "2026-02-23T00:00", "2026-03-02T00:00"),
        ("week", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-22T23:00", "2026-03-29T22:00"),
        ("month", "UTC", "2026-02-28T23:59:59Z", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("month", "UTC", "2024-02-29T12:00:00Z", "2024-02-01T00:00", "2024-03-01T00:00"),
        ("month", "Europe/Berlin", "2026-12-31T23:30:00Z", "2026-12-31T23:00", "2027-01-31T23:00"),
    ],
)
def test_a_piece_of_the_calendar_is_that_of_its_zone(period, timezone, at, start, end) -> None:
    span = span_at(Window(period=period, timezone=timezone), ns(at))

    assert (utc(span.start_ns), utc(span.end_ns)) == (start, end)


def test_rolling_windows_and_all_time_never_begin_anew() -> None:
    assert span_at(Window(period="total"), 7 * NS) == Span(start_ns=0, end_ns=NO_END_NS)
    assert span_at(Window(period="rolling", rolling_s=60), 7 * NS) == Span(start_ns=0, rolling_ns=60 * NS)


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)


@given(
    period=st.sampled_from(("minute", "hour", "day", "week", "month")),
    timezone=st.sampled_from(ZONES),
    at_s=st.integers(1_300_000_000, 2_000_000_000),
)
def test_every_moment_lies_in_one_window_and_the_next_begins_where_it_ends(period, timezone, at_s) -> None:
    window = Window(period=period, timezone=timezone)
    span = span_at(window, at_s * NS)

    assert span.start_ns <= at_s * NS < span.end_ns
    if period in {"day", "week", "month"}:
        assert span_at(window, span.start_ns) == span
        assert span_at(window, span.end_ns - 1) == span
        assert span_at(window, span.end_ns).start_ns == span.end_ns


def test_a_span_is_worked_out_once_for_as_long_as_it_lasts() -> None:
    calendar, window = Calendar(), Window(period="hour")
    first = calendar.span(window, 0)

    assert calendar.span(window, 3599 * NS) is first
    assert calendar.span(window, 3600 * NS).start_ns == 3600 * NS
    assert calendar.span(window, 0) == first


def test_times_are_said_in_utc() -> None:
    assert (as_time(0), as_time(NO_END_NS)) == ("1970-01-01T00:00:00Z", "never")
