"""Postgres asked by statements that it has in common with SQLite."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import psycopg

from antiphon.core.error import StoreError
from antiphon.store.postgres_link import Database, Links, PostgresPlace, connect

T = TypeVar("T")


def marked(text: str) -> bytes:
    """A statement with values marked as psycopg wants them."""
    return text.replace("%", "%%").replace("?", "%s").encode()


class PostgresAsk:
    """A transaction that is open."""

    row_lock = " FOR UPDATE"
    """Ends a question whose rows nobody else may change before the transaction ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, text: str, values: Sequence[object] = ()) -> list[Any]:
        found = self._database.execute(marked(text), values)
        return list(found.fetchall()) if found.description is not None else []

    def many(self, text: str, rows: Iterable[Sequence[object]]) -> None:
        with self._database.cursor() as cursor:
            cursor.executemany(marked(text), rows)


class PostgresAsking:
    """Connections are shared by the threads of a process, and opened when they are needed."""

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place
        self._links = Links(place)

    def run(self, work: Callable[[PostgresAsk], T], *, writes: bool = False, lock: int | None = None) -> T:
        """Do something in one transaction; with a lock, alone of all that take it. Raises: StoreError."""

        def within(database: Database) -> T:
            if lock is not None:
                database.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
            return work(PostgresAsk(database))

        return self._links.run(within, "written") if writes else self._links.run(within)

    def vacuum(self, *tables: str) -> None:
        """Have the bytes of deleted rows go; while an older transaction runs they stay. Raises: StoreError."""
        database = connect(self._place)
        try:
            for table in tables:
                database.execute(f"VACUUM {table}".encode())
        except psycopg.Error as error:
            raise StoreError(f"the database can't be vacuumed: {error}") from error
        finally:
            database.close()

    def close(self) -> None:
        self._links.close()
