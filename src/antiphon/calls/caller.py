"""Makes calls: a ticket and a journal record before each attempt, a settlement and its lessons after it."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Literal

from antiphon.calls import answer, deadline
from antiphon.calls.attempt import Spot, Try
from antiphon.calls.bound import MEDIA, bounds_of, output_of
from antiphon.calls.counting import Counting, Wanting
from antiphon.calls.course import Answered, Ask, Course, Work
from antiphon.calls.errands import Errands
from antiphon.calls.fleet import Fleet
from antiphon.calls.identity import identified
from antiphon.calls.keypool import Key, NoKey, named
from antiphon.calls.member import MEASURED, Member
from antiphon.calls.part import Drawn
from antiphon.calls.paying import shorten
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.running import NOTHING, sought
from antiphon.calls.settlement import Settlement
from antiphon.calls.turn import take_turn
from antiphon.core.error import (
    AntiphonError,
    BudgetExceeded,
    CannotCarry,
    LeftAlone,
    OverLimit,
    StoreError,
    UpstreamError,
)
from antiphon.core.plan import Step
from antiphon.core.ports import Inbound, Journal, Tickets, Transport
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage
from antiphon.metering.rates_slot import Hold
from antiphon.providers.target import How, Said, Target, say, write
from antiphon.routing.settings import OnLoss
from antiphon.telemetry.metrics import Metrics
from antiphon.wire.bounds import LONG_BYTES

log = logging.getLogger("antiphon.calls")
HTTP_OK = 200
HTTP_TOO_MANY = 429
LEARN_S = 0.1
"""Rate limits are read from sound answers' headers this often: in between, what was sent since is taken off them."""


class Caller:
    """Makes calls; one per worker, so that what it knows of deployments holds across revisions."""

    def __init__(
        self,
        transport: Transport,
        tickets: Tickets,
        journal: Journal,
        metrics: Metrics,
        fleet: Fleet | None = None,
        now: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
        counting: Counting | None = None,
    ) -> None:
        """Args:
        tickets: Of requests that nothing counts.
        now: Seconds on the steady clock.
        wall: Seconds since the epoch.
        counting: Counts requests that are counted; None: there are none.
        """
        self.fleet = fleet or Fleet()
        self.now = now
        self._wall = wall
        self._transport = self.transport = transport
        self._tickets = tickets
        self._journal = journal
        self._metrics = metrics
        self._counting = counting
        settlement = Settlement(tickets, self.fleet, now, counting)
        # Bound here, so that none of them costs a call more.
        self.settle = settlement.settle
        self.failed = settlement.failed
        self.judged = settlement.judged
        self.lose = settlement.lose
        self.errands = Errands(self, transport, tickets, journal, metrics, wall, counting)

    def prepare(self, step: Step, policy: Policy, targets: Mapping[str, Target]) -> Prepared:
        """Make a step ready; once for all requests of its kind."""
        return Prepared(step, policy, self.fleet, targets)

    def call(self, work: Work, prepared: Prepared, ask: Ask) -> Coroutine[Any, Any, Answered]:
        """Send a request until there is an answer, once awaited: all of it, or a stream's first content.

        Raises: the most telling error of all attempts, OverLimit, DeadlineExceeded, StoreError.
        """
        return Course(self, work, prepared, ask).run()

    # --- one attempt

    async def attempt(self, course: Course, spot: Spot) -> Answered:
        """Make one attempt of a course. Raises: what went wrong; it has then ended, and everything is given back."""
        member, ask, work, target = spot.member, course.ask, course.work, spot.target
        now_s = came_s = self.now()
        try:
            plain = ask.request.body.size_bytes < LONG_BYTES and target.signer is None
            if not (plain and member.gate.try_enter(work.principal.tenant)):
                now_s = await self._ready(course, spot)
            attempt, said = self._begin(course, spot, now_s, now_s - came_s)
        except Wanting as wanting:
            attempt, said = await self._afford(course, spot, wanting, came_s)
            ask = course.ask
        except AntiphonError as error:
            course.failed(spot, error)
            raise
        stream = ask.request.head.stream
        try:
            send, runner = self._transport.send, target.runner
            if runner is not None:
                inbound = attempt.inbound = await runner.run(sought(attempt, said, ask.request, work))
            else:
                inbound = attempt.inbound = await (
                    send(said.outbound, fresh=True) if spot.fresh else send(said.outbound)
                )
            try:
                if attempt.began_s >= member.learns_at_s or inbound.status != HTTP_OK:
                    member.learns_at_s = attempt.began_s + LEARN_S
                    member.live.learn(inbound.headers, self.now, self._wall)
                if inbound.status != HTTP_OK:
                    raise await self._refusal(inbound, member, said)
                read = answer.started if stream else answer.whole
                got = await read(inbound, attempt.name, said, ask.request, int(self._wall()))
            except BaseException:
                inbound.close()
                raise
        except AntiphonError as caught:
            error = self.judged(attempt, caught)
            used = caught.used if isinstance(caught, UpstreamError) else None
            self.failed(attempt, error, used if isinstance(used, Usage) else None)
            course.failed(spot, error)
            self.written(attempt, work)
            raise error from error.__cause__
        except BaseException:
            won = course.won
            attempt.lost = won is not None
            attempt.overtaken = won is not None and attempt.began_s <= won.began_s
            self.settle(attempt, None)
            raise
        self._answered(attempt, got, stream)
        course.won = attempt
        return Answered(attempt, got, course)

    def written(self, attempt: Try, work: Work) -> None:
        """Write down that an attempt holds nothing any more: a death while others are waited for then books no more than
        it used, as what else it held may be used by others already.
        """
        if attempt.ticket.holds is not None and not attempt.forfeit:
            with suppress(StoreError):  # the next record can't be written either, and is not passed over
                self._journal.opened(work.draft(), work.tail)

    async def _ready(self, course: Course, spot: Spot) -> float:
        """Wait for what an attempt needs before it can begin: long bodies in its words, its turn, a credential.

        Returns: steady seconds, with a place at the gate taken.
        Raises: CannotCarry, BadRequest, OverLimit, DeadlineExceeded, UpstreamAuth.
        """
        member, ask, tenant = spot.member, course.ask, course.work.principal.tenant
        if ask.request.body.size_bytes >= LONG_BYTES:
            await _written(ask.request, spot.target, course.how() if course.so_far else ask.how)
        if not member.gate.try_enter(tenant):
            await take_turn(member.gate, tenant, ask.lane, ask.deadline, self.now, begun=course.begun)
        if spot.target.signer is not None:
            try:
                await identified(spot.target.signer, ask.deadline, self._wall(), self.now)
            except BaseException:
                member.gate.leave(tenant)
                raise
        return self.now()

    async def _afford(self, course: Course, spot: Spot, wanting: Wanting, came_s: float) -> tuple[Try, Said]:
        """Begin an attempt once budgets and limits give what it wants, or once it wants less.

        Raises: BudgetExceeded, OverLimit, Unavailable, DeadlineExceeded, StoreError; and what `_ready` raises.
        """
        hold: Hold | None = None
        try:
            while True:
                hold = await self._given(course, spot, wanting) or hold
                now_s = await self._ready(course, spot)
                try:
                    return self._begin(course, spot, now_s, now_s - came_s, hold)
                except Wanting as more:
                    wanting = more
        except BaseException as error:
            if hold is not None and not hold.over and self._counting is not None:
                self._counting.unused(hold)
            if isinstance(error, AntiphonError):
                course.failed(spot, error)
            raise

    async def _given(self, course: Course, spot: Spot, wanting: Wanting) -> Hold | None:
        """Wait for what is wanted. Returns: what limits gave. Raises: as `_afford`."""
        assert self._counting is not None
        try:
            return await self._counting.refill(wanting, course.ask.deadline.head_by_s(begun=course.begun))
        except BudgetExceeded as error:
            if not shorten(course, spot, error):
                raise
            return None

    async def _refusal(self, inbound: Inbound, member: Member, said: Said) -> UpstreamError:
        """What an error answer means; one that only its headers' reset dates is told when that is."""
        error = await answer.refusal(inbound, member.name, said)
        if error.retry_after_s is None and inbound.status == HTTP_TOO_MANY:
            error.retry_after_s = member.live.resets_in_s(self.now())
        return error

    def _answered(self, attempt: Try, got: answer.Whole | answer.Started, stream: bool) -> None:
        """The upstream has shown that it answers."""
        now_s, member = self.now(), attempt.spot.member
        attempt.answered, attempt.streamed = True, stream
        first_s = 0.0
        if not stream or (isinstance(got, answer.Started) and got.relay.content_seen):
            first_s = now_s - attempt.began_s
            attempt.first_token(now_s)
            if member.measured < MEASURED or now_s >= member.measures_until_s:
                attempt.measured = member.measures(now_s)
                (member.live.first_token if stream else member.live.whole)(first_s, now_s)
        if now_s >= member.breaker.calm_until_s and attempt.pass_ and not member.breaker.closed:
            # A probe's word is waited for.
            member.breaker.succeeded(attempt.pass_, now_s, first_s if stream else 0.0)
            attempt.pass_ = 0
            if member.breaker.closed:
                member.live.returned(now_s)

    def _begin(
        self, course: Course, spot: Spot, now_s: float, queued_s: float, ready: Hold | None = None
    ) -> tuple[Try, Said]:
        """Take everything that an attempt needs beside its place at the gate, or nothing. Raises: also Wanting."""
        member, ask, work, target = spot.member, course.ask, course.work, spot.target
        tenant, pass_ = work.principal.tenant, 0
        try:
            timeouts = target.deployment.timeouts
            if not ask.deadline.ample(timeouts, now_s):
                timeouts = deadline.attempt(ask.deadline, timeouts, now_s=now_s, begun=course.begun)
            if timeouts is None:
                raise deadline.exceeded(ask.deadline, over=ask.deadline.over(now_s))
            pool, breaker = member.pool, member.breaker
            key = None if pool is None or spot.key is not None else member.usual_key(pool, now_s)
            if key is None:
                key = self._key(course, spot, now_s)
            if now_s < breaker.calm_until_s:
                pass_ = breaker.usual
            else:
                pass_ = breaker.force(now_s) if spot.forced else breaker.admit(now_s)
            if not pass_:
                raise LeftAlone(f"{member.name} is left alone until a probe of it has ended", retry_after_s=1)
            place = 0 if key is None else _place(key, target)
            how = course.how() if course.so_far else ask.how
            said = say(ask.request, target, how, place, timeouts)
            if said.losses:
                _weigh(said.losses, member.name, course.prepared.policy.on_loss)
            ticket, hold, drawn = self._paid(work, ask, spot, said, ready)
        except BaseException:
            member.gate.leave(tenant)
            if pass_:
                member.breaker.dropped(pass_, now_s)
            raise
        attempt = Try(
            spot,
            target,
            member.name,
            ticket,
            now_s,
            int((now_s - work.started_s) * 1e6),
            pass_=pass_,
            key=key,
            key_name="" if pool is None or pool.only is not None else named(pool, key),
            tenant=tenant,
            deadline=ask.deadline,
            waited_us=int((queued_s + spot.wait_s) * 1e6),
            size_bytes=said.outbound.size_bytes,
            wordy=said.passage.own.operation == "chat" and not ask.request.head.needs & MEDIA,
            passage=said.passage,
            losses=ask.losses + said.losses if ask.losses else said.losses,
        )
        attempt.counted, attempt.hold = work.counted, hold
        if ask.part is not None:
            attempt.step, attempt.drawn = ask.part.step, drawn
        self._run(attempt, work, now_s)
        course.made += 1
        return attempt, said

    def _paid(
        self, work: Work, ask: Ask, spot: Spot, said: Said, ready: Hold | None
    ) -> tuple[Ticket, Hold | None, Drawn | None]:
        """Hold what an attempt may use. Raises: Wanting, BudgetExceeded, EnvelopeExceeded, OverLimit, Unavailable, BadRequest."""
        counted, counting, member, part = work.counted, self._counting, spot.member, ask.part
        if (counted is None or counting is None) and part is None:
            return self._tickets.reserve(work.principal, member.name, None), None, None
        deployment, drawn = spot.target.deployment, None
        bounds = bounds_of(ask.request, spot.target, said, member.tokens_of) if spot.target.runner is None else NOTHING
        if part is not None:
            drawn = part.draw(bounds, output_of(ask.request, deployment))
        try:
            if counted is None or counting is None:
                return self._tickets.reserve(work.principal, member.name, None), None, drawn
            return *counting.take(counted, deployment, bounds, ready), drawn
        except BaseException:
            if drawn is not None:
                drawn.settle(0, 0)
            raise

    def _run(self, attempt: Try, work: Work, now_s: float) -> None:
        """Count an attempt as running, and write it down. Raises: StoreError, and then it never was."""
        member, key = attempt.spot.member, attempt.key
        member.live.began(now_s)
        running = member.running
        if running is None:
            running = member.running = self._metrics.in_flight(member.name)
        running.add(1)
        if key is not None:
            if key.limited:
                attempt.tokens = member.tokens_of(attempt.size_bytes)
                key.began(now_s, attempt.tokens)
            else:
                key.in_flight += 1
        work.attempts.append(attempt)
        try:
            if attempt.ticket.holds is not None:
                self._journal.held(attempt.ticket.holds)
            self._journal.opened(work.draft(), work.tail)
        except BaseException as error:
            attempt.unsent = True
            if isinstance(error, AntiphonError):
                attempt.error = error
            self.settle(attempt, None)
            work.attempts.remove(attempt)
            raise

    def _key(self, course: Course, spot: Spot, now_s: float) -> Key | None:
        """The credential to go out with. Raises: OverLimit, when none can be used."""
        if spot.member.pool is None:
            return None
        if spot.key is not None and not spot.member.bars(spot.key, now_s):
            return spot.key
        found = spot.member.key(now_s, course.ask.seed)
        if not isinstance(found, NoKey):
            return found
        rested = spot.member.rested(now_s) if spot.forced else None
        if rested is not None:
            return rested
        error = OverLimit(
            f"no key of {spot.target.account} can be used now",
            retry_after_s=None if found.soonest_s is None else max(1.0, found.soonest_s - now_s),
        )
        error.noted = f"{spot.member.name}: no key: {found.why}"
        raise error

    def counted(self, what: Literal["hedge", "hedge_denied"], course: Course) -> None:
        """Count a decision."""
        self._metrics.hedged(course.prepared.policy.name, "sent" if what == "hedge" else "denied")


async def _written(request: Request, target: Target, how: How) -> None:
    """Translate a long body beside the loop, where it has to be. Raises: CannotCarry, BadRequest."""
    if target.ways[request.head.dialect].passage.other is not None:
        await asyncio.to_thread(write, request, target, how)


def _place(key: Key, target: Target) -> int:
    """Where a key stands among those of a target, which may be of an earlier revision than the key.

    Raises: OverLimit, when that revision did not have it.
    """
    secrets, place = target.secrets, key.place
    if place < len(secrets) and (secrets[place] is key.secret or secrets[place] == key.secret):
        return place
    if key.secret in secrets:
        return secrets.index(key.secret)
    raise OverLimit(f"the keys of {target.account} were changed while this request ran", retry_after_s=1)


def _weigh(losses: tuple[Loss, ...], name: str, on_loss: OnLoss) -> None:
    """Do what the route says where anything is lost, and not only carried in another form. Raises: CannotCarry."""
    lost = [loss for loss in losses if not loss.adapted]
    if lost and on_loss == "warn":
        log.warning("request.lossy", extra={"deployment": name, "fields": [loss.field for loss in lost]})
    elif lost and on_loss == "refuse":
        error = CannotCarry(
            f"`{lost[0].field}` can't be carried to the model that would answer: {lost[0].why}; leave it out, or ask for "
            "another model",
            code="loss_refused",
            param=lost[0].field,
        )
        error.noted = f"{name}: {', '.join(loss.field for loss in lost)} would be lost"
        raise error
