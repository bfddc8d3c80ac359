"""What is counted of requests whose route looks at them, and of how good answers are."""

from collections.abc import Iterable

from antiphon.core.plan import Plan
from antiphon.core.receipt import Told
from antiphon.core.view import Quality
from antiphon.telemetry.slots import Number, Slots

RUNS = "Recipes that ran, by how their requests ended; fell_back: well, but without a step that they need."
CALLS = "Calls that recipes made."
RULES = "Requests by the rule that held; empty: none did."
ESCALATIONS = "Requests that went to better models for what hangs on them, or for a lack of confidence."
SHADOWS = "Requests that a deployment was asked beside the answer."
FEEDBACK = "Scores that callers gave."
QUALITY = "How good a deployment's answers on a route are, 0 to 1, over all classes of tasks."
SCORES = "Scores that this rests on; old ones count for less."
FELL_BACK = "fell_back"


class PlanMetrics:
    """One worker's counters of plans."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._numbers: dict[tuple[str, ...], Number] = {}
        self._qualities: dict[tuple[str, str], tuple[Number, Number]] = {}

    def finished(self, told: Told, plan: Plan) -> None:
        """Count a request that has ended, of a route that looked at it."""
        route, recipe, grounds = plan.route, plan.named, told.grounds
        self._count("antiphon_rule_hits_total", RULES, route=route, rule=plan.rule)
        if recipe:
            fell = told.outcome == "ok" and any(one.what == FELL_BACK for one in told.steps)
            self._count("antiphon_recipe_runs_total", RUNS, recipe=recipe, result=FELL_BACK if fell else told.outcome)
            calls = sum(not one.reason for one in told.attempts)
            self._count("antiphon_recipe_calls_total", CALLS, calls, recipe=recipe)
        if grounds is None:
            return
        if grounds.escalated:
            self._count("antiphon_escalations_total", ESCALATIONS, route=route)
        for deployment in grounds.shadow:
            self._count("antiphon_shadow_total", SHADOWS, route=route, deployment=deployment)

    def scored(self, source: str, deployment: str) -> None:
        """Count a score that a caller gave."""
        self._count("antiphon_feedback_total", FEEDBACK, source=source, deployment=deployment)

    def qualities(self, found: Iterable[Quality]) -> None:
        """Set the gauges of quality; those of what is not among them to 0."""
        left = dict(self._qualities)
        for one in found:
            name = one.deployment, one.route
            left.pop(name, None)
            mean, count = self._qualities.get(name) or self._gauges(*name)
            mean.set(one.mean)
            count.set(one.count)
        for mean, count in left.values():
            mean.set(0)
            count.set(0)

    def _gauges(self, deployment: str, route: str) -> tuple[Number, Number]:
        """Of one deployment and route. Workers know the same, so the page shows one of them and no sum."""
        labels = {"deployment": deployment, "route": route}
        made = (
            self._slots.number("max", "antiphon_quality", QUALITY, labels),
            self._slots.number("max", "antiphon_quality_scores", SCORES, labels),
        )
        self._qualities[deployment, route] = made
        return made

    def _count(self, name: str, help: str, amount: float = 1, **labels: str) -> None:
        key = (name, *labels.values())
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._slots.number("counter", name, help, labels)
        number.add(amount)
