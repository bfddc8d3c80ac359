"""Makes a plan: which deployment answers, and why the others do not."""

from msgspec import Struct

from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.plan import Candidate, Envelope, Plan, Step
from antiphon.core.request import Head
from antiphon.core.verdict import Verdict
from antiphon.routing.route import Route

ATTEMPTS = 2
"""A call and one more try, for a kept connection that turns out to be closed."""


class Choice(Struct, frozen=True, kw_only=True):
    """Which of a route's deployments can take requests of one kind."""

    fit: tuple[Deployment, ...]
    candidates: tuple[Candidate, ...]
    """The others, and why not."""
    total: float
    """Sum of the weights of those that can."""

    def drawn(self, seed: int) -> int:
        """Place of one in `fit`, by weight. The same seed, a number below 2**32, gives the same one."""
        point = seed / 2**32 * self.total
        for place, deployment in enumerate(self.fit):
            point -= deployment.weight
            if point < 0:
                return place
        return len(self.fit) - 1


def choice(route: Route, head: Head, verdict: Verdict) -> Choice:
    """Sort a route's deployments into those that can take a request and those that can't.

    Of the head count what it needs, and how many tokens it asks for.

    Raises: BadRequest, when no deployment of the route can do what the request needs.
    """
    fit: list[Deployment] = []
    candidates = list(route.lost)
    for deployment in route.deployments:
        lost = _lost(deployment, head, verdict) or _weightless(deployment, route)
        if lost:
            candidates.append(Candidate(deployment=deployment.name, lost=lost))
        else:
            fit.append(deployment)
    if not fit:
        raise _none(route, candidates)
    return Choice(fit=tuple(fit), candidates=tuple(candidates), total=sum(deployment.weight for deployment in fit))


def plan(route: Route, head: Head, made: Choice, place: int) -> Plan:
    """A plan for the deployment at this place of a choice. The same arguments give the same plan.

    Of the head count how many tokens and answers it asks for.
    """
    chosen = made.fit[place]
    each = chosen.output_tokens if head.output_tokens is None else head.output_tokens
    envelope = Envelope(
        attempts=ATTEMPTS,
        seconds=chosen.timeouts.total_s,
        output_tokens=None if each is None else each * head.answers,
    )
    fit = [Candidate(deployment=one.name, lost="" if one is chosen else "weight") for one in made.fit]
    return Plan(
        recipe="single",
        route=route.name,
        steps=(Step(name="answer", deployments=(chosen.name,), envelope=envelope),),
        candidates=(*made.candidates, *fit),
        prompt=route.prompt.name if route.prompt else "",
    )


def _lost(deployment: Deployment, head: Head, verdict: Verdict) -> str:
    """Why a deployment can't be chosen; empty when it can."""
    if deployment.name in verdict.excluded:
        return "policy"
    if deployment.capabilities is not None and not head.needs <= deployment.capabilities:
        return f"lacks {', '.join(sorted(head.needs - deployment.capabilities))}"
    if deployment.output_tokens is not None and (head.output_tokens or 0) > deployment.output_tokens:
        return f"gives {deployment.output_tokens} output tokens at most"
    return ""


def _weightless(deployment: Deployment, route: Route) -> str:
    """A weight is a share among others: one that is asked for by its own name needs none."""
    return "weight 0" if deployment.weight <= 0 and len(route.deployments) > 1 else ""


def _none(route: Route, candidates: list[Candidate]) -> BadRequest:
    """Nobody can take the request. The caller is told what is lacking, the receipt also where."""
    lost = {candidate.lost: None for candidate in candidates if candidate not in route.lost}
    error = BadRequest(
        f"no model behind {route.name!r} can take this request ({'; '.join(lost)}); ask for less, or for another model",
        code="no_capable_model",
        param="model",
    )
    error.noted = "; ".join(f"{candidate.deployment}: {candidate.lost}" for candidate in candidates)
    return error
