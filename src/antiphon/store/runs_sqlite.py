"""Runs in SQLite, in the database that receipts are in."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from antiphon.core.error import StoreError
from antiphon.store.asking_sqlite import SqliteAsk, within
from antiphon.store.runs_kept import KeptRuns
from antiphon.store.sqlite import BUSY_TIMEOUT_S, FILE

T = TypeVar("T")
KEPT = 8
"""Most connections that stay open while nobody uses them: opening one reads the schema, 0.3 ms."""


class SqliteLinks:
    """Connections that the threads of one process share, opened when they are needed."""

    def __init__(self, directory: Path) -> None:
        self._uri = (directory / FILE).absolute().as_uri()
        self._free: list[sqlite3.Connection] = []
        self._turn = threading.Lock()

    def run(
        self, work: Callable[[SqliteAsk], T], *, writes: bool = False, soft: bool = False, lock: int | None = None
    ) -> T:
        """As `runs_kept.Asking`; whoever writes is alone anyway."""
        try:
            database = self._take()
            try:
                if writes:
                    database.execute(f"PRAGMA synchronous = {'NORMAL' if soft else 'FULL'}")
                answer = within(database, work, "BEGIN IMMEDIATE" if writes else "BEGIN")
            except sqlite3.Error:
                database.close()
                raise
            except BaseException:
                self._give(database)
                raise
            self._give(database)
            return answer
        except sqlite3.Error as error:
            what = "written" if writes else "read"
            raise StoreError(f"the database {FILE} can't be {what}: {error}") from error

    def _take(self) -> sqlite3.Connection:
        with self._turn:
            if self._free:
                return self._free.pop()
        return sqlite3.connect(
            f"{self._uri}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )

    def _give(self, database: sqlite3.Connection) -> None:
        with self._turn:
            if len(self._free) < KEPT:
                self._free.append(database)
                return
        database.close()

    def close(self) -> None:
        with self._turn:
            for one in self._free:
                one.close()
            self._free.clear()


class SqliteRuns(KeptRuns):
    """Any thread may ask. A process that forks asks only after it."""

    def __init__(self, directory: Path) -> None:
        """`directory` holds a database whose tables are up to date."""
        super().__init__(SqliteLinks(directory))
