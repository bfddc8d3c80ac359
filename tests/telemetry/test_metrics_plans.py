from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from receipts import halves, receipt

from antiphon.core.plan import Envelope, Grounds, Plan, Step
from antiphon.core.receipt import Attempt, Noted, Told
from antiphon.core.view import Quality
from antiphon.telemetry.metrics_plans import PlanMetrics
from antiphon.telemetry.page import page
from antiphon.telemetry.slots import Slots

STEP = Step(name="member-1", deployments=("a",), envelope=Envelope())


def plan(**fields: Any) -> Plan:
    return Plan(recipe="vote", route="auto", steps=(STEP,), candidates=(), **fields)


def told(**fields: Any) -> Told:
    return halves(receipt(1, **fields))[0]


def attempts(*reasons: str) -> tuple[Attempt, ...]:
    return tuple(Attempt(deployment="a", provider="p", model="m", reason=one) for one in reasons)


def samples(directory: Path) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name and values of labels."""
    families = text_string_to_metric_families(page(directory).decode())
    return {
        (one.name, tuple(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


@pytest.fixture
def metrics(tmp_path: Path) -> PlanMetrics:
    return PlanMetrics(Slots(tmp_path, "w"))


def test_rules_recipes_their_calls_escalations_and_shadows_are_counted(metrics: PlanMetrics, tmp_path: Path) -> None:
    team = plan(named="three", rule="hard")
    fell = (Noted(step="judge", what="fell_back"),)
    grounds = Grounds(escalated="impact is high", shadow=("c", "d"))
    metrics.finished(told(attempts=attempts("", "same_key: rate_limited", "")), team)
    metrics.finished(told(attempts=attempts(""), steps=fell, grounds=grounds), team)
    metrics.finished(told(outcome="failed", steps=fell), team)
    metrics.finished(told(), plan())

    assert samples(tmp_path) | {("antiphon_metrics_lost_total", ()): 0.0} == {
        ("antiphon_metrics_lost_total", ()): 0.0,
        ("antiphon_rule_hits_total", ("auto", "hard")): 3.0,
        ("antiphon_rule_hits_total", ("auto", "")): 1.0,
        ("antiphon_recipe_runs_total", ("three", "ok")): 1.0,
        ("antiphon_recipe_runs_total", ("three", "fell_back")): 1.0,
        ("antiphon_recipe_runs_total", ("three", "failed")): 1.0,
        ("antiphon_recipe_calls_total", ("three",)): 3.0,
        ("antiphon_escalations_total", ("auto",)): 1.0,
        ("antiphon_shadow_total", ("c", "auto")): 1.0,
        ("antiphon_shadow_total", ("d", "auto")): 1.0,
    }


def test_quality_is_that_of_one_worker_and_0_for_what_has_none_any_more(tmp_path: Path) -> None:
    one, other = (PlanMetrics(Slots(tmp_path, name)) for name in ("w-1", "w-2"))
    known = [Quality(deployment=name, route="auto", count=4.0, mean=mean) for name, mean in (("a", 0.5), ("b", 0.25))]
    one.qualities(known)
    other.qualities(known)
    found = samples(tmp_path)
    assert found["antiphon_quality", ("a", "auto")] == 0.5
    assert found["antiphon_quality_scores", ("b", "auto")] == 4

    for worker in (one, other):
        worker.qualities(known[:1])

    found = samples(tmp_path)
    assert (found["antiphon_quality", ("b", "auto")], found["antiphon_quality_scores", ("b", "auto")]) == (0, 0)
    assert found["antiphon_quality", ("a", "auto")] == 0.5


def test_scores_of_callers_are_counted_by_source_and_deployment(metrics: PlanMetrics, tmp_path: Path) -> None:
    for _ in range(2):
        metrics.scored("feedback", "a")

    assert samples(tmp_path)["antiphon_feedback_total", ("a", "feedback")] == 2
