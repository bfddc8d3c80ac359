"""The path: admit, plan, execute, settle, record."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from antiphon.calls.answer import Whole
from antiphon.calls.coalesce import Flight, Seat
from antiphon.calls.course import Answered
from antiphon.calls.shared import FlightReply, key_of
from antiphon.calls.story import Story
from antiphon.core.arrival import NO_HEADERS, PROBE, SHADOW, Arrival
from antiphon.core.error import AntiphonError, StoreError, Unavailable
from antiphon.core.ports import Reply, Served
from antiphon.core.principal import Principal
from antiphon.core.receipt import Outcome
from antiphon.core.request import Head, Request
from antiphon.gateway.count import count, steered
from antiphon.gateway.decide import Decision, Decisions
from antiphon.gateway.execute import ask_of, execute, release, told
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.gateway.share import follow
from antiphon.gateway.stream import Stream
from antiphon.policy.verdict import ALLOWED, decide
from antiphon.recipes.last_resort import NO_RESORT, lines, resort
from antiphon.recipes.teams import recorded
from antiphon.recipes.weigh import OBJECTIVE
from antiphon.routing.chosen import Chosen
from antiphon.routing.route import Route

log = logging.getLogger("antiphon.gateway")
_CUT = Unavailable("the gateway stopped before the answer was whole; see server.drain_timeout_s", code="drain_timeout")


class Gateway:
    """Answers requests under one revision."""

    def __init__(self, process: Process, revision: Revision) -> None:
        self.process = process
        self.revision = revision
        self._decisions = Decisions(revision, process.caller)

    def arrival(
        self, endpoint: str, dialect: str, started_s: float, headers: Mapping[bytes, bytes] = NO_HEADERS
    ) -> Arrival:
        """Give a request its receipt's id."""
        process = self.process
        given, at_ns = process.ids.new(), process.clock.now_ns()
        return Arrival(id=given, at_ns=at_ns, started_s=started_s, endpoint=endpoint, dialect=dialect, headers=headers)

    def answer(
        self, request: Request, principal: Principal, arrival: Arrival, reply: Reply
    ) -> Coroutine[Any, Any, None]:
        """Take a request down the whole path, once awaited.

        Every way out leaves a receipt, and an answer if anyone waits for it.
        """
        return self._run(self._story(request, principal, arrival), request, reply)

    async def probe(self, request: Request, principal: Principal, route: Route, reply: Reply) -> None:
        """The same for a request of the gateway's own, to one deployment whatever its breaker says."""
        arrival = self.arrival(PROBE, request.head.dialect, self.process.caller.now())
        story = self._story(request, principal, arrival)
        await self._run(story, request, reply, route)

    async def shadow(self, request: Request, principal: Principal, route: Route, reply: Reply, beside: str) -> None:
        """Ask what a caller asked once more, beside the request with the receipt `beside`. No budget counts it."""
        story = self._story(request, principal, self.arrival(SHADOW, request.head.dialect, self.process.caller.now()))
        governor, story.notes = self.revision.governor, (f"shadow: beside {beside}",)
        story.masked = governor is not None and governor.always  # no guard sees its answer, so that it isn't captured
        await self._run(story, request, reply, route)

    def _story(self, request: Request, principal: Principal, arrival: Arrival) -> Story:
        revision = self.revision
        tracer, came = revision.tracer, request.trace
        return Story(
            arrival,
            revision.id,
            self.process.worker,
            arrival.started_s,
            principal=principal,
            request=request,
            span=came if tracer is None else tracer.sample(came),
        )

    async def _run(
        self, story: Story, request: Request, reply: Reply, onto: Route | None = None, led: Decision | None = None
    ) -> None:
        """Args:
        onto: Where a request of the gateway's own goes, whatever is thought of who is there.
        led: What was decided on those who share a call, for that call.
        """
        decision, process, revision = None, self.process, self.revision
        try:
            governor = revision.governor if onto is None and led is None else None
            if governor is not None and governor.governs(story.arrival.headers):
                request, reply = await governor.admit(story, request, reply)
            counting = process.counting
            if onto is not None or (counting is not None and counting.on) or self._looks(story, request.head):
                decision = await self._decide(story, request, onto, led)
            else:
                decision = led or self._decisions.find(story, request.head)
            story.decided(decision.plan, decision.tail)
            if decision.prepared.draws and not story.seed:
                story.seed = process.random.seed()
            ask = ask_of(story, decision, revision, story.arrival.endpoint == PROBE)
            prepared, mine = decision.prepared, onto is None and not story.leads
            if mine and prepared.policy.cache.enabled and process.cache is not None:
                story.looked = await process.cache.look(story, request, prepared, decision.asked)
            shares = mine and prepared.policy.coalescer is not None
            seat = story.looked.seat or (self._seat(story, decision) if shares else None)
            if seat is not None:
                await follow(story, seat, ask, process, revision, reply)
            else:
                reply = recorded(decision.team, story, reply)
                await self._pass(story, decision, await execute(story, decision, ask, process, reply), reply)
        except asyncio.CancelledError:
            self._leave(story)
            raise
        except AntiphonError as error:
            self._refuse(story, error, reply, decision)
        except Exception:
            log.exception("request.crashed", extra={"receipt": story.arrival.id})
            failed = AntiphonError("Antiphon failed; the receipt's id helps to find out why")
            self._refuse(story, failed, reply, None)

    async def _pass(self, story: Story, decision: Decision, answered: Answered, reply: Reply) -> None:
        """Release an answer as it may be. Raises: AntiphonError, where it broke off or may not be released."""
        got, request = answered.answer, story.request
        if story.chosen is not None and request is not None:
            self._beside(story, request, story.chosen, answered.attempt.name)
        if not isinstance(got, Whole):
            await Stream(story, decision.route, self.process, self.revision, reply).run(answered, got)
            return
        body = told(story, answered, got, reply)
        if reply.waits:
            await reply.settled(body)
        release(story, answered, got, body, self.process, self.revision, reply)

    async def _decide(self, story: Story, request: Request, onto: Route | None, found: Decision | None) -> Decision:
        """Decide on what takes more than a look. Raises: as `count`, `weigh` and `Decisions.find`.

        Args:
            found: What was decided before; None: nothing was.
        """
        decisions, counting, head = self._decisions, self.process.counting, request.head
        if onto is not None:
            verdict = (
                ALLOWED if story.arrival.endpoint == PROBE else story.verdict or decide(story.principal, head.model)
            )
            return decisions.onto(story, head, onto, verdict)
        ruled = self.revision.ruled.get(head.model) if found is None and self._looks(story, head) else None
        weigher = self.revision.weigher
        found = found or (decisions.find(story, head) if ruled is None else None)
        if counting is not None and counting.on:
            whose = decisions.whose(story, head) if found is None else found.whose
            found = await count(story, request, whose, found, decisions, counting)
        if found is not None or ruled is None or weigher is None:
            return found or decisions.find(story, head)
        decisions.route(story, head)
        story.seed = story.seed or self.process.random.seed()
        await weigher.weigh(story, request, ruled)
        found = decisions.find(story, head)
        return found if counting is None else await steered(story, head, found, decisions, counting)

    def _looks(self, story: Story, head: Head) -> bool:
        """Whether a request's plan depends on more than its kind."""
        return head.model in self.revision.always or OBJECTIVE in story.arrival.headers

    def _beside(self, story: Story, request: Request, chosen: Chosen, served: str) -> None:
        """What a choice leads to beside the answer: the session is known to be there, and others are asked the same."""
        if self.revision.weigher is not None:
            self.revision.weigher.answered(story, request, served)
        others = tuple(name for name in chosen.shadow if name not in story.allowed.excluded)
        if others and self.process.shadows is not None and not story.unseen:
            self.process.shadows(request, story.principal, others, story.arrival.id)

    def _seat(self, story: Story, decision: Decision) -> Seat[Served] | None:
        """A place at a call that identical requests share; None: this request makes its own."""
        request, before, policy = story.request, story.arrival, decision.prepared.policy
        coalescer = policy.coalescer
        if coalescer is None or request is None:
            return None
        key = key_of(request, story.principal.tenant, decision.plan, policy, before.headers)
        if key is None:
            return None
        # Without the headers: what one caller's say of time and turn must not bind those who share its call.
        arrival = self.arrival(before.endpoint, before.dialect, before.started_s)
        seat = coalescer.join(key, arrival.id, partial(self._fly, request, story, arrival, decision))
        if seat is not None and not seat.leads:
            self.process.metrics.coalesced(decision.route.name)
        return seat

    async def _fly(
        self, request: Request, before: Story, arrival: Arrival, decision: Decision, flight: Flight[Served]
    ) -> None:
        """Make a call that is shared, as was decided on who began it. It has a receipt of its own. Raises: what went wrong."""
        reply = FlightReply(flight)
        story = self._story(request, before.principal, arrival)
        story.leads, story.looked, story.seed, story.verdict = True, before.looked, before.seed, before.verdict
        story.chosen, story.facts, story.grounds = before.chosen, before.facts, before.grounds
        story.stands_as(before)
        await self._run(story, request, reply, led=decision)
        if reply.failure is not None:
            raise reply.failure

    def refuse(self, error: AntiphonError, arrival: Arrival, reply: Reply, principal: Principal | None = None) -> None:
        """Answer a request that could not even be read; it has a receipt too."""
        story = Story(arrival, self.revision.id, self.process.worker, arrival.started_s)
        story.principal = principal or story.principal
        self._refuse(story, error, reply, None)

    def _refuse(self, story: Story, error: AntiphonError, reply: Reply, decision: Decision | None) -> None:
        if story.closed:
            return
        last = NO_RESORT
        if decision is not None and not (story.begun or story.leads):
            last = resort(decision.route.last_resort, error)
        story.handed_off = last.hand_off
        outcome = "failed" if story.attempts or story.shared else "refused"
        try:
            self._close(story, outcome, error, status=200 if last.respond else 0)
        except StoreError as lost:
            error, last, story.handed_off = lost, NO_RESORT, ""
            self._close(story, outcome, error, owed=True)
        given, told = story.arrival.id, story.header_lines() + lines(last)
        if last.hand_off:
            asked = {"receipt": given, "to": last.hand_off, "error": error.said_code, "tenant": story.principal.tenant}
            log.warning("request.handed_off", extra=asked)
        if last.respond:
            reply.last_resort(last.respond, given, told, stream=story.request is not None and story.request.head.stream)
        else:
            reply.error(error, given, told)

    def _leave(self, story: Story) -> None:
        """Nobody waits any more; the attempt was closed by the cancellation."""
        if story.closed:
            return
        error = _CUT if self.process.cutting() else None
        outcome = "interrupted" if error else "client_gone"
        try:
            self._close(story, outcome, error)
        except StoreError:
            self._close(story, outcome, error, owed=True)

    def _close(
        self, story: Story, outcome: Outcome, error: AntiphonError | None, *, status: int = 0, owed: bool = False
    ) -> None:
        if owed:
            log.error("receipt.delayed", extra={"receipt": story.arrival.id})
        told = 200 if story.begun else error.said_status if error and error is not _CUT else 0
        close(story, self.process, self.revision, outcome, status or told, error, owed=owed)
