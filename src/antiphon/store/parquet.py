"""Writes receipts and ledger entries of a day to Parquet."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.core.ledger import Posting
from antiphon.store.libraries import library
from antiphon.store.parquet_place import PURPOSE, Place, Table, arrow
from antiphon.store.parquet_rows import COLUMNS, LEDGER, TRIES, Kind, Row

T = TypeVar("T")
BATCH_ROWS = 20_000
"""Rows that are in memory at once: about 50 MB."""
GROUP_ROWS = 200_000
DAY_NS = 86_400_000_000_000


class Written(Struct, frozen=True, kw_only=True):
    """What became of a table's day."""

    table: Table
    path: str
    rows: int


def bounds(day: date) -> tuple[int, int]:
    """A day's start and end in UTC, nanoseconds since the epoch."""
    start_ns = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
    return start_ns, start_ns + DAY_NS


def write_receipts(place: Place, day: date, name: str, rows: Iterable[Row], *, force: bool = False) -> Written:
    """A day's receipts, in place of those that were exported before.

    Args:
        force: Also where there were more before, since some are no longer in the database.
    Raises: StoreError.
    """
    fields: list[tuple[str, Kind]] = [(column, kind) for column, kind, _ in COLUMNS]
    batches = ([[value(row) for row in batch] for _, _, value in COLUMNS] for batch in _batches(rows))
    return _write(place, "receipts", day, name, fields, batches, force=force)


def write_ledger(place: Place, day: date, name: str, entries: Iterable[Posting], *, force: bool = False) -> Written:
    """A day's entries of the ledger, in the same way."""
    names = ["at_ns" if kind == "time" else name for name, kind in LEDGER]
    batches = ([[getattr(one, name) for one in batch] for name in names] for batch in _batches(entries))
    return _write(place, "ledger", day, name, LEDGER, batches, force=force)


def write_table(
    place: Place, table: Table, day: date, name: str, fields: Sequence[tuple[str, Kind]], rows: Sequence[Sequence[Any]]
) -> Written:
    """A day's rows of any table, each in the order of its fields."""
    batches = (list(map(list, zip(*batch, strict=True))) for batch in _batches(rows))
    return _write(place, table, day, name, fields, batches, force=True)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH_ROWS)):
        yield batch


def _write(
    place: Place,
    table: Table,
    day: date,
    name: str,
    fields: Sequence[tuple[str, Kind]],
    batches: Iterator[list[list[Any]]],
    *,
    force: bool,
) -> Written:
    pa, parquet = arrow(), library("pyarrow.parquet", "parquet", PURPOSE)
    schema = pa.schema([(column, arrow_type(kind)) for column, kind in fields])
    path, rows = place.file(table, day, name), 0
    before = 0 if force else place.rows(path)
    with place.writing(path) as stream:
        with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
            for group in _groups(pa, schema, batches):
                rows += group.num_rows
                writer.write_table(group, row_group_size=GROUP_ROWS)
        if rows < before:
            raise StoreError(
                f"{path} has {before} rows and the database {rows} of that day: those that are gone from it would be "
                "lost; leave the file, or export with --force"
            )
    return Written(table=table, path=path, rows=rows)


def _groups(pa: Any, schema: Any, batches: Iterator[list[list[Any]]]) -> Iterator[Any]:
    """Tables of about `GROUP_ROWS` rows."""
    held: list[Any] = []
    for columns in batches:
        arrays = [_array(pa, values, field) for values, field in zip(columns, schema, strict=True)]
        held.append(pa.record_batch(arrays, schema=schema))
        if sum(one.num_rows for one in held) >= GROUP_ROWS:
            yield pa.Table.from_batches(held, schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, schema)


def _array(pa: Any, values: list[Any], field: Any) -> Any:
    """A column; times that come in nanoseconds are kept in microseconds."""
    timed = pa.types.is_timestamp(field.type) and isinstance(values[0], int)
    return pa.array([value // 1000 for value in values] if timed else values, field.type)


def arrow_type(kind: Kind) -> Any:
    """The type of a column."""
    pa = arrow()
    match kind:
        case "time":
            return pa.timestamp("us", tz="UTC")
        case "strings":
            return pa.list_(pa.string())
        case "tries":
            return pa.list_(pa.struct([(name, arrow_type(inner)) for name, inner in TRIES]))
        case "bool":
            return pa.bool_()
        case "money":
            return pa.decimal128(38, 9)
        case _:
            return getattr(pa, kind)()
