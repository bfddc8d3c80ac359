"""Routes that decide by rules, and what tests ask of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from antiphon.core.chance import Likely
from antiphon.core.deployment import Deployment, Price
from antiphon.core.plan import Candidate
from antiphon.core.signal import Fact, Facts, Value
from antiphon.core.view import Quality, Slice, Standing
from antiphon.routing.chosen import Chosen
from antiphon.routing.decide import decide
from antiphon.routing.environment import Environment, environment
from antiphon.routing.objective import Guard
from antiphon.routing.program import Program, program
from antiphon.routing.roster import Roster
from antiphon.routing.route import Route
from antiphon.routing.settings_rules import RuledSettings, ScoreSettings
from antiphon.signals.catalogue import environment as signals
from antiphon.signals.settings import SignalSettings

ROUTE = "auto"
NOW_NS = 1_700_000_000_000_000_000
SIGNALS: Mapping[str, Any] = {"keywords": {"urgent": {"any": ["asap"]}}}


class RecordedFacts(Facts):
    """Facts that are given. Others that are declared are unknown; only those that were asked for are told."""

    def __init__(self, values: Mapping[str, Value], env: Environment) -> None:
        self._values, self._env = values, env
        self._asked: dict[str, Fact] = {}

    def value(self, name: str) -> Value:
        return self.fact(name).value

    def fact(self, name: str) -> Fact:
        self._env[name]
        return self._asked.setdefault(name, Fact(name=name, value=self._values.get(name)))

    def told(self) -> tuple[Fact, ...]:
        return tuple(self._asked.values())


def deployment(name: str, tier: str = "", usd: float = 1.0, **more: Any) -> Deployment:
    """One whose input costs so many dollars a million tokens, and whose cached input a tenth of that."""
    price = Price(input=round(usd * 1_000_000), output=round(usd * 3_000_000), cached_input=round(usd * 100_000))
    return Deployment(name=name, provider="p", model=name, tier=tier, price=price, **more)


DEPLOYMENTS = (
    deployment("quick", "fast", 0.1),
    deployment("swift", "fast", 0.2),
    deployment("sound", "balanced", 1.0),
    deployment("grand", "premium", 10.0),
    deployment("home", "private", 0.0),
)
COSTS = {"quick": 1_000, "swift": 2_000, "sound": 10_000, "grand": 100_000, "home": 0}
LIKELY = {name: Likely(cost, cost // 2, cost * 2) for name, cost in COSTS.items()}


class Ruled:
    """A route over `DEPLOYMENTS`; `settings` is its part of the configuration."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        models: Sequence[str] = ("quick", "sound", "grand"),
        scores: Mapping[str, Any] | None = None,
        guard: Guard | None = None,
        lost: Mapping[str, str] | None = None,
        lab: frozenset[str] = frozenset(),
    ) -> None:
        by_name = {one.name: one for one in DEPLOYMENTS}
        stated = msgspec.convert(scores or {}, dict[str, ScoreSettings])
        self.env = environment(signals(msgspec.convert(SIGNALS, SignalSettings)), by_name, stated)
        self.roster = Roster(deployments=by_name, lost=lost or {}, lab=lab)
        own = Route(
            name=ROUTE,
            deployments=tuple(by_name[name] for name in models),
            lost=(Candidate(deployment="off", lost="no key"),),
        )
        self.program: Program = program(
            own, msgspec.convert(settings, RuledSettings), roster=self.roster, env=self.env, guard=guard
        )

    def facts(self, **values: Value) -> RecordedFacts:
        """Facts by their names, `__` for a dot."""
        return RecordedFacts({name.replace("__", "."): value for name, value in values.items()}, self.env)

    def decide(self, facts: Facts | None = None, slice: Slice | None = None, **more: Any) -> Chosen:
        return decide(
            self.program,
            facts or self.facts(),
            slice or Slice(),
            **{"seed": 1, "now_ns": NOW_NS, "likely": LIKELY, **more},
        )


def slice_of(
    qualities: Mapping[str, float] | None = None,
    *,
    down: Sequence[str] = (),
    total_s: Mapping[str, float] | None = None,
    budgets: Mapping[str, float] | None = None,
    task: str = "",
    count: float = 100.0,
) -> Slice:
    """A slice in which deployments have these qualities on `ROUTE`, and these times; others are unknown but ready."""
    times = total_s or {}
    return Slice(
        at_ns=NOW_NS,
        standings=tuple(
            Standing(
                deployment=one.name,
                ready=one.name not in down,
                trouble="breaker open" if one.name in down else "",
                total_p50_s=times.get(one.name),
                total_p95_s=times[one.name] * 2 if one.name in times else None,
                first_token_p95_s=times[one.name] / 2 if one.name in times else None,
            )
            for one in DEPLOYMENTS
        ),
        qualities=tuple(
            Quality(deployment=name, route=ROUTE, task=task, count=count, mean=mean, low=mean - 0.1, high=mean + 0.1)
            for name, mean in (qualities or {}).items()
        ),
        budgets=tuple((budgets or {}).items()),
    )
