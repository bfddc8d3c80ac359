"""Objects in Postgres, shared by all gateways that use the database."""

from collections.abc import Sequence

from antiphon.core.objects import Change, Edit, Object, ObjectKind, Objects, Update
from antiphon.store import objects as sql
from antiphon.store.postgres_link import Database, Links, PostgresPlace

_IN_TURN = b"LOCK TABLE changes IN SHARE ROW EXCLUSIVE MODE"
"""One edit after the other: so versions are seen in the order of their numbers, and nobody who asks what changed since
one misses another that was committed late. Readers don't wait."""


class PostgresObjects(Objects):
    """Connections are shared by the threads of a process, and opened when they are needed."""

    def __init__(self, place: PostgresPlace) -> None:
        """`place` holds a database whose tables are up to date."""
        self._links = Links(place)

    def since(self, version: int) -> Update:
        return self._links.run(lambda database: _since(database, version))

    def get(self, kind: ObjectKind, name: str) -> Object | None:
        return self._links.run(lambda database: _get(database, kind, name))

    def page(self, kind: ObjectKind, after: str, most: int, tenant: str | None = None) -> list[Object]:
        text = sql.PAGE if tenant is None else sql.PAGE_OF_TENANT
        values = (kind, after, most) if tenant is None else (kind, after, tenant, most)
        return self._links.run(lambda db: [sql.object_of(row) for row in db.execute(_marked(text), values)])

    def edit(self, edit: Edit, by: str, at_ns: int) -> int:
        return self._links.run(lambda database: _edit(database, edit, by, at_ns), "written")

    def changes(
        self, before: int, most: int, kind: ObjectKind | None = None, name: str | None = None
    ) -> Sequence[Change]:
        text, values = sql.changes_query(before, most, kind, name)
        return self._links.run(lambda db: [sql.change_of(row) for row in db.execute(_marked(text), values)])

    def close(self) -> None:
        self._links.close()


def _marked(text: str) -> bytes:
    """A statement with values marked as psycopg wants them."""
    return text.replace("?", "%s").encode()


def _get(database: Database, kind: ObjectKind, name: str) -> Object | None:
    row = database.execute(_marked(sql.ONE), (kind, name)).fetchone()
    return None if row is None else sql.object_of(row)


def _since(database: Database, version: int) -> Update:
    newest: int = _one(database, sql.NEWEST)
    if newest == version:
        return Update(version=version, whole=False, objects=(), gone=())
    if version == 0 or version > newest:
        found = tuple(map(sql.object_of, database.execute(_marked(sql.ALL))))
        return Update(version=newest, whole=True, objects=found, gone=())
    touched = database.execute(_marked(sql.TOUCHED), (version, newest)).fetchall()
    return sql.update(newest, {(kind, name): _get(database, kind, name) for kind, name in touched})


def _edit(database: Database, edit: Edit, by: str, at_ns: int) -> int:
    database.execute(_IN_TURN)
    row = database.execute(_marked(sql.VERSION), (edit.kind, edit.name)).fetchone()
    sql.check(edit, row[0] if row else 0)
    version: int = _one(database, sql.NOTE, *sql.note(edit, by, at_ns))
    if edit.spec is None:
        database.execute(_marked(sql.DELETE), (edit.kind, edit.name))
    else:
        values = (edit.kind, edit.name, edit.tenant, edit.spec, version, at_ns, by)
        database.execute(_marked(sql.PUT), values)
    return version


def _one(database: Database, text: str, *values: object) -> int:
    row = database.execute(_marked(text), values).fetchone()
    assert row is not None
    return int(row[0])
