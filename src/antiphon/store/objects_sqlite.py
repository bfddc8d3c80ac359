"""Objects in SQLite, in the database that receipts are in."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from antiphon.core.error import StoreError
from antiphon.core.objects import Change, Edit, Object, ObjectKind, Objects, Update
from antiphon.store import objects as sql
from antiphon.store.sqlite import BUSY_TIMEOUT_S, FILE

T = TypeVar("T")


class SqliteObjects(Objects):
    """A connection of its own for each question, so that any thread may ask."""

    def __init__(self, directory: Path) -> None:
        """`directory` holds a database whose tables are up to date."""
        self._uri = (directory / FILE).absolute().as_uri()

    def since(self, version: int) -> Update:
        return self._ask(lambda db: _since(db, version))

    def get(self, kind: ObjectKind, name: str) -> Object | None:
        return self._ask(lambda db: _get(db, kind, name))

    def page(self, kind: ObjectKind, after: str, most: int, tenant: str | None = None) -> list[Object]:
        text = sql.PAGE if tenant is None else sql.PAGE_OF_TENANT
        values = (kind, after, most) if tenant is None else (kind, after, tenant, most)
        return self._ask(lambda db: [sql.object_of(row) for row in db.execute(text, values)])

    def edit(self, edit: Edit, by: str, at_ns: int) -> int:
        return self._ask(lambda db: _edit(db, edit, by, at_ns), "rw")

    def changes(
        self, before: int, most: int, kind: ObjectKind | None = None, name: str | None = None
    ) -> Sequence[Change]:
        text, values = sql.changes_query(before, most, kind, name)
        return self._ask(lambda db: [sql.change_of(row) for row in db.execute(text, values)])

    def close(self) -> None:
        """Nothing stays open."""

    def _ask(self, ask: Callable[[sqlite3.Connection], T], mode: str = "ro") -> T:
        """Ask within one transaction. Raises: StoreError."""
        try:
            database = sqlite3.connect(
                f"{self._uri}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
            with closing(database):
                database.execute("PRAGMA synchronous = FULL")
                database.execute("BEGIN" if mode == "ro" else "BEGIN IMMEDIATE")
                try:
                    answer = ask(database)
                    database.execute("COMMIT")
                except BaseException:
                    if database.in_transaction:
                        database.execute("ROLLBACK")
                    raise
                return answer
        except sqlite3.Error as error:
            what = "read" if mode == "ro" else "written"
            raise StoreError(f"the database {FILE} can't be {what}: {error}") from error


def _get(database: sqlite3.Connection, kind: str, name: str) -> Object | None:
    row = database.execute(sql.ONE, (kind, name)).fetchone()
    return None if row is None else sql.object_of(row)


def _since(database: sqlite3.Connection, version: int) -> Update:
    (newest,) = database.execute(sql.NEWEST).fetchone()
    if newest == version:
        return Update(version=version, whole=False, objects=(), gone=())
    if version == 0 or version > newest:
        found = tuple(map(sql.object_of, database.execute(sql.ALL)))
        return Update(version=newest, whole=True, objects=found, gone=())
    touched = database.execute(sql.TOUCHED, (version, newest)).fetchall()
    return sql.update(newest, {(kind, name): _get(database, kind, name) for kind, name in touched})


def _edit(database: sqlite3.Connection, edit: Edit, by: str, at_ns: int) -> int:
    row = database.execute(sql.VERSION, (edit.kind, edit.name)).fetchone()
    sql.check(edit, row[0] if row else 0)
    (version,) = database.execute(sql.NOTE, sql.note(edit, by, at_ns)).fetchone()
    if edit.spec is None:
        database.execute(sql.DELETE, (edit.kind, edit.name))
    else:
        database.execute(sql.PUT, (edit.kind, edit.name, edit.tenant, edit.spec, version, at_ns, by))
    return version
