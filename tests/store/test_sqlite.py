import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from receipts import halves, receipt, receipt_id

from antiphon.core.error import StoreError
from antiphon.core.receipt import Receipt
from antiphon.store.database import Batch, Row
from antiphon.store.schema_sqlite import STEPS
from antiphon.store.sqlite import FILE, SqliteDatabase, SqliteReader

AUDIT = ("audit", "audit_notes", "audit_heads", "audit_batches", "audit_checkpoints", "audit_sources")
RUNS = {
    "runs", "run_barred", "run_envelopes", "run_events", "run_holds", "run_intents", "run_mail", "run_memories", "run_skills",
    "run_values", "run_workers",
}  # fmt: skip
VAULT = ("vault_tenants", "vault_keys", "vault_erasures", "legal_holds")
MONEY = {"accounts", "slots", "holders", "leases", "entries", "terms", "holds", "objects", "changes", "sqlite_sequence"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path)) as database:
        yield database


def row(number: int, outcome: str = "ok", tenant: str = "acme") -> Row:
    return Row(
        id=receipt_id(number),
        tenant=tenant,
        at_ns=number,
        outcome=outcome,
        body=msgspec.json.encode(receipt(number, outcome)),
    )


def batch(*rows: Row, **parts: Any) -> Batch:
    return Batch(rows=list(rows), **{"contents": [], "began": [], "ended": [], "positions": {}, **parts})


def query(directory: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(directory / FILE)) as connection:
        return connection.execute(text).fetchall()


def test_an_empty_directory_gets_every_table(tmp_path: Path, database: SqliteDatabase) -> None:
    tables = {name for (name,) in query(tmp_path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}

    assert tables == {
        "receipts", "running", "contents", "shipped", "bases", "kept", "scores", "tallies", *MONEY, *AUDIT, *VAULT, *RUNS, "approvals", "approval_messages"
    }  # fmt: skip
    assert query(tmp_path, "PRAGMA user_version") == [(len(STEPS),)]


def test_records_survive_that_the_database_is_opened_again(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as first:
        first.write(batch(row(1)))

    with closing(SqliteDatabase(tmp_path)) as second:
        assert second.receipt(receipt_id(1)) == row(1).body


def test_a_newer_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")

    with pytest.raises(StoreError, match=f"has version {len(STEPS) + 1}, this Antiphon knows {len(STEPS)}; upgrade it"):
        SqliteDatabase(tmp_path)

    assert query(tmp_path, "PRAGMA user_version") == [(len(STEPS) + 1,)]


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)

    with pytest.raises(StoreError, match="can't be opened"):
        SqliteDatabase(tmp_path)


def test_the_file_is_in_wal_mode_with_large_pages_and_durable_commits(tmp_path: Path, database: SqliteDatabase) -> None:
    assert query(tmp_path, "PRAGMA journal_mode") == [("wal",)]
    assert query(tmp_path, "PRAGMA page_size") == [(16384,)]
    assert database._db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL: a commit survives a loss of power"


def test_a_running_receipt_becomes_final_once(database: SqliteDatabase) -> None:
    database.write(batch(row(1, "running")))
    database.write(batch(row(1, "ok")))

    database.write(batch(row(1, "failed")))
    database.write(batch(row(1, "running")))

    assert database.receipt(receipt_id(1)) == row(1, "ok").body


def test_a_running_receipt_may_say_more_while_it_runs(database: SqliteDatabase) -> None:
    database.write(batch(row(1, "running")))
    more = msgspec.structs.replace(row(1, "running"), body=b'{"more":1}', tenant="other")

    database.write(batch(more))

    assert database.receipt(receipt_id(1)) == more.body


def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path, database: SqliteDatabase) -> None:
    bad = msgspec.structs.replace(row(2), body=None)

    with pytest.raises(StoreError, match="can't be written"):
        database.write(batch(row(1), bad, positions={"w-000001.journal": 7}))

    assert query(tmp_path, "SELECT count(*) FROM receipts") == [(0,)]
    assert database.positions() == {}


def test_after_a_failure_the_next_batch_is_written(database: SqliteDatabase) -> None:
    with pytest.raises(StoreError):
        database.write(batch(msgspec.structs.replace(row(1), tenant=None)))

    database.write(batch(row(1)))

    assert database.receipt(receipt_id(1)) == row(1).body


def test_a_full_disk_is_told_of_and_got_over(database: SqliteDatabase) -> None:
    database.write(batch(row(1)))
    large = msgspec.structs.replace(row(2), body=bytes(1_000_000))
    (pages,) = database._db.execute("PRAGMA page_count").fetchone()
    database._db.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreError, match="full"):
        database.write(batch(large))
    database._db.execute("PRAGMA max_page_count = 1000000")
    database.write(batch(large))

    assert database.receipt(receipt_id(1)) == row(1).body
    assert database.receipt(receipt_id(2)) == large.body


def test_who_runs_is_known_until_it_ends(database: SqliteDatabase) -> None:
    database.write(batch(began=[(receipt_id(1), "w1"), (receipt_id(2), "w2")]))
    database.write(batch(began=[(receipt_id(1), "w1")], ended=[receipt_id(2), receipt_id(3)]))

    assert database.running() == {receipt_id(1): "w1"}


def test_positions_move_on_and_are_forgotten(database: SqliteDatabase) -> None:
    database.write(batch(positions={"a": 10, "b": 20}))
    database.write(batch(positions={"a": 30}))
    database.forget(["b", "c"])

    assert database.positions() == {"a": 30}


def test_content_is_kept_once(tmp_path: Path, database: SqliteDatabase) -> None:
    database.write(batch(contents=[(receipt_id(1), "acme", b"first")]))
    database.write(batch(contents=[(receipt_id(1), "acme", b"second")]))

    assert SqliteReader(tmp_path).content(receipt_id(1)) == b"first"


def test_a_database_that_another_holds_is_told_of(tmp_path: Path, database: SqliteDatabase) -> None:
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database._db.execute("PRAGMA busy_timeout = 0")

        with pytest.raises(StoreError, match="locked"):
            database.write(batch(row(1)))
        with pytest.raises(StoreError, match="locked"):
            database.forget(["a"])
        other.execute("ROLLBACK")

    database.write(batch(row(1)))


def test_a_reader_of_a_missing_database_finds_nothing(tmp_path: Path) -> None:
    reader = SqliteReader(tmp_path / "missing")

    assert reader.receipt(receipt_id(1)) is None
    assert list(reader.newest()) == []
    assert reader.last("acme") is None
    assert reader.content(receipt_id(1)) is None
    assert reader.positions() == {}
    assert not (tmp_path / "missing").exists()


def test_a_reader_of_a_broken_database_says_so(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)

    with pytest.raises(StoreError, match="can't be read"):
        SqliteReader(tmp_path).receipt(receipt_id(1))
    with pytest.raises(StoreError, match="can't be read"):
        SqliteReader(tmp_path).positions()
    with pytest.raises(StoreError, match="can't be read"):
        next(SqliteReader(tmp_path).newest())


@pytest.mark.parametrize("name", ["plain", "with space", "a#b", "a?b", "a%20b", "é"])
def test_a_reader_sees_what_is_committed_whatever_its_directory_is_called(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    directory.mkdir()
    with closing(SqliteDatabase(directory)) as database:
        database.write(batch(row(1), row(3, tenant="other"), row(2), positions={"w": 5}))
        reader = SqliteReader(directory)

        assert reader.receipt(receipt_id(1)) == row(1).body
        assert reader.receipt(receipt_id(9)) is None
        assert list(reader.newest()) == [row(3).body, row(2).body, row(1).body]
        assert reader.last("acme") == row(2).body
        assert reader.last("nobody") is None
        assert reader.positions() == {"w": 5}


def test_a_reader_can_not_write(tmp_path: Path, database: SqliteDatabase) -> None:
    with pytest.raises(StoreError, match="readonly"):
        SqliteReader(tmp_path)._one("DELETE FROM receipts")


def test_any_thread_may_read_while_another_writes(tmp_path: Path, database: SqliteDatabase) -> None:
    found: list[bytes | None] = []
    reader = SqliteReader(tmp_path)
    database._db.execute("BEGIN IMMEDIATE")
    database._put(batch(row(1)))

    thread = Thread(target=lambda: found.append(reader.receipt(receipt_id(1))))
    thread.start()
    thread.join()
    database._db.execute("COMMIT")

    assert found == [None]
    assert reader.receipt(receipt_id(1)) == row(1).body


def test_a_receipt_goes_on_with_its_basis(tmp_path: Path, database: SqliteDatabase) -> None:
    told, tail = halves(receipt(1))
    body = msgspec.json.encode(told)
    one = Row(id=receipt_id(1), tenant="acme", at_ns=1, outcome="ok", body=body, basis="b1")

    database.write(batch(one, bases=[("b1", tail)]))
    database.write(batch(bases=[("b1", b"another"), ("b2", b"second")]))

    assert database.receipt(receipt_id(1)) == SqliteReader(tmp_path).receipt(receipt_id(1)) == body[:-1] + tail
    assert msgspec.json.decode(body[:-1] + tail, type=Receipt) == receipt(1)
    assert [SqliteReader(tmp_path).basis(one) for one in ("b1", "b2", "b3")] == [tail, b"second", None]
    assert [database.basis(one) for one in ("b1", "b3")] == [tail, None]


def test_a_receipt_whose_basis_is_missing_is_told_of(tmp_path: Path, database: SqliteDatabase) -> None:
    database.write(batch(Row(id=receipt_id(1), tenant="acme", at_ns=1, outcome="ok", body=b"{}", basis="lost")))

    for ask in (database.receipt, SqliteReader(tmp_path).receipt):
        with pytest.raises(StoreError, match="basis lost"):
            ask(receipt_id(1))
