"""Answers in a file that the workers of a machine share. It may be deleted at any time: what is in it was paid for, no more."""

import sqlite3
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from antiphon.core.cache import CacheEntry, CacheStore
from antiphon.core.error import StoreError

FILE = "cache.db"
VERSION = 1
BUSY_S = 0.5
"""How long a write waits for that of another worker."""
AT_ONCE = 64
"""Of those whose time is over, the most that one write drops."""
_TABLES = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS answers (
        key BLOB PRIMARY KEY,
        tenant TEXT NOT NULL,
        part BLOB NOT NULL,
        at_ns INTEGER NOT NULL,
        until_ns INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        hint BLOB NOT NULL,
        sealed BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS answers_tenant ON answers (tenant, at_ns);
    CREATE INDEX IF NOT EXISTS answers_at ON answers (at_ns);
    CREATE INDEX IF NOT EXISTS answers_until ON answers (until_ns);
    CREATE INDEX IF NOT EXISTS answers_part ON answers (part, at_ns) WHERE length(part) > 0;
    CREATE TABLE IF NOT EXISTS sizes (tenant TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TRIGGER IF NOT EXISTS came AFTER INSERT ON answers BEGIN
        INSERT INTO sizes (tenant, size_bytes) VALUES (new.tenant, new.size_bytes)
        ON CONFLICT (tenant) DO UPDATE SET size_bytes = size_bytes + excluded.size_bytes;
    END;
    CREATE TRIGGER IF NOT EXISTS went AFTER DELETE ON answers BEGIN
        UPDATE sizes SET size_bytes = size_bytes - old.size_bytes WHERE tenant = old.tenant;
        DELETE FROM sizes WHERE tenant = old.tenant AND size_bytes <= 0;
    END;
    COMMIT;
"""


class SqliteCache(CacheStore):
    """One connection reads, one writes; each takes one question after the other."""

    def __init__(self, directory: Path, most_bytes: int, tenant_bytes: int) -> None:
        """Nothing is opened before it is asked for."""
        self._path = directory / FILE
        self._most_bytes = most_bytes
        self._tenant_bytes = tenant_bytes
        self._reading = _Connection(self._path)
        self._writing = _Connection(self._path)

    def find(self, tenant: str, key: bytes, now_ns: int) -> CacheEntry | None:
        with self._reading.asked("read") as database:
            row = database.execute(
                "SELECT key, tenant, part, at_ns, until_ns, sealed, hint FROM answers"
                " WHERE key = ? AND tenant = ? AND until_ns > ?",
                (key, tenant, now_ns),
            ).fetchone()
        return None if row is None else _entry(row)

    def near(self, tenant: str, group: bytes, after_ns: int, now_ns: int, most: int) -> list[CacheEntry]:
        with self._reading.asked("read") as database:
            rows = database.execute(
                "SELECT key, tenant, part, at_ns, until_ns, x'', hint FROM answers"
                " WHERE part = ? AND length(part) > 0 AND tenant = ? AND at_ns > ? AND until_ns > ?"
                " ORDER BY at_ns DESC LIMIT ?",
                (group, tenant, after_ns, now_ns, most),
            ).fetchall()
        return list(map(_entry, rows))

    def put(self, entry: CacheEntry, now_ns: int) -> None:
        if entry.size_bytes > min(self._most_bytes, self._tenant_bytes):
            raise StoreError(f"an answer of {entry.size_bytes} bytes is more than the cache may hold")
        with self._writing.asked("written") as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM answers WHERE key = ?", (entry.key,))
            database.execute(
                "INSERT INTO answers (key, tenant, part, at_ns, until_ns, size_bytes, hint, sealed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.key,
                    entry.tenant,
                    entry.group,
                    entry.at_ns,
                    entry.until_ns,
                    entry.size_bytes,
                    entry.hint,
                    entry.sealed,
                ),
            )
            database.execute(
                "DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE until_ns <= ? LIMIT ?)",
                (now_ns, AT_ONCE),
            )
            self._bound(database, entry.tenant)
            database.execute("COMMIT")

    def close(self) -> None:
        self._reading.close()
        self._writing.close()

    def _bound(self, database: sqlite3.Connection, tenant: str) -> None:
        """Drop the oldest, of the tenant and then of all, until what is left fits."""
        size = database.execute("SELECT size_bytes FROM sizes WHERE tenant = ?", (tenant,)).fetchone()
        over = (size[0] if size else 0) - self._tenant_bytes
        if over > 0:
            oldest = database.execute("SELECT key, size_bytes FROM answers WHERE tenant = ? ORDER BY at_ns", (tenant,))
            _drop(database, oldest, over)
        (size_bytes,) = database.execute("SELECT coalesce(sum(size_bytes), 0) FROM sizes").fetchone()
        over = size_bytes - self._most_bytes
        if over > 0:
            _drop(database, database.execute("SELECT key, size_bytes FROM answers ORDER BY at_ns"), over)


def _drop(database: sqlite3.Connection, oldest: Iterable[tuple[bytes, int]], over_bytes: int) -> None:
    """Drop the first of these, until so many bytes are gone."""
    gone: list[tuple[bytes]] = []
    for key, size_bytes in oldest:
        gone.append((key,))
        over_bytes -= size_bytes
        if over_bytes <= 0:
            break
    database.executemany("DELETE FROM answers WHERE key = ?", gone)


class _Connection:
    """Opened at its first question, and again after one that failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._closed = False

    @contextmanager
    def asked(self, what: str) -> Generator[sqlite3.Connection]:
        """Ask by the connection, alone. Raises: StoreError."""
        with self._lock:
            if self._closed:
                raise StoreError(f"the cache {FILE} is closed")
            try:
                database = self._database = self._database or _opened(self._path)
                yield database
            except sqlite3.Error as error:
                self._let_go()
                raise StoreError(f"the cache {FILE} can't be {what}: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file, and make its tables. Of another version it is emptied. Raises: sqlite3.Error."""
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        # What a loss of power takes is only paid for again; the file stays sound.
        database.execute("PRAGMA synchronous = NORMAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            database.executescript("DROP TABLE IF EXISTS answers; DROP TABLE IF EXISTS sizes;")
        if version != VERSION:
            database.executescript(_TABLES)
            database.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        database.close()
        raise
    return database


def _entry(row: tuple[bytes, str, bytes, int, int, bytes, bytes]) -> CacheEntry:
    key, tenant, part, at_ns, until_ns, sealed, hint = row
    return CacheEntry(key=key, tenant=tenant, group=part, at_ns=at_ns, until_ns=until_ns, sealed=sealed, hint=hint)
