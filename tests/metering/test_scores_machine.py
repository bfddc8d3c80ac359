"""Workers take scores in and die, shippers carry them and die: at the end every score that counts is counted once."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from receipts import halves, receipt, receipt_id

from antiphon.core.plan import Envelope, Plan, Step
from antiphon.core.receipt import Rated
from antiphon.core.score import Id, Score, qualities
from antiphon.metering.batching import NO_FORGETTING
from antiphon.metering.journal import FileJournal
from antiphon.metering.scores import JournalledScores
from antiphon.metering.shipping import Shipper
from antiphon.store.database import Batch
from antiphon.store.sqlite import SqliteDatabase, SqliteReader

MEMORY = Path("/dev/shm")
STEP = Step(name="s", deployments=("d",), envelope=Envelope())
PLAN = Plan(recipe="cascade", route="auto", steps=(STEP,), candidates=(), named="r")
HOUR_NS = 3_600_000_000_000


class Death(Exception):
    """The shipper's process dies here."""


class MortalDatabase(SqliteDatabase):
    """Dies just before, or just behind, one of its next writes."""

    writes_left: float = float("inf")
    dies_behind = False

    def write(self, batch: Batch) -> None:
        self.writes_left -= 1
        if self.writes_left < 0 and not self.dies_behind:
            raise Death
        super().write(batch)
        if self.writes_left < 0:
            raise Death


class Scoring(RuleBasedStateMachine):
    """Two workers at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._place = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.data = Path(self._place.name)
        self.journals: list[FileJournal] = []
        self.lives = 0
        self.expected: dict[Id, Score] = {}
        self.receipts = 0
        for _ in range(2):
            self.start_worker()
        self.start_shipper()

    def start_worker(self) -> None:
        self.lives += 1
        self.journals.append(FileJournal(self.data, f"w-{self.lives:04d}", segment_bytes=800))

    def start_shipper(self) -> None:
        self.database = MortalDatabase(self.data)
        self.shipper = Shipper(self.data, self.database, batch_bytes=300)

    def expect(self, score: Score) -> None:
        known = self.expected.get(score.id)
        if known is None or known.at_ns < score.at_ns:
            self.expected[score.id] = score

    @rule(
        worker=st.integers(0, 1),
        number=st.integers(1, 4),
        value=st.floats(0, 1),
        hour=st.integers(0, 200),
        by=st.sampled_from(["alice", "bob"]),
        source=st.sampled_from(["feedback", "evaluation"]),
    )
    def score(self, worker: int, number: int, value: float, hour: int, by: str, source: Any) -> None:
        # No two are said at the same moment: which of them counts depends on who is read first.
        at_ns = hour * HOUR_NS + len(self.expected) + self.lives + self.receipts
        if any(one.id == (receipt_id(number), source, by) and one.at_ns == at_ns for one in self.expected.values()):
            return
        score = Score(
            receipt=receipt_id(number),
            tenant="acme",
            deployment="d",
            route="auto",
            source=source,
            score=value,
            at_ns=at_ns,
            by=by,
        )
        JournalledScores(self.journals[worker], SqliteReader(self.data), self.data).put([score])
        self.expect(score)

    @rule(worker=st.integers(0, 1), values=st.lists(st.floats(0, 1), max_size=3))
    def close_a_receipt(self, worker: int, values: list[float]) -> None:
        self.receipts += 1
        number, at_ns = 100 + self.receipts, self.receipts * HOUR_NS
        rated = tuple(
            Rated(step=f"s-{place}", deployment="d", source="judge", score=value, at_us=place)
            for place, value in enumerate(values)
        )
        self.journals[worker].closed(*halves(receipt(number, at_ns=at_ns, plan=PLAN, rated=rated)))
        for one in rated:
            self.expect(
                Score(
                    receipt=receipt_id(number), tenant="acme", deployment="d", route="auto", source="judge",
                    score=one.score, at_ns=at_ns + one.at_us * 1000, by=one.step,
                )
            )  # fmt: skip

    @rule(worker=st.integers(0, 1))
    def a_worker_dies(self, worker: int) -> None:
        self.journals.pop(worker).close()
        self.start_worker()

    @rule()
    def ship(self) -> None:
        self.shipper.step()

    @rule(writes=st.integers(0, 4), behind=st.booleans())
    def ship_and_die(self, writes: int, behind: bool) -> None:
        self.database.writes_left, self.database.dies_behind = writes, behind
        with suppress(Death):
            self.shipper.step()
        self.database.close()
        self.start_shipper()

    @rule(number=st.integers(1, 4))
    def what_was_said_is_found_at_any_moment(self, number: int) -> None:
        scores = JournalledScores(self.journals[0], SqliteReader(self.data), self.data)
        mine = sorted(one.id for one in self.expected.values() if one.receipt == receipt_id(number))
        assert [one.id for one in scores.of(receipt_id(number))] == mine

    def teardown(self) -> None:
        for _ in range(1000):
            if not self.shipper.step():
                break
        reader = SqliteReader(self.data)
        for one in self.expected.values():
            assert one in reader.scores(one.receipt)
        now_ns = max((one.at_ns for one in self.expected.values()), default=0)
        weights = [NO_FORGETTING.kept(now_ns - one.at_ns) for one in self.expected.values()]
        total = sum(one.score * weight for one, weight in zip(self.expected.values(), weights, strict=True))
        for tenant in ("", "acme"):
            found = qualities(reader.tallies(tenant), now_ns, NO_FORGETTING)
            assert [round(one.count, 6) for one in found] == ([round(sum(weights), 6)] if self.expected else [])
            assert all(abs(one.mean * one.count - total) < 1e-6 for one in found)
        for journal in self.journals:
            journal.close()
        self.database.close()
        self._place.cleanup()


Scoring.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestScoring = Scoring.TestCase
