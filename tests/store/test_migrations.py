"""The tables' versions, forward and back, with what stands in them."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from receipts import halves, receipt, receipt_id
from servers import Postgres

from antiphon.core.error import StoreError
from antiphon.store import schema_postgres, schema_sqlite
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.schema import Step, way
from antiphon.store.sqlite import FILE, SqliteDatabase

HOUR_NS = 3_600_000_000_000
NEWEST = len(schema_sqlite.STEPS)
TOLD, TAIL = halves(receipt(1))
BODY = msgspec.json.encode(TOLD)


class Sqlite:
    def __init__(self, directory: Path) -> None:
        self.database = sqlite3.connect(directory / FILE, isolation_level=None)
        self.open = lambda: SqliteDatabase(directory)

    def migrate(self, wanted: int | None = None) -> tuple[int, int]:
        return schema_sqlite.migrate(self.database, wanted)

    def version(self) -> int:
        return schema_sqlite.version_of(self.database)

    def tables(self) -> set[str]:
        return {name for (name,) in self.database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}

    def run(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(text, values).fetchall()

    def close(self) -> None:
        self.database.close()


class OnPostgres(Sqlite):
    def __init__(self, server: Postgres) -> None:
        place = server.place()
        self.database = psycopg.connect(place.url.reveal(), autocommit=True)
        self.open = lambda: PostgresDatabase(place)

    def migrate(self, wanted: int | None = None) -> tuple[int, int]:
        return schema_postgres.migrate(self.database, wanted)

    def version(self) -> int:
        return schema_postgres.version_of(self.database)

    def tables(self) -> set[str]:
        rows = self.database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}

    def run(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.database.execute(text.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sqlite]:
    made = Sqlite(tmp_path) if request.param == "sqlite" else OnPostgres(request.getfixturevalue("postgres"))
    with closing(made):
        yield made


def fill(store: Sqlite) -> None:
    """A row or two in every table."""
    store.run("INSERT INTO bases (id, tail) VALUES ('b1', ?)", TAIL)
    add = "INSERT INTO receipts (id, tenant, at_ns, outcome, body, basis) VALUES (?, 'acme', 1, 'ok', ?, ?)"
    store.run(add, receipt_id(1), BODY, "b1")
    store.run(add, receipt_id(2), msgspec.json.encode(receipt(2, asked="schön")), None)
    store.run("INSERT INTO contents (id, tenant, sealed) VALUES (?, 'acme', ?)", receipt_id(1), b"sealed")
    home = ", home" if isinstance(store, OnPostgres) else ""
    value = ", 'h'" if home else ""
    store.run(f"INSERT INTO running (id, writer{home}) VALUES ('r', 'w'{value})")
    store.run(f"INSERT INTO shipped (segment, position{home}) VALUES ('s', 7{value})")
    store.run("INSERT INTO kept VALUES ('k', 't', '', 1, 0, 5, ?)", b"kept")
    store.run("INSERT INTO objects VALUES ('key', 'n', 't', ?, 1, 1, 'cli')", b"{}")
    store.run(
        "INSERT INTO changes (at_ns, kind, name, tenant, action, \"by\") VALUES (1, 'key', 'n', 't', 'create', 'x')"
    )
    store.run(
        "INSERT INTO accounts (key, start_ns, tenant, budget, measure, end_ns, rolling_ns) VALUES ('a', 1, 't', 'b', 'money', 2, 0)"
    )
    store.run("INSERT INTO leases (holder, key, start_ns, tenant, granted) VALUES ('w', 'a', 1, 't', 9)")
    store.run("INSERT INTO holds (id, tenant, accounts) VALUES ('h', 't', ?)", b"x")
    store.run("INSERT INTO scores VALUES ('r', 'feedback', 'k', 't', 'd', 'auto', 'math', 0.5, 9, ?)", b"note")
    store.run("INSERT INTO tallies VALUES ('t', 'd', 'auto', 'math', 'feedback', 9, 1.5, 0.75)")


def receipts(store: Sqlite, version: int) -> list[Any]:
    if version >= 2:
        found = store.run("SELECT body, tail FROM receipts LEFT JOIN bases ON bases.id = basis ORDER BY receipts.id")
    else:
        found = [(body, None) for (body,) in store.run("SELECT body FROM receipts ORDER BY id")]
    return [msgspec.json.decode(body[:-1] + tail if tail else body) for body, tail in found]


def test_every_version_can_be_gone_back_to_and_keeps_what_its_tables_hold(store: Sqlite) -> None:
    assert store.migrate() == (0, NEWEST)
    fill(store)
    said, tables = receipts(store, NEWEST), {NEWEST: store.tables()}
    for version in reversed(range(1, NEWEST)):
        assert store.migrate(version) == (version + 1, version)
        tables[version] = store.tables()
        assert store.version() == version
        assert receipts(store, version) == said
        assert store.run("SELECT sealed FROM contents") == [(b"sealed",)]
        assert store.run("SELECT position FROM shipped") == [(7,)]
        if version >= 3:
            assert store.run("SELECT sealed FROM kept") == [(b"kept",)]
        if version >= 7:
            assert store.run("SELECT sealed FROM scores") == [(b"note",)]
            assert store.run("SELECT count, total FROM tallies") == [(1.5, 0.75)]
        if version >= 4:
            assert store.run("SELECT name FROM objects") == store.run("SELECT name FROM changes") == [("n",)]

    for version in range(2, NEWEST + 1):
        assert store.migrate(version) == (version - 1, version)
        assert store.tables() == tables[version]
        assert receipts(store, version) == said
    for table, column in (("accounts", "used_ns"), ("bases", "seen_ns"), ("holds", "seen_ns")):
        for (at_ns,) in store.run(f"SELECT {column} FROM {table}"):
            assert abs(at_ns - time.time_ns()) < HOUR_NS, "what is there already is not older than this"
    assert store.migrate(0) == (NEWEST, 0)
    assert not store.tables() & {"receipts", "bases", "ledger", "accounts"}
    assert store.migrate() == (0, NEWEST)


def test_both_stores_have_the_same_versions_and_columns(tmp_path: Path, postgres: Postgres) -> None:
    assert len(schema_postgres.STEPS) == NEWEST
    with closing(Sqlite(tmp_path)) as lite, closing(OnPostgres(postgres)) as other:
        for version in range(1, NEWEST + 1):
            lite.migrate(version)
            other.migrate(version)
            tables = lite.tables() - {"sqlite_sequence"}
            if version >= 5:
                tables = tables - {"entries", "terms"} | {"ledger"}
            assert tables == {name for name in other.tables() if not name.endswith(("_other", "_version"))}
            for table in tables:
                names = [row[1] for row in lite.run(f"PRAGMA table_xinfo({table})")]
                rows = other.run("SELECT column_name FROM information_schema.columns WHERE table_name = ?", table)
                assert set(names) == {name for (name,) in rows} - (
                    {"home"} if table in ("running", "shipped") else set()
                )


def test_a_newer_database_is_refused_and_not_touched(store: Sqlite) -> None:
    store.migrate()
    is_lite = not isinstance(store, OnPostgres)
    store.run(
        f"PRAGMA user_version = {NEWEST + 1}" if is_lite else f"UPDATE antiphon_version SET version = {NEWEST + 1}"
    )

    with pytest.raises(StoreError, match=f"has version {NEWEST + 1}, this Antiphon knows {NEWEST}; upgrade it"):
        store.open()

    assert store.version() == NEWEST + 1


def test_a_step_that_fails_leaves_the_version_before_it(tmp_path: Path) -> None:
    with closing(Sqlite(tmp_path)) as store:
        store.migrate()
        fill(store)
        store.run("DROP TABLE changes")

        with pytest.raises(sqlite3.OperationalError):
            store.migrate(3)

        assert store.version() == 4
        assert store.run("SELECT name FROM objects") == [("n",)]


def test_the_way_names_versions_that_are_not_there() -> None:
    steps = (Step("f1", "b1"), Step("f2", "b2"))

    assert way(0, None, steps) == [(1, "f1"), (2, "f2")]
    assert way(2, 0, steps) == [(1, "b2"), (0, "b1")]
    assert way(1, 1, steps) == []
    with pytest.raises(ValueError, match="no version 3 of the tables; this Antiphon knows 0 to 2"):
        way(1, 3, steps)
