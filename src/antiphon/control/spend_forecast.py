"""What a window will have cost at its end, told from the days behind."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import median

from msgspec import Struct

LOOK_BACK_DAYS = 28
LEAST_DAYS = 3
WEEKLY_DAYS = 14
"""Days from which on each day of the week is told by those of its own."""
SIGMA_OF_MAD = 1.4826
"""Of a normal distribution. Source: Rousseeuw and Croux 1993, "Alternatives to the Median Absolute Deviation"."""
WIDTH = 1.2816
"""Standard deviations within which 80 % lie."""
DAY_NS = 86_400_000_000_000
METHOD = {
    "day": "rest of the window at the median day of the last {days}",
    "weekday": "rest of the window at the median of each weekday over the last {days} days",
}


class Forecast(Struct, frozen=True, kw_only=True):
    """Money of the whole window. `low` to `high` holds it 8 times out of 10, if days go on as they did."""

    since: str
    until: str
    spent_nano_usd: int
    """From the window's start to now."""
    expected_nano_usd: int
    low_nano_usd: int
    high_nano_usd: int
    method: str


def window(now_ns: int, until_ns: int, since_ns: int) -> tuple[int, int]:
    """The window that is told: the one asked for, where it ends in the future; else the month in UTC."""
    if until_ns > now_ns:
        return since_ns, until_ns
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return _ns(first), _ns(following)


def forecast(
    spent_nano_usd: int, days: Mapping[date, int], now_ns: int, since_ns: int, until_ns: int
) -> Forecast | None:
    """Tell the window's end.

    Args:
        spent_nano_usd: From `since_ns` to now.
        days: Money of whole days before today, those without any left out.
    Returns: None where there are fewer than `LEAST_DAYS` days since the first with any.
    """
    today = _day(now_ns)
    first = min(days, default=today)
    behind = [first + timedelta(days=number) for number in range((today - first).days)][-LOOK_BACK_DAYS:]
    if len(behind) < LEAST_DAYS:
        return None
    weekly = len(behind) >= WEEKLY_DAYS
    usual = {day.weekday(): _median(behind, days, day.weekday() if weekly else None) for day in _week(today)}
    spread = SIGMA_OF_MAD * median(abs(days.get(day, 0) - usual[day.weekday()]) for day in behind)
    rest = 0.0
    left_days = 0.0
    at_ns = now_ns
    while at_ns < until_ns:
        next_ns = min((at_ns // DAY_NS + 1) * DAY_NS, until_ns)
        part = (next_ns - at_ns) / DAY_NS
        rest += part * usual[_day(at_ns).weekday()]
        left_days += part
        at_ns = next_ns
    expected = spent_nano_usd + round(rest)
    half = round(WIDTH * spread * left_days**0.5)
    return Forecast(
        since=said(since_ns),
        until=said(until_ns),
        spent_nano_usd=spent_nano_usd,
        expected_nano_usd=expected,
        low_nano_usd=max(spent_nano_usd, expected - half),
        high_nano_usd=expected + half,
        method=METHOD["weekday" if weekly else "day"].format(days=len(behind)),
    )


def said(at_ns: int) -> str:
    """A time as text: `2026-11-20T13:00:00Z`."""
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _median(behind: list[date], days: Mapping[date, int], weekday: int | None) -> float:
    return float(median(days.get(day, 0) for day in behind if weekday is None or day.weekday() == weekday))


def _week(today: date) -> list[date]:
    return [today + timedelta(days=number) for number in range(7)]


def _day(at_ns: int) -> date:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).date()


def _ns(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000_000
