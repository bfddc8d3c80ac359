"""What is counted, under which names. Labels come from the configuration, so their number is bounded."""

from collections.abc import Collection
from typing import Literal

from antiphon.core.error import OverLimit
from antiphon.core.plan import Plan
from antiphon.core.receipt import Attempt, Outcome, Told
from antiphon.core.usage import Usage
from antiphon.telemetry.metrics_plans import PlanMetrics
from antiphon.telemetry.slots import Histogram, Number, Slots

LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

HTTP_ERROR = 400
Result = Literal["ok", "lost", "left", "ended"]
"""How an attempt without an error ended. `lost`: another was faster; `left`: its caller went; `ended`: it was cut."""
FINDINGS = "What guards found; action `shadow`: it was only noted."
ATTEMPTS = "Attempts by how they ended: ok, lost, left, ended, or an error's code."
FALLBACKS = "Attempts at a fallback, by what went wrong before."
RETRIES = "Further attempts, by who made them necessary: where they went, after which class of failure."
HEDGES = "Second attempts beside slow first ones: sent, or denied by a budget."
LIMITED = "Requests that a rate limit refused."
CACHE = "Requests of routes that keep answers, by what the cache had: hit, near, miss, or bypass where it wasn't asked."
COALESCED = "Requests that shared a call which was in flight."


class _Path:
    """The numbers of one route to one deployment."""

    __slots__ = ("_labels", "_outcomes", "_slots", "cached", "cost", "first_token", "input", "output", "total")

    def __init__(self, slots: Slots, route: str, deployment: str) -> None:
        labels = {"route": route, "deployment": deployment}
        self._slots = slots
        self._labels = labels
        self._outcomes: dict[tuple[str, str], Number] = {}
        tokens = "Tokens, as upstreams reported them; cached ones are part of the input."
        self.input = slots.number("counter", "antiphon_tokens_total", tokens, {**labels, "kind": "input"})
        self.output = slots.number("counter", "antiphon_tokens_total", tokens, {**labels, "kind": "output"})
        self.cached = slots.number("counter", "antiphon_tokens_total", tokens, {**labels, "kind": "cached"})
        self.cost = slots.number("counter", "antiphon_cost_usd_total", "US dollars, where the price is known.", labels)
        self.first_token = slots.histogram(
            "antiphon_first_token_seconds",
            "From the request's last byte to the answer's first token.",
            labels,
            LATENCY_S,
        )
        self.total = slots.histogram(
            "antiphon_request_seconds", "From the request's last byte to the answer's last.", labels, LATENCY_S
        )

    def uses(self, usage: Usage | None, cost_nano_usd: int | None) -> None:
        """Count tokens and money."""
        if usage is not None:
            self.input.add(usage.input_tokens)
            self.output.add(usage.output_tokens)
            if usage.cached_tokens:
                self.cached.add(usage.cached_tokens)
        if cost_nano_usd:
            self.cost.add(cost_nano_usd / 1e9)

    def outcome(self, outcome: str, error: str) -> Number:
        number = self._outcomes.get((outcome, error))
        if number is None:
            labels = {**self._labels, "outcome": outcome, "error": error}
            number = self._slots.number("counter", "antiphon_requests_total", "Requests by how they ended.", labels)
            self._outcomes[outcome, error] = number
        return number


class Metrics:
    """One worker's counters."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.plans = PlanMetrics(slots)
        self._paths: dict[tuple[str, str], _Path] = {}
        self._attempts: dict[tuple[str, str], Number] = {}
        self._counters: dict[tuple[str, ...], Number] = {}
        self._gauges: dict[tuple[str, str], Number] = {}
        """By name and deployment."""
        self.lag: Histogram = slots.histogram(
            "antiphon_loop_lag_seconds", "How late the event loop came to a timer.", {}, LAG_S
        )
        self.lag_max: Number = slots.number(
            "max", "antiphon_loop_lag_max_seconds", "Latest that the event loop came to a timer in the last 10 s."
        )
        self.client_connections: Number = slots.number(
            "gauge", "antiphon_client_connections", "Open caller connections."
        )
        self.upstream_connections: Number = slots.number(
            "gauge", "antiphon_upstream_connections", "Open upstream connections, idle ones included."
        )
        self.journal_bytes: Number = slots.number(
            "gauge", "antiphon_journal_unshipped_bytes", "Bytes of the journal that are not in the database yet."
        )

    def _path(self, route: str, deployment: str) -> _Path:
        path = self._paths.get((route, deployment))
        if path is None:
            path = self._paths[route, deployment] = _Path(self._slots, route, deployment)
        return path

    def finished(self, receipt: Told, route: str, plan: Plan | None = None) -> None:
        """Count a request that has ended. `route` is empty when none was reached."""
        attempts = receipt.attempts
        path = self._path(route, receipt.served or (attempts[-1].deployment if attempts else ""))
        path.outcome(receipt.outcome, receipt.error).add()
        path.total.observe(receipt.duration_us / 1e6)
        if receipt.first_token_us is not None:
            path.first_token.observe(receipt.first_token_us / 1e6)
        if receipt.used is not None:  # a recipe's: each attempt where it was made
            for one in attempts:
                self._path(route, one.deployment).uses(one.usage, one.cost_nano_usd)
        else:
            path.uses(receipt.usage, receipt.spent_nano_usd or receipt.cost_nano_usd)
        for attempt in attempts:
            result = attempt.error or _result(attempt, receipt.outcome)
            number = self._attempts.get((attempt.deployment, result))
            if number is None or attempt.reason:
                self._attempt(attempt, result, route)
            else:
                number.add()
        if receipt.grounds is not None and plan is not None:
            self.plans.finished(receipt, plan)
        for one in receipt.findings:
            action = "shadow" if one.shadow else one.action
            self._count("antiphon_guard_findings_total", FINDINGS, guard=one.guard, side=one.side, action=action).add()

    def _attempt(self, attempt: Attempt, result: str, route: str) -> None:
        """Count one attempt by how it ended, and one that was no first by why it was made."""
        number = self._count("antiphon_attempts_total", ATTEMPTS, deployment=attempt.deployment, result=result)
        number.add()
        self._attempts[attempt.deployment, result] = number
        if attempt.reason:
            place, _, failure = attempt.reason.partition(": ")
            kind, _, on = place.partition(":")
            if kind == "fallback":
                self._count("antiphon_fallbacks_total", FALLBACKS, route=route, on=on).add()
            elif kind != "hedge":
                labels = {"deployment": attempt.deployment, "place": kind, "failure": failure}
                self._count("antiphon_retries_total", RETRIES, **labels).add()

    def in_flight(self, deployment: str) -> Number:
        """The gauge of attempts that run on a deployment."""
        labels = {"deployment": deployment}
        return self._slots.number("gauge", "antiphon_attempts_in_flight", "Attempts that run now.", labels)

    def hedged(self, route: str, result: str) -> None:
        """Count a second attempt that was sent (`sent`), or that was due and not sent (`denied`)."""
        self._count("antiphon_hedges_total", HEDGES, route=route, result=result).add()

    def coalesced(self, route: str) -> None:
        """Count a request that shared a call which another had begun."""
        self._count("antiphon_coalesced_total", COALESCED, route=route).add()

    def limited(self, error: OverLimit) -> None:
        """Count a request that a rate limit refused."""
        self._count("antiphon_limit_refusals_total", LIMITED).add()

    def cached(self, route: str, result: str) -> None:
        """Count a request that may be answered from the cache: `hit`, `near`, `miss`, or `bypass`."""
        self._count("antiphon_cache_requests_total", CACHE, route=route, result=result).add()

    def gauge(self, name: str, help: str, deployment: str) -> Number:
        """A gauge of how a deployment is now."""
        number = self._gauges.get((name, deployment))
        if number is None:
            number = self._slots.number("gauge", name, help, {"deployment": deployment})
            self._gauges[name, deployment] = number
        return number

    def only(self, deployments: Collection[str]) -> None:
        """Set the gauges of all other deployments to 0: a reload has taken them away.

        What still runs on one is counted on until it has ended.
        """
        for (_, deployment), number in self._gauges.items():
            if deployment not in deployments:
                number.set(0)

    def _count(self, name: str, help: str, **labels: str) -> Number:
        key = (name, *labels.values())
        number = self._counters.get(key)
        if number is None:
            number = self._counters[key] = self._slots.number("counter", name, help, labels)
        return number


def _result(attempt: Attempt, outcome: Outcome) -> Result:
    """How an attempt ended that has no error."""
    if attempt.detail:
        return "lost"  # the only end without an error that a receipt puts into words
    if outcome == "client_gone":
        return "left"
    answered = attempt.status is not None and attempt.status < HTTP_ERROR
    return "ok" if answered and outcome != "interrupted" else "ended"
