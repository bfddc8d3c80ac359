"""Receipts in Postgres: the shippers of all gateways that share it write, anyone reads."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from msgspec.structs import astuple

from antiphon.core.budget import NO_END_NS
from antiphon.core.error import StoreError
from antiphon.core.kept import Entry
from antiphon.core.ledger import Posting
from antiphon.core.score import Score, Tally
from antiphon.core.vault_store import Content
from antiphon.store import booking_postgres as booking
from antiphon.store import kept_postgres as kept
from antiphon.store import scored
from antiphon.store import scores_postgres as scores
from antiphon.store.asking_postgres import PostgresAsk
from antiphon.store.audit import NOTE
from antiphon.store.database import LAG_NS, AlreadyBooked, Batch, Known, Lapsed, Row, joined
from antiphon.store.database import Database as DatabasePort
from antiphon.store.database import Reader as ReaderPort
from antiphon.store.partitions_postgres import Partitions
from antiphon.store.postgres_link import Database, Link, Links, PostgresPlace, connect
from antiphon.store.schema_postgres import migrate
from antiphon.store.vault import ADD_KEY, CONTENT, key_row

T = TypeVar("T")
ROWS_AT_ONCE = 100
"""Of a long answer."""
_RECEIPT = "SELECT body, basis, tail FROM receipts LEFT JOIN bases ON bases.id = receipts.basis"
_RECEIPT_BY_ID = f"{_RECEIPT} WHERE receipts.id = %s".encode()  # noqa: S608 - the statement above alone
_TYPES = ["text", "text", "int8", "text", "bytea", "text"]
_INCOMING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS incoming_receipts
    (id TEXT, tenant TEXT, at_ns BIGINT, outcome TEXT, body BYTEA, basis TEXT) ON COMMIT DELETE ROWS
"""
_TAKE = """
    INSERT INTO receipts (id, tenant, at_ns, outcome, body, basis)
    SELECT DISTINCT ON (id) * FROM incoming_receipts ORDER BY id, outcome = 'running'
    ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, body = excluded.body, tenant = excluded.tenant,
        basis = excluded.basis WHERE receipts.outcome = 'running'
"""
_SCORED = scored.statement("%({})s").encode()
_TENANT = f"{_RECEIPT} WHERE tenant = %s ORDER BY receipts.id DESC LIMIT 1".encode()  # noqa: S608 - the same
_OLDER = f"""
    SELECT receipts.id, body, basis, tail FROM receipts LEFT JOIN bases ON bases.id = receipts.basis
    WHERE receipts.id < %s ORDER BY receipts.id DESC LIMIT {ROWS_AT_ONCE}
"""  # noqa: S608 - a number alone
_BETWEEN = (
    f"{_RECEIPT} WHERE receipts.id >= %(since)s AND receipts.id < %(before)s"
    " AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s) AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)"
    " ORDER BY receipts.id DESC LIMIT %(most)s"
).encode()
_BEHIND_ALL = "~"
"""Sorts behind every id."""


class PostgresDatabase(DatabasePort):
    """The one writing connection of a gateway's shipper."""

    def __init__(self, place: PostgresPlace) -> None:
        """Connect, and bring the tables up to date. Raises: StoreError."""
        self._home = place.home
        self._link = Link(place)
        self._partitions = Partitions()
        database = connect(place)
        try:
            migrate(database)
        except (psycopg.Error, ValueError) as error:
            raise StoreError(f"the database can't be brought up to date: {error}") from error
        finally:
            database.close()

    def close(self) -> None:
        self._link.close()

    def write(self, batch: Batch) -> None:
        missing = self._partitions.missing(batch)
        if missing:
            self._write(lambda database: self._partitions.make(database, missing))
            self._partitions.know(missing)
        try:
            self._write(lambda database: self._put(database, batch))
        except AlreadyBooked:
            raise AlreadyBooked(self._read(lambda database: booking.entered(database, batch.postings))) from None

    def _put(self, database: Database, batch: Batch) -> None:
        if batch.bases:
            tails = dict(sorted(batch.bases))
            database.execute(
                "INSERT INTO bases (id, tail, seen_ns) SELECT *, %s FROM unnest(%s::text[], %s::bytea[])"
                " ON CONFLICT (id) DO UPDATE SET seen_ns = excluded.seen_ns",
                (time.time_ns(), list(tails), list(tails.values())),
            )
        if batch.rows:
            _take(database, batch.rows)
        ask = PostgresAsk(database)
        for text, values in (
            (CONTENT, [Content(*one) for one in batch.contents]),
            (NOTE, batch.notes),
            (ADD_KEY, list(map(key_row, batch.keys))),
        ):
            if values:
                ask.many(text, values)
        if batch.kept:
            kept.put(database, batch.kept)
        if batch.began:
            ids, writers = zip(*batch.began, strict=True)
            database.execute(
                "INSERT INTO running (id, writer, home) SELECT *, %s FROM unnest(%s::text[], %s::text[])"
                " ON CONFLICT DO NOTHING",
                (self._home, list(ids), list(writers)),
            )
        if batch.ended:
            database.execute("DELETE FROM running WHERE id = ANY(%s)", (batch.ended,))
        for segment, position in batch.positions.items():
            database.execute(
                "INSERT INTO shipped (segment, position, home) VALUES (%s, %s, %s)"
                " ON CONFLICT (segment) DO UPDATE SET position = excluded.position",
                (segment, position, self._home),
            )
        booking.book(database, batch)
        if batch.scores:
            scores.put(database, batch.scores, batch.forgetting)

    def purge(self, now_ns: int) -> int:
        def work(database: Database) -> int:
            database.execute(
                "DELETE FROM slots WHERE slot_ns + length_ns <= %s -"
                " (SELECT coalesce(max(rolling_ns), 0) FROM accounts WHERE accounts.key = slots.key)",
                (now_ns,),
            )
            return kept.purge(database, now_ns)

        return self._write(work)

    def retain(self, receipts_ns: int, ledger_ns: int, most: int, unused_ns: int = 0) -> Lapsed:
        def work(database: Database) -> Lapsed:
            receipts = entries = accounts = 0
            bases = _forget(database, "bases", receipts_ns, most) if receipts_ns else 0
            holds = _forget(database, "holds", ledger_ns, most) if ledger_ns else 0
            if receipts_ns:
                receipts = self._partitions.drop(database, "receipts", receipts_ns)
                self._partitions.drop(database, "contents", receipts_ns)
                scores.lapse(database, receipts_ns, most)
            if ledger_ns:
                entries = self._partitions.drop(database, "ledger", ledger_ns)
                accounts = database.execute(
                    "DELETE FROM accounts WHERE (key, start_ns) IN (SELECT key, start_ns FROM accounts AS old"
                    " WHERE (end_ns < %s OR (end_ns = %s AND used_ns < %s - rolling_ns))"
                    " AND NOT EXISTS (SELECT 1 FROM leases"
                    " WHERE leases.key = old.key AND leases.start_ns = old.start_ns)"
                    " ORDER BY key, start_ns LIMIT %s FOR UPDATE SKIP LOCKED)",
                    (ledger_ns, NO_END_NS, unused_ns, most),
                ).rowcount
            return Lapsed(receipts=receipts, entries=entries, accounts=accounts, bases=bases, holds=holds)

        return self._write(work)

    def forget(self, segments: Iterable[str]) -> None:
        gone = list(segments)
        if gone:
            self._write(lambda database: database.execute("DELETE FROM shipped WHERE segment = ANY(%s)", (gone,)))

    def running(self) -> dict[str, str]:
        return dict(self._all("SELECT id, writer FROM running WHERE home = %s", self._home))

    def positions(self) -> dict[str, int]:
        return dict(self._all("SELECT segment, position FROM shipped WHERE home = %s", self._home))

    def receipt(self, receipt_id: str) -> bytes | None:
        rows = self._all(_RECEIPT_BY_ID, receipt_id)
        return joined(rows[0]) if rows else None

    def basis(self, basis_id: str) -> bytes | None:
        rows = self._all("SELECT tail FROM bases WHERE id = %s", basis_id)
        return rows[0][0] if rows else None

    def holders(self) -> set[str]:
        return {holder for (holder,) in self._all("SELECT holder FROM holders WHERE home = %s", self._home)}

    def holds(self, ids: Sequence[str]) -> dict[str, bytes]:
        return self._read(lambda database: booking.accounts_of(database, ids))

    def accounts(self, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Known]:
        return self._read(lambda database: booking.known(database, names))

    def posting(self, entry_id: str) -> Posting | None:
        return self._read(lambda database: booking.posting(database, entry_id))

    def _all(self, query: str | bytes, *values: object) -> list[Any]:
        text = query.encode() if isinstance(query, str) else query
        return self._read(lambda database: database.execute(text, values, binary=True).fetchall())

    def _read(self, work: Callable[[Database], T]) -> T:
        return self._link.run(work, "read")

    def _write(self, work: Callable[[Database], T]) -> T:
        return self._link.run(work, "written")


def _take(database: Database, rows: Sequence[Row]) -> None:
    database.execute(_INCOMING)
    with database.cursor().copy("COPY incoming_receipts FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(astuple(row))
    database.execute(_TAKE)


def _forget(database: Database, table: str, until_ns: int, most: int) -> int:
    """Drop what nothing names any more that is older than a time. Returns: how many rows."""
    text = (
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE seen_ns < %s ORDER BY seen_ns LIMIT %s"  # noqa: S608
        " FOR UPDATE SKIP LOCKED)"
    )
    return database.execute(text.encode(), (until_ns - LAG_NS, most)).rowcount


def _sayable(text: str) -> bool:
    """Whether a text can be asked for: nothing is called by one with a NUL, which Postgres refuses."""
    return "\0" not in text


class PostgresReader(ReaderPort):
    """Reads by a few connections that the threads of a process share."""

    def __init__(self, place: PostgresPlace) -> None:
        self._home = place.home
        self._links = Links(place)

    def close(self) -> None:
        """Let go of the connections."""
        self._links.close()

    def _rows(self, query: str | bytes, *values: object) -> list[Any]:
        text = query.encode() if isinstance(query, str) else query
        return self._links.run(lambda database: database.execute(text, values, binary=True).fetchall())

    def _one(self, query: str | bytes, *values: object) -> bytes | None:
        rows = self._rows(query, *values)
        return rows[0][0] if rows else None

    def receipt(self, receipt_id: str) -> bytes | None:
        rows = self._rows(_RECEIPT_BY_ID, receipt_id) if _sayable(receipt_id) else []
        return joined(rows[0]) if rows else None

    def basis(self, basis_id: str) -> bytes | None:
        return self._one("SELECT tail FROM bases WHERE id = %s", basis_id)

    def last(self, tenant: str) -> bytes | None:
        rows = self._rows(_TENANT, tenant)
        return joined(rows[0]) if rows else None

    def newest(self) -> Generator[bytes]:
        last = _BEHIND_ALL
        while rows := self._rows(_OLDER, last):
            for _, *row in rows:
                body = joined((row[0], row[1], row[2]))
                if body is not None:
                    yield body
            last = rows[-1][0]

    def between(
        self, since: str, before: str, most: int, tenant: str | None = None, outcome: str | None = None
    ) -> list[bytes]:
        if not all(map(_sayable, (since, before, tenant or "", outcome or ""))):
            return []
        given = {"since": since, "before": before, "most": most, "tenant": tenant, "outcome": outcome}
        rows = self._links.run(lambda database: database.execute(_BETWEEN, given, binary=True).fetchall())
        return [body for row in rows if (body := joined((row[0], row[1], row[2]))) is not None]

    def content(self, receipt_id: str) -> bytes | None:
        return self._one("SELECT sealed FROM contents WHERE id = %s", receipt_id) if _sayable(receipt_id) else None

    def kept(self, keys: Sequence[str]) -> list[Entry]:
        sayable = [key for key in keys if _sayable(key)]
        return self._links.run(lambda database: kept.find(database, sayable))

    def kept_parts(self, key: str) -> list[Entry]:
        return self._links.run(lambda database: kept.parts(database, key)) if _sayable(key) else []

    def scores(self, receipt_id: str) -> list[Score]:
        return self._links.run(lambda database: scores.of(database, receipt_id)) if _sayable(receipt_id) else []

    def scored(self, tenant: str, since_ns: int, until_ns: int) -> Generator[bytes]:
        def page(given: Mapping[str, Any]) -> list[Any]:
            if not _sayable(tenant):
                return []
            return self._links.run(lambda database: database.execute(_SCORED, given, binary=True).fetchall())

        return scored.bodies(page, tenant, since_ns, until_ns)

    def tallies(self, tenant: str = "") -> list[Tally]:
        return self._links.run(lambda database: scores.tallies(database, tenant)) if _sayable(tenant) else []

    def positions(self) -> dict[str, int]:
        return dict(self._rows("SELECT segment, position FROM shipped WHERE home = %s", self._home))
