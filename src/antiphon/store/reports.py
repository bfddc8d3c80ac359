"""Spend of any time: days that were exported from Parquet, the others from the live database."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from time import monotonic

from msgspec.structs import replace

from antiphon.core.spend import Line, Lines, Question, Spending, Sums
from antiphon.store.parquet import DAY_NS, bounds
from antiphon.store.parquet_place import Place
from antiphon.store.reports_duckdb import ParquetSpending
from antiphon.store.reports_sql import slow

LEAST_S = 0.05


class JoinedSpending(Spending):
    """Two sources that together have every receipt once.

    Args:
        live: The database.
        place: Where its days are exported to.
        name: What its files are called there: days of this name are not asked of the database.
    """

    def __init__(self, live: Spending, place: Place, name: str) -> None:
        self._live = live
        self._place = place
        self._name = name

    def sums(self, question: Question, timeout_s: float) -> Lines:
        end_s = monotonic() + timeout_s
        parts = [ParquetSpending(self._place).sums(question, timeout_s)]
        for since_ns, until_ns in gaps(question.since_ns, question.until_ns, self._exported(question)):
            left_s = end_s - monotonic()
            if left_s <= 0:
                raise slow(timeout_s)
            parts.append(self._live.sums(replace(question, since_ns=since_ns, until_ns=until_ns), max(left_s, LEAST_S)))
        return merged(parts, question.most)

    def _exported(self, question: Question) -> set[date]:
        since, until = day_of(question.since_ns), day_of(question.until_ns - 1)
        ending = f"/{self._name}.parquet"
        days = (day for path, day in self._place.files("receipts").items() if path.endswith(ending))
        return {day for day in days if since <= day <= until}


def day_of(at_ns: int) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).date()


def gaps(since_ns: int, until_ns: int, exported: set[date]) -> Iterator[tuple[int, int]]:
    """The times between those days, each as long as it can be."""
    start_ns: int | None = None
    at_ns = since_ns
    while at_ns < until_ns:
        day = day_of(at_ns)
        next_ns = min(bounds(day)[0] + DAY_NS, until_ns)
        if day in exported:
            if start_ns is not None:
                yield start_ns, at_ns
            start_ns = None
        elif start_ns is None:
            start_ns = at_ns
        at_ns = next_ns
    if start_ns is not None:
        yield start_ns, until_ns


def merged(parts: list[Lines], most: int) -> Lines:
    """Lines of several sources, those of the same values together."""
    if len(parts) == 1:
        return parts[0]
    found: defaultdict[tuple[str, ...], Sums] = defaultdict(Sums)
    for part in parts:
        for line in part.lines:
            found[line.values] += line.sums
    kept = sorted(found.items(), key=lambda item: item[1].cost_nano_usd, reverse=True)
    lines = [Line(values=values, sums=sums) for values, sums in kept[:most]]
    return Lines(lines=lines, cut=len(kept) > most or any(part.cut for part in parts))
