"""The months that receipts, contents and the ledger are partitioned by, in UTC."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from antiphon.store.database import Batch
from antiphon.store.postgres_link import Database

LOCK = 0x616E7470
"""Of whoever makes partitions; any number that nobody else takes."""
SECOND_NS = 1_000_000_000
_TIMED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-")
"""Ids of version 7, which begin with milliseconds. Others lie in the partition `…_other`."""
_NAMED = re.compile(r"(receipts|contents|ledger)_y(\d{4})m(\d\d)")
LAST_YEAR = 2200
Month = tuple[int, int]


def month_of(at_ns: int) -> Month:
    at = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return at.year, at.month


def begins_ns(month: Month) -> int:
    """When a month begins, in nanoseconds since the epoch; months beyond 12 are of the next year."""
    year, number = month[0] + (month[1] - 1) // 12, (month[1] - 1) % 12 + 1
    return int(datetime(year, number, 1, tzinfo=UTC).timestamp()) * SECOND_NS


def id_at(at_ns: int) -> str:
    """What ids that were made then or later are not before."""
    text = f"{at_ns // 1_000_000:012x}"
    return f"{text[:8]}-{text[8:]}"


class Partitions:
    """Remembers which there are."""

    def __init__(self) -> None:
        self._known: set[tuple[str, Month]] = set()

    def missing(self, batch: Batch) -> set[tuple[str, Month]]:
        """Partitions that a batch needs and that are not known to be there: table and month."""
        needed = {("ledger", month) for month in {month_of(one.at_ns) for one in batch.postings}}
        for table, ids in (
            ("receipts", (row.id for row in batch.rows)),
            ("contents", (one[0] for one in batch.contents)),
        ):
            needed |= {(table, month) for month in _months(ids)}
        return needed - self._known

    def make(self, database: Database, needed: Iterable[tuple[str, Month]]) -> None:
        """Make those that aren't there."""
        database.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for table, month in sorted(needed):
            first, last = begins_ns(month), begins_ns((month[0], month[1] + 1))
            bounds = (first, last) if table == "ledger" else (f"'{id_at(first)}'", f"'{id_at(last)}'")
            name = f"{table}_y{month[0]:04d}m{month[1]:02d}"
            database.execute(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ({bounds[0]}) TO ({bounds[1]})".encode()
            )

    def know(self, made: Iterable[tuple[str, Month]]) -> None:
        """They are there: what made them is committed."""
        self._known.update(made)

    def drop(self, database: Database, table: str, until_ns: int) -> int:
        """Drop a table's partitions whose month was over then. Returns: about how many rows they had."""
        rows = database.execute(
            "SELECT child.relname, greatest(child.reltuples, 0)::bigint FROM pg_inherits"
            " JOIN pg_class AS child ON child.oid = inhrelid WHERE inhparent = %s::regclass",
            (table,),
        ).fetchall()
        dropped = 0
        for name, count in rows:
            match = _NAMED.fullmatch(name)
            if match is not None and begins_ns((int(match[2]), int(match[3]) + 1)) <= until_ns:
                database.execute(f"DROP TABLE {name}".encode())
                dropped += count
                self._known.discard((table, (int(match[2]), int(match[3]))))
        return dropped


def _months(ids: Iterable[str]) -> set[Month]:
    starts = {one[:13] for one in ids if _TIMED.match(one)}
    months = {month_of(int(start[:8] + start[9:], 16) * 1_000_000) for start in starts if start < "0699"}
    return {month for month in months if month[0] <= LAST_YEAR}
