"""Hours that cost far more or less than such hours do."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from statistics import median

from msgspec import Struct

LOOK_BACK_HOURS = 28 * 24
THRESHOLD = 3.5
"""Source: Iglewicz and Hoaglin 1993, "How to Detect and Handle Outliers"."""
SCALE = 0.6745
"""Makes the deviation one of standard deviations. Source: the same."""
LEAST_SAME_WEEKDAY = 3
LEAST_SAME_HOUR = 5
FLOOR_FRACTION = 0.05
"""The least that hours are taken to differ by, as a fraction of the expected: equal ones have no deviation at all."""
LEAST_NANO_USD = 10_000_000
"""A cent: less is no matter, however rare."""
MOST = 100

Scope = tuple[str, ...]
Hours = Mapping[int, int]
"""Money by hour since the epoch, in UTC."""


class Anomaly(Struct, frozen=True, kw_only=True):
    """One hour of one scope."""

    scope: dict[str, str]
    hour: str
    seen_nano_usd: int
    expected_nano_usd: int
    """Median of the hours that it is compared with."""
    score: float
    """Robust z-score; below 0 it was less than expected."""
    compared_with: str
    """`same weekday and hour` or `same hour`, and how many."""


def anomalies(
    by: tuple[str, ...], spent: Mapping[Scope, Hours], since_hour: int, until_hour: int
) -> tuple[list[Anomaly], bool]:
    """Look at whole hours from one to before another.

    Args:
        spent: Money of each scope and hour, from `LOOK_BACK_HOURS` before on; hours without any are left out.
    Returns: The farthest off first, and whether there were more than `MOST`.
    """
    found = sorted(
        (one for scope, hours in spent.items() for one in _of(by, scope, hours, since_hour, until_hour)),
        key=lambda one: abs(one.seen_nano_usd - one.expected_nano_usd),
        reverse=True,
    )
    return found[:MOST], len(found) > MOST


def by_scope(rows: Iterable[tuple[Scope, str, int]]) -> dict[Scope, dict[int, int]]:
    """Money by scope and hour, out of (scope, hour as text, money)."""
    out: defaultdict[Scope, dict[int, int]] = defaultdict(dict)
    for scope, hour, money in rows:
        at = datetime.fromisoformat(hour)
        out[scope][int(at.timestamp()) // 3600] = money
    return out


def _of(by: tuple[str, ...], scope: Scope, hours: Hours, since_hour: int, until_hour: int) -> Iterator[Anomaly]:
    first = min(hours)
    noise = _noise(hours, max(first, since_hour - LOOK_BACK_HOURS), until_hour)
    for hour in range(max(since_hour, first + 1), until_hour):
        seen = hours.get(hour, 0)
        peers, compared = _peers(hours, hour, max(first, hour - LOOK_BACK_HOURS))
        if not peers:
            continue
        expected = round(median(peers))
        off = seen - expected
        own = median(abs(one - expected) for one in peers)
        score = SCALE * off / max(own, noise, FLOOR_FRACTION * expected, LEAST_NANO_USD / 10)
        if abs(score) >= THRESHOLD and abs(off) >= LEAST_NANO_USD:
            yield Anomaly(
                scope=dict(zip(by, scope, strict=True)),
                hour=f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%dT%H:00Z}",
                seen_nano_usd=seen,
                expected_nano_usd=expected,
                score=round(score, 1),
                compared_with=f"{compared}, {len(peers)} of them",
            )


def _noise(hours: Hours, first: int, until: int) -> float:
    """How far a scope's hours usually are from the median of their hour of the day: few peers alone tell too little."""
    by_hour: defaultdict[int, list[int]] = defaultdict(list)
    for hour in range(first, until):
        by_hour[hour % 24].append(hours.get(hour, 0))
    usual = {hour: median(money) for hour, money in by_hour.items()}
    return float(median(abs(one - usual[hour]) for hour, money in by_hour.items() for one in money))


def _peers(hours: Hours, hour: int, first: int) -> tuple[list[int], str]:
    """Money of the hours that one is compared with; none: too few are known."""
    weeks = [hours.get(one, 0) for one in range(hour - 168, first - 1, -168)]
    if len(weeks) >= LEAST_SAME_WEEKDAY:
        return weeks, "same weekday and hour"
    same = [hours.get(one, 0) for one in range(hour - 24, first - 1, -24)]
    return (same, "same hour") if len(same) >= LEAST_SAME_HOUR else ([], "")
