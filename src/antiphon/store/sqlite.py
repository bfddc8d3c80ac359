"""Receipts in SQLite: one writer ships them in, anyone reads."""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import astuple

from antiphon.core.error import StoreError
from antiphon.core.kept import Entry
from antiphon.core.ledger import Posting
from antiphon.core.score import Score, Tally
from antiphon.core.vault_store import Content
from antiphon.store import booking_sqlite as booking
from antiphon.store import kept, scored, scores_sqlite
from antiphon.store.audit import NOTE
from antiphon.store.database import Batch, Database, Known, Lapsed, Reader, joined
from antiphon.store.lapsing_sqlite import Lapsing
from antiphon.store.schema_sqlite import migrate
from antiphon.store.vault import ADD_KEY, CONTENT, key_row

T = TypeVar("T")
BUSY_TIMEOUT_S = 5.0
PAGE_BYTES = 16_384
"""Receipts of about 1.3 KB lie whole within pages of this size, by id and so by time: 4 µs a row
rather than 7 with the default of 4096 and a second index."""
FILE = "antiphon.db"


_RECEIPT = "SELECT body, basis, tail FROM receipts LEFT JOIN bases ON bases.id = receipts.basis"
_SCORED = scored.statement(":{}")
_BETWEEN = (
    f"{_RECEIPT} WHERE receipts.id >= :since AND receipts.id < :before"
    " AND (:tenant IS NULL OR tenant = :tenant) AND (:outcome IS NULL OR outcome = :outcome)"
    " ORDER BY receipts.id DESC LIMIT :most"
)


class SqliteDatabase(Database):
    """One gateway's database, in its data directory."""

    def __init__(self, directory: Path) -> None:
        """Open, and bring the tables up to date. Raises: StoreError."""
        try:
            self._db = sqlite3.connect(directory / FILE, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._db.execute("PRAGMA journal_mode = WAL")
            # A shipped record's journal is deleted, so a commit has to survive a loss of power too.
            self._db.execute("PRAGMA synchronous = FULL")
            migrate(self._db)
            self._lapsing = Lapsing(self._db)
            self._terms: booking.Terms = {}
        except sqlite3.Error as error:
            raise StoreError(f"the database {FILE} can't be opened: {error}") from error

    def close(self) -> None:
        self._db.close()

    def write(self, batch: Batch) -> None:
        """All of a batch or nothing. A receipt that is no longer running is never changed. Raises: StoreError."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._put(batch)
                self._db.execute("COMMIT")
            except BaseException:
                self._terms.clear()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if any(entry.gone for entry in batch.kept):
                self._trim()
        except sqlite3.Error as error:
            raise StoreError(f"the database can't be written: {error}") from error

    def _trim(self) -> None:
        """Leave nothing of what was overwritten in the write-ahead log; while somebody reads from it, it stays."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _put(self, batch: Batch) -> None:
        self._db.executemany(
            "INSERT INTO bases (id, tail, seen_ns) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET seen_ns = excluded.seen_ns",
            ((*one, time.time_ns()) for one in batch.bases),
        )
        self._db.executemany(
            "INSERT INTO receipts (id, tenant, at_ns, outcome, body, basis) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, body = excluded.body,"
            " tenant = excluded.tenant, basis = excluded.basis WHERE receipts.outcome = 'running'",
            map(astuple, batch.rows),
        )
        self._db.executemany(CONTENT, (Content(*one) for one in batch.contents))
        self._db.executemany(NOTE, batch.notes)
        self._db.executemany(ADD_KEY, map(key_row, batch.keys))
        if batch.kept:
            kept.put(self._db, batch.kept)
        self._db.executemany("INSERT OR IGNORE INTO running (id, writer) VALUES (?, ?)", batch.began)
        self._db.executemany("DELETE FROM running WHERE id = ?", ((ended,) for ended in batch.ended))
        self._db.executemany(
            "INSERT INTO shipped (segment, position) VALUES (?, ?)"
            " ON CONFLICT (segment) DO UPDATE SET position = excluded.position",
            batch.positions.items(),
        )
        booking.book(self._db, batch, self._terms)
        if batch.scores:
            scores_sqlite.put(self._db, batch.scores, batch.forgetting)

    def purge(self, now_ns: int) -> int:
        """Drop what was kept until now. Returns: how many entries. Raises: StoreError."""
        try:
            dropped = kept.purge(self._db, now_ns)
            self._lapsing.slots(now_ns)
            if dropped:
                self._trim()
            return dropped
        except sqlite3.Error as error:
            raise StoreError(f"the database can't be written: {error}") from error

    def retain(self, receipts_ns: int, ledger_ns: int, most: int, unused_ns: int = 0) -> Lapsed:
        try:
            lapsed = self._lapsing.retain(receipts_ns, ledger_ns, most, unused_ns)
            if lapsed.holds:
                self._terms.clear()
            return lapsed
        except sqlite3.Error as error:
            raise StoreError(f"the database can't be written: {error}") from error

    def forget(self, segments: Iterable[str]) -> None:
        """Drop the positions of segments that are gone. Raises: StoreError."""
        try:
            self._db.executemany("DELETE FROM shipped WHERE segment = ?", ((segment,) for segment in segments))
        except sqlite3.Error as error:
            raise StoreError(f"the database can't be written: {error}") from error

    def running(self) -> dict[str, str]:
        return dict(self._all("SELECT id, writer FROM running"))

    def positions(self) -> dict[str, int]:
        return dict(self._all("SELECT segment, position FROM shipped"))

    def receipt(self, receipt_id: str) -> bytes | None:
        rows = self._all(f"{_RECEIPT} WHERE receipts.id = ?", receipt_id)
        return joined(rows[0]) if rows else None

    def basis(self, basis_id: str) -> bytes | None:
        rows = self._all("SELECT tail FROM bases WHERE id = ?", basis_id)
        return rows[0][0] if rows else None

    def holders(self) -> set[str]:
        return {holder for (holder,) in self._all("SELECT holder FROM holders")}

    def holds(self, ids: Sequence[str]) -> dict[str, bytes]:
        return self._ask(partial(booking.accounts_of, self._db, ids))

    def accounts(self, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Known]:
        return self._ask(partial(booking.known, self._db, names))

    def posting(self, entry_id: str) -> Posting | None:
        return self._ask(partial(booking.posting, self._db, entry_id))

    def _all(self, query: str, *values: object) -> list[Any]:
        return self._ask(lambda: self._db.execute(query, values).fetchall())

    def _ask(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except sqlite3.Error as error:
            raise StoreError(f"the database can't be read: {error}") from error


class SqliteReader(Reader):
    """Reads by a connection of its own for each question, so that any thread may ask."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._uri = f"{self._path.absolute().as_uri()}?mode=ro"

    def _one(self, query: str, *values: object) -> bytes | None:
        row = self._row(query, *values)
        return row[0] if row else None

    def _row(self, query: str, *values: object) -> Any:
        if not self._path.exists():
            return None
        try:
            database = sqlite3.connect(self._uri, uri=True, timeout=BUSY_TIMEOUT_S)
            try:
                return database.execute(query, values).fetchone()
            finally:
                database.close()
        except sqlite3.Error as error:
            raise StoreError(f"the database {FILE} can't be read: {error}") from error

    def receipt(self, receipt_id: str) -> bytes | None:
        """A receipt's JSON."""
        return joined(self._row(f"{_RECEIPT} WHERE receipts.id = ?", receipt_id))

    def basis(self, basis_id: str) -> bytes | None:
        """What receipts with this basis have in common."""
        return self._one("SELECT tail FROM bases WHERE id = ?", basis_id)

    def last(self, tenant: str) -> bytes | None:
        """A tenant's newest receipt's JSON."""
        return joined(self._row(f"{_RECEIPT} WHERE tenant = ? ORDER BY receipts.id DESC LIMIT 1", tenant))

    def newest(self) -> Generator[bytes]:
        """Every receipt's JSON, the newest first; the connection is open until the iterator is closed."""
        if not self._path.exists():
            return
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=BUSY_TIMEOUT_S)) as database:
                for row in database.execute(f"{_RECEIPT} ORDER BY receipts.id DESC"):
                    body = joined(row)
                    if body is not None:
                        yield body
        except sqlite3.Error as error:
            raise StoreError(f"the database {FILE} can't be read: {error}") from error

    def between(
        self, since: str, before: str, most: int, tenant: str | None = None, outcome: str | None = None
    ) -> list[bytes]:
        given = {"since": since, "before": before, "most": most, "tenant": tenant, "outcome": outcome}
        rows = self._several(lambda database: database.execute(_BETWEEN, given).fetchall())
        return [body for row in rows if (body := joined(row)) is not None]

    def content(self, receipt_id: str) -> bytes | None:
        return self._one("SELECT sealed FROM contents WHERE id = ?", receipt_id)

    def kept(self, keys: Sequence[str]) -> list[Entry]:
        """Entries by their keys, also those that are gone."""
        return self._several(partial(kept.find, keys=keys))

    def kept_parts(self, key: str) -> list[Entry]:
        """The parts of a whole, also those that are gone."""
        return self._several(partial(kept.parts, key=key))

    def scores(self, receipt_id: str) -> list[Score]:
        """How good an answer was."""
        return self._several(partial(scores_sqlite.of, receipt_id=receipt_id))

    def scored(self, tenant: str, since_ns: int, until_ns: int) -> Generator[bytes]:
        """JSON of a tenant's receipts of a time that have a score; no connection is open between pages."""

        def page(given: Mapping[str, Any]) -> list[Any]:
            return self._several(lambda database: database.execute(_SCORED, given).fetchall())

        return scored.bodies(page, tenant, since_ns, until_ns)

    def tallies(self, tenant: str = "") -> list[Tally]:
        """What a tenant's scores come to; empty: everybody's."""
        return self._several(partial(scores_sqlite.tallies, tenant=tenant))

    def _several(self, ask: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        if not self._path.exists():
            return []
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=BUSY_TIMEOUT_S)) as database:
                return ask(database)
        except sqlite3.Error as error:
            raise StoreError(f"the database {FILE} can't be read: {error}") from error

    def positions(self) -> dict[str, int]:
        """Journal segment to the offset up to which it is in the database."""
        if not self._path.exists():
            return {}
        try:
            database = sqlite3.connect(self._uri, uri=True, timeout=BUSY_TIMEOUT_S)
            try:
                return dict(database.execute("SELECT segment, position FROM shipped"))
            finally:
                database.close()
        except sqlite3.Error as error:
            raise StoreError(f"the database {FILE} can't be read: {error}") from error

    def close(self) -> None:
        """Nothing stays open."""
