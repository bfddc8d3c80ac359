"""Puts candidates into the order that a goal asks for, within bounds. What is unknown keeps no bound and sorts last.

A route with an objective always has a first candidate. Where nobody keeps all bounds, they are given up one after the
other, in a stated order, until somebody does; those who come nearest to the last one that was given up go first then.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct

from antiphon.core.money import NANO_PER_USD, NanoUsd
from antiphon.core.plan import Candidate, Predicted
from antiphon.routing.settings_rules import Constraint, Goal, ObjectiveSettings

LATENCY: tuple[Constraint, ...] = ("total_p95_s", "first_token_p95_s")
QUALITY: Constraint = "quality_at_least"
COST: Constraint = "cost_at_most_usd"
Amount = float | None
Read = Callable[[Predicted], Amount]
READ: Mapping[Constraint, Read] = MappingProxyType(
    {
        "quality_at_least": lambda one: one.quality,
        "cost_at_most_usd": lambda one: one.cost_nano_usd,
        "first_token_p95_s": lambda one: one.first_token_p95_s,
        "total_p95_s": lambda one: one.total_p95_s,
    }
)
WORDS: Mapping[Constraint, tuple[str, str, str]] = MappingProxyType(
    {
        "quality_at_least": ("quality", "below", ""),
        "cost_at_most_usd": ("likely cost", "above", " US dollars"),
        "first_token_p95_s": ("first token p95", "above", " s"),
        "total_p95_s": ("total p95", "above", " s"),
    }
)
"""What each is called, on which side of its limit it is broken, and its unit."""


class Limit(Struct, frozen=True, kw_only=True):
    """One bound, ready to be held against a candidate."""

    name: Constraint
    limit: float
    """For costs whole nano-USD."""
    broken: str
    """Why a candidate that breaks it lost. No number of the request is in it."""
    unknown: str

    def why_not(self, one: Predicted, *, allow_unknown: bool) -> str:
        """Why a candidate doesn't keep it; empty when it does."""
        value = READ[self.name](one)
        if value is None:
            return "" if allow_unknown else self.unknown
        kept = value >= self.limit if self.name == QUALITY else value <= self.limit
        return "" if kept else self.broken


class Objective(Struct, frozen=True, kw_only=True):
    """An objective, ready to be applied."""

    goal: Goal
    limits: tuple[Limit, ...] = ()
    """In the order in which they are given up."""
    allow_unknown: bool = False
    scores_at_least: float = 10.0
    worth_nano_usd: int | None = None
    by_quality: bool = False
    """Qualities are compared."""
    asked: Mapping[Goal, "Objective"] = MappingProxyType({})
    """The same under each goal that a caller may ask for."""


class Guard(Struct, frozen=True, kw_only=True):
    """Keeps a learned selector from leaving the best single model for a gain that may be chance."""

    best: str
    """The deployment that was best on the selector's own data when always asked."""
    margin: float
    """Chance of success, 0 to 1, by which another must be expected to be better."""
    tolerance: float | None = None
    """By which a cheaper or faster one may be expected to be worse; below 0 it must be better. None: the margin."""


class Ordered(Struct, frozen=True, kw_only=True):
    """Candidates in order, and what it took to have some."""

    order: tuple[Predicted, ...]
    lost: tuple[Candidate, ...] = ()
    relaxed: tuple[Constraint, ...] = ()
    """Bounds that were given up, in order."""
    guarded: str = ""
    """What the margin guard did; empty: nothing."""


def nano_usd(usd: float) -> NanoUsd:
    """An amount as it was written, to the nearest nano-dollar."""
    return NanoUsd(round(Decimal(repr(usd)) * NANO_PER_USD))


def objective(settings: ObjectiveSettings) -> Objective:
    """An objective under its own goal, with the others that may be asked for."""
    goals: tuple[Goal, ...] = ("cheapest", "best", "fastest")
    every: dict[Goal, Objective] = {goal: _under(settings, goal) for goal in goals}
    own = every[settings.goal]
    return Objective(
        goal=own.goal,
        limits=own.limits,
        allow_unknown=own.allow_unknown,
        scores_at_least=own.scores_at_least,
        worth_nano_usd=own.worth_nano_usd,
        by_quality=own.by_quality,
        asked=MappingProxyType(every),
    )


def order(objective: Objective, every: Sequence[Predicted], down: frozenset[str], guard: Guard | None) -> Ordered:
    """Who is asked first, and who stands in for it.

    Args:
        every: Candidates, as they stand in the configuration: that decides between equals.
        down: Those that aren't ready. They go last; when nobody is ready, it makes no difference.
        guard: Applied to qualities that a selector predicted; None: they were measured.
    """
    ready = [one for one in every if one.deployment not in down] or list(every)
    given_up, fit = _relaxed(objective, ready)
    held = objective.limits[given_up:]
    ranked = _ranked(objective, fit, objective.limits[given_up - 1] if given_up else None)
    guarded = ""
    if guard is not None:
        ranked, guarded = _guarded(objective, ranked, guard)
    asked = {one.deployment for one in ready}
    late = [one for one in every if one.deployment not in asked]
    late = _ranked(objective, [one for one in late if not _broken(objective, held, one)], None)
    lost = tuple(
        Candidate(deployment=one.deployment, lost=why) for one in every if (why := _broken(objective, held, one))
    )
    return Ordered(
        order=(*ranked, *late),
        lost=lost,
        relaxed=tuple(limit.name for limit in objective.limits[:given_up]),
        guarded=guarded,
    )


def value_nano_usd(one: Predicted, worth_nano_usd: int | None) -> int | None:
    """What an answer is worth, less what it is likely to cost; without a worth the cost alone. None: unknown."""
    if one.cost_nano_usd is None:
        return None
    if worth_nano_usd is None:
        return -one.cost_nano_usd
    return None if one.quality is None else round(one.quality * worth_nano_usd) - one.cost_nano_usd


def _under(settings: ObjectiveSettings, goal: Goal) -> Objective:
    limits = tuple(_limits(settings, goal))
    return Objective(
        goal=goal,
        limits=limits,
        allow_unknown=settings.unknown == "allow",
        scores_at_least=settings.scores_at_least,
        worth_nano_usd=None if settings.worth_usd is None else nano_usd(settings.worth_usd),
        by_quality=goal == "best" or any(one.name == QUALITY for one in limits),
    )


def _limits(settings: ObjectiveSettings, goal: Goal) -> Iterable[Limit]:
    usual = (*LATENCY, QUALITY, COST) if goal == "best" else (*LATENCY, COST, QUALITY)
    for name in dict.fromkeys((*settings.relax, *usual)):
        stated: float | None = getattr(settings, name)
        if stated is not None:
            what, side, unit = WORDS[name]
            yield Limit(
                name=name,
                limit=nano_usd(stated) if name == COST else stated,
                broken=f"{what} {side} {Decimal(repr(stated)).normalize():f}{unit}",
                unknown=f"{what} unknown",
            )


def _broken(objective: Objective, held: Iterable[Limit], one: Predicted) -> str:
    for limit in held:
        why = limit.why_not(one, allow_unknown=objective.allow_unknown)
        if why:
            return why
    return ""


def _relaxed(objective: Objective, every: Sequence[Predicted]) -> tuple[int, list[Predicted]]:
    """How many bounds have to be given up until somebody keeps the others, and who."""
    for given_up in range(len(objective.limits)):
        fit = [one for one in every if not _broken(objective, objective.limits[given_up:], one)]
        if fit:
            return given_up, fit
    return len(objective.limits), list(every)


def _ranked(objective: Objective, fit: Sequence[Predicted], nearest: Limit | None) -> list[Predicted]:
    """By how near they are to a bound that was given up, then by the goal. Equals, and who is unknown, as they stood."""
    goal = _goal(objective)

    def key(one: Predicted) -> tuple[bool, float, bool, float, bool, float]:
        if nearest is not None:
            value = READ[nearest.name](one)
            if value is None:
                return (True, 0.0, False, 0.0, False, 0.0)
            near = -value if nearest.name == QUALITY else value
        else:
            near = 0.0
        first, second = goal(one)
        return (False, near, first is None, first or 0.0, second is None, second or 0.0)

    return sorted(fit, key=key)


def _goal(objective: Objective) -> Callable[[Predicted], tuple[Amount, Amount]]:
    """What is to be least, and what decides between equals."""
    match objective.goal:
        case "cheapest":
            return lambda one: (one.cost_nano_usd, _less(one.quality))
        case "fastest":
            return lambda one: (one.total_s, one.cost_nano_usd)
        case "best" if objective.worth_nano_usd is not None:
            return lambda one: (_less(value_nano_usd(one, objective.worth_nano_usd)), _less(one.quality))
        case "best":
            return lambda one: (_less(one.quality), one.cost_nano_usd)


def _less(value: Amount) -> Amount:
    return None if value is None else -value


def _guarded(objective: Objective, ranked: list[Predicted], guard: Guard) -> tuple[list[Predicted], str]:
    """The best single model goes first, unless the gain of leaving it is above the margin."""
    best = next((one for one in ranked if one.deployment == guard.best), None)
    if best is None or ranked[0] is best:
        return ranked, ""
    if objective.goal != "best":
        most = guard.margin if guard.tolerance is None else guard.tolerance
        near = [one for one in ranked if one is best or _gain(objective, one, best, -most, worth=False)]
        first = {one.deployment for one in near}
        kept = near + [one for one in ranked if one.deployment not in first]
        said = f"{ranked[0].deployment} may be worse than {guard.best} by more than {most:g}"
        return kept, "" if kept[0] is ranked[0] else said
    if _gain(objective, ranked[0], best, guard.margin, worth=True):
        return ranked, ""
    said = f"{ranked[0].deployment} is not better than {guard.best} by more than {guard.margin:g}"
    return [best, *(one for one in ranked if one is not best)], said


def _gain(objective: Objective, one: Predicted, best: Predicted, least: float, *, worth: bool) -> bool:
    """Whether one's chance is above another's by more than this (or just so much less); unknown is no gain."""
    if one.quality is None or best.quality is None:
        return False
    gain = one.quality - best.quality
    if not worth:
        return gain >= least
    if objective.worth_nano_usd is not None:
        mine, other = value_nano_usd(one, objective.worth_nano_usd), value_nano_usd(best, objective.worth_nano_usd)
        if mine is None or other is None:
            return False
        gain = (mine - other) / objective.worth_nano_usd
    return gain > least
