"""Admit and plan: what is decided on a request before anything is sent."""

from collections.abc import Hashable

from msgspec import Struct

from antiphon.calls.prepared import Prepared, Preparer, unnamed
from antiphon.calls.story import Story
from antiphon.core.arrival import PROBE
from antiphon.core.error import BudgetExceeded, NotFound
from antiphon.core.plan import Plan
from antiphon.core.principal import Principal
from antiphon.core.request import Head
from antiphon.core.ticket import Whose
from antiphon.core.verdict import Verdict
from antiphon.gateway.house import Revision
from antiphon.policy.verdict import ALLOWED, decide, refusal
from antiphon.recipes.inner import chat_codec
from antiphon.recipes.seats import expected, seating
from antiphon.recipes.teams import Team
from antiphon.routing.chosen import Chosen
from antiphon.routing.plan import choice, led, plan
from antiphon.routing.route import Route, of_tier

MOST_KEPT = 4096
"""Kinds of requests whose decision is kept; above that all are forgotten, and made again as they come."""
Kind = tuple[str, str, str, str, str, int | None, int, frozenset[str], str, Hashable, int]
"""All of a request that a decision depends on: two of one kind under one revision are decided alike."""


class Decision(Struct, frozen=True, kw_only=True):
    """What holds for all requests of one kind."""

    principal: Principal
    route: Route
    verdict: Verdict
    plan: Plan
    tail: bytes
    """How it stands in a receipt."""
    prepared: Prepared
    whose: Whose
    """Whose use it is, of what isn't the single request's."""
    team: Team | None = None
    """The recipe; None: one call."""
    asked: str = ""
    """What is added to what the caller says, as far as the answer depends on it: the prompt, and the recipe with those
    who take a part in it."""


class Decisions:
    """Decides under one revision, and keeps what it decided."""

    def __init__(self, revision: Revision, caller: Preparer) -> None:
        self._revision = revision
        self._caller = caller
        self._known: dict[Kind, Decision] = {}

    def find(self, story: Story, head: Head, instead: str = "", budget: str = "") -> Decision:
        """Whether a request may go on, and where to. The story is told of the verdict, also of one that refuses.

        Args:
            instead: The tier of its route, or the other model, that a `budget` at its cap leads it to.
        Raises: NotAllowed, NotFound, BadRequest, BudgetExceeded.
        """
        principal, chosen = story.principal, story.chosen
        kind = (
            principal.tenant,
            principal.key,
            head.model,
            story.arrival.endpoint,
            story.arrival.dialect,
            head.output_tokens,
            head.answers,
            head.needs,
            instead,
            None if chosen is None else self._key(chosen),
            0 if (judged := story.verdict if self._revision.governor else None) is None else id(judged),
        )
        known = self._known.get(kind)
        if known is None or known.principal is not principal or (judged is not None and known.verdict is not judged):
            known = self._decide(story, head, instead, budget)
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[kind] = known
        story.verdict = known.verdict
        return known

    def _key(self, chosen: Chosen) -> Hashable:
        """What of a choice its plan depends on."""
        recipe = self._revision.recipes.get(chosen.recipe)
        return chosen.key if recipe is None or not recipe.ranks else (chosen.key, expected(chosen.predicted))

    def route(self, story: Story, head: Head) -> Route:
        """Where a request's model leads, if its caller may ask for it. Raises: NotAllowed, NotFound."""
        model = head.model
        governor = self._revision.governor
        if governor is None or story.verdict is None:
            story.verdict = decide(story.principal, model) if governor is None else governor.judge(story, head)
        if not story.verdict.allowed:
            raise refusal(story.verdict, story.principal, model)
        route = self._revision.routes.get(model)
        if route is None or (route.tenant and not route.shown_to(story.principal.tenant)):
            raise NotFound(
                f"there is no model {model!r}; GET /v1/models lists those there are",
                code="model_not_found",
                param="model",
            )
        return route

    def narrowed(self, story: Story) -> bool:
        """Whether policy leaves less of a request now that it is known how its budgets stand."""
        governor, counted = self._revision.governor, story.counted
        return governor is not None and counted is not None and governor.counted(story, counted)

    def whose(self, story: Story, head: Head) -> Whose:
        """Whose use a request is, before there is a decision. Raises: NotAllowed, NotFound."""
        return Whose(principal=story.principal, model=head.model, route=self.route(story, head).name)

    def _decide(self, story: Story, head: Head, instead: str, budget: str) -> Decision:
        model, chosen, route = head.model, story.chosen, self.route(story, head)
        if instead:
            route = self._revision.routes.get(instead) or of_tier(
                route, instead, f"budget {budget}: tier {instead} only"
            )
            if not route.deployments:
                raise BudgetExceeded(
                    f"the budget {budget} is used up, and nobody behind {model!r} is of the tier {instead}",
                    budget=budget,
                )
        elif chosen is not None:
            route = led(route, chosen, self._revision.deployments)
        return self.onto(story, head, route, story.verdict or ALLOWED)

    def onto(self, story: Story, head: Head, route: Route, verdict: Verdict) -> Decision:
        """Decide on a route that is known. Raises: BadRequest."""
        revision, chosen, team = self._revision, story.chosen, None
        story.plan = made = plan(route, head, choice(route, head, verdict), chosen)
        policy = revision.policies.get(route.name) or unnamed(route.name, revision.calls, probes=route.name == PROBE)
        prepared = self._caller.prepare(made.steps[0], policy, revision.targets)
        recipe = None if chosen is None else revision.recipes.get(chosen.recipe)
        may = verdict.obligations.recipes
        if recipe is not None and (may is None or recipe.name in may) and chat_codec(head) is not None:
            qualities = expected(chosen.predicted) if chosen is not None and recipe.ranks else ()
            seated = seating(recipe, made, revision.deployments, lambda seat: choice(seat, head, verdict), qualities)
            story.plan = made = seated.plan
            team = Team(
                recipe=recipe,
                seating=seated,
                seats={
                    name: self._caller.prepare(step, policy, revision.targets) for name, step in seated.stands.items()
                },
                sandbox=revision.sandbox,
            )
        return Decision(
            principal=story.principal,
            route=route,
            verdict=verdict,
            plan=made,
            tail=story.basis().tail(),
            prepared=prepared,
            whose=Whose(principal=story.principal, model=head.model, route=route.name),
            team=team,
            asked=made.prompt if team is None else f"{made.prompt}+{team.version()}",
        )
