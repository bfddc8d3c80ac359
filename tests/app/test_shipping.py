from contextlib import closing
from pathlib import Path

import pytest
from receipts import receipt, receipt_id

from antiphon.app.shipping import ship
from antiphon.core.error import StoreError
from antiphon.metering.journal import FileJournal
from antiphon.metering.shipping import Shipper
from antiphon.store.database import Batch
from antiphon.store.sqlite import SqliteDatabase
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
