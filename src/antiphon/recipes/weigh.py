"""What is to be known of a request before its route can choose, and the choice."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from msgspec import Struct, structs

from antiphon.calls.caller import Caller
from antiphon.calls.expected import likely_costs
from antiphon.calls.sessions import Sessions
from antiphon.calls.story import Story
from antiphon.core.error import BadRequest
from antiphon.core.plan import Grounds
from antiphon.core.request import Request
from antiphon.core.signal import Facts
from antiphon.core.view import Views
from antiphon.policy.verdict import ALLOWED
from antiphon.routing.chosen import Chosen
from antiphon.routing.decide import decide
from antiphon.routing.known import TASK
from antiphon.routing.plan import unfit
from antiphon.routing.program import Program
from antiphon.routing.selector import Foreseen
from antiphon.routing.selector_explore import draw
from antiphon.routing.settings_rules import Goal
from antiphon.signals.about import About
from antiphon.signals.extractor import Extractor
from antiphon.signals.facts import RequestFacts
from antiphon.signals.said import Unread
from antiphon.signals.wording import IMPACTS, STATED
from antiphon.wire.bounds import LONG_BYTES

T = TypeVar("T")
OBJECTIVE = b"x-antiphon-objective"
SENSITIVITY, INJECTION = "finding.sensitivity", "finding.injection"
NOTHING = Foreseen({}, {})
GOALS: tuple[Goal, ...] = ("cheapest", "best", "fastest")
Supply = Callable[[RequestFacts, Collection[str], Story, Request], Awaitable[None]]
"""Works out facts that take more than the request, and puts them in."""


class Foresee(Protocol):
    """What the selector of this name says of each deployment. `private`: a private embedder alone may see the request."""

    async def __call__(self, name: str, facts: RequestFacts, *, private: bool = False) -> Foreseen: ...


class Ruled(Struct, frozen=True, kw_only=True):
    """A route that looks at the request itself."""

    program: Program
    window_tokens: int | None = None
    """Context window of its smallest candidate; None: unknown."""
    outside: frozenset[str] = frozenset()
    """Facts it may ask for that take more than the request to work out."""
    selector: str = ""
    """Name of its learned selector; empty: none."""
    explore: float = 0.0
    """Share of requests that try whom the selector doesn't know well."""


class Weigher:
    """Weighs requests under one revision."""

    def __init__(
        self,
        extractor: Extractor,
        caller: Caller,
        views: Views,
        sessions: Sessions,
        supply: Supply,
        foresee: Foresee,
    ) -> None:
        self.extractor = extractor
        self.sessions = sessions
        self.views = views
        self._caller = caller
        self._supply = supply
        self._foresee = foresee

    async def weigh(self, story: Story, request: Request, ruled: Ruled, *, traced: bool = False) -> Chosen:
        """Choose a request's rule, recipe and candidates, and have its story keep what that rests on.

        Raises: BadRequest; AntiphonError, of what was asked of others.
        """
        program, principal, counted = ruled.program, story.principal, story.counted
        goal = goal_of(story.arrival.headers)
        check_impact(story.arrival.headers)
        about = About(
            request=request,
            principal=principal,
            headers=story.arrival.headers,
            now_ns=story.arrival.at_ns,
            window_tokens=ruled.window_tokens,
        )
        facts = story.facts = self.extractor.facts(about)
        _found(facts, story)
        if request.body.size_bytes >= LONG_BYTES:
            await _beside_loop(partial(_read, facts))
        task = facts.value(TASK) if program.by_task or goal == "best" else None
        names = [one.name for one in program.deployments]
        budgets = counted.counting.tickets.shares(counted.tab) if program.by_budget and counted is not None else ()
        fleet, foreseen = self._caller.fleet, NOTHING
        if ruled.selector:
            foreseen = await self._foresee(ruled.selector, facts, private=story.allowed.private)
        costs = program.by_cost or goal or traced
        grounds = Grounds(
            at_ns=story.arrival.at_ns,
            asked=goal or "",
            seen=self.views.view.slice(names, program.route, task if isinstance(task, str) else "", budgets),
            likely=likely_costs(request, program.deployments, fleet, foreseen.output_tokens) if costs else {},
            chances=dict(foreseen.chances),
            previous=self.sessions.find(principal.tenant, request.lineage.session) if program.switch else None,
        )
        chosen = await self._chosen(story, request, ruled, facts, grounds, traced=traced)
        supplied = frozenset[str]()
        while wanting := (ruled.outside - supplied) & {one.name for one in facts.told()}:
            await self._supply(facts, wanting, story, request)
            supplied |= wanting
            chosen = await self._chosen(story, request, ruled, facts, grounds, traced=traced)
        story.chosen = chosen
        story.grounds = structs.replace(
            grounds,
            predicted=chosen.predicted,
            tried=chosen.tried,
            objective="" if chosen.objective is None else chosen.objective.told,
            escalated=chosen.escalated,
            stay="" if chosen.stay is None else chosen.stay.told,
            shadow=chosen.shadow,
            propensity=chosen.propensity,
        )
        return chosen

    @staticmethod
    async def _chosen(
        story: Story, request: Request, ruled: Ruled, facts: Facts, grounds: Grounds, *, traced: bool
    ) -> Chosen:
        """The choice; that of a long request is made beside the loop."""
        if request.body.size_bytes < LONG_BYTES:
            return chosen_of(story, request, ruled, facts, grounds, traced=traced)
        return await _beside_loop(partial(chosen_of, story, request, ruled, facts, grounds, traced=traced))

    def answered(self, story: Story, request: Request, served: str) -> None:
        """Take in who answers a request."""
        if request.lineage.session:
            tokens = self._caller.fleet[served].tokens_of(request.body.size_bytes)
            self.sessions.answered(story.principal.tenant, request.lineage.session, served, tokens, story.arrival.at_ns)


async def _beside_loop(work: Callable[[], T]) -> T:
    """Work on facts in a thread. Who is cancelled waits for its end, as the receipt then reads them."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise


def _found(facts: RequestFacts, story: Story) -> None:
    """Let facts know what guards found."""
    if story.data_class is not None:
        facts.supply(SENSITIVITY, story.data_class)
    if story.guards:
        scores = [one.score for one in story.findings if one.kind == "injection"]
        facts.supply(INJECTION, max(scores, default=0.0))


def _read(facts: RequestFacts) -> None:
    """Read a request's texts; who asks for them again finds them read."""
    with suppress(Unread):  # the facts say so
        _ = facts.said


def chosen_of(
    story: Story, request: Request, ruled: Ruled, facts: Facts, grounds: Grounds, *, traced: bool = False
) -> Chosen:
    """The choice from a request's facts and grounds: the same from those that its receipt keeps."""
    head, program = request.head, ruled.program
    chosen = decide(
        program,
        facts,
        grounds.seen,
        seed=story.seed,
        now_ns=grounds.at_ns,
        objective=next((goal for goal in GOALS if goal == grounds.asked), None),
        predictions=grounds.chances if ruled.selector else None,
        previous=grounds.previous,
        likely=grounds.likely or None,
        session=request.lineage.session,
        unfit=unfit(program.deployments, head, story.verdict or ALLOWED),
        traced=traced,
    )
    return explored(chosen, grounds, ruled.explore, story.seed) if ruled.explore and grounds.chances else chosen


def explored(chosen: Chosen, grounds: Grounds, explore: float, seed: int) -> Chosen:
    """The choice, or now and then another candidate at its head, so that the next training learns of it."""
    order = chosen.order
    chances = {name: grounds.chances[name] for name in order if name in grounds.chances}
    if not chosen.ordered or len(chances) < 2 or order[0] not in chances:
        return chosen
    drawn = draw(chances, order[0], explore, seed)
    first = [one for one in chosen.candidates if one.deployment == drawn.model]
    rest = [one for one in chosen.candidates if one.deployment != drawn.model]
    return structs.replace(chosen, candidates=(*first, *rest), equal=1, propensity=drawn.propensity)


def check_impact(headers: Mapping[bytes, bytes]) -> None:
    """See to it that what a request says of its stakes is a word for that. Raises: BadRequest, naming the header."""
    said = headers.get(STATED)
    if said is not None and (asked := said.decode("latin-1").strip().lower()) not in IMPACTS:
        wrong = f"x-antiphon-impact is {asked[:32]!r}; write one of {', '.join(IMPACTS)}"
        raise BadRequest(wrong, param="x-antiphon-impact")


def goal_of(headers: Mapping[bytes, bytes]) -> Goal | None:
    """The goal that a request asks for. Raises: BadRequest, naming the header."""
    said = headers.get(OBJECTIVE)
    if said is None:
        return None
    asked = said.decode("latin-1").strip().lower()
    for goal in GOALS:
        if goal == asked:
            return goal
    raise BadRequest(
        f"x-antiphon-objective is {asked[:32]!r}; write one of {', '.join(GOALS)}", param="x-antiphon-objective"
    )
