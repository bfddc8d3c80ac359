from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from receipts import receipt, receipt_id

from antiphon.app.exported import note
from antiphon.app.shipping import DAY_NS, retain, ship
from antiphon.core.error import StoreError
from antiphon.metering.journal import FileJournal
from antiphon.metering.shipping import Shipper
from antiphon.store.database import Batch, Row
from antiphon.store.settings import RetentionSettings, StorageSettings
from antiphon.store.settings_export import ExportSettings
from antiphon.store.sqlite import SqliteDatabase
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
