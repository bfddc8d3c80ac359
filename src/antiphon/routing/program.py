"""A route's rules and aims made ready, once for a revision."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.deployment import Deployment
from antiphon.expr.expression import compile as compiled
from antiphon.expr.index import Index
from antiphon.routing.environment import BUDGET_SHARE, HEALTH, QUALITY, Environment, is_own
from antiphon.routing.objective import Guard, Objective, objective
from antiphon.routing.roster import Group, Roster, grouped
from antiphon.routing.route import Route
from antiphon.routing.scores import BAND, SCORE, Score
from antiphon.routing.settings_rules import (
    BranchSettings,
    DrawnBy,
    EscalateSettings,
    Goal,
    Impact,
    ObjectiveSettings,
    RuledSettings,
    RuleSettings,
)
from antiphon.routing.switching import Switch, switch

PLAIN: Mapping[Goal, Objective] = objective(ObjectiveSettings()).asked
"""Goals without bounds, for callers who ask for one where the route has no objective."""
NOBODY = grouped(())


class Way(Struct, frozen=True, kw_only=True):
    """Where a request may go."""

    recipe: str = ""
    """Its name in the configuration; empty: one call."""
    group: Group
    objective: Objective | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """Where requests go for which a condition holds, or, without a name, for which none does."""

    name: str = ""
    way: Way
    escalated: Way | None = None
    """Where they go when much is at stake; None: the same way."""
    branches: tuple[Way, ...] = ()
    """Where each part of split traffic goes; empty: none leaves it."""
    impact: Impact | None = None
    shadowed: bool = True


class Escalate(Struct, frozen=True, kw_only=True):
    """When a request is uncertain, or much is at stake."""

    below_confidence: float | None
    below_chance: float | None
    impact: frozenset[str]
    unknown: bool
    """What is unknown escalates."""


class Program(Struct, frozen=True, kw_only=True):
    """All that a route decides by, request by request."""

    route: str
    index: Index | None
    """Of the conditions of `rules`, in order."""
    rules: tuple[Rule, ...]
    default: Rule
    scores: Mapping[str, Score] = MappingProxyType({})
    own: frozenset[str] = frozenset()
    """Routing's own facts that conditions and scores ask for."""
    asks: frozenset[str] = frozenset()
    """Facts of the request that may be asked for."""
    escalate: Escalate | None = None
    switch: Switch | None = None
    parts: tuple[tuple[str, float], ...] = ()
    """Parts of split traffic: name, and percent."""
    split_by: DrawnBy = "request"
    shadow: Group = NOBODY
    shadow_percent: float = 0.0
    guard: Guard | None = None
    deployments: tuple[Deployment, ...] = ()
    """Every one that may be a candidate, is shadowed or is asked about: the slice of the View is to have them."""
    by_task: bool = False
    """Qualities of the request's class of tasks are compared: the slice is to have them."""
    by_cost: bool = False
    """Likely costs are compared."""
    by_budget: bool = False
    """Shares of budgets are asked for: the slice is to have them."""


def program(
    route: Route, settings: RuledSettings, *, roster: Roster, env: Environment, guard: Guard | None = None
) -> Program:
    """A route's program.

    Args:
        route: Its own candidates stand in it.
        guard: Of the route's selector.
    Raises: ExpressionError.
    """
    scores = env.scores
    conditions = tuple(compiled(one.when, env) for one in settings.rules)
    main = Way(
        recipe=settings.recipe or "",
        group=grouped(route.deployments, route.lost),
        objective=None if settings.objective is None else objective(settings.objective),
    )
    maker = _Maker(settings, main, roster)
    rules = tuple(maker.rule(one) for one in settings.rules)
    default = maker.leading(Rule(way=main))
    asked = _asked((name for one in conditions for name in one.names), scores)
    own = frozenset(name for name in asked if is_own(name))
    shadow = None if settings.shadow is None else roster.group(settings.shadow.models, ())
    aims = [one.objective for one in (main, *(rule.way for rule in rules)) if one.objective is not None]
    switching = None if settings.switch is None else switch(settings.switch)
    return Program(
        route=route.name,
        index=Index(conditions) if conditions else None,
        rules=rules,
        default=default,
        scores=MappingProxyType({name: scores[name] for name in scores if f"{SCORE}{name}" in own}),
        own=own,
        asks=asked - own,
        escalate=_escalate(settings),
        switch=switching,
        parts=tuple((one.name, one.percent) for one in settings.split),
        split_by=settings.split_by,
        shadow=shadow or NOBODY,
        shadow_percent=0.0 if settings.shadow is None else settings.shadow.percent,
        guard=guard,
        deployments=_every(roster, own, default, rules, shadow),
        by_task=(
            any(name.startswith(QUALITY) for name in own)
            or any(one.by_quality for one in aims)
            or (switching is not None and switching.worth_nano_usd is not None)
        ),
        by_cost=bool(aims) or settings.selector is not None or switching is not None,
        by_budget=BUDGET_SHARE in own,
    )


class _Maker:
    """Makes the rules of one route."""

    def __init__(self, settings: RuledSettings, main: Way, roster: Roster) -> None:
        self._main = main
        self._escalate = settings.escalate
        self._group = roster.group
        self._split = settings.split

    def rule(self, settings: RuleSettings) -> Rule:
        own = None if settings.objective is None else objective(settings.objective)
        way = Way(
            recipe=settings.recipe or self._main.recipe,
            group=self._group(settings.models, settings.tiers) or self._main.group,
            objective=own or self._main.objective,
        )
        made = Rule(name=settings.name, way=way, impact=settings.impact, shadowed=not settings.fixed)
        return made if settings.fixed else self.leading(made)

    def leading(self, rule: Rule) -> Rule:
        """The rule, and where escalation and split traffic lead from it."""
        return replace(
            rule,
            escalated=None if self._escalate is None else self._other(rule.way, self._escalate),
            branches=tuple(self._other(rule.way, one) for one in self._split),
        )

    def _other(self, way: Way, settings: EscalateSettings | BranchSettings) -> Way:
        return replace(
            way,
            recipe=settings.recipe or way.recipe,
            group=self._group(settings.models, settings.tiers) or way.group,
        )


def _escalate(settings: RuledSettings) -> Escalate | None:
    stated = settings.escalate
    if stated is None:
        return None
    return Escalate(
        below_confidence=stated.below_confidence,
        below_chance=stated.below_chance,
        impact=frozenset(stated.impact),
        unknown=stated.unknown == "escalate",
    )


def _asked(names: Iterable[str], scores: Mapping[str, Score]) -> frozenset[str]:
    """Facts that conditions may ask for, by way of scores too."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        family, _, rest = name.partition(".")
        if f"{family}." == BAND:
            left.append(f"{SCORE}{rest}")
        elif f"{family}." == SCORE and rest in scores:
            left.extend(scores[rest].names)
    return frozenset(found)


def _every(
    roster: Roster, own: frozenset[str], default: Rule, rules: Iterable[Rule], shadow: Group | None
) -> tuple[Deployment, ...]:
    ways = [way for rule in (default, *rules) for way in (rule.way, rule.escalated, *rule.branches) if way is not None]
    groups = [*(way.group for way in ways), *([shadow] if shadow else [])]
    names = {one.name: one for group in groups for one in group.deployments}
    asked = {name[len(prefix) :] for name in own for prefix in (HEALTH, QUALITY) if name.startswith(prefix)}
    return (*names.values(), *(roster.deployments[name] for name in sorted(asked) if name not in names))
