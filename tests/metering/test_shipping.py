import fcntl
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path, PosixPath
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from receipts import halves, receipt, receipt_id

from antiphon.core.bank import Want
from antiphon.core.budget import Account, Span
from antiphon.core.error import StoreError
from antiphon.core.ledger import Holds
from antiphon.core.receipt import Attempt, Receipt
from antiphon.metering.frames import Kind, frame
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import Records
from antiphon.metering.segment import RING_AT, SHIPPED, header, is_locked, mark_shipped, unshipped
from antiphon.metering.shipping import Shipper, writer_of
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.database import Batch
from antiphon.store.sqlite import FILE, SqliteDatabase, SqliteReader

MEMORY = Path("/dev/shm")
FINAL = ("ok", "failed", "client_gone", "refused")


class Death(Exception):
    """The shipper's process dies here."""


class MortalDatabase(SqliteDatabase):
    """Dies just before, or just behind, one of its next writes."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.writes_left: float = float("inf")
        self.dies_behind = False

    def write(self, batch: Batch) -> None:
        self._write_or_die(super().write, batch)

    def forget(self, segments: Any) -> None:
        self._write_or_die(super().forget, segments)

    def _write_or_die(self, write: Any, what: Any) -> None:
        self.writes_left -= 1
        if self.writes_left < 0 and not self.dies_behind:
            raise Death
        write(what)
        if self.writes_left < 0:
            raise Death


class Writer:
    """A worker's journal, and what the model knows of it."""

    def __init__(self, directory: Path, name: str, segment_bytes: int) -> None:
        self.name = name
        self.journal = FileJournal(directory, name, segment_bytes=segment_bytes)
        self.open: set[int] = set()
        self.settled: set[int] = set()
        self.alive = True

    def die(self, torn: bytes) -> None:
        """The process is killed, perhaps amid a write."""
        segment = self.journal._segment
        offset = RING_AT + segment._written % segment._room
        torn = torn[: len(segment._map) - offset]
        if segment._written - segment._numbers[SHIPPED] + len(torn) <= segment._room:
            segment._map[offset : offset + len(torn)] = torn
        self.journal.close()
        self.alive = False


ACCOUNT = Account(key="b|acme|", tenant="acme", budget="b", measure="money", span=Span(start_ns=1))
HOLDS = Holds(id="h" * 36, accounts=((ACCOUNT.key, 1),))
LEASE, COST, BOUND = 10_000, 7, 90
"""What each writer is granted, what an attempt costs, and what its ticket holds."""


def tried(number: int, *, is_open: bool = False) -> tuple[Attempt, ...]:
    """The one attempt of a request."""
    return (
        Attempt(
            deployment="d", provider="p", model="m", ticket=f"t-{number:04d}", holds=HOLDS.id, requests=1, open=is_open,
            held_nano_usd=BOUND, cost_nano_usd=None if is_open else COST,
        ),
    )  # fmt: skip


class Shipping(RuleBasedStateMachine):
    """Workers write, die and are replaced; the shipper carries, dies and is replaced; nothing is lost or doubled."""

    writers = Bundle("writers")

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.data = Path(self._place.name)
        self.journal = self.data / "journal"
        self.journal.mkdir()
        self.all: list[Writer] = []
        self.expected: dict[int, str] = {}
        """Number of a receipt to its outcome, as it must be once everything is shipped."""
        self.contents: dict[int, bytes] = {}
        self.start_shipper()
        self.bank = SqliteBank(self.data)

    def teardown(self) -> None:
        self.ship_everything()
        self.check_database()
        self.check_money()
        self.database.close()
        self.bank.close()
        for writer in self.all:
            if writer.alive:
                writer.journal.close()
        self._place.cleanup()

    # --- the shipper

    def start_shipper(self) -> None:
        self.database = MortalDatabase(self.data)
        self.shipper = Shipper(self.journal, self.database, batch_bytes=300)

    @rule(writes=st.integers(0, 6), behind=st.booleans())
    def ship_and_die(self, writes: int, behind: bool) -> None:
        self.database.writes_left, self.database.dies_behind = writes, behind
        with suppress(Death):
            self.shipper.step()
        self.restart_shipper()

    @rule()
    def ship(self) -> None:
        self.shipper.step()

    @rule()
    def restart_shipper(self) -> None:
        self.database.close()
        self.start_shipper()

    # --- the workers

    @rule(target=writers, segment_bytes=st.sampled_from([1, 600, 1000, 10_000]))
    def start_writer(self, segment_bytes: int) -> Writer:
        writer = Writer(self.journal, f"boot-{len(self.all):04d}", segment_bytes)
        want = Want(account=ACCOUNT, limit=1, hard=False, granted=0, need=LEASE, like=LEASE)
        self.bank.grant(writer.name, [want], 2)
        writer.journal.held(HOLDS)
        self.all.append(writer)
        return writer

    @rule(writer=writers)
    def open_one(self, writer: Writer) -> None:
        number = len(self.expected)
        self.expected[number] = "running"
        writer.open.add(number)
        writer.journal.opened(
            *halves(receipt(number, "running", asked=f"model-{number % 3}", attempts=tried(number, is_open=True)))
        )

    @rule(writer=writers, data=st.data())
    def open_it_again_for_another_attempt(self, writer: Writer, data: st.DataObject) -> None:
        if writer.open:
            number = data.draw(st.sampled_from(sorted(writer.open)))
            writer.journal.opened(
                *halves(receipt(number, "running", notes=("again",), attempts=tried(number, is_open=True)))
            )

    @rule(writer=writers, outcome=st.sampled_from(FINAL), data=st.data())
    def close_one(self, writer: Writer, outcome: str, data: st.DataObject) -> None:
        if writer.open:
            number = data.draw(st.sampled_from(sorted(writer.open)))
            writer.open.remove(number)
            self.expected[number] = outcome
            writer.settled.add(number)
            writer.journal.closed(*halves(receipt(number, outcome, attempts=tried(number))))

    @rule(writer=writers, count=st.integers(2, 6))
    def open_many_and_close_the_last(self, writer: Writer, count: int) -> None:
        numbers = [len(self.expected) + offset for offset in range(count)]
        for _ in numbers:
            self.open_one(writer)
        writer.open.remove(numbers[-1])
        self.expected[numbers[-1]] = "ok"
        writer.settled.add(numbers[-1])
        writer.journal.closed(*halves(receipt(numbers[-1], attempts=tried(numbers[-1]))))

    @rule(writer=writers)
    def refuse_one(self, writer: Writer) -> None:
        number = len(self.expected)
        self.expected[number] = "refused"
        writer.journal.closed(*halves(receipt(number, "refused")))

    @rule(writer=writers, sealed=st.binary(max_size=1500), data=st.data())
    def capture(self, writer: Writer, sealed: bytes, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(writer.open))) if writer.open else None
        if number is not None and number not in self.contents:
            self.contents[number] = sealed
            writer.journal.captured(receipt_id(number), "acme", sealed)

    @rule(target=writers, writer=consumes(writers), torn=st.integers(0, 60))
    def kill(self, writer: Writer, torn: int) -> Any:
        for number in writer.open:
            self.expected[number] = "interrupted"
        record = frame(Kind.CLOSED, receipt_id(999), msgspec.json.encode(receipt(999)), 0)
        writer.die(record[:torn])
        return multiple()

    # --- what must hold

    @rule(data=st.data())
    def a_receipt_is_found_at_any_moment(self, data: st.DataObject) -> None:
        if self.expected:
            self.check_receipt(data.draw(st.sampled_from(sorted(self.expected))))

    @rule()
    def the_last_receipt_is_found_at_any_moment(self) -> None:
        found = Records(SqliteReader(self.data), self.journal).last("acme")

        assert (found.id if found else None) == (receipt_id(max(self.expected)) if self.expected else None)

    def check_receipt(self, number: int) -> None:
        records = Records(SqliteReader(self.data), self.journal)
        found = records.receipt(receipt_id(number))
        outcome = self.expected[number]
        assert found is not None
        assert found.outcome == outcome or (outcome == "interrupted" and found.outcome == "running")
        assert records.content(receipt_id(number)) == self.contents.get(number)

    @invariant()
    def a_living_writer_keeps_its_segment(self) -> None:
        for writer in self.all:
            mine = [path for path in self.journal.iterdir() if writer_of(path.name) == writer.name]
            assert any(is_locked(path) for path in mine) == writer.alive

    def ship_everything(self) -> None:
        steps = 0
        while self.shipper.step():
            steps += 1
            assert steps < 1000, "shipping comes to no end"
        self.shipper.step()

    def check_money(self) -> None:
        """Every ticket is booked once, at what it cost or, where its process died, at what it held."""
        booked = {f"t-{number:04d}": ("settled", COST) for writer in self.all for number in writer.settled}
        died = {f"t-{number:04d}": ("died", BOUND) for writer in self.all if not writer.alive for number in writer.open}
        with closing(sqlite3.connect(self.data / FILE)) as database:
            entries = database.execute("SELECT id, kind, money_nano_usd FROM ledger").fetchall()
            holders = {holder for (holder,) in database.execute("SELECT holder FROM holders")}
        assert {entry: (kind, money) for entry, kind, money in entries} == booked | died
        living = [writer for writer in self.all if writer.alive]
        assert holders == {writer.name for writer in living}
        for balance in self.bank.balances([ACCOUNT.key], 2):
            assert balance.spent == sum(money for _, _, money in entries)
            assert balance.held == sum(LEASE - COST * len(writer.settled) for writer in living)

    def check_database(self) -> None:
        with closing(sqlite3.connect(self.data / FILE)) as database:
            rows = database.execute(
                "SELECT r.id, tenant, outcome, body, tail FROM receipts r LEFT JOIN bases b ON b.id = r.basis ORDER BY r.id"
            ).fetchall()
            running = database.execute("SELECT id, writer FROM running ORDER BY id").fetchall()
            contents = dict(database.execute("SELECT id, sealed FROM contents"))
            positions = dict(database.execute("SELECT segment, position FROM shipped"))
        assert [(row[0], row[2]) for row in rows] == [
            (receipt_id(number), outcome) for number, outcome in sorted(self.expected.items())
        ]
        for row in rows:
            body = msgspec.json.decode(row[3][:-1] + (row[4] or b"}"), type=Receipt)
            assert (row[0], row[1], row[2]) == (body.id, "acme", body.outcome)
            assert (body.error == "process_died") == (body.outcome == "interrupted")
        assert running == sorted(
            (receipt_id(number), writer.name) for writer in self.all if writer.alive for number in writer.open
        )
        assert contents == {receipt_id(number): sealed for number, sealed in self.contents.items()}
        left = {path.name: header(path).written for path in self.journal.iterdir()}
        assert {writer_of(name) for name in left} == {writer.name for writer in self.all if writer.alive}
        assert all(is_locked(self.journal / name) for name in left), "a file that is shipped stays no longer"
        assert positions == {name: size for name, size in left.items() if size}
        assert self.shipper.behind_bytes == 0
        for number in self.expected:
            self.check_receipt(number)


Shipping.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEveryReceiptIsShippedOnce = Shipping.TestCase


class Restless(PosixPath):
    """A directory in which a writer goes on to its next file right after the files were listed."""

    after_listing: Callable[[], None]

    def iterdir(self) -> Any:
        found = [Path(path) for path in super().iterdir()]
        self.after_listing()
        return iter(found)


def test_a_writer_that_goes_on_to_its_next_file_amid_a_step_is_not_dead(tmp_path: Path) -> None:
    directory = Restless(tmp_path)
    journal = FileJournal(tmp_path, "w", segment_bytes=700)
    journal.opened(receipt(1, "running"))
    directory.after_listing = lambda: None
    with closing(SqliteDatabase(tmp_path)) as database, closing(journal):
        shipper = Shipper(directory, database)
        shipper.step()
        more = iter(range(2, 7))
        directory.after_listing = lambda: [journal.opened(receipt(number, "running")) for number in more] and None

        shipper.step()
        shipper.step()

        assert [path.name for path in tmp_path.glob("w-*.journal")] == ["w-000002.journal"]
        shipper.step()
        assert sorted(database.running()) == [receipt_id(number) for number in range(1, 7)]
        found = Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(1))
        assert found is not None
        assert found.outcome == "running"


def test_a_record_that_is_longer_than_a_batch_is_shipped(tmp_path: Path) -> None:
    sealed = bytes(100_000)
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.captured(receipt_id(1), "acme", sealed)
        journal.closed(receipt(1))
        shipper = Shipper(tmp_path, database, batch_bytes=1000)

        while shipper.step():
            pass

        records = Records(SqliteReader(tmp_path), tmp_path / "none")
        assert records.content(receipt_id(1)) == sealed
        assert records.receipt(receipt_id(1)) == receipt(1)


def test_an_interrupted_request_keeps_what_was_known_of_it(tmp_path: Path) -> None:
    draft = receipt(1, "running", asked="fast", digest="d" * 64)
    with closing(SqliteDatabase(tmp_path)) as database:
        journal = FileJournal(tmp_path, "w")
        journal.opened(draft)
        journal.close()

        Shipper(tmp_path, database).step()

        found = Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(1))
        assert found is not None
        assert (found.outcome, found.error) == ("interrupted", "process_died")
        assert msgspec.structs.replace(found, outcome="running", error="", detail="") == draft


def test_a_receipt_without_a_principal_is_shipped_too(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        journal.closed(receipt(1, "refused", principal=None))

        Shipper(tmp_path, database).step()

        assert Records(SqliteReader(tmp_path), tmp_path / "none").receipt(receipt_id(1)) == receipt(
            1, "refused", principal=None
        )


def test_what_is_not_shipped_yet_is_counted(tmp_path: Path) -> None:
    with closing(SqliteDatabase(tmp_path)) as database, closing(FileJournal(tmp_path, "w")) as journal:
        shipper = Shipper(tmp_path, database)
        journal.closed(receipt(1))
        size = header(tmp_path / "w-000001.journal").written

        assert shipper.behind_bytes == size
        assert shipper.step() == size
        assert shipper.behind_bytes == 0
        assert shipper.step() == 0


def test_an_end_of_the_ring_that_is_longer_than_a_batch_is_passed_over(tmp_path: Path) -> None:
    with (
        closing(SqliteDatabase(tmp_path)) as database,
        closing(FileJournal(tmp_path, "w", segment_bytes=10_000)) as journal,
    ):
        shipper = Shipper(tmp_path, database, batch_bytes=500)
        journal.captured(receipt_id(1), "acme", bytes(6000))
        while shipper.step():
            pass
        journal.captured(receipt_id(2), "acme", bytes(5000))
        journal.closed(receipt(2))

        while shipper.step():
            pass

        assert [path.name for path in tmp_path.glob("w-*")] == ["w-000001.journal"]
        assert SqliteReader(tmp_path).content(receipt_id(2)) == bytes(5000)
        assert database.receipt(receipt_id(2)) is not None


def test_a_journal_that_was_copied_before_its_database_comes_to_an_end(tmp_path: Path) -> None:
    live, copied = tmp_path / "live", tmp_path / "copied"
    live.mkdir()
    copied.mkdir()
    with closing(SqliteDatabase(live)) as database:
        with closing(FileJournal(live, "w", segment_bytes=1000)) as journal:
            shipper = Shipper(live, database)
            for number in range(20):
                journal.closed(receipt(number))
                shipper.step()
            journal.closed(receipt(20))
            shutil.copy(live / "w-000001.journal", copied)
        while shipper.step():
            pass
        shipper.step()
        assert not list(live.glob("*.journal"))

        restored = Shipper(copied, database)
        while restored.step():
            pass
        restored.step()

        assert not list(copied.iterdir())
        assert restored.behind_bytes == 0


@pytest.mark.parametrize("harm", ["no header", "a changed byte"])
def test_a_segment_that_can_not_be_read_is_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    path = tmp_path / "w-000001.journal"
    with closing(FileJournal(tmp_path, "w")) as journal:
        for number in range(5):
            journal.closed(receipt(number))
    with path.open("r+b") as file:
        file.seek(0 if harm == "no header" else RING_AT + 500)
        file.write(b"?")

    with closing(SqliteDatabase(tmp_path)) as database:
        shipper = Shipper(tmp_path, database)
        shipper.step()
        shipper.step()

    assert [one.name for one in tmp_path.glob("w-*")] == ["w-000001.damaged"]
    assert [one.getMessage() for one in caplog.records] == ["journal.damaged"]


def test_a_reader_whom_the_ring_overtakes_reads_on_where_the_shipper_is(tmp_path: Path) -> None:
    with closing(FileJournal(tmp_path, "w", segment_bytes=1000)) as journal:
        path = tmp_path / "w-000001.journal"
        for number in range(3):
            journal.closed(receipt(number))
        ends = [one.end for one in unshipped(path, 0)]
        mark_shipped(path, ends[-1])
        for number in range(3, 6):
            journal.closed(receipt(number))

        assert [one.id for one in unshipped(path, 0)] == [receipt_id(number) for number in range(3, 6)]


def test_a_segment_waits_for_the_one_before_it_though_that_seems_to_be_written_still(tmp_path: Path) -> None:
    """A writer names its next segment a moment before it lets go of the last; what it wrote once is in the last."""
    with closing(SqliteDatabase(tmp_path)) as database:
        with closing(FileJournal(tmp_path, "w", segment_bytes=1000)) as journal:
            journal.captured(receipt_id(1), "acme", bytes(300))
            number = 1
            while len(list(tmp_path.glob("w-*"))) == 1:
                number += 1
                journal.closed(*halves(receipt(number)))
        shipper = Shipper(tmp_path, database, batch_bytes=100)

        with (tmp_path / "w-000001.journal").open("rb") as first:
            fcntl.flock(first, fcntl.LOCK_EX)
            shipper.step()
        while shipper.step():
            pass

    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        tenants = connection.execute("SELECT DISTINCT tenant FROM receipts").fetchall()
    assert tenants == [("acme",)]
    assert Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(number)) == receipt(number)


def test_a_record_whose_basis_was_lost_is_kept_and_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told, tail = halves(receipt(1))
    with closing(SqliteDatabase(tmp_path)) as database:
        with closing(FileJournal(tmp_path, "w")) as journal:
            journal._bases[tail] = b"0" * 36
            journal.closed(told, tail)
        shipper = Shipper(tmp_path, database)
        shipper.step()
        shipper.step()

        assert [one.getMessage() for one in caplog.records] == ["journal.basis_missing"]
        with pytest.raises(StoreError, match="basis 0000"):
            Records(SqliteReader(tmp_path), tmp_path).receipt(receipt_id(1))
