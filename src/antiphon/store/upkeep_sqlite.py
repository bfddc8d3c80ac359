"""Upkeep of a database in a data directory."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from antiphon.core.error import StoreError
from antiphon.store import upkeep_sql
from antiphon.store.schema_sqlite import STEPS, migrate, version_of
from antiphon.store.sqlite import BUSY_TIMEOUT_S, FILE
from antiphon.store.upkeep import Audit, Home, Lease, Upkeep

T = TypeVar("T")
BESIDE = ("-wal", "-shm")
"""Files beside the database's own."""
PAGES_AT_ONCE = 1024
"""Of a copy: in between, writers write."""


class SqliteUpkeep(Upkeep):
    """A connection for each question."""

    newest = len(STEPS)

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def version(self) -> int:
        return self._ask(version_of) if self._path.exists() else 0

    def migrate(self, wanted: int | None = None) -> tuple[int, int]:
        return self._ask(lambda database: migrate(database, wanted), must_exist=False)

    def audit(self) -> Audit:
        def work(database: sqlite3.Connection) -> Audit:
            found = [row[0] for row in database.execute("PRAGMA integrity_check")]
            damage = () if found == ["ok"] else tuple(found)
            database.execute("BEGIN")
            return upkeep_sql.audit(lambda query: database.execute(query).fetchall(), damage)

        return self._ask(work)

    def homes(self) -> tuple[Home, ...]:
        def work(database: sqlite3.Connection) -> tuple[Home, ...]:
            (running,) = database.execute("SELECT count(*) FROM running").fetchone()
            held = database.execute(upkeep_sql.HOMES).fetchall()
            return upkeep_sql.homes(held, {"": running} if running else {}, set())

        return self._ask(work)

    def leases(self, home: str) -> tuple[Lease, ...]:
        text = upkeep_sql.LEASES.format("?")
        return self._ask(lambda database: upkeep_sql.leases(database.execute(text, (home,)).fetchall()))

    def copy(self, directory: Path) -> Path:
        target = directory / FILE

        def work(database: sqlite3.Connection) -> None:
            with closing(sqlite3.connect(target)) as copy:
                database.backup(copy, pages=PAGES_AT_ONCE)

        self._ask(work)
        return target

    def restore(self, directory: Path) -> None:
        source = directory / FILE
        if not source.is_file():
            raise StoreError(f"there is no {FILE} in {directory}")
        for end in BESIDE:
            self._path.with_name(FILE + end).unlink(missing_ok=True)
        with closing(sqlite3.connect(source)) as copy:
            self._ask(copy.backup, must_exist=False)

    def close(self) -> None:
        """Nothing stays open."""

    def _ask(self, ask: Callable[[sqlite3.Connection], T], *, must_exist: bool = True) -> T:
        if must_exist and not self._path.is_file():
            raise StoreError(f"there is no database {self._path}; a gateway makes it when it starts")
        try:
            with closing(sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as database:
                return ask(database)
        except sqlite3.Error as error:
            raise StoreError(f"the database {self._path}: {error}") from error
