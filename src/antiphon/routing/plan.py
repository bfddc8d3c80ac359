"""Makes a plan: which deployments may answer, and why the others do not."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest, PolicyDenied
from antiphon.core.plan import Candidate, Envelope, Fallback, Plan, Step
from antiphon.core.request import Dialect, Head
from antiphon.core.verdict import Verdict
from antiphon.routing.chosen import Chosen
from antiphon.routing.route import Pool, Route

CHAT = "chat"
ANYBODY = Verdict(allowed=True)
"""Leaves nobody out."""
OPERATIONS: Mapping[Dialect, str] = MappingProxyType(
    {
        "openai_completions": "completions",
        "openai_embeddings": "embeddings",
        "gemini_embeddings": "embeddings",
        "cohere_embeddings": "embeddings",
        "cohere_rerank": "reranking",
        "openai_moderations": "moderations",
        "openai_images": "images",
        "openai_speech": "speech",
        "openai_transcription": "transcription",
    }
)
"""What callers of a dialect ask for, in words; of those that aren't here, chat."""


class Choice(Struct, frozen=True, kw_only=True):
    """Which of a route's deployments can take requests of one kind."""

    fit: tuple[Deployment, ...]
    lost: tuple[Candidate, ...]
    """The others, and why not."""
    fallbacks: tuple[Fallback, ...] = ()


def choice(route: Route, head: Head, verdict: Verdict) -> Choice:
    """Sort a route's deployments, and those of its fallbacks, into those that can take a request and those that can't.

    Of the head count what it needs, and how many tokens it asks for.

    Raises: BadRequest, when no deployment of the route or of its `any` fallbacks can do what the request needs; PolicyDenied,
        when some could, and the verdict excludes all of them.
    """
    fit: list[Deployment] = []
    lost = list(route.lost)
    for deployment in route.deployments:
        why = _lost(deployment, head, verdict) or _weightless(deployment, route)
        if why:
            lost.append(Candidate(deployment=deployment.name, lost=why))
        else:
            fit.append(deployment)
    fallbacks: list[Fallback] = []
    for pool in route.fallbacks:
        able = tuple(one for one in pool.deployments if not _lost(one, head, verdict))
        if able and not fit and pool.on == "any":
            fit.extend(able)  # nobody of the route itself can: the first who can stand in for it take its place
        elif able:
            fallbacks.append(Fallback(on=pool.on, deployments=tuple(one.name for one in able)))
        lost.extend(
            Candidate(deployment=one.name, lost=_lost(one, head, verdict))
            for one in pool.deployments
            if one not in able
        )
    if not fit:
        raise _forbidden(route, head, verdict) or _none(route, lost)
    return Choice(fit=tuple(fit), lost=tuple(lost), fallbacks=tuple(fallbacks))


def unfit(deployments: Iterable[Deployment], head: Head, verdict: Verdict) -> dict[str, str]:
    """Deployments that can't take a request, and why."""
    return {one.name: why for one in deployments if (why := _lost(one, head, verdict))}


def led(route: Route, chosen: Chosen, known: Mapping[str, Deployment]) -> Route:
    """The route as a choice leads it: to its candidates, in its order."""
    names = [name for name in chosen.order if name in known]
    equal = chosen.equal if chosen.ordered else len(names)
    first, rest = names[:equal], names[equal:]
    return replace(
        route,
        deployments=tuple(known[name] for name in first),
        lost=tuple(one for one in chosen.candidates if one.lost),
        fallbacks=(*(Pool(on="any", deployments=(known[name],)) for name in rest), *route.fallbacks),
    )


def plan(route: Route, head: Head, made: Choice, chosen: Chosen | None = None) -> Plan:
    """A plan for those that a choice left. The same arguments give the same plan.

    Of the head count how many tokens and answers it asks for.

    Args:
        chosen: What led the route there; None: the configuration alone.
    """
    asked = [one.output_tokens if head.output_tokens is None else head.output_tokens for one in made.fit]
    each = [tokens for tokens in asked if tokens is not None]
    envelope = Envelope(
        attempts=route.attempts,
        seconds=route.seconds,
        output_tokens=max(each) * head.answers if len(each) == len(asked) else None,
    )
    names = tuple(one.name for one in made.fit)
    return Plan(
        recipe="single",
        route=route.name,
        steps=(Step(name="answer", deployments=names, envelope=envelope, fallbacks=made.fallbacks),),
        candidates=(*made.lost, *(Candidate(deployment=name) for name in names)),
        prompt=route.prompt.name if route.prompt else "",
        rule="" if chosen is None else chosen.rule,
        branch="" if chosen is None else chosen.branch,
    )


def _lost(deployment: Deployment, head: Head, verdict: Verdict) -> str:
    """Why a deployment can't be chosen; empty when it can."""
    if deployment.name in verdict.excluded:
        return "policy"
    if deployment.dialects is not None and head.dialect not in deployment.dialects:
        return f"has no endpoint for {OPERATIONS.get(head.dialect, 'chat')}"
    if deployment.capabilities is not None and not head.needs <= deployment.capabilities:
        return f"lacks {', '.join(sorted(head.needs - deployment.capabilities))}"
    if deployment.output_tokens is not None and (head.output_tokens or 0) > deployment.output_tokens:
        return f"gives {deployment.output_tokens} output tokens at most"
    return ""


def _weightless(deployment: Deployment, route: Route) -> str:
    """A weight is a share among others: one that is asked for by its own name needs none."""
    return "weight 0" if deployment.weight <= 0 and len(route.deployments) > 1 else ""


def _forbidden(route: Route, head: Head, verdict: Verdict) -> PolicyDenied | None:
    """The refusal of a request that somebody could take, if policy let them; None: nobody could."""
    why = dict(zip(verdict.excluded, verdict.why, strict=False))
    pools = [one for pool in route.fallbacks if pool.on == "any" for one in pool.deployments]
    able = [
        one.name
        for one in (*(one for one in route.deployments if not _weightless(one, route)), *pools)
        if one.name in verdict.excluded and not _lost(one, head, ANYBODY)
    ]
    if not able:
        return None
    reasons = tuple(dict.fromkeys(rule for name in able for rule in why.get(name, "").split(",") if rule))
    asked = f" of class {verdict.data_class}" if verdict.data_class else ""
    error = PolicyDenied(
        f"policy forbids this request{asked} to everybody behind {route.name!r} who could take it: "
        f"{', '.join(reasons) or 'policy'}; ask for another model, or whoever owns these policies",
        reasons=reasons or ("policy",),
        param="model",
    )
    error.noted = "; ".join(f"{name}: {why.get(name) or 'policy'}" for name in able)
    return error


def _none(route: Route, candidates: list[Candidate]) -> BadRequest:
    """Nobody can take the request. The caller is told what is lacking, the receipt also where."""
    # What the configuration leaves out is not the caller's affair, unless that is all there is to tell.
    lost = {candidate.lost: None for candidate in candidates if candidate not in route.lost} or {
        candidate.lost: None for candidate in candidates
    }
    error = BadRequest(
        f"no model behind {route.name!r} can take this request ({'; '.join(lost)}); ask for less, or for another model",
        code="no_capable_model",
        param="model",
    )
    error.noted = "; ".join(f"{candidate.deployment}: {candidate.lost}" for candidate in candidates)
    return error
