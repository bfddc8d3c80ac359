"""The port `Kept` on every adapter, and what only the journalled one has to hold."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fakes.kept import MemoryKept
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from receipts import receipt, receipt_id

from antiphon.core.kept import Entry, merged
from antiphon.core.ports import Kept
from antiphon.metering.journal import FileJournal
from antiphon.metering.kept import JournalledKept
from antiphon.metering.records import Records
from antiphon.metering.shipping import Shipper
from antiphon.store.sqlite import SqliteDatabase, SqliteReader


def key(number: int) -> str:
    return f"{number:036d}"


def entry(number: int, text: bytes = b"sealed", at_ns: int = 10, part_of: int = 0, place: int = 0) -> Entry:
    whole = key(part_of) if part_of else ""
    return Entry(
        key=key(number), tenant="acme", part_of=whole, at_ns=at_ns, place=place, until_ns=at_ns + 100, sealed=text
    )


def gone(one: Entry, at_ns: int = 99) -> Entry:
    return replace(one, at_ns=at_ns, sealed=b"")


class Bench:
    """An adapter, and what has its writes go further."""

    def __init__(self, kept: Kept, ship: Callable[[], object]) -> None:
        self.kept = kept
        self.ship = ship


@pytest.fixture(params=["memory", "in the journal", "in the database"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "memory":
        yield Bench(MemoryKept(), lambda: None)
        return
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        shipper = Shipper(tmp_path, database)
        ships = shipper.step if request.param == "in the database" else lambda: None
        yield Bench(JournalledKept(journal, SqliteReader(tmp_path), tmp_path), ships)


def test_what_was_kept_is_found_at_once_and_nothing_else(bench: Bench) -> None:
    bench.kept.keep([entry(1), entry(2, b"other")])
    bench.ship()

    assert bench.kept.find([key(1), key(2), key(3)]) == {key(1): entry(1), key(2): entry(2, b"other")}
    assert bench.kept.find([]) == {}


def test_of_one_key_the_later_counts_in_whatever_order_they_come(bench: Bench) -> None:
    bench.kept.keep([entry(1, b"new", at_ns=20)])
    bench.ship()
    bench.kept.keep([entry(1, b"old", at_ns=10)])
    bench.ship()

    assert bench.kept.find([key(1)])[key(1)].sealed == b"new"


def test_what_was_prolonged_lasts_longer(bench: Bench) -> None:
    bench.kept.keep([entry(1)])
    bench.ship()
    bench.kept.keep([replace(entry(1), until_ns=5000)])
    bench.ship()

    assert bench.kept.find([key(1)])[key(1)].until_ns == 5000


def test_what_was_deleted_stays_so_whatever_comes_after(bench: Bench) -> None:
    bench.kept.keep([entry(1)])
    bench.ship()
    bench.kept.keep([gone(entry(1))])
    bench.ship()
    bench.kept.keep([entry(1, b"again", at_ns=500)])
    bench.ship()

    assert bench.kept.find([key(1)]) == {}


def test_parts_stand_in_the_order_of_writing_without_those_that_are_gone(bench: Bench) -> None:
    bench.kept.keep([entry(1), entry(4, at_ns=20, part_of=1), entry(2, at_ns=10, part_of=1, place=1)])
    bench.kept.keep([entry(3, at_ns=10, part_of=1), entry(5, at_ns=30, part_of=1), entry(6, part_of=9)])
    bench.ship()
    bench.kept.keep([gone(entry(5, part_of=1))])
    bench.ship()

    assert [one.key for one in bench.kept.parts(key(1))] == [key(3), key(2), key(4)]


def test_entries_of_one_call_are_one_record_so_all_of_them_stand_or_none(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=65_536)) as journal:
        kept = JournalledKept(journal, SqliteReader(tmp_path), tmp_path)
        kept.keep([entry(1), entry(2)])
        (path,) = tmp_path.glob("*.journal")
        data = path.read_bytes()
        path.write_bytes(data.replace(b"sealed", b"broken", 1))

        assert kept.find([key(1), key(2)]) == {}


def test_a_deletion_that_is_shipped_before_what_it_deletes_holds(tmp_path: Path) -> None:
    """Two workers: the one that was told to delete is shipped first, since its name comes first."""
    whole, part = entry(1), entry(2, part_of=1)
    with closing(SqliteDatabase(tmp_path)) as database:
        shipper = Shipper(tmp_path, database)
        with closing(FileJournal(tmp_path, "a")) as early, closing(FileJournal(tmp_path, "b")) as late:
            first, second = (JournalledKept(one, SqliteReader(tmp_path), tmp_path) for one in (early, late))
            second.keep([whole, part])
            assert set(first.find([key(1)])) == {key(1)}
            first.keep([gone(whole)])
            for _ in range(2):
                shipper.step()
                assert first.find([key(1)]) == second.find([key(1)]) == {}
            second.keep([entry(3, part_of=1, at_ns=200)])
            shipper.step()

            assert database.purge(10**6) == 1, "its key alone was left, so that nothing came back"
        assert not list(tmp_path.glob("*.journal")) or shipper.step() == 0


def test_two_workers_read_what_each_other_wrote(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "a")) as one, closing(FileJournal(tmp_path, "b")) as other:
        JournalledKept(one, SqliteReader(tmp_path), tmp_path).keep([entry(1), entry(2, part_of=1)])
        JournalledKept(other, SqliteReader(tmp_path), tmp_path).keep([entry(3, part_of=1, at_ns=11)])

        assert [part.key for part in JournalledKept(other, SqliteReader(tmp_path), tmp_path).parts(key(1))] == [
            key(2),
            key(3),
        ]


def test_what_is_kept_is_no_receipt(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1))
        journal.keep([replace(entry(1), key=receipt_id(2))])
        records = Records(SqliteReader(tmp_path), tmp_path)

        for _ in ("in the journal", "in the database"):
            assert records.last() == receipt(1)
            assert records.receipt(receipt_id(2)) is None
            Shipper(tmp_path, database).step()


def test_what_the_database_has_leaves_the_journal_and_nothing_else_does(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        kept, (path,) = JournalledKept(journal, SqliteReader(tmp_path), tmp_path), tmp_path.glob("*.journal")
        kept.keep([entry(1, b"MARKER-ONE")])
        journal.scrub()
        assert b"MARKER-ONE" in path.read_bytes(), "the database has not got it yet"
        Shipper(tmp_path, database).step()
        kept.keep([entry(2, b"MARKER-TWO")])
        journal.closed(receipt(1))

        journal.scrub()

        assert b"MARKER-ONE" not in path.read_bytes()
        assert b"MARKER-TWO" in path.read_bytes()
        assert set(kept.find([key(1), key(2)])) == {key(1), key(2)}
        Shipper(tmp_path, database).step()
        assert Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(1)) == receipt(1)
        assert set(kept.find([key(1), key(2)])) == {key(1), key(2)}


def test_a_ring_that_has_gone_round_is_not_scrubbed_where_other_records_stand(tmp_path: Path) -> None:
    with (
        closing(SqliteDatabase(tmp_path)) as database,
        closing(FileJournal(tmp_path, "w", segment_bytes=65_536)) as journal,
    ):
        kept = JournalledKept(journal, SqliteReader(tmp_path), tmp_path)
        for number in range(1, 60):
            kept.keep([entry(number, b"x" * 4000)])
            if number % 7 == 0:
                Shipper(tmp_path, database).step()
            if number % 20 == 0:
                journal.scrub()

            assert len(kept.find([key(one) for one in range(1, 60)])) == number
        assert len(list(tmp_path.glob("*.journal"))) == 1, "the ring went round"


@given(st.lists(st.builds(entry, st.integers(1, 3), st.sampled_from([b"", b"a", b"b"]), st.integers(1, 4))))
def test_the_order_in_which_journals_are_read_makes_no_difference(entries: list[Entry]) -> None:
    ranks = [{name: (one.gone, one.at_ns) for name, one in merged(some).items()} for some in (entries, entries[::-1])]

    assert ranks[0] == ranks[1]
