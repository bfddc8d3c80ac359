import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from receipts import halves, receipt, receipt_id

from antiphon.control.audit_chain import chained
from antiphon.core.audit import Event
from antiphon.core.error import StoreError
from antiphon.core.ledger import Holds
from antiphon.core.receipt import Receipt
from antiphon.core.vault_store import Content, DataKey
from antiphon.metering import captured
from antiphon.metering.frames import Kind, named
from antiphon.metering.journal import MAX_BASES, REMEMBER_S, FileJournal
from antiphon.metering.segment import RING_AT, header, is_locked, mark_shipped, unshipped
from antiphon.metering.shipping import Shipper
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.sqlite import SqliteDatabase
from antiphon.store.vault_sqlite import SqliteVault


def records(directory: Path) -> list[tuple[Kind, str]]:
    return [(one.kind, one.id) for path in sorted(directory.iterdir()) for one in unshipped(path, 0)]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond this size: the kernel takes what fits, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fsync", [False, True])
def test_a_journal_keeps_what_it_is_told_in_order(tmp_path: Path, fsync: bool) -> None:
    with closing(FileJournal(tmp_path, "w", fsync=fsync)) as journal:
        journal.opened(receipt(1, "running"))
        journal.captured(receipt_id(1), "acme", b"sealed\0bytes")
        journal.closed(receipt(1))

    opened, content, closed = unshipped(tmp_path / "w-000001.journal", 0)
    assert (opened.kind, msgspec.json.decode(opened.payload, type=Receipt)) == (Kind.OPENED, receipt(1, "running"))
    assert content.kind is Kind.CAPTURED
    assert captured.content(content.kind, content.id, content.payload) == Content(
        receipt_id(1), "acme", b"sealed\0bytes"
    )
    assert (closed.kind, msgspec.json.decode(closed.payload, type=Receipt)) == (Kind.CLOSED, receipt(1))


def test_what_is_written_is_in_the_file_at_once(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w")) as journal:
        for number in range(3):
            journal.opened(receipt(number, "running"))
            assert len(records(tmp_path)) == number + 1


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=500)) as journal:
        for number in range(20):
            journal.opened(receipt(number, "running"))
        names = sorted(path.name for path in tmp_path.iterdir())

        assert len(names) > 3
        assert names == [f"w-{number + 1:06d}.journal" for number in range(len(names))]
        assert [is_locked(tmp_path / name) for name in names] == [False] * (len(names) - 1) + [True]

    assert records(tmp_path) == [(Kind.OPENED, receipt_id(number)) for number in range(20)]
    assert not any(is_locked(path) for path in tmp_path.iterdir())


def test_a_segment_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w")):
        (segment,) = tmp_path.iterdir()

        assert segment.stat().st_mode & 0o777 == 0o600


def test_a_segment_is_written_until_its_process_dies(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from antiphon.metering.journal import FileJournal; "
        f"journal = FileJournal(Path({str(tmp_path)!r}), 'w'); print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        segment = tmp_path / "w-000001.journal"

        alive = is_locked(segment)
        process.kill()
        process.wait()

        assert (alive, is_locked(segment)) == (True, False)


def test_a_segment_that_is_gone_is_not_written(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "w-000001.journal")


def test_a_segment_that_the_shipper_empties_is_enough_for_ever(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=1000)) as journal:
        (path,) = tmp_path.iterdir()
        position = 0
        for number in range(200):
            journal.opened(receipt(number, "running"))
            found = list(unshipped(path, position))
            assert [one.id for one in found] == [receipt_id(number)]
            position = found[-1].end
            mark_shipped(path, position)

        assert list(tmp_path.iterdir()) == [path]
        assert path.stat().st_size == RING_AT + 1000
        assert header(path).written > 30 * 1000


def test_what_is_not_shipped_is_never_written_over(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=1000)) as journal:
        (first,) = tmp_path.iterdir()
        for number in range(3):
            journal.opened(receipt(number, "running"))
        ends = [one.end for one in unshipped(first, 0)]
        mark_shipped(first, ends[0])
        for number in range(3, 20):
            journal.opened(receipt(number, "running"))

        kept = [one.id for one in unshipped(first, ends[0])]
        assert kept[:2] == [receipt_id(1), receipt_id(2)]
        others = sorted(path for path in tmp_path.iterdir() if path != first)
        assert [*kept, *(one.id for path in others for one in unshipped(path, 0))] == [
            receipt_id(number) for number in range(1, 20)
        ]


def test_a_record_longer_than_a_segment_has_one_of_its_own(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=500)) as journal:
        journal.captured(receipt_id(1), "acme", bytes(5000))
        journal.closed(receipt(1))

    assert records(tmp_path) == [(Kind.CAPTURED, receipt_id(1)), (Kind.CLOSED, receipt_id(1))]


def test_a_disk_that_takes_no_segment_is_told_of(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=300)) as journal:
        journal.opened(receipt(1, "running"))

        with room_for(1000), pytest.raises(StoreError, match="make room in") as caught:
            journal.closed(receipt(1))

        assert caught.value.said_status == 503
        assert records(tmp_path) == [(Kind.OPENED, receipt_id(1))]

        journal.closed(receipt(1))
        assert records(tmp_path) == [(Kind.OPENED, receipt_id(1)), (Kind.CLOSED, receipt_id(1))]


def test_what_is_owed_is_written_before_the_next_record(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w")) as journal:
        journal.owe(receipt(1, "failed"))
        journal.owe(receipt(2, "failed"))
        assert records(tmp_path) == []

        journal.opened(receipt(3, "running"))

    assert records(tmp_path) == [
        (Kind.CLOSED, receipt_id(1)),
        (Kind.CLOSED, receipt_id(2)),
        (Kind.OPENED, receipt_id(3)),
    ]


def test_what_is_owed_waits_until_the_disk_has_room(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=300)) as journal:
        journal.opened(receipt(0, "running"))
        journal.owe(receipt(1, "failed"))
        with room_for(10), pytest.raises(StoreError):
            journal.opened(receipt(2, "running"))
        journal.opened(receipt(3, "running"))

    assert records(tmp_path) == [
        (Kind.OPENED, receipt_id(0)),
        (Kind.CLOSED, receipt_id(1)),
        (Kind.OPENED, receipt_id(3)),
    ]


def test_what_is_owed_is_written_at_the_end(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, "w")
    journal.owe(receipt(1, "failed"))

    journal.close()
    journal.close()

    assert records(tmp_path) == [(Kind.CLOSED, receipt_id(1))]


def test_a_next_segment_that_can_not_be_begun_is_tried_again(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=300)) as journal:
        blocker = tmp_path / "w-000002.new"
        blocker.mkdir()
        journal.opened(receipt(1, "running"))
        for _ in range(2):
            with pytest.raises(StoreError, match="no journal can be begun"):
                journal.opened(receipt(2, "running"))
        blocker.rmdir()
        journal.opened(receipt(3, "running"))

    assert records(tmp_path) == [(Kind.OPENED, receipt_id(1)), (Kind.OPENED, receipt_id(3))]


def test_a_journal_that_can_not_be_begun_is_told_of_and_begun_later(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with closing(FileJournal(missing, "w")) as journal:
        with pytest.raises(StoreError, match="no journal can be begun"):
            journal.opened(receipt(1, "running"))
        missing.mkdir()
        journal.opened(receipt(2, "running"))

    assert records(missing) == [(Kind.OPENED, receipt_id(2))]
    with pytest.raises(StoreError, match="closed"):
        journal.opened(receipt(3, "running"))


def test_what_a_full_disk_gave_of_a_segment_is_given_back(tmp_path: Path) -> None:
    with room_for(1000), closing(FileJournal(tmp_path, "w")) as journal, pytest.raises(StoreError):
        journal.opened(receipt(1, "running"))

    assert list(tmp_path.iterdir()) == []


def test_a_journal_lets_go_of_every_file(tmp_path: Path) -> None:
    before = open_files()

    for number in range(5):
        with closing(FileJournal(tmp_path, f"w{number}", segment_bytes=100)) as journal:
            for _ in range(5):
                journal.opened(receipt(1, "running"))

    assert open_files() == before


def test_what_receipts_have_in_common_is_written_once(tmp_path: Path) -> None:
    alike = [halves(receipt(number)) for number in (1, 2)]
    other = halves(receipt(3, asked="another"))
    with closing(FileJournal(tmp_path, "w")) as journal:
        journal.opened(*alike[0])
        journal.closed(*alike[0])
        journal.closed(*alike[1])
        journal.owe(*other)
        journal.closed(*other)

    found = list(unshipped(tmp_path / "w-000001.journal", 0))
    kinds = [one.kind for one in found]
    assert kinds == [Kind.BASIS, Kind.OPENED, Kind.CLOSED, Kind.CLOSED, Kind.CLOSED, Kind.BASIS, Kind.CLOSED]
    assert (found[0].payload, found[5].payload) == (alike[0][1], other[1])
    assert {named(one.payload)[0] for one in found[1:4]} == {found[0].id}
    assert named(found[4].payload) == ("", msgspec.json.encode(receipt(3, asked="another")))
    assert named(found[6].payload) == (found[5].id, msgspec.json.encode(other[0]))


def test_many_bases_are_not_remembered_for_ever(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w")) as journal:
        for number in range(MAX_BASES + 2):
            journal.opened(*halves(receipt(1, asked=str(number))))

        assert len(journal._bases) <= MAX_BASES
    found = list(unshipped(tmp_path / "w-000001.journal", 0))
    assert len(found) == 2 * (MAX_BASES + 2)


def test_what_was_said_a_day_ago_is_said_anew_as_it_may_be_dropped(tmp_path: Path) -> None:
    alike = halves(receipt(1))
    holds = Holds(id="h" * 36, accounts=(("b|acme|", 1),))
    with closing(FileJournal(tmp_path, "w")) as journal:
        for _ in range(2):
            journal.held(holds)
            journal.closed(*alike)
            journal.scrub()
        journal._since_s -= REMEMBER_S
        journal.scrub()
        journal.held(holds)
        journal.closed(*alike)

    kinds = [one.kind for one in unshipped(tmp_path / "w-000001.journal", 0)]
    first = [Kind.HOLDS, Kind.BASIS, Kind.CLOSED]
    assert kinds == [*first, Kind.CLOSED, *first]


def test_content_of_the_form_before_is_still_read() -> None:
    old = captured.content(Kind.CONTENT, receipt_id(1), b"acme\0sealed\0bytes")

    assert old == Content(receipt_id(1), "acme", b"sealed\0bytes")


def test_events_and_data_keys_go_into_the_database_with_the_rest(tmp_path: Path) -> None:
    event = Event(tenant="acme", kind="test", by="key/app", at_ns=5, about="x", detail={"n": 1})
    key = DataKey(id="a" * 32, tenant="acme", owner="b" * 32, at_ns=5, wrapped=b"WRAPPED")
    (tmp_path / "journal").mkdir()
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path / "journal", "w")) as journal:
        journal.note(event)
        journal.key(key)
        journal.captured(receipt_id(1), "acme", b"sealed", until_ns=9)
        Shipper(tmp_path / "journal", database).step()
        journal.scrub()
        left = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())

    assert SqliteVault(tmp_path).keys([key.id]) == {key.id: key}
    assert SqliteAudit(tmp_path).grow(chained, 10) == 1
    assert [one.about for one in SqliteAudit(tmp_path).links("acme", 0, 10)] == ["x"]
    assert SqliteVault(tmp_path).lapse(9, 0, 10) == 1
    assert b"WRAPPED" not in left
    assert b"sealed" not in left
