"""Execute: run the plan's step and pass its answer to the caller."""

from collections.abc import Coroutine
from functools import partial
from typing import Any

from antiphon.calls import deadline
from antiphon.calls.answer import Whole
from antiphon.calls.ask import PRIORITY, Ask, bounded, lane, sticky_key
from antiphon.calls.context import fitted
from antiphon.calls.course import Answered
from antiphon.calls.story import Story
from antiphon.core.ports import Reply
from antiphon.core.receipt import Loss
from antiphon.gateway.decide import Decision
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.providers.target import PLAINLY, How
from antiphon.recipes.perform import perform
from antiphon.wire import trace


def ask_of(story: Story, decision: Decision, revision: Revision, forced: bool = False) -> Ask:
    """What a request asks of its call. Raises: BadRequest, naming the header."""
    request, principal = story.request, story.principal
    if request is None:
        raise ValueError("a story asks once it has a request")
    headers, route, policy = story.arrival.headers, decision.route, decision.prepared.policy
    server_s, route_s = revision.calls.deadline.max_s, route.seconds if route.bounds_time else None
    limit = deadline.decide(headers, story.started_s, server_s, route_s, request.head.stream)
    if limit.bound != "server" or limit.capped_from_s is not None:
        story.deadline = bounded(limit)
        story.lines += deadline.told(limit)
    losses: tuple[Loss, ...] = ()
    if policy.context is not None:
        request, losses = fitted(request, policy.context)
    prompt = route.prompt.text if route.prompt else None
    carried = trace.encode(story.span) if story.span is not None else b""
    return Ask(
        request=request,
        deadline=limit,
        how=How(prompt=prompt, trace=carried) if prompt or carried else PLAINLY,
        lane=lane(headers, principal.priority) if PRIORITY in headers else principal.priority,
        seed=story.seed,
        key=None if policy.sticky is None else sticky_key(request, principal, policy),
        forced=forced,
        losses=losses,
    )


def execute(
    story: Story, decision: Decision, ask: Ask, process: Process, reply: Reply
) -> Coroutine[Any, Any, Answered]:
    """Run a story's plan, once awaited. Raises: AntiphonError subclasses."""
    team = decision.team
    if team is None:
        return process.caller.call(story, decision.prepared, ask)
    return perform(team, story, ask, process.caller, process.counting, process.clock, reply)


def told(story: Story, answered: Answered, whole: Whole, reply: Reply) -> bytes:
    """A whole answer as its caller asked for it: where that is as a stream, the stream has begun."""
    progress = None if story.request is None else story.progress
    story.losses = answered.attempt.losses + whole.losses
    if progress is None:
        return whole.body
    body = progress.told(whole.body, story.instead)
    story.losses += progress.losses()
    if story.request is not None and story.request.head.stream and not story.begun:
        story.begun = True
        reply.begin(story.serves(answered.attempt))
    return body


def release(
    story: Story, answered: Answered, whole: Whole, body: bytes, process: Process, revision: Revision, reply: Reply
) -> None:
    """Settle, record and release a whole answer, which is `body` to its caller. Raises: StoreError."""
    attempt, said = answered.attempt, whole.facts
    story.served_model, story.fingerprint = said.model, said.fingerprint
    story.first_token_us = int((attempt.began_s - story.started_s) * 1e6) + (attempt.first_token_us or 0)
    attempt.service = said.service
    process.caller.settle(attempt, said.usage)
    story.served, story.usage = attempt, attempt.usage
    story.cost_nano_usd = attempt.cost_nano_usd if said.usage is not None else None
    if said.usage_note:
        story.notes = (*story.notes, f"usage: {said.usage_note}")
    if revision.capture_most_bytes and not story.masked:
        story.answer += body
    let_go = partial(reply.end, body) if story.begun else partial(reply.whole, story.serves(attempt), body)
    reply.keep(body)
    close(story, process, revision, "ok", 200, None, let_go)
