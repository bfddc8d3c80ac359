"""What a worker knows of quality: of the deployments that there are, and kept while the store is away."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from antiphon.app.plans import Planning
from antiphon.app.qualities import Qualities
from antiphon.calls.fleet import Fleet
from antiphon.core.error import StoreError
from antiphon.core.ports import Scores
from antiphon.core.score import Forgetting, Score, Tally
from antiphon.core.view import Quality
from antiphon.telemetry.metrics_plans import PlanMetrics
from antiphon.telemetry.slots import Slots


class ListedScores(Scores):
    """Knows these tallies, or is away."""

    def __init__(self, *tallies: Tally) -> None:
        self.known = list(tallies)
        self.away = False

    def put(self, scores: Sequence[Score]) -> None:
        raise NotImplementedError

    def of(self, receipt_id: str) -> list[Score]:
        raise NotImplementedError

    def tallies(self, tenant: str = "") -> list[Tally]:
        assert tenant == "", "plans rest on everybody's"
        if self.away:
            raise StoreError("the database can't be read: it is away")
        return self.known


def tally(deployment: str, task: str = "", source: str = "feedback", *, total: float = 3.0) -> Tally:
    return Tally(deployment=deployment, route="auto", task=task, source=source, at_ns=2**62, count=4.0, total=total)  # type: ignore[arg-type]


class Bench:
    def __init__(self, directory: Path, *tallies: Tally) -> None:
        self.scores = ListedScores(*tallies)
        self.planning = Planning()
        self.qualities = Qualities(self.scores, PlanMetrics(Slots(directory, "w")), self.planning.know)

    @property
    def known(self) -> Mapping[tuple[str, str], tuple[Quality, ...]]:
        self.planning.fold(Fleet(), 0.0, 1)
        return self.planning.views.view.qualities


async def test_the_view_has_all_tasks_first_and_no_deployment_that_is_gone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tally("a", "math"), tally("a"), tally("a", "code", total=4), tally("gone"))

    await bench.qualities.load({"a", "b"})

    assert list(bench.known) == [("a", "auto")]
    assert [(one.task, one.mean) for one in bench.known["a", "auto"]] == [("", 0.75), ("code", 1.0), ("math", 0.75)]


async def test_while_the_store_is_away_what_was_known_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path, tally("a"))
    await bench.qualities.load({"a"})
    bench.scores.away = True

    with caplog.at_level(logging.WARNING, "antiphon.app"):
        await bench.qualities.load({"a"})

    assert [one.message for one in caplog.records] == ["quality.not_read"]
    assert bench.known["a", "auto"][0].mean == 0.75


async def test_weights_of_the_present_revision_count(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tally("a"), tally("a", source="judge", total=0))
    bench.qualities.forgetting = Forgetting(weights={"judge": 0.0})

    await bench.qualities.load({"a"})

    assert bench.known["a", "auto"][0].mean == 0.75
