"""What is to be known of a request before its route can choose, and the choice."""

from collections.abc import Awaitable, Callable, Collection, Mapping

from msgspec import Struct, structs

from antiphon.calls.caller import Caller
from antiphon.calls.expected import likely_costs
from antiphon.calls.sessions import Sessions
from antiphon.calls.story import Story
from antiphon.core.chance import Chance
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
from antiphon.routing.settings_rules import Goal
from antiphon.signals.about import About
from antiphon.signals.extractor import Extractor
from antiphon.signals.facts import RequestFacts

OBJECTIVE = b"x-antiphon-objective"
GOALS: tuple[Goal, ...] = ("cheapest", "best", "fastest")
Supply = Callable[[RequestFacts, Collection[str], Story, Request], Awaitable[None]]
"""Works out facts that take more than the request, and puts them in."""
Chances = Callable[[str, RequestFacts], Awaitable[Mapping[str, Chance]]]
"""What the selector of this name says of each deployment."""


class Ruled(Struct, frozen=True, kw_only=True):
    """A route that looks at the request itself."""

    program: Program
    window_tokens: int | None = None
    """Context window of its smallest candidate; None: unknown."""
    outside: frozenset[str] = frozenset()
    """Facts it may ask for that take more than the request to work out."""
    selector: str = ""
    """Name of its learned selector; empty: none."""


class Weigher:
    """Weighs requests under one revision."""

    def __init__(
        self,
        extractor: Extractor,
        caller: Caller,
        views: Views,
        sessions: Sessions,
        supply: Supply,
        chances: Chances,
    ) -> None:
        self.extractor = extractor
        self.sessions = sessions
        self.views = views
        self._caller = caller
        self._supply = supply
        self._chances = chances

    async def weigh(self, story: Story, request: Request, ruled: Ruled, *, traced: bool = False) -> Chosen:
        """Choose a request's rule, recipe and candidates, and have its story keep what that rests on.

        Raises: BadRequest; AntiphonError, of what was asked of others.
        """
        program, principal, counted = ruled.program, story.principal, story.counted
        goal = goal_of(story.arrival.headers)
        about = About(
            request=request,
            principal=principal,
            headers=story.arrival.headers,
            now_ns=story.arrival.at_ns,
            window_tokens=ruled.window_tokens,
        )
        facts = story.facts = self.extractor.facts(about)
        task = facts.value(TASK) if program.by_task else None
        names = [one.name for one in program.deployments]
        budgets = counted.counting.tickets.shares(counted.tab) if program.by_budget and counted is not None else ()
        fleet = self._caller.fleet
        grounds = Grounds(
            at_ns=story.arrival.at_ns,
            asked=goal or "",
            seen=self.views.view.slice(names, program.route, task if isinstance(task, str) else "", budgets),
            likely=likely_costs(request, program.deployments, fleet) if program.by_cost or goal else {},
            chances=dict(await self._chances(ruled.selector, facts)) if ruled.selector else {},
            previous=self.sessions.find(principal.tenant, request.lineage.session) if program.switch else None,
        )
        chosen, supplied = chosen_of(story, request, ruled, facts, grounds, traced=traced), frozenset[str]()
        while wanting := (ruled.outside - supplied) & {one.name for one in facts.told()}:
            await self._supply(facts, wanting, story, request)
            supplied |= wanting
            chosen = chosen_of(story, request, ruled, facts, grounds, traced=traced)
        story.chosen = chosen
        story.grounds = structs.replace(
            grounds,
            predicted=chosen.predicted,
            tried=chosen.tried,
            objective="" if chosen.objective is None else chosen.objective.told,
            escalated=chosen.escalated,
            shadow=chosen.shadow,
        )
        return chosen

    def answered(self, story: Story, request: Request, served: str) -> None:
        """Take in who answers a request."""
        if request.lineage.session:
            tokens = self._caller.fleet[served].tokens_of(request.body.size_bytes)
            self.sessions.answered(story.principal.tenant, request.lineage.session, served, tokens, story.arrival.at_ns)


def chosen_of(
    story: Story, request: Request, ruled: Ruled, facts: Facts, grounds: Grounds, *, traced: bool = False
) -> Chosen:
    """The choice from a request's facts and grounds: the same from those that its receipt keeps."""
    head, program = request.head, ruled.program
    return decide(
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
