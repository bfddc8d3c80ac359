"""Shipping while the database is locked, full or away, and several gateways that share one."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from receipts import halves, receipt, receipt_id
from servers import Postgres

from antiphon.app.places import Places
from antiphon.app.shipping import MOST_RETRY_S, RETRY_S, Course
from antiphon.app.stores import Stores
from antiphon.core.bank import Want
from antiphon.core.budget import Account, Span
from antiphon.core.error import StoreError
from antiphon.core.secret import Secret
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import Records
from antiphon.metering.segment import header
from antiphon.metering.shipping import Shipper
from antiphon.store.settings import PostgresSettings, StorageSettings
from antiphon.store.sqlite import FILE, SqliteDatabase, SqliteReader
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots


def course(directory: Path, url: str | None = None) -> tuple[Course, Stores, Places]:
    places = Places.under(directory, directory)
    places.journal.mkdir(exist_ok=True)
    postgres = PostgresSettings(statement_timeout_s=1.0, connect_timeout_s=2.0)
    storage = StorageSettings(dir=str(directory), url=Secret(url) if url else None, postgres=postgres)
    metrics = Metrics(Slots(directory, "shipper"))
    return Course(places, storage, metrics), Stores.of(storage, directory), places


def lock(database: Path, told: Any) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        told.send("locked")
        told.recv()
        connection.execute("ROLLBACK")


def test_a_database_that_another_process_locks_is_waited_for_and_nothing_is_lost(tmp_path: Path) -> None:
    one, stores, places = course(tmp_path)
    with closing(FileJournal(places.journal, "w")) as journal:
        assert one.step(0.0) < RETRY_S
        one._database._db.execute("PRAGMA busy_timeout = 0")  # it is tried often enough
        ours, theirs = multiprocessing.Pipe()
        locker = multiprocessing.get_context("forkserver").Process(target=lock, args=(tmp_path / FILE, theirs))
        locker.start()
        assert ours.recv() == "locked"
        journal.closed(*halves(receipt(1)))

        assert [one.step(1.0) for _ in range(5)] == [1.0, 2.0, 4.0, MOST_RETRY_S, MOST_RETRY_S]
        assert Records(stores.reader(), places.journal).receipt(receipt_id(1)) == receipt(1), "the journal has it"
        assert header(places.journal / "w-000001.journal").shipped == 0
        assert one._metrics.journal_bytes.value > 0, "whoever watches sees it"

        ours.send("let go")
        locker.join()
        assert one.step(2.0) < RETRY_S
    one.finish()

    assert SqliteReader(tmp_path).receipt(receipt_id(1)) is not None


def test_a_postgres_that_stops_is_waited_for_and_shipped_to_once_it_is_back(tmp_path: Path, postgres: Postgres) -> None:
    one, stores, places = course(tmp_path, postgres.database())
    with closing(FileJournal(places.journal, "w")) as journal, closing(stores.reader()) as reader:
        journal.closed(*halves(receipt(1)))
        assert one.step(0.0) < RETRY_S
        postgres.stop()
        try:
            journal.closed(*halves(receipt(2)))
            assert [one.step(1.0), one.step(2.0)] == [1.0, 2.0]
            with pytest.raises(StoreError, match="can't be reached"):
                reader.receipt(receipt_id(1))
            with closing(stores.bank()) as bank, pytest.raises(StoreError, match="can't be reached"):
                bank.balances(["a"], 1)
        finally:
            postgres.start()

        assert one.step(3.0) < RETRY_S
        records = Records(reader, places.journal)
        assert [records.receipt(receipt_id(number)) for number in (1, 2)] == [receipt(1), receipt(2)]
        assert reader.receipt(receipt_id(2)) is not None
    one.finish()


def test_a_shipper_that_is_started_without_its_database_begins_once_it_is_there(
    tmp_path: Path, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres.url("later")
    one, _, places = course(tmp_path, url)
    with closing(FileJournal(places.journal, "w")) as journal:
        journal.closed(*halves(receipt(1)))
        assert one.step(0.0) == RETRY_S
        assert [record.getMessage() for record in caplog.records] == ["journal.not_shipped"]
        postgres.run("CREATE DATABASE later")

        assert one.step(1.0) < RETRY_S
    one.finish()


def test_an_end_without_a_database_leaves_the_journal_to_the_next_gateway(tmp_path: Path, postgres: Postgres) -> None:
    one, _, places = course(tmp_path, postgres.url("never"))
    with closing(FileJournal(places.journal, "w")) as journal:
        journal.closed(*halves(receipt(1)))

    one.finish()

    assert [path.name for path in places.journal.iterdir()] == ["w-000001.journal"]


def test_a_full_database_fills_the_journal_and_both_go_on_when_there_is_room(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database:
        with closing(FileJournal(tmp_path, "w", segment_bytes=4000)) as journal:
            shipper = Shipper(tmp_path, database)
            (pages,) = database._db.execute("PRAGMA page_count").fetchone()
            database._db.execute(f"PRAGMA max_page_count = {pages}")
            for number in range(200):
                journal.closed(*halves(receipt(number, notes=("x" * 200,))))
            with pytest.raises(StoreError, match="full"):
                shipper.step()
            database._db.execute("PRAGMA max_page_count = 1000000")
        while shipper.step():
            pass

        assert len(list(SqliteReader(tmp_path).newest())) == 200


def test_gateways_that_share_a_database_judge_their_own_workers_alone(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.database()
    made: list[tuple[Course, Stores, Places]] = []
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
        made.append(course(tmp_path / name, url))
    (left, left_stores, left_places), (right, _, right_places) = made
    left_stores.database().close()
    account = Account(key="b|acme|", tenant="acme", budget="b", measure="money", span=Span(start_ns=1))
    want = Want(account=account, limit=1000, hard=True, granted=0, need=100, like=100)
    journal, bank, reader = FileJournal(left_places.journal, "l-0001"), left_stores.bank(), left_stores.reader()
    with closing(journal), closing(bank), closing(reader):
        bank.grant("l-0001", [want], 2)
        journal.opened(*halves(receipt(1, "running")))
        for one in (left, right, left, right):
            assert one.step(0.0) < RETRY_S

        records = Records(reader, right_places.journal)
        assert records.receipt(receipt_id(1)).outcome == "running"
        assert bank.balances(["b|acme|"], 2)[0].held == 100

        journal.close()
        right.step(1.0)
        assert bank.balances(["b|acme|"], 2)[0].held == 100
        left.step(1.0)
        assert bank.balances(["b|acme|"], 2)[0].held == 0
        assert records.receipt(receipt_id(1)).outcome == "interrupted"
    for one in (left, right):
        one.finish()


def test_the_name_of_a_gateway_lasts_as_long_as_its_directory(tmp_path: Path) -> None:
    storage = StorageSettings(url=Secret("postgresql://nobody@127.0.0.1:1/none"))

    assert Stores.of(storage, tmp_path).home == Stores.of(storage, tmp_path).home != ""
    assert Stores.of(storage, tmp_path / "other").home != Stores.of(storage, tmp_path).home
    assert Stores.of(StorageSettings(), tmp_path / "third").home == ""
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("url", ["nonsense", "postgresql://u:s3cret@[::1/d"])
def test_what_is_no_address_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    stores = Stores.of(StorageSettings(url=Secret(url)), tmp_path)

    with pytest.raises(StoreError, match=r"storage\.url is no address of a Postgres") as caught:
        stores.database()

    assert "s3cret" not in str(caught.value)
