"""Carries whole days out of the database: receipts and ledger to Parquet, costs to FOCUS."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from antiphon.control.focus import COLUMNS, Value, charges
from antiphon.core.error import BadRequest
from antiphon.store.live import Live
from antiphon.store.parquet import Written, bounds, write_ledger, write_receipts, write_table
from antiphon.store.parquet_place import Place


class Exported(Struct, frozen=True, kw_only=True):
    """What became of one day."""

    day: date
    files: list[Written]
    running: int
    """Requests of the day that still ran, and are left out; export it again later."""
    unpriced: int = 0
    """Of FOCUS: attempts that are left out, as their cost is not known."""


class Exporter(Struct, frozen=True, kw_only=True):
    """One gateway's exports to one place."""

    source: Live
    place: Place
    name: str
    """What its files are called, so that several gateways can export to one place."""
    hour: int = 1
    """Hours after a day's end from which on it is due: its requests have ended then, and are in the database."""

    def due(self, now_ns: int) -> list[date]:
        """Days that are over and not there yet, from the oldest receipt on. Raises: StoreError."""
        oldest_ns = self.source.oldest_ns()
        if oldest_ns is None:
            return []
        ending = f"/{self.name}.parquet"
        there = {day for path, day in self.place.files("receipts").items() if path.endswith(ending)}
        return [day for day in _days(_day(oldest_ns), self.today(now_ns)) if day not in there]

    def today(self, now_ns: int) -> date:
        """The first day that is not due yet."""
        return (_time(now_ns) - timedelta(hours=self.hour)).date()

    def export(self, day: date, now_ns: int, *, force: bool = False) -> Exported:
        """Write a day, in place of what was written of it before. Raises: BadRequest, StoreError."""
        since_ns, until_ns = self._over(day, now_ns)
        running = self.source.running(since_ns, until_ns)
        files = [
            write_ledger(self.place, day, self.name, self.source.entries(since_ns, until_ns), force=force),
            write_receipts(self.place, day, self.name, self.source.rows(since_ns, until_ns), force=force),
        ]
        return Exported(day=day, files=files, running=running)

    def focus(self, day: date, now_ns: int, form: Literal["parquet", "csv"]) -> Exported:
        """Write a day's costs in FOCUS' columns. Raises: BadRequest, StoreError."""
        since_ns, until_ns = self._over(day, now_ns)
        running = self.source.running(since_ns, until_ns)
        found = charges(day, self.source.rows(since_ns, until_ns))
        if form == "parquet":
            written = write_table(self.place, "focus", day, self.name, COLUMNS, found.rows)
        else:
            written = self._csv(day, found.rows)
        return Exported(day=day, files=[written], running=running, unpriced=found.unpriced)

    def _csv(self, day: date, rows: list[tuple[Value, ...]]) -> Written:
        path = self.place.file("focus", day, self.name, "csv")
        with self.place.writing(path) as stream:
            text = io.TextIOWrapper(stream, "utf-8", newline="")
            writer = csv.writer(text)
            writer.writerow(name for name, _ in COLUMNS)
            writer.writerows(map(_cells, rows))
            text.flush()
            text.detach()
        return Written(table="focus", path=path, rows=len(rows))

    def _over(self, day: date, now_ns: int) -> tuple[int, int]:
        """A day's bounds. Raises: BadRequest, when it is not over."""
        since_ns, until_ns = bounds(day)
        if until_ns > now_ns:
            raise BadRequest(f"{day} is not over in UTC; only whole days are exported", param="day")
        return since_ns, until_ns


def _cells(row: tuple[Value, ...]) -> Iterator[str]:
    for value in row:
        match value:
            case None:
                yield ""
            case datetime():
                yield f"{value:%Y-%m-%dT%H:%M:%SZ}"
            case Decimal():
                yield f"{value:f}"
            case _:
                yield str(value)


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)


def _day(at_ns: int) -> date:
    return _time(at_ns).date()


def _days(first: date, before: date) -> Iterator[date]:
    while first < before:
        yield first
        first += timedelta(days=1)
