"""Scores on their way from the journal into the database: each counts once, whatever happens meanwhile."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from receipts import halves, receipt, receipt_id

from antiphon.core.plan import Envelope, Plan, Step
from antiphon.core.receipt import Rated
from antiphon.core.score import DAY_S, Forgetting, Score
from antiphon.core.signal import Fact
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import Records
from antiphon.metering.scores import JournalledScores
from antiphon.metering.settings_quality import QualitySettings, WeightSettings
from antiphon.metering.shipping import Shipper
from antiphon.store.database import Batch
from antiphon.store.sqlite import SqliteDatabase, SqliteReader

PLAN = Plan(
    recipe="cascade",
    route="auto",
    steps=(Step(name="stage-1", deployments=("small",), envelope=Envelope()),),
    candidates=(),
    named="cheap-first",
)
TASK = Fact(name="task.name", value="math")


class Death(Exception):
    """The shipper's process dies here."""


class MortalDatabase(SqliteDatabase):
    """Dies before one of its writes, or behind it."""

    dies: str = ""

    def write(self, batch: Batch) -> None:
        if self.dies == "before":
            raise Death
        super().write(batch)
        if self.dies == "behind":
            raise Death


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.reader = SqliteReader(directory)
        self.journal = FileJournal(directory, "w")
        self.scores = JournalledScores(self.journal, self.reader, directory)
        self.database = MortalDatabase(directory)

    def ship(self, *, dies: str = "") -> None:
        """A shipper of its own, as after a restart."""
        self.database.dies = dies
        shipper = Shipper(self.directory, self.database)
        try:
            while shipper.step():
                pass
        except Death:
            assert dies
        self.database.dies = ""

    def sums(self, deployment: str = "small", task: str = "") -> tuple[float, float]:
        found = [one for one in self.scores.tallies() if (one.deployment, one.task) == (deployment, task)]
        return round(sum(one.count for one in found), 6), round(sum(one.total for one in found), 6)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    with closing(one.database), closing(one.journal):
        yield one


def score(number: int, value: float = 1.0, **fields: Any) -> Score:
    said = {
        "receipt": receipt_id(number), "tenant": "acme", "deployment": "small", "route": "auto", "source": "feedback",
        "score": value, "at_ns": 1000 + number, "by": "alice",
    }  # fmt: skip
    return Score(**{**said, **fields})


def rated(step: str, value: float, deployment: str = "small", source: Any = "contract", at_us: int = 1) -> Rated:
    return Rated(step=step, deployment=deployment, source=source, score=value, at_us=at_us)


def test_a_score_is_found_before_and_after_it_is_shipped(bench: Bench) -> None:
    mine = score(1, 0.25, sealed=b"note")
    bench.scores.put([mine])
    assert bench.scores.of(receipt_id(1)) == [mine]
    assert bench.scores.tallies() == []

    bench.ship()
    assert bench.scores.of(receipt_id(1)) == [mine]
    bench.scores.put([score(1, 0.75, at_ns=5000)])
    assert [one.score for one in bench.scores.of(receipt_id(1))] == [0.75], "the journal has the last word"
    bench.ship()

    assert bench.sums() == (1, 0.75)
    assert [one.score for one in bench.scores.of(receipt_id(1))] == [0.75]


@pytest.mark.parametrize("dies", ["before", "behind"])
def test_a_shipper_that_dies_counts_no_score_twice_and_none_never(bench: Bench, dies: str) -> None:
    bench.scores.put([score(number) for number in range(1, 6)])
    bench.journal.closed(*halves(receipt(9, plan=PLAN, rated=(rated("stage-1", 0.0),), facts=(TASK,))))

    bench.ship(dies=dies)
    bench.ship()
    bench.ship()

    assert bench.sums() == (6, 5)


def test_records_that_come_again_as_after_a_restore_are_not_counted_again(bench: Bench) -> None:
    bench.scores.put([score(1), score(2)])
    bench.ship()

    with closing(FileJournal(bench.directory, "z")) as again:
        again.score([score(1), score(2), score(3)])
        bench.ship()

    assert bench.sums() == (3, 3)


def test_a_recipe_that_rated_answers_scores_who_gave_them(bench: Bench) -> None:
    told = (
        rated("stage-1", 0.0),
        rated("stage-2", 1.0, "big", at_us=5),
        rated("stage-1", 0.4, source="judge", at_us=7),
        rated("stage-2", 0.5, "big", at_us=9),
    )
    bench.journal.closed(*halves(receipt(1, at_ns=10**9, plan=PLAN, rated=told, facts=(TASK,))))
    bench.journal.closed(receipt(2, plan=PLAN, rated=(rated("stage-1", 1.0),)))
    bench.ship()

    found = bench.reader.scores(receipt_id(1))
    assert {(one.deployment, one.source, one.by, one.score, one.task, one.route, one.tenant) for one in found} == {
        ("small", "contract", "stage-1", 0.0, "math", "auto", "acme"),
        ("big", "contract", "stage-2", 0.5, "math", "auto", "acme"),
        ("small", "judge", "stage-1", 0.4, "math", "auto", "acme"),
    }
    assert max(one.at_ns for one in found) == 10**9 + 9000
    assert [one.task for one in bench.reader.scores(receipt_id(2))] == [""], "a receipt that is whole by itself"
    assert bench.sums() == (3, 1.4)
    assert bench.sums(task="math") == (2, 0.4)


def test_the_route_of_a_basis_that_an_earlier_shipper_carried_is_known(bench: Bench) -> None:
    bench.journal.closed(*halves(receipt(1, plan=PLAN)))
    bench.ship()
    bench.journal.closed(*halves(receipt(2, plan=PLAN, rated=(rated("stage-1", 1.0),))))
    bench.ship()

    assert [one.route for one in bench.reader.scores(receipt_id(2))] == ["auto"]


def test_scores_are_no_receipts(bench: Bench) -> None:
    bench.scores.put([score(7)])
    records = Records(bench.reader, bench.directory)

    for _ in ("in the journal", "in the database"):
        assert records.last() is None
        assert records.receipt(receipt_id(7)) is None
        bench.ship()


def test_the_half_life_and_the_weights_are_what_is_set() -> None:
    said = QualitySettings(half_life_days=7, weights=WeightSettings(judge=0.5, contract=0.25)).forgetting()

    assert said.half_life_s == 7 * DAY_S
    assert (said.weights["judge"], said.weights["contract"], said.weights["feedback"]) == (0.5, 0.25, 1)
    assert QualitySettings().forgetting().half_life_s == Forgetting().half_life_s == 30 * DAY_S


def test_a_shipper_counts_by_its_half_life(bench: Bench) -> None:
    day_ns = int(DAY_S * 1e9)
    bench.scores.put([score(1, at_ns=0), score(2, at_ns=day_ns)])
    Shipper(bench.directory, bench.database, forgetting=Forgetting(half_life_s=DAY_S)).step()

    assert bench.sums() == (1.5, 1.5)
