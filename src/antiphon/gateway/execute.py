"""Execute: run the plan's step and pass its answer to the caller."""

from functools import partial

from antiphon.calls import deadline
from antiphon.calls.answer import Started, Whole
from antiphon.calls.attempt import Try
from antiphon.calls.course import Answered, Ask
from antiphon.calls.deadline import Deadline
from antiphon.calls.prepared import Policy
from antiphon.calls.sticky import prefix_key, session_key
from antiphon.core.error import BadRequest
from antiphon.core.ports import Reply
from antiphon.core.principal import LANES, Lane
from antiphon.core.receipt import Bounded
from antiphon.core.request import Request
from antiphon.core.usage import Usage
from antiphon.gateway.decide import Decision
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.gateway.story import Story
from antiphon.gateway.stream import Stream
from antiphon.providers.target import How
from antiphon.recipes.single import single
from antiphon.wire import trace
from antiphon.wire.openai_chat.prefix import prefix

PRIORITY = b"x-antiphon-priority"


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
        story.deadline = _bounded(limit)
        story.lines += _told(limit)
    prompt = route.prompt.text if route.prompt else None
    carried = trace.encode(story.span)
    return Ask(
        request=request,
        deadline=limit,
        how=How(prompt=prompt, trace=carried) if prompt or carried else How(),
        lane=principal.priority if PRIORITY not in headers else _lane(headers[PRIORITY], principal.priority),
        seed=story.seed,
        key=None if policy.sticky is None else _key(story, request, policy),
        forced=forced,
    )


def _bounded(limit: Deadline) -> Bounded:
    return Bounded(allowed_s=limit.allowed_s, by=limit.bound, header=limit.header, asked_s=limit.capped_from_s)


def _told(limit: Deadline) -> bytes:
    said = deadline.told(limit)
    return b"" if said is None else b"x-antiphon-timeout: %b\r\n" % said


def _lane(said: bytes, most: Lane) -> Lane:
    """The lane that a request asks for, or its key's where that is lower. Raises: BadRequest."""
    asked: Lane | None = next((lane for lane in LANES if lane.encode() == said.strip().lower()), None)
    if asked is None:
        shown = said[:32].decode("latin-1")
        raise BadRequest(
            f"x-antiphon-priority is {shown!r}; write one of {', '.join(LANES)}", param="x-antiphon-priority"
        )
    return asked if LANES.index(asked) > LANES.index(most) else most


def _key(story: Story, request: Request, policy: Policy) -> int | None:
    """What a request sticks by; None: it belongs to nothing."""
    sticky = policy.sticky
    if sticky is None:
        return None
    tenant = story.principal.tenant
    if sticky.by == "session":
        return session_key(tenant, request.lineage.session) if request.lineage.session else None
    return prefix_key(tenant, prefix(request, sticky.prefix_bytes), sticky.prefix_bytes)


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
    _settle(story, attempt, process, said.usage, said.usage_note)
    if revision.capture_most_bytes:
        story.answer += whole.body
    release = partial(reply.whole, story.serves(attempt), whole.body)
    close(story, process, revision, "ok", 200, None, release=release)


def _settle(story: Story, attempt: Try, process: Process, usage: Usage | None, note: str) -> None:
    process.caller.settle(attempt, usage)
    story.usage, story.cost_nano_usd = usage, attempt.cost_nano_usd if usage is not None else None
    story.served = attempt
    if note:
        story.notes = (*story.notes, f"usage: {note}")
