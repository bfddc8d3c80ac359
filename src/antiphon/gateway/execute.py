"""Execute: run the plan's step and pass its answer to the caller."""

import time
from functools import partial

from antiphon.calls.caller import Try
from antiphon.core.error import AntiphonError, UpstreamError, UpstreamMalformed
from antiphon.core.ports import Inbound, Reply, Served
from antiphon.core.request import Request
from antiphon.core.usage import Usage
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.gateway.story import Story
from antiphon.providers.failure import failure
from antiphon.providers.target import say
from antiphon.recipes.single import single
from antiphon.routing.route import Route
from antiphon.wire import trace
from antiphon.wire.openai_chat.relay import Relay
from antiphon.wire.openai_chat.whole import facts

MAX_ANSWER_BYTES = 67_108_864
"""Most bytes of a whole answer; above it the upstream is cut off and the caller told."""
MAX_ERROR_BYTES = 65_536


async def execute(story: Story, route: Route, process: Process, revision: Revision, reply: Reply) -> None:
    """Run a story's plan. Raises: AntiphonError subclasses, before the answer has begun or after."""
    request, plan = story.request, story.plan
    if request is None or plan is None:
        raise ValueError("a story is executed once it has a request and a plan")
    step = plan.steps[0]
    target = revision.targets[step.deployments[0]]
    said = say(request, target, route.prompt.text if route.prompt else None, trace.encode(story.span))
    story.losses = said.losses
    match plan.recipe:
        case "single":
            attempt = await single(step, process.caller, story, target, said)
    inbound = attempt.inbound
    if inbound is None:
        raise ValueError("a call that returns has an answer")
    try:
        if inbound.status != 200:
            raise await _failure(inbound, attempt)
        if request.head.stream:
            await _Stream(story, request, attempt, inbound, process, revision, reply, said.hide_usage).run()
        else:
            await _whole(story, attempt, inbound, process, revision, reply)
    except UpstreamError as error:
        process.caller.failed(attempt, error)
        raise
    finally:
        inbound.close()


async def _failure(inbound: Inbound, attempt: Try) -> UpstreamError:
    """What an error answer means; where its text can't be had its status says enough."""
    try:
        body = await inbound.read(MAX_ERROR_BYTES)
    except UpstreamError:
        body = b""
    return failure(inbound.status, inbound.headers, body, attempt.target.deployment.name)


def _expect(inbound: Inbound, kind: bytes, attempt: Try) -> None:
    """An answer of another content type is not an answer."""
    said = inbound.headers.get(b"content-type", b"")
    if not said.lower().startswith(kind):
        shown = said.decode("latin-1")[:80] or "none"
        raise UpstreamMalformed(
            f"{attempt.target.deployment.name} answered with content type {shown!r}, not {kind.decode()}"
        )


def _served(story: Story, attempt: Try, inbound: Inbound) -> Served:
    return Served(story.arrival.id, attempt.target.deployment.name, inbound.headers)


def _settle(story: Story, attempt: Try, process: Process, usage: Usage | None, note: str) -> None:
    process.caller.settle(attempt, usage)
    story.usage, story.cost_nano_usd = usage, attempt.cost_nano_usd
    if note:
        story.notes = (*story.notes, f"usage: {note}")


async def _whole(
    story: Story, attempt: Try, inbound: Inbound, process: Process, revision: Revision, reply: Reply
) -> None:
    _expect(inbound, b"application/json", attempt)
    body = await inbound.read(MAX_ANSWER_BYTES)
    attempt.first_token()
    said = facts(body)
    story.served_model, story.fingerprint = said.model, said.fingerprint
    story.first_token_us = int((time.perf_counter() - story.started_s) * 1e6)
    _settle(story, attempt, process, said.usage, said.usage_note)
    if revision.capture_most_bytes:
        story.answer += body
    release = partial(reply.whole, _served(story, attempt, inbound), body)
    close(story, process, revision, "ok", 200, None, release=release)


class _Stream:
    """A streamed answer on its way through. Its work is done inside the read that brings the bytes."""

    def __init__(
        self,
        story: Story,
        request: Request,
        attempt: Try,
        inbound: Inbound,
        process: Process,
        revision: Revision,
        reply: Reply,
        hide_usage: bool,
    ) -> None:
        self._story = story
        self._attempt = attempt
        self._inbound = inbound
        self._process = process
        self._revision = revision
        self._reply = reply
        self._relay = Relay(hide_usage=hide_usage)
        self._begun = False
        self._keep = revision.capture_most_bytes

    async def run(self) -> None:
        _expect(self._inbound, b"text/event-stream", self._attempt)
        self._reply.on_pressure(self._inbound.pause)
        try:
            await self._inbound.relay(self._take)
            if not self._story.closed:
                rest = self._relay.end()
                self._capture(rest)
                self._finish(rest)
        except AntiphonError:
            if not self._story.closed:
                raise
        finally:
            self._reply.on_pressure(None)
            if not self._story.closed:
                self._part()

    def _take(self, piece: bytes) -> None:
        relay = self._relay
        out = relay.feed(piece)
        self._capture(out)
        if relay.content_seen and self._story.first_token_us is None:
            self._attempt.first_token()
            self._story.first_token_us = int((time.perf_counter() - self._story.started_s) * 1e6)
        if relay.done and relay.failure is None:
            if not self._story.closed:
                self._finish(out)
            return
        if out:
            self._begin()
            self._reply.write(out)
        if relay.failure is not None:
            raise relay.failure

    def _capture(self, piece: bytes) -> None:
        if self._keep and len(self._story.answer) <= self._keep:
            self._story.answer += piece

    def _begin(self) -> None:
        if not self._begun:
            self._begun = self._story.begun = True
            self._reply.begin(_served(self._story, self._attempt, self._inbound))

    def _finish(self, last: bytes) -> None:
        """The answer is whole: settle, record, then let its end go."""
        self._begin()
        relay = self._relay
        self._story.served_model, self._story.fingerprint = relay.model, relay.fingerprint
        _settle(self._story, self._attempt, self._process, relay.usage, relay.usage_note)
        close(self._story, self._process, self._revision, "ok", 200, None, release=partial(self._reply.end, last))

    def _part(self) -> None:
        """The answer stays a part: settle what the upstream said so far."""
        relay = self._relay
        self._story.served_model, self._story.fingerprint = relay.model, relay.fingerprint
        if not self._attempt.settled:
            _settle(self._story, self._attempt, self._process, relay.usage, relay.usage_note)
        if self._begun:
            self._story.notes = (*self._story.notes, f"stream: {relay.events} events were released")
