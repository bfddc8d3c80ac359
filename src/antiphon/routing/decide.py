"""Decides a request's route from values: which rule, which recipe, who is asked first, and why the others are not.

The same arguments give the same choice, and so do the facts that were told together with the slice, at any later time.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from antiphon.core.chance import Chance, Likely, Previous
from antiphon.core.deployment import Deployment, Price
from antiphon.core.plan import Candidate, Predicted, Tried
from antiphon.core.signal import Facts, Value
from antiphon.core.view import Slice
from antiphon.expr.outcome import Outcome
from antiphon.routing.chosen import Applied, Chosen
from antiphon.routing.known import Known
from antiphon.routing.objective import Objective, order
from antiphon.routing.predict import predict
from antiphon.routing.program import PLAIN, Escalate, Program, Rule, Way
from antiphon.routing.settings_rules import Goal
from antiphon.routing.split import Draw, branch
from antiphon.routing.switching import Stay, settle

IMPACT, CONFIDENCE, USER = "stakes.impact", "task.confidence", "who.user"
NOBODY_THERE = "nobody there can take the request"
ALIKE = 0.01
"""Part by which two candidates may differ and still stand equal, so that they share the load."""
NOBODY: Mapping[str, str] = MappingProxyType({})


class Inputs(Struct, frozen=True, kw_only=True):
    """Everything but facts that a choice is made from."""

    slice: Slice
    seed: int
    now_ns: int
    """UTC, nanoseconds since the epoch."""
    objective: Goal | None = None
    """The goal that the caller asked for."""
    predictions: Mapping[str, Chance] | None = None
    """A learned selector's, by deployment; None: there is none. Whom it doesn't name is unknown to it."""
    previous: Previous | None = None
    session: str = ""
    likely: Mapping[str, Likely] | None = None
    """By deployment; whom it doesn't name has no known price."""
    unfit: Mapping[str, str] = NOBODY
    """Deployments that can't take this request, and why: policy, capabilities."""


def decide(
    program: Program,
    facts: Facts,
    slice: Slice,
    *,
    seed: int,
    now_ns: int,
    objective: Goal | None = None,
    predictions: Mapping[str, Chance] | None = None,
    previous: Previous | None = None,
    likely: Mapping[str, Likely] | None = None,
    session: str = "",
    unfit: Mapping[str, str] = NOBODY,
    traced: bool = False,
) -> Chosen:
    """Choose a rule, a recipe and an order of candidates. Nothing is read but the arguments.

    Args:
        slice: Of all `program.deployments`, on the program's route, for the task class where `program.by_task`.
        traced: Also tell which rules were tried, and what is expected of candidates that no objective compares.
    """
    inputs = Inputs(
        slice=slice,
        seed=seed,
        now_ns=now_ns,
        objective=objective,
        predictions=predictions,
        previous=previous,
        likely=likely,
        session=session,
        unfit=unfit,
    )
    return _Deciding(program, facts, inputs, traced=traced).chosen()


class Ranked(Struct, frozen=True, kw_only=True):
    """Candidates as an objective leaves them."""

    order: tuple[str, ...]
    lost: tuple[Candidate, ...] = ()
    predicted: tuple[Predicted, ...] = ()
    applied: Applied | None = None
    down: frozenset[str] = frozenset()
    """Those that aren't ready."""


class _Deciding:
    """One decision under way."""

    __slots__ = ("_inputs", "_known", "_look_up", "_program", "_traced")

    def __init__(self, program: Program, facts: Facts, inputs: Inputs, *, traced: bool) -> None:
        self._program = program
        self._inputs = inputs
        self._known = Known(program.route, program.own, program.scores, facts, inputs.slice)
        self._look_up = self._known.value if program.own else facts.value
        self._traced = traced

    def chosen(self) -> Chosen:
        rule, tried = self._rule()
        why = self._stakes(rule)
        wanted, part = (rule.escalated, "") if why and rule.escalated is not None else self._drawn(rule)
        way, ranked = self._taken(rule, wanted)
        if not why and rule.escalated is not None:
            why = self._doubt(ranked)
            if why:
                wanted, part = rule.escalated, ""
                way, ranked = self._taken(rule, wanted)
        if way is not wanted:
            why, part = f"{why}, but {NOBODY_THERE}" if why else "", ""
        order, stay = self._kept(ranked)
        plainly = ranked.applied is None and not self._inputs.unfit
        return Chosen(
            rule=rule.name,
            recipe=way.recipe,
            branch=part,
            ordered=ranked.applied is not None,
            equal=1
            if stay is not None
            else _equal(order, ranked, {one.name: one.price for one in way.group.deployments}),
            candidates=way.group.candidates if plainly else _candidates(order, ranked.lost),
            predicted=ranked.predicted,
            tried=tried,
            objective=ranked.applied,
            escalated=why,
            stay=stay,
            shadow=self._shadow(rule, ranked, order),
            facts=self._known.told(),
        )

    def _taken(self, rule: Rule, wanted: Way) -> tuple[Way, Ranked]:
        """A way and its candidates; the rule's own, where nobody on the one that is wanted can take the request."""
        ranked = self._ranked(wanted)
        if ranked.order or wanted is rule.way:
            return wanted, ranked
        return rule.way, self._ranked(rule.way)

    def _rule(self) -> tuple[Rule, tuple[Tried, ...]]:
        """The first rule that holds; when traced, with those before it."""
        program = self._program
        if program.index is None:
            return program.default, ()
        if self._traced:
            traced = program.index.trace(self._look_up)
            at, tried = traced.first, tuple(map(_tried, program.rules[: traced.first], traced.tried))
        else:
            at, tried = program.index.first(self._look_up), ()
        return (program.default if at is None else program.rules[at]), tried

    def _stakes(self, rule: Rule) -> str:
        """Why the task is uncertain, or much is at stake; empty: it is routine."""
        stated = self._program.escalate
        if stated is None or rule.escalated is None:
            return ""
        if stated.impact:
            impact = rule.impact or self._look_up(IMPACT)
            if impact in stated.impact or (impact is None and stated.unknown):
                return f"impact {impact or 'unknown'}"
        if stated.below_confidence is None:
            return ""
        return _below(CONFIDENCE, self._look_up(CONFIDENCE), stated.below_confidence, stated)

    def _doubt(self, ranked: Ranked) -> str:
        """Why the selector expects too little of the first candidate; empty: it doesn't."""
        stated = self._program.escalate
        if stated is None or stated.below_chance is None or not ranked.order:
            return ""
        chance = (self._inputs.predictions or {}).get(ranked.order[0])
        return _below("chance", None if chance is None else chance.mean, stated.below_chance, stated)

    def _drawn(self, rule: Rule) -> tuple[Way, str]:
        """The way of the part of split traffic that the request is in, and the part's name."""
        program = self._program
        if not rule.branches:
            return rule.way, ""
        at = branch([percent for _, percent in program.parts], self._percent("split"))
        return (rule.way, "") if at is None else (rule.branches[at], program.parts[at][0])

    def _percent(self, what: str) -> float:
        """A number from 0 up to 100, by what the route draws by."""
        program, inputs = self._program, self._inputs
        user = self._look_up(USER) if program.split_by == "user" else None
        draw = Draw(seed=inputs.seed, session=inputs.session, user=user if isinstance(user, str) else "")
        return draw.percent(program.split_by, f"{program.route}/{what}")

    def _ranked(self, way: Way) -> Ranked:
        """Candidates in order, as far as an objective compares them."""
        inputs = self._inputs
        lost = way.group.lost
        fit = way.group.deployments
        if inputs.unfit:
            out = [one.name for one in fit if one.name in inputs.unfit]
            lost = (*lost, *(Candidate(deployment=name, lost=inputs.unfit[name]) for name in out))
            fit = tuple(one for one in fit if one.name not in inputs.unfit)
        aim = self._aim(way.objective)
        if not fit or (aim is None and not self._traced):
            return Ranked(order=way.group.names if fit is way.group.deployments else _names(fit), lost=lost)
        predicted = self._predicted(fit, aim)
        if aim is None:
            return Ranked(order=_names(fit), lost=lost, predicted=predicted)
        down = self._down(fit)
        ordered = order(aim, predicted, down, None if inputs.predictions is None else self._program.guard)
        return Ranked(
            order=tuple([one.deployment for one in ordered.order]),
            lost=(*lost, *ordered.lost),
            predicted=predicted,
            applied=Applied(
                goal=aim.goal,
                asked=inputs.objective is not None,
                relaxed=ordered.relaxed,
                guarded=ordered.guarded,
            ),
            down=down,
        )

    def _aim(self, stated: Objective | None) -> Objective | None:
        """What the order is to reach; None: nothing says."""
        goal = self._inputs.objective
        if goal is not None:
            return PLAIN[goal] if stated is None else stated.asked[goal]
        if stated is None and self._inputs.predictions is not None:
            return PLAIN["best"]
        return stated

    def _predicted(self, fit: tuple[Deployment, ...], aim: Objective | None) -> tuple[Predicted, ...]:
        switch = self._program.switch
        by_task = (aim is not None and aim.by_quality) or (switch is not None and switch.worth_nano_usd is not None)
        return predict(
            self._known,
            fit,
            task=self._known.task() if by_task else "",
            scores_at_least=PLAIN["best"].scores_at_least if aim is None else aim.scores_at_least,
            predictions=self._inputs.predictions,
            likely=self._inputs.likely,
        )

    def _down(self, deployments: tuple[Deployment, ...]) -> frozenset[str]:
        """Those that aren't ready. Of whom nothing is known may be."""
        standings = (self._known.standing(one.name) for one in deployments)
        return frozenset(one.deployment for one in standings if one is not None and not one.ready)

    def _kept(self, ranked: Ranked) -> tuple[tuple[str, ...], Stay | None]:
        """The order, the session's deployment first where leaving it costs more than it brings."""
        program, previous = self._program, self._inputs.previous
        if program.switch is None or previous is None or ranked.applied is None or not ranked.order:
            return ranked.order, None
        by_name = {one.deployment: one for one in ranked.predicted}
        ready = [by_name[name] for name in ranked.order if name not in ranked.down]
        price = next((one.price for one in program.deployments if one.name == previous.deployment), None)
        stay = settle(program.switch, ready, previous, price, self._inputs.now_ns)
        if stay.outcome != "stayed":
            return ranked.order, stay
        return (previous.deployment, *(name for name in ranked.order if name != previous.deployment)), stay

    def _shadow(self, rule: Rule, ranked: Ranked, order: tuple[str, ...]) -> tuple[str, ...]:
        """Whom to ask beside the answer: not who is asked for it anyway."""
        program = self._program
        if not program.shadow.deployments or not rule.shadowed or self._percent("shadow") >= program.shadow_percent:
            return ()
        asked = order[:1] if ranked.applied is not None or len(order) == 1 else ()
        return tuple(name for name in program.shadow.names if name not in self._inputs.unfit and name not in asked)


def _names(deployments: Iterable[Deployment]) -> tuple[str, ...]:
    return tuple([one.name for one in deployments])


def _candidates(order: Iterable[str], lost: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return (*[Candidate(deployment=name) for name in order], *lost)


def _equal(order: Sequence[str], ranked: Ranked, prices: Mapping[str, Price | None]) -> int:
    """How many at the head are alike in what an objective compares: none of them is better than the other.

    Whoever has the same price costs the same, however many tokens each was seen to make of a text.
    """
    if ranked.applied is None or len(order) < 2:
        return 1
    known = {one.deployment: one for one in ranked.predicted}
    first, equal = known[order[0]], 1
    for name in order[1:]:
        one = known[name]
        priced = prices.get(name) == prices.get(order[0]) or _near(one.cost_nano_usd, first.cost_nano_usd)
        alike = priced and _near(one.quality, first.quality)
        if ranked.applied.goal == "fastest":
            alike = alike and one.total_s is not None and _near(one.total_s, first.total_s)
        if not alike or name in ranked.down:
            break
        equal += 1
    return equal


def _near(one: float | None, other: float | None) -> bool:
    """Within a hundredth of each other; the unknown is like the unknown."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= ALIKE * max(abs(one), abs(other))


def _below(what: str, value: Value, floor: float, stated: Escalate) -> str:
    if not isinstance(value, int | float):
        return f"{what} unknown" if stated.unknown else ""
    return f"{what} {value:.3g} is below {floor:g}" if value < floor else ""


def _tried(rule: Rule, outcome: Outcome) -> Tried:
    if outcome.unknown:
        return Tried(rule=rule.name, found="unknown", why=", ".join(outcome.unknown))
    return Tried(rule=rule.name, found="error", why=outcome.why) if outcome.why else Tried(rule=rule.name)
