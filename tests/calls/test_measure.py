from pathlib import Path

from fakes.fleets import Worker, virtually

from antiphon.calls.measure import measure
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots, read


@virtually
async def test_gauges_follow_the_fleet_and_those_whom_a_reload_took_away_stand_at_nought(tmp_path: Path) -> None:
    worker, metrics = Worker(["one", "two"]), Metrics(Slots(tmp_path, "worker-0"))

    def limits() -> dict[str, float]:
        measure(worker.fleet, metrics, 0.0)
        return {
            sample.entry.labels["deployment"]: sample.numbers[0]
            for sample in read(tmp_path)
            if sample.entry.name == "antiphon_concurrency_limit"
        }

    assert min(limits().values()) > 0
    worker.posts = worker.posts[:1]
    worker.arrange()

    assert [name for name, most in limits().items() if most] == ["one"]
