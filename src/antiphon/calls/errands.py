"""Attempts that are no model call of a plan: one request to an account, or a session, sent once and never again.

What they do upstream is unknown, so nothing here retries, and their ends teach nothing of an account's keys: a caller
who may ask for any path could otherwise have a key put to rest that all others live on.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from antiphon.calls import deadline
from antiphon.calls.admission import Admission
from antiphon.calls.attempt import Spot, Try
from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.counting import Counting, Wanting
from antiphon.calls.deadline import Deadline
from antiphon.calls.identity import identified
from antiphon.calls.keypool import Key, KeyPool, NoKey, named
from antiphon.calls.live import Live
from antiphon.calls.member import Member
from antiphon.calls.retry_budget import RetryBudget
from antiphon.calls.settings import CallsSettings
from antiphon.calls.turn import take_turn
from antiphon.calls.work import Work
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, OverLimit, UpstreamError
from antiphon.core.money import NanoUsd
from antiphon.core.ports import Inbound, Journal, Outbound, Tickets, Transport
from antiphon.core.principal import Lane
from antiphon.core.ticket import Bound, Ticket, Whose
from antiphon.core.usage import Usage
from antiphon.metering.rates_slot import Hold
from antiphon.providers.target import Target
from antiphon.telemetry.metrics import Metrics

FREE = Bound(money_nano_usd=NanoUsd(0), tokens=0)
"""Of what costs nothing."""


class Settler(Protocol):
    """Closes attempts."""

    def now(self) -> float:
        """Seconds on the steady clock."""
        ...

    def settle(self, attempt: Try, usage: Usage | None, *, output_tokens: int = 0, cut: bool = False) -> None:
        """Close an attempt, once."""
        ...


class Begun(Struct, frozen=True, kw_only=True):
    """An attempt that may be sent now."""

    attempt: Try
    key: int
    """Place of its credential among the account's."""
    timeouts: Timeouts


class Errands:
    """Makes such attempts; one per worker. Accounts have a way in of their own, beside their deployments'."""

    def __init__(
        self,
        settler: Settler,
        transport: Transport,
        tickets: Tickets,
        journal: Journal,
        metrics: Metrics,
        wall: Callable[[], float],
        counting: Counting | None = None,
    ) -> None:
        self._settler = settler
        self._counting = counting
        self._transport = transport
        self._tickets = tickets
        self._journal = journal
        self._metrics = metrics
        self._wall = wall
        self._members: dict[str, Member] = {}
        self._admission: Admission | None = None
        self.sessions = 0
        """How many run now, over WebSockets."""

    def arrange(
        self, settings: CallsSettings, accounts: Mapping[str, Target], pools: Mapping[str, KeyPool], now_s: float
    ) -> None:
        """Take over a revision. What runs goes on.

        Args:
            accounts: What stands for each account, by the account's name.
            pools: The keys of those that have any.
        """
        names: dict[str, int | None] = dict.fromkeys(accounts)
        if self._admission is None:
            self._admission = Admission(settings.admission, names)
        else:
            self._admission.arrange(settings.admission, names)
        before, self._members = self._members, {}
        for account, target in accounts.items():
            gate = self._admission.gate(account)
            member = before.get(account)
            if member is None:
                name = target.deployment.name
                breaker = Breaker(name, settings.breaker, MemoryBreakers(), lambda: 0.0)
                member = Member(
                    name, Live(settings.live, now_s), gate, breaker, RetryBudget(settings.retry_budget), None
                )
            member.gate = gate
            member.pool = pools.get(account)
            self._members[account] = member

    def member(self, account: str) -> Member:
        """An account's own way in. Raises: KeyError."""
        return self._members[account]

    async def begin(
        self,
        work: Work,
        member: Member,
        target: Target,
        limit: Deadline,
        *,
        lane: Lane = "normal",
        size_bytes: int = 0,
        total_s: float | None = None,
        bound: Bound = FREE,
        whose: Whose | None = None,
    ) -> Begun:
        """Take everything that an attempt needs, and write it down.

        Args:
            bound: The most that it may use.
            whose: Whose use it is; None: the caller's, and of no model.
            total_s: How long it may last; None: as long as its deployment says.

        Raises: OverLimit, BudgetExceeded, DeadlineExceeded, Unavailable, UpstreamAuth, StoreError; and then it never was.
        """
        until_s = limit.head_by_s(begun=False)
        await self._count(work, whose, until_s)
        tenant, came_s = work.principal.tenant, self._settler.now()
        if not member.gate.try_enter(tenant):
            await take_turn(member.gate, tenant, lane, limit, self._settler.now)
        try:
            if target.signer is not None:
                await identified(target.signer, limit, self._wall(), self._settler.now)
            now_s = self._settler.now()
            own = target.deployment.timeouts
            timeouts = deadline.attempt(limit, own if total_s is None else replace(own, total_s=total_s), now_s=now_s)
            if timeouts is None:
                raise deadline.exceeded(limit, over=limit.over(now_s))
            key = _key(member, target, now_s)
            place = 0 if key is None else target.secrets.index(key.secret)
            ticket, hold = await self._pay(work, member, target, bound, until_s)
        except BaseException:
            member.gate.leave(tenant)
            raise
        attempt = Try(
            spot=Spot(member, target, 0),
            target=target,
            name=member.name,
            ticket=ticket,
            began_s=now_s,
            started_us=int((now_s - work.started_s) * 1e6),
            pass_=0,
            key=key,
            key_name=named(member.pool, key),
            tenant=tenant,
            deadline=limit,
            waited_us=int((now_s - came_s) * 1e6),
            size_bytes=size_bytes,
        )
        attempt.counted, attempt.hold = work.counted, hold
        self._run(attempt, work, now_s)
        return Begun(attempt=attempt, key=place, timeouts=timeouts)

    async def _count(self, work: Work, whose: Whose | None, until_s: float) -> None:
        """Begin to count a request, where that wasn't done and something counts it. Raises: as `Counting.begin`."""
        counting = self._counting
        if counting is not None and counting.on and work.counted is None:
            whose = whose or Whose(principal=work.principal, model="", route="")
            work.counted = counted = counting.open(whose, stream=False)
            await counting.begin(counted, until_s)

    async def _pay(
        self, work: Work, member: Member, target: Target, bound: Bound, until_s: float
    ) -> tuple[Ticket, Hold | None]:
        """Hold what it may use. Raises: BudgetExceeded, OverLimit, DeadlineExceeded, Unavailable, StoreError."""
        counted, counting, ready = work.counted, self._counting, None
        if counted is None or counting is None:
            return self._tickets.reserve(work.principal, member.name, bound.money_nano_usd), None
        try:
            while True:
                try:
                    return counting.take(counted, target.deployment, bound, ready)
                except Wanting as wanting:
                    ready = await counting.refill(wanting, until_s) or ready
        except BaseException:
            if ready is not None:
                counting.unused(ready)
            raise

    def _run(self, attempt: Try, work: Work, now_s: float) -> None:
        """Count an attempt as running, and write it down. Raises: StoreError, and then it never was."""
        member, key = attempt.spot.member, attempt.key
        member.live.began(now_s)
        if member.running is None:
            member.running = self._metrics.in_flight(member.name)
        member.running.add(1)
        if key is not None:
            key.began(now_s)
        work.attempts.append(attempt)
        try:
            if attempt.ticket.holds is not None:
                self._journal.held(attempt.ticket.holds)
            self._journal.opened(work.draft(), work.tail)
        except BaseException as error:
            attempt.unsent = True
            if isinstance(error, AntiphonError):
                attempt.error = error
            self._settler.settle(attempt, None)
            work.attempts.remove(attempt)
            raise

    async def send(self, attempt: Try, request: Outbound) -> Inbound:
        """Send, and wait for the answer's head. Raises: AntiphonError, and the attempt has then ended."""
        try:
            attempt.inbound = inbound = await self._transport.send(request)
        except AntiphonError as error:
            self.broke(attempt, error)
            raise
        attempt.answered = True
        attempt.first_token(self._settler.now())
        return inbound

    def broke(self, attempt: Try, error: AntiphonError, usage: Usage | None = None) -> None:
        """End an attempt that failed: its error then names where."""
        if attempt.settled:
            return
        if isinstance(error, UpstreamError):
            for said in ("noted", "message"):
                text = getattr(error, said)
                setattr(error, said, text if text.startswith(attempt.name) else f"{attempt.name}: {text}")
        attempt.error = error
        attempt.answered = attempt.answered and usage is not None
        self._settler.settle(attempt, usage, cut=True)


def _key(member: Member, target: Target, now_s: float) -> Key | None:
    """The credential to go out with. Raises: OverLimit, when none can be used."""
    found = member.key(now_s, 0)
    if isinstance(found, NoKey) or (found is not None and found.secret not in target.secrets):
        error = OverLimit(f"no key of {target.account} can be used now", retry_after_s=1)
        if isinstance(found, NoKey):
            error.noted = f"{member.name}: no key: {found.why}"
        raise error
    return found
