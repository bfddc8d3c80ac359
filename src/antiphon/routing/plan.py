"""Makes a plan: which deployment answers, and why the others do not."""

from functools import lru_cache

from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.plan import Candidate, Envelope, Plan, Step
from antiphon.core.request import Head
from antiphon.core.verdict import Verdict
from antiphon.routing.route import Route

ATTEMPTS = 2
"""A call and one more try, for a kept connection that turns out to be closed."""


def plan(route: Route, head: Head, verdict: Verdict, seed: int) -> Plan:
    """Choose among a route's deployments by weight.

    The same arguments give the same plan.

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
    chosen = fit[0] if len(fit) == 1 else _drawn(fit, seed)
    candidates.extend(
        [Candidate(deployment=deployment.name, lost="" if deployment is chosen else "weight") for deployment in fit]
    )
    each = chosen.output_tokens if head.output_tokens is None else head.output_tokens
    return Plan(
        recipe="single",
        route=route.name,
        steps=_steps(chosen.name, chosen.timeouts.total_s, None if each is None else each * head.answers),
        candidates=tuple(candidates),
        seed=seed,
        prompt=route.prompt.name if route.prompt else "",
    )


@lru_cache(maxsize=4096)
def _steps(deployment: str, seconds: float, output_tokens: int | None) -> tuple[Step, ...]:
    """The one step of a single call; requests of one kind share it."""
    envelope = Envelope(attempts=ATTEMPTS, seconds=seconds, output_tokens=output_tokens)
    return (Step(name="answer", deployments=(deployment,), envelope=envelope),)


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


def _drawn(fit: list[Deployment], seed: int) -> Deployment:
    """One by weight; `seed` is a number below 2**32 that chance gave."""
    point = seed / 2**32 * sum(deployment.weight for deployment in fit)
    for deployment in fit:
        point -= deployment.weight
        if point < 0:
            return deployment
    return fit[-1]
