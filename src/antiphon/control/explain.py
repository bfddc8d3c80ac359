"""The plan of a request, without running it."""

import asyncio
import time

from msgspec import Struct

from antiphon.calls.expected import likely_costs
from antiphon.calls.story import Story
from antiphon.control.probing import NoReply
from antiphon.control.replan import planning
from antiphon.core.arrival import Arrival
from antiphon.core.data_class import DataClass
from antiphon.core.finding import Finding
from antiphon.core.plan import Plan, Predicted, Tried
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.signal import Fact
from antiphon.core.ticket import Whose
from antiphon.core.verdict import Verdict
from antiphon.core.view import Slice
from antiphon.gateway.decide import Decision, Decisions
from antiphon.gateway.execute import ask_of
from antiphon.gateway.house import Process, Revision
from antiphon.recipes.live import most
from antiphon.recipes.teams import bound_of
from antiphon.wire.bounds import LONG_BYTES


class Bounds(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The most that one call of a step may use. None: unknown."""

    step: str
    money_nano_usd: int | None = None
    tokens: int | None = None
    calls: int = 1


class Explanation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would be done with a request, and why."""

    model: str
    """The public name that was asked for."""
    revision: str
    plan: Plan
    plan_hash: str
    verdict: Verdict | None = None
    data_class: DataClass | None = None
    findings: tuple[Finding, ...] = ()
    """What guards of requests find; those that ask somebody else are not asked."""
    facts: tuple[Fact, ...] = ()
    """Those that were asked for, each with the time that it took."""
    tried: tuple[Tried, ...] = ()
    """Rules before the one that held."""
    predicted: tuple[Predicted, ...] = ()
    """Of each candidate that something is known of."""
    expected: Predicted = Predicted()
    """Of the whole plan."""
    objective: str = ""
    escalated: str = ""
    shadow: tuple[str, ...] = ()
    seen: Slice = Slice()
    bounds: tuple[Bounds, ...] = ()
    held_nano_usd: int | None = None
    """What is held on budgets before it starts; None: unknown."""
    seed: int = 0
    at_ns: int = 0
    took_us: int = 0
    """Of explaining."""


class Explainer:
    """Explains under one revision."""

    def __init__(self, process: Process, revision: Revision, decisions: Decisions) -> None:
        self._process = process
        self._revision = revision
        self._decisions = decisions

    async def explain(self, request: Request, principal: Principal, arrival: Arrival) -> Explanation:
        """Plan a request. No model is asked, nothing is counted, and there is no receipt.

        Raises: NotAllowed, NotFound, BadRequest, GuardBlocked, GuardFailed.
        """
        began_ns, process, revision, head = time.perf_counter_ns(), self._process, self._revision, request.head
        story = planning(arrival, principal, request, revision.id)
        if revision.governor is not None and revision.governor.governs(arrival.headers):
            request, _ = await revision.governor.admit(story, request, NoReply())
        self._decisions.route(story, head)
        ruled, weigher = revision.ruled.get(head.model), revision.weigher
        story.seed = process.random.seed()
        if ruled is not None and weigher is not None:
            counting = process.counting
            if counting is not None and counting.on:
                whose = Whose(principal=principal, model=head.model, route=head.model, lineage=request.lineage)
                story.counted = counting.open(whose, stream=head.stream)
            await weigher.weigh(story, request, ruled, traced=True)
        decision = self._decisions.find(story, head)
        grounds = story.grounds
        if request.body.size_bytes < LONG_BYTES:
            bounds, held = self._bounds(story, request, decision)
        else:
            bounds, held = await asyncio.to_thread(self._bounds, story, request, decision)
        return Explanation(
            model=head.model,
            revision=revision.id,
            plan=decision.plan,
            plan_hash=decision.plan.digest(),
            verdict=story.verdict,
            data_class=story.data_class,
            findings=tuple(story.findings),
            facts=story.known(),
            tried=() if grounds is None else grounds.tried,
            predicted=() if grounds is None else grounds.predicted,
            expected=self._expected(request, decision, () if grounds is None else grounds.predicted),
            objective="" if grounds is None else grounds.objective,
            escalated="" if grounds is None else grounds.escalated,
            shadow=() if grounds is None else grounds.shadow,
            seen=Slice() if grounds is None else grounds.seen,
            bounds=bounds,
            held_nano_usd=held,
            seed=story.seed,
            at_ns=arrival.at_ns,
            took_us=(time.perf_counter_ns() - began_ns) // 1000,
        )

    def _bounds(self, story: Story, request: Request, decision: Decision) -> tuple[tuple[Bounds, ...], int | None]:
        """What each step's calls may use, and what would be held."""
        caller, team = self._process.caller, decision.team
        ask = ask_of(story, decision, self._revision)
        if team is None:
            one = most(request, decision.prepared, ask.how, caller)
            return (
                Bounds(step=decision.plan.steps[0].name, money_nano_usd=one.money_nano_usd, tokens=one.tokens),
            ), one.money_nano_usd
        found: list[Bounds] = []
        for shape in team.recipe.settings.steps(team.seating.seated):
            prepared = team.seats.get(shape.seat)
            if prepared is not None:
                one = most(request, prepared, ask.how, caller)
                found.append(
                    Bounds(
                        step=shape.name,
                        money_nano_usd=one.money_nano_usd,
                        tokens=one.tokens,
                        calls=shape.most_calls,
                    )
                )
        return tuple(found), bound_of(team, caller, ask).money_nano_usd

    def _expected(self, request: Request, decision: Decision, predicted: tuple[Predicted, ...]) -> Predicted:
        """What the whole plan is expected to come to: of a recipe, if it makes all its calls."""
        plan, known = decision.plan, {one.deployment: one for one in predicted}
        view = self._process.caller.fleet
        names = {name for step in plan.steps for name in step.deployments[:1]}
        deployments = [one for name, one in self._revision.deployments.items() if name in names]
        likely = likely_costs(request, deployments, view)
        steps = [(step, step.deployments[0]) for step in plan.steps if step.deployments]
        if len(steps) == 1 and steps[0][1] in known and steps[0][0].envelope.calls == 1:
            return known[steps[0][1]]
        if not steps or any(name not in likely for _, name in steps):
            return Predicted()
        costs = [(likely[name], step.envelope.calls) for step, name in steps]
        return Predicted(
            cost_nano_usd=sum(one.nano_usd * times for one, times in costs),
            cost_low_nano_usd=min(one.low_nano_usd for one, _ in costs),
            cost_high_nano_usd=sum(one.high_nano_usd * times for one, times in costs),
        )
