from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from receipts import receipt, receipt_id

from antiphon.app.auditing import Auditing
from antiphon.app.exported import note
from antiphon.app.places import Places
from antiphon.app.shipping import DAY_NS, Course, retain, ship
from antiphon.control.settings_audit import AuditSettings
from antiphon.core.audit import Event
from antiphon.core.error import StoreError
from antiphon.core.ids import first_id
from antiphon.core.vault_store import Content, Hold
from antiphon.metering.journal import FileJournal
from antiphon.metering.shipping import Shipper
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.database import Batch, Row
from antiphon.store.settings import RetentionSettings, StorageSettings
from antiphon.store.settings_export import ExportSettings
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.store.vault_sqlite import SqliteVault
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots


class FullDatabase(SqliteDatabase):
    """Has no room until it is told that it has."""

    full = True

    def write(self, batch: Batch) -> None:
        if self.full:
            raise StoreError("the database can't be written: database or disk is full")
        super().write(batch)


def test_what_can_not_be_shipped_now_is_told_of_and_shipped_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics(Slots(tmp_path, "shipper"))
    with closing(FullDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1))
        shipper = Shipper(tmp_path, database)

        first = ship(shipper, metrics, 0.25)
        database.full = False
        second = ship(shipper, metrics, 0.25)

        assert (first, second) == (None, 0.25)
        assert [record.getMessage() for record in caplog.records] == ["journal.not_shipped"]
        assert database.receipt(receipt_id(1)) is not None
        assert metrics.journal_bytes.value == 0


def test_a_full_batch_is_followed_by_the_next_at_once(tmp_path: Path) -> None:
    metrics = Metrics(Slots(tmp_path, "shipper"))
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        for number in (1, 2, 3):
            journal.captured(receipt_id(number), "acme", bytes(5_000_000))
        journal.closed(receipt(1))
        shipper = Shipper(tmp_path, database)

        waits = [ship(shipper, metrics, 0.25) for _ in range(3)]

        assert waits == [0.0, 0.0, 0.25]
        assert metrics.journal_bytes.value == 0


def test_days_that_are_not_exported_yet_are_not_dropped(tmp_path: Path) -> None:
    now_ns = 100 * DAY_NS
    storage = StorageSettings(
        retention=RetentionSettings(receipts_days=10), export=ExportSettings(to=str(tmp_path / "out"))
    )
    rows = [
        Row(id=receipt_id(day), tenant="acme", at_ns=day * DAY_NS + 1, outcome="ok", body=b"{}") for day in (50, 60, 95)
    ]
    with closing(SqliteDatabase(tmp_path)) as database:
        database.write(Batch(rows=rows))

        def left() -> list[int]:
            retain(database, SqliteVault(tmp_path), storage, tmp_path, now_ns)
            return [day for day in (50, 60, 95) if database.receipt(receipt_id(day)) is not None]

        assert left() == [50, 60, 95]
        note(tmp_path, date(1970, 2, 25))  # the 55th day
        assert left() == [60, 95]
        note(tmp_path, date(1970, 4, 11))
        assert left() == [95]


def test_what_says_how_far_exports_came_and_can_not_be_read_keeps_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = StorageSettings(retention=RetentionSettings(receipts_days=1), export=ExportSettings(to="out"))
    (tmp_path / "exported").write_text("rubbish")
    with closing(SqliteDatabase(tmp_path)) as database:
        database.write(Batch(rows=[Row(id=receipt_id(1), tenant="acme", at_ns=1, outcome="ok", body=b"{}")]))

        retain(database, SqliteVault(tmp_path), storage, tmp_path, 100 * DAY_NS)

        assert database.receipt(receipt_id(1)) == b"{}"
    assert [record.getMessage() for record in caplog.records] == ["retention.failed"]


def held(number: int) -> Hold:
    return Hold(id=f"h{number}", tenant="acme", by="key/boss", at_ns=1)


def aged(database: SqliteDatabase, at_ns: int) -> str:
    """A receipt of a time, with content."""
    name = f"{first_id(at_ns // 1_000_000)}-7000-8000-000000000000"
    row = Row(id=name, tenant="acme", at_ns=at_ns, outcome="ok", body=b"{}")
    database.write(Batch(rows=[row], contents=[Content(name, "acme", b"sealed")]))
    return name


def test_content_goes_before_its_receipt_and_neither_while_a_hold_stands(tmp_path: Path) -> None:
    retention = RetentionSettings(content_days=10, receipts_days=50)
    storage = StorageSettings(retention=retention)
    with closing(SqliteDatabase(tmp_path)) as database:
        vault, reader = SqliteVault(tmp_path), SqliteReader(tmp_path)
        young, old, oldest = (aged(database, (100 - days) * DAY_NS) for days in (5, 20, 60))
        vault.hold(held(1))
        retain(database, vault, storage, tmp_path, 100 * DAY_NS)
        assert all(reader.content(one) and reader.receipt(one) for one in (young, old, oldest))

        vault.lift("h1")
        retain(database, vault, storage, tmp_path, 100 * DAY_NS)

        assert [reader.content(one) is not None for one in (young, old, oldest)] == [True, False, False]
        assert [reader.receipt(one) is not None for one in (young, old, oldest)] == [True, True, False]


@pytest.mark.parametrize("receipts", [True, False])
def test_receipts_are_chained_unless_told_otherwise_and_what_is_noted_always(tmp_path: Path, receipts: bool) -> None:
    places = Places.under(tmp_path, tmp_path / "run")
    places.journal.mkdir()
    places.metrics.mkdir()
    audit = AuditSettings(receipts=receipts, name="example.com/log", key_file=str(tmp_path / "own.key"))
    course = Course(places, StorageSettings(), Metrics(Slots(places.metrics, "shipper")), audit=audit)
    with closing(FileJournal(places.journal, "w-1")) as journal:
        journal.closed(receipt(1))
        journal.note(Event(tenant="acme", kind="test", by="cli", at_ns=1))
    course.step(0.0)
    course.finish()

    store = SqliteAudit(tmp_path)
    kinds = [one.kind for one in store.links("acme", 0, 10)]
    assert sorted(kinds) == (["receipt", "test"] if receipts else ["test"])
    (point,) = store.checkpoints("acme", 10)
    assert point.note.startswith(b"example.com/log/acme\n")
    assert (tmp_path / "own.key").exists()
    assert not (tmp_path / "audit.key").exists()


def test_a_chain_is_stated_so_often_and_not_more(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    store = SqliteAudit(tmp_path)
    auditing = Auditing(AuditSettings(checkpoint_every_s=60), store, tmp_path)
    sizes: list[int] = []
    for now_s in (0.0, 30.0, 59.0, 60.0, 61.0):
        store.note(Event(tenant="acme", kind="test", by="cli", at_ns=1))
        auditing.step(now_s)
        sizes.append(store.checkpoints("acme", 1)[0].size)

    assert sizes == [1, 1, 1, 4, 4]
