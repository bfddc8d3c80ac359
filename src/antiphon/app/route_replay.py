"""Answers recorded prompts through a configuration's planner: facts, rules, recipe and candidates are decided as for live
requests, and the calls are answered from what was recorded.
"""

import time
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from antiphon.app.offline import Planner
from antiphon.calls.story import Story
from antiphon.core.arrival import Arrival
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.replay_recipes import Prompt, Replayed, replay
from antiphon.gateway.decide import Decision
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

ENDPOINT = "/v1/chat/completions"
PRINCIPAL = Principal(tenant="default", key="")


class Answered(Struct, frozen=True, gc=False, kw_only=True):
    """A recorded prompt, decided and answered."""

    id: str
    replayed: Replayed
    rule: str = ""
    """That led to its plan; empty: the route's default."""
    recipe: str = ""
    """Its name, or the pattern where it has none."""
    decided_us: int = 0
    refused: str = ""
    """Why there is no plan."""


async def answered(planner: Planner, route: str, prompts: Sequence[Prompt], *, seed: int = 0) -> list[Answered]:
    """Every prompt in turn. `route`: the public name that is asked for. One that is refused counts as wrong."""
    return [await _answered(planner, route, prompt, (seed + number) % 2**31) for number, prompt in enumerate(prompts)]


async def _answered(planner: Planner, route: str, prompt: Prompt, seed: int) -> Answered:
    began_ns = time.perf_counter_ns()
    try:
        decision, rule = await _decided(planner, _request(route, prompt.text), prompt.id, seed)
    except AntiphonError as error:
        nothing = Replayed(score=0.0, cost_nano_usd=0, asked=(), gave="")
        return Answered(id=prompt.id, replayed=nothing, refused=error.said_code)
    decided_us = (time.perf_counter_ns() - began_ns) // 1000
    plan = decision.plan
    return Answered(
        id=prompt.id,
        replayed=await _played(decision, prompt, seed),
        rule=rule,
        recipe=plan.named or plan.recipe,
        decided_us=decided_us,
    )


def _request(route: str, text: str) -> Request:
    body = Body((msgspec.json.encode({"model": route, "messages": [{"role": "user", "content": text}]}),))
    head, spots = CODECS["openai_chat"].read(body, Asked(endpoint=ENDPOINT))
    return Request(head=head, body=body, spots=spots, digest=sha256(body.whole()).hexdigest())


async def _decided(planner: Planner, request: Request, name: str, seed: int) -> tuple[Decision, str]:
    """The decision, and the rule that led to it. Raises: NotAllowed, NotFound, BadRequest."""
    arrival = Arrival(id=name, at_ns=0, started_s=0.0, endpoint=ENDPOINT, dialect="openai_chat")
    revision, head = planner.revision, request.head
    story = Story(arrival, revision.id, 0, 0.0, principal=PRINCIPAL, request=request)
    story.seed = seed
    planner.decisions.route(story, head)
    ruled = revision.ruled.get(head.model)
    if ruled is not None and revision.weigher is not None and head.model in revision.always:
        await revision.weigher.weigh(story, request, ruled)
    decision = planner.decisions.find(story, head)
    return decision, decision.plan.rule


async def _played(decision: Decision, prompt: Prompt, seed: int) -> Replayed:
    team = decision.team
    if team is None:
        return _single(decision.plan.steps[0].deployments, prompt)
    outcomes: dict[str, Outcome] = {}
    for seat, stand in team.seating.stands.items():
        found = next((prompt.outcomes[name] for name in stand.deployments if name in prompt.outcomes), None)
        if found is not None:
            outcomes[seat] = found
    return await replay(
        team.recipe.settings,
        Prompt(id=prompt.id, text=prompt.text, outcomes=outcomes),
        team.seating.seated,
        gain=team.recipe.gain,
        envelope=team.seating.envelope,
        seed=seed,
    )


def _single(deployments: Sequence[str], prompt: Prompt) -> Replayed:
    """One call, to the first deployment that was recorded."""
    for name in deployments:
        outcome = prompt.outcomes.get(name)
        if outcome is not None:
            return Replayed(score=outcome.score, cost_nano_usd=outcome.cost_nano_usd or 0, asked=(name,), gave=name)
    return Replayed(score=0.0, cost_nano_usd=0, asked=(), gave="")
