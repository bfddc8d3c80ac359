"""SQLite asked by statements that it has in common with Postgres."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from antiphon.core.error import StoreError
from antiphon.store.sqlite import BUSY_TIMEOUT_S, FILE

T = TypeVar("T")


class SqliteAsk:
    """A transaction that is open."""

    row_lock = ""
    """Ends a question whose rows nobody else may change before the transaction ends."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def ask(self, text: str, values: Sequence[object] = ()) -> list[Any]:
        return self._database.execute(text, values).fetchall()

    def many(self, text: str, rows: Iterable[Sequence[object]]) -> None:
        self._database.executemany(text, rows)


class SqliteAsking:
    """A connection of its own for each question, so that any thread may ask; tables must be up to date."""

    def __init__(self, directory: Path) -> None:
        self._uri = (directory / FILE).absolute().as_uri()

    def run(self, work: Callable[[SqliteAsk], T], *, writes: bool = False, wipes: bool = False) -> T:
        """Do something in one transaction.

        Args:
            wipes: Leave no bytes of what is deleted in the files.
        Raises: StoreError.
        """
        mode = "rw" if writes else "ro"
        try:
            with closing(
                sqlite3.connect(f"{self._uri}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            ) as database:
                database.execute("PRAGMA synchronous = FULL")
                if wipes:
                    database.execute("PRAGMA secure_delete = ON")
                answer = within(database, work, "BEGIN IMMEDIATE" if writes else "BEGIN")
                if wipes:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return answer
        except sqlite3.Error as error:
            what = "written" if writes else "read"
            raise StoreError(f"the database {FILE} can't be {what}: {error}") from error


def within(database: sqlite3.Connection, work: Callable[[SqliteAsk], T], begin: str) -> T:
    """Do something in a transaction that one statement begins."""
    database.execute(begin)
    try:
        answer = work(SqliteAsk(database))
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    return answer
