"""Execute: run the plan's step and pass its answer to the caller."""

from functools import partial

from antiphon.calls import deadline
from antiphon.calls.answer import Started, Whole
from antiphon.calls.ask import PRIORITY, Ask, bounded, lane, sticky_key
from antiphon.calls.course import Answered
from antiphon.core.ports import Reply
from antiphon.gateway.decide import Decision
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.gateway.story import Story
from antiphon.gateway.stream import Stream
from antiphon.providers.target import PLAINLY, How
from antiphon.recipes.single import single
from antiphon.wire import trace


def ask_of(story: Story, decision: Decision, revision: Revision, *, forced: bool = False) -> Ask:
    """What a request asks of its call. Raises: BadRequest, naming the header."""
    request, principal = story.request, story.principal
    if request is None:
        raise ValueError("a story asks once it has a request")
    headers, route, policy = story.arrival.headers, decision.route, decision.prepared.policy
    limit = deadline.decide(
        headers,
        now_s=story.started_s,
        server_s=revision.calls.deadline.max_s,
        route_s=route.seconds if route.bounds_time else None,
        stream=request.head.stream,
    )
    if limit.bound != "server" or limit.capped_from_s is not None:
        story.deadline = bounded(limit)
        story.lines += deadline.told(limit)
    prompt = route.prompt.text if route.prompt else None
    carried = trace.encode(story.span)
    return Ask(
        request=request,
        deadline=limit,
        how=How(prompt=prompt, trace=carried) if prompt or carried else PLAINLY,
        lane=lane(headers, principal.priority) if PRIORITY in headers else principal.priority,
        seed=story.seed,
        key=None if policy.sticky is None else sticky_key(request, principal, policy),
        forced=forced,
    )


async def execute(
    story: Story, decision: Decision, ask: Ask, process: Process, revision: Revision, reply: Reply
) -> None:
    """Run a story's plan. Raises: AntiphonError subclasses, before the answer has begun or after."""
    match decision.plan.recipe:
        case "single":
            answered = await single(process.caller, story, decision.prepared, ask)
    match answered.answer:
        case Whole() as whole:
            _whole(story, answered, whole, process, revision, reply)
        case Started() as started:
            await Stream(story, decision.route, process, revision, reply).run(answered, started)


def _whole(story: Story, answered: Answered, whole: Whole, process: Process, revision: Revision, reply: Reply) -> None:
    attempt, said = answered.attempt, whole.facts
    story.served_model, story.fingerprint = said.model, said.fingerprint
    story.first_token_us = int((attempt.began_s - story.started_s) * 1e6) + (attempt.first_token_us or 0)
    story.losses, attempt.service = attempt.losses + whole.losses, said.service
    process.caller.settle(attempt, said.usage)
    story.served, story.usage = attempt, said.usage
    story.cost_nano_usd = attempt.cost_nano_usd if said.usage is not None else None
    if said.usage_note:
        story.notes = (*story.notes, f"usage: {said.usage_note}")
    if revision.capture_most_bytes:
        story.answer += whole.body
    reply.keep(whole.body)
    release = partial(reply.whole, story.serves(attempt), whole.body)
    close(story, process, revision, "ok", 200, None, release=release)
