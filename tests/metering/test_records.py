from contextlib import closing
from pathlib import Path

import pytest
from receipts import ALICE, receipt, receipt_id

from antiphon.control.probing import PROBER
from antiphon.core.principal import Principal
from antiphon.metering import records as metering_records
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import Records
from antiphon.metering.segment import RING_AT, WRITTEN, header
from antiphon.metering.shipping import Shipper
from antiphon.store.sqlite import SqliteDatabase, SqliteReader

BOB = Principal(tenant="other", key="bob")


def test_before_anything_was_written_there_is_nothing(tmp_path: Path) -> None:
    records = Records(SqliteReader(tmp_path), tmp_path)

    assert records.receipt(receipt_id(1)) is None
    assert records.last() is None
    assert records.content(receipt_id(1)) is None


@pytest.mark.parametrize("shipped", [0, 1, 2])
def test_the_newest_word_of_a_request_is_told_wherever_it_is(tmp_path: Path, shipped: int) -> None:
    """Opened, opened again for a second attempt, closed: with some of that shipped and the rest not."""
    words = [receipt(1, "running"), receipt(1, "running", notes=("again",)), receipt(1, "ok", status=200)]
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        shipper = Shipper(tmp_path, database)
        for number, word in enumerate(words):
            (journal.closed if word.outcome == "ok" else journal.opened)(word)
            if number < shipped:
                shipper.step()

            assert Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(1)) == word
            assert Records(SqliteReader(tmp_path), tmp_path).last() == word


def test_the_last_is_the_newest_by_id_wherever_it_is(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.opened(receipt(1, "running"))
        journal.closed(receipt(2))
        Shipper(tmp_path, database).step()
        journal.closed(receipt(1))

        last = Records(SqliteReader(tmp_path), tmp_path).last()

        assert last == receipt(2), "1 ended later, but 2 came later"


def test_a_tenants_last_is_its_own(tmp_path: Path) -> None:
    records = Records(SqliteReader(tmp_path), tmp_path)
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1))
        journal.closed(receipt(2, principal=BOB))
        journal.closed(receipt(3, "refused", principal=None))

        for _ in ("in the journal", "in the database"):
            assert records.last(ALICE.tenant) == receipt(1)
            assert records.last(BOB.tenant) == receipt(2, principal=BOB)
            assert records.last("nobody") is None
            assert records.last() == receipt(3, "refused", principal=None)
            Shipper(tmp_path, database).step()


def test_probes_are_not_the_last_of_all_though_of_their_tenant(tmp_path: Path) -> None:
    records = Records(SqliteReader(tmp_path), tmp_path)
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1))
        journal.closed(receipt(2, principal=PROBER))
        journal.closed(receipt(3, principal=PROBER))

        for _ in ("in the journal", "in the database"):
            assert records.last() == receipt(1)
            assert records.last(PROBER.tenant) == receipt(3, principal=PROBER)
            Shipper(tmp_path, database).step()


def test_the_prober_is_the_one_that_probes() -> None:
    assert (PROBER.tenant, PROBER.key) == metering_records.PROBER


def test_where_there_are_probes_alone_there_is_no_last(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1, principal=PROBER))
        Shipper(tmp_path, database).step()

    assert Records(SqliteReader(tmp_path), tmp_path).last() is None


def test_content_is_found_before_and_after_it_is_shipped(tmp_path: Path) -> None:
    records = Records(SqliteReader(tmp_path), tmp_path)
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.captured(receipt_id(1), "acme", b"a\0b")

        before = records.content(receipt_id(1))
        Shipper(tmp_path, database).step()

        assert (before, records.content(receipt_id(1))) == (b"a\0b", b"a\0b")
        assert records.receipt(receipt_id(1)) is None
        assert records.content(receipt_id(2)) is None


def test_a_torn_end_hides_nothing_before_it(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1))
    path = tmp_path / "w-000001.journal"
    written = header(path).written
    with path.open("r+b") as file:
        file.seek(WRITTEN * 8)
        file.write((written + 8).to_bytes(8, "little"))
        file.seek(RING_AT + written)
        file.write(b"\x10\0\0\0torn")

    assert Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(1)) == receipt(1)


def test_a_list_has_what_the_journal_says_beside_what_is_shipped(tmp_path: Path) -> None:
    records = Records(SqliteReader(tmp_path), tmp_path)
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1))
        journal.opened(receipt(2, "running"))
        journal.opened(receipt(3, "running"))
        Shipper(tmp_path, database).step()
        journal.closed(receipt(2, "failed", principal=BOB))
        journal.opened(receipt(4, "running"))
        journal.closed(receipt(4))

        def ids(**asked: str | None) -> list[tuple[str, str]]:
            said = {"since": "", "before": "~", "most": 10, **asked}
            return [(one.id, one.outcome) for one in records.between(**said)]

        whole = [(receipt_id(4), "ok"), (receipt_id(3), "running"), (receipt_id(2), "failed"), (receipt_id(1), "ok")]
        assert ids() == whole
        assert ids(outcome="running") == [whole[1]], "2 is no longer, whatever the database says"
        assert ids(outcome="ok") == [whole[0], whole[3]]
        assert ids(tenant="other") == [whole[2]]
        assert ids(since=receipt_id(2), before=receipt_id(4)) == whole[1:3]
        assert [one.id for one in records.between("", "~", 2)] == [receipt_id(4), receipt_id(3)]
