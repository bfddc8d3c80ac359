"""A worker that calls a fleet of deployments, on a virtual clock and under the weather; and its callers."""

import asyncio
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from bodies import request
from msgspec import Struct

from antiphon.calls.answer import Started, Whole
from antiphon.calls.attempt import Try
from antiphon.calls.caller import Caller
from antiphon.calls.counting import Counted
from antiphon.calls.course import Ask
from antiphon.calls.deadline import Deadline
from antiphon.calls.fleet import Fleet
from antiphon.calls.member import Member
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.core.deployment import Deployment, Price, Timeouts
from antiphon.core.error import AntiphonError, OverLimit, StoreError, UpstreamError
from antiphon.core.ledger import Holds
from antiphon.core.money import NanoUsd
from antiphon.core.plan import Envelope, Fallback, FallbackKind, Step
from antiphon.core.ports import Journal, Tickets
from antiphon.core.principal import Lane, Principal
from antiphon.core.receipt import Loss, Told
from antiphon.core.secret import Secret
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage
from antiphon.metering.counting_tickets import CountingTickets
from antiphon.providers.credentials import ProviderKeySettings
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Account, Target, target
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots
from antiphon.wire.openai_chat.continued import so_far
from fakes.loop import run_virtually
from fakes.weather import VISIT, Sent, Weather

QUICK = Timeouts(connect_s=1.0, first_byte_s=5.0, between_bytes_s=5.0, total_s=60.0)
MOST_LOOKS = 20_000
"""How often a clock is looked at that stands still, at most."""
EPOCH_S = 1_700_000_000.0
REQUESTS = {
    stream: request(b'{"model":"fast","stream":%b,"messages":[{"role":"user","content":"hi"}]}' % word)
    for stream, word in ((False, b"false"), (True, b"true"))
}


def virtually(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs on a virtual clock."""

    @wraps(story)
    def test(*args: Any, **kwargs: Any) -> None:
        run_virtually(story(*args, **kwargs))

    return test


class Taken(Struct, frozen=True, kw_only=True):
    """A ticket when it was taken."""

    deployment: str
    at_s: float
    closed: bool
    """Its deployment's breaker was."""


class WatchedTickets(Tickets):
    """Notes when each was taken, and how the breaker stood; refuses where it is told to."""

    def __init__(self, fleet: Fleet) -> None:
        self.counted = CountingTickets("t")
        self.taken: dict[str, Taken] = {}
        self.open: Counter[str] = Counter()
        """By deployment."""
        self.costs: list[int | None] = []
        self.refusal = ""
        """Why there is none; empty: there is."""
        self._fleet = fleet

    def reserve(self, principal: Principal, deployment: str, bound_nano_usd: NanoUsd | None) -> Ticket:
        if self.refusal:
            raise OverLimit(self.refusal)
        ticket = self.counted.reserve(principal, deployment, bound_nano_usd)
        closed = self._fleet[deployment].breaker.closed
        at_s = asyncio.get_running_loop().time()
        self.taken[ticket.id] = Taken(deployment=deployment, at_s=at_s, closed=closed)
        self.open[deployment] += 1
        return ticket

    def settle(self, ticket: Ticket, usage: Usage | None, cost_nano_usd: int | None) -> None:
        self.counted.settle(ticket, usage, cost_nano_usd)
        self.open[ticket.deployment] -= 1
        self.costs.append(cost_nano_usd)


class NotedJournal(Journal):
    """Keeps the last attempt's ticket of each record."""

    def __init__(self) -> None:
        self.opened_for: list[str] = []
        self.failing = False

    def opened(self, told: Told, tail: bytes = b"}") -> None:
        if self.failing:
            raise StoreError("the disk is full")
        self.opened_for.append(told.attempts[-1].ticket)

    def closed(self, told: Told, tail: bytes = b"}") -> None:
        """Nobody closes here."""

    def owe(self, told: Told, tail: bytes = b"}") -> None:
        """The same."""

    def held(self, holds: Holds) -> None:
        """The same."""

    def captured(self, receipt_id: str, tenant: str, sealed: bytes, *, until_ns: int = 0) -> None:
        """The same."""


class Asked:
    """The request that a call belongs to."""

    def __init__(self, tenant: str, started_s: float) -> None:
        self.principal = Principal(tenant=tenant, key=tenant)
        self.started_s = started_s
        self.attempts: list[Try] = []
        self.counted: Counted | None = None
        self.stopped = ""
        self.losses: tuple[Loss, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.tail = b"}"

    def draft(self) -> Told:
        attempts = tuple(one.record() for one in self.attempts)
        return Told(id="1", at_ns=0, outcome="running", attempts=attempts)


class Visit:
    """One request, from when it came to how it ended."""

    def __init__(self, number: int, asked: Asked, ask: Ask, prepared: Prepared) -> None:
        self.number = number
        self.asked = asked
        self.ask = ask
        self.prepared = prepared
        self.answered = False
        """An answer, or a stream's first content, was there."""
        self.error: AntiphonError | None = None
        self.gone = False
        """Its caller left."""
        self.out = b""
        self.ended_s: float | None = None

    @property
    def attempts(self) -> list[Try]:
        return self.asked.attempts

    @property
    def path(self) -> list[str]:
        """The deployments that were asked, in turn."""
        return [one.name for one in self.attempts]

    @property
    def failures(self) -> list[str | None]:
        return [one.failure for one in self.attempts]

    @property
    def reasons(self) -> list[str]:
        return [one.spot.reason for one in self.attempts]

    @property
    def keys(self) -> list[str]:
        return [one.key.name if one.key is not None else "" for one in self.attempts]

    @property
    def served(self) -> str:
        """Who answered; empty: nobody."""
        return self.attempts[-1].name if self.error is None and self.answered else ""


def post(name: str, **fields: Any) -> Deployment:
    """A deployment."""
    said: dict[str, Any] = {
        "name": name,
        "provider": "openai",
        "model": name,
        "price": Price(input=150_000, output=600_000),
        "timeouts": QUICK,
        **fields,
    }
    return Deployment(**said)


def keys_of(account: str, count: int) -> list[ProviderKeySettings]:
    return [ProviderKeySettings(key=Secret(f"sk-{account}-{place}")) for place in range(1, count + 1)]


def targets_of(posts: Sequence[Deployment], accounts: Mapping[str, str], keys: Mapping[str, int]) -> dict[str, Target]:
    """Each deployment at a host of its own name; `accounts` says whose, `keys` how many keys an account has."""
    made: dict[str, Target] = {}
    for one in posts:
        name = accounts.get(one.name, one.name)
        secrets = tuple(each.key for each in keys_of(name, keys.get(name, 0)))
        account = Account(name=name, profile=PROFILES["openai"], base_url=f"http://{one.name}:80/v1", keys=secrets)
        made[one.name] = target(one, account)
    return made


class Worker:
    """A caller with its fleet; on the running loop's time."""

    def __init__(
        self,
        posts: Sequence[Deployment | str],
        *,
        fallbacks: Sequence[tuple[FallbackKind, Sequence[str]]] = (),
        accounts: Mapping[str, str] | None = None,
        keys: Mapping[str, int] | None = None,
        calls: CallsSettings | None = None,
        route: RouteSettings | None = None,
        attempts: int = 4,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """`keys`: how many each account has; an account has the name of its deployment unless `accounts` says else."""
        self._loop = loop or asyncio.get_running_loop()
        self._looked = (0.0, 0)
        directory = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        self.weather = Weather()
        self.fleet = Fleet(seed=7)
        self.tickets = WatchedTickets(self.fleet)
        self.journal = NotedJournal()
        self.metrics = Metrics(Slots(Path(directory), "worker-0"))
        self.caller = Caller(
            self.weather,
            self.tickets,
            self.journal,
            self.metrics,
            self.fleet,
            now=self._now,
            wall=lambda: EPOCH_S + self._loop.time(),
        )
        self.posts = [post(one) if isinstance(one, str) else one for one in posts]
        self.accounts = dict(accounts or {})
        self.keys = dict(keys or {})
        self.fallbacks: list[tuple[FallbackKind, tuple[str, ...]]] = [(on, tuple(names)) for on, names in fallbacks]
        self.visits: list[Visit] = []
        self.most = attempts
        self.calls = calls or CallsSettings()
        self.route = route or RouteSettings()
        self.weather.watchers.append(self._sent)
        self.arrange()

    def arrange(self) -> None:
        """Take over the settings as they stand now, as after a reload."""
        self.targets = targets_of(self.posts, self.accounts, self.keys)
        keys = {name: keys_of(name, count) for name, count in self.keys.items() if count}
        self.fleet.arrange(self.calls, self.targets, keys, self._loop.time())
        taken = {name for _, names in self.fallbacks for name in names}
        step = Step(
            name="call",
            deployments=tuple(one.name for one in self.posts if one.name not in taken),
            envelope=Envelope(attempts=self.most),
            fallbacks=tuple(Fallback(on=on, deployments=names) for on, names in self.fallbacks),
        )
        self.prepared = self.caller.prepare(step, Policy("fast", self.route, self.calls), self.targets)

    def _now(self) -> float:
        """The loop's time; fails when it is asked for ever and time never passes."""
        at_s, times = self._looked
        now_s = self._loop.time()
        self._looked = (now_s, times + 1 if now_s == at_s else 0)
        assert times < MOST_LOOKS, "a call turns in circles"
        return now_s

    def member(self, name: str) -> Member:
        return self.fleet[name]

    def state(self, name: str) -> str:
        """How a deployment's breaker stands."""
        return self.fleet[name].breaker.state(self._loop.time()).state

    def openings(self, name: str) -> int:
        """How often a deployment's breaker has opened."""
        return self.fleet[name].breaker.state(self._loop.time()).openings

    def visit(
        self,
        *,
        stream: bool = False,
        tenant: str = "acme",
        lane: Lane = "normal",
        seed: int = 0,
        key: int | None = None,
        deadline: Deadline | None = None,
        deadline_s: float = 600.0,
        forced: bool = False,
    ) -> Visit:
        """A request that has come."""
        now_s = self._loop.time()
        limit = deadline or Deadline(at_s=now_s + deadline_s, bound="server", allowed_s=deadline_s)
        ask = Ask(request=REQUESTS[stream], deadline=limit, lane=lane, seed=seed, key=key, forced=forced)
        visit = Visit(len(self.visits), Asked(tenant, now_s), ask, self.prepared)
        self.visits.append(visit)
        return visit

    async def ask(self, *, goes_on: bool = False, **how: Any) -> Visit:
        """A request from when it comes to its end; `goes_on`: a stream that breaks off is gone on with."""
        visit = self.visit(**how)
        await self.serve(visit, goes_on=goes_on)
        return visit

    async def serve(self, visit: Visit, *, goes_on: bool = False) -> None:
        """Do what the gateway does with a request. The visit says how it ended."""
        VISIT.set(visit.number)
        try:
            await self._serve(visit, goes_on=goes_on)
        except AntiphonError as error:
            visit.error = error
        except asyncio.CancelledError:
            visit.gone = True
            raise
        finally:
            visit.ended_s = self._loop.time()

    async def _serve(self, visit: Visit, *, goes_on: bool) -> None:
        answered = await self.caller.call(visit.asked, visit.prepared, visit.ask)
        visit.answered = True
        sent = bytearray()
        while True:
            attempt, got = answered.attempt, answered.answer
            if isinstance(got, Whole):
                visit.out = got.body
                self.caller.settle(attempt, got.facts.usage)
                return
            try:
                await self._relay(attempt, got, sent)
            except UpstreamError as error:
                self.caller.failed(attempt, error, got.relay.usage, output_tokens=got.relay.events)
                start = so_far(bytes(sent)) if goes_on else None
                if start is None:
                    raise
                answered = await answered.course.go_on(error, attempt, start.text)
            except BaseException:
                self.caller.settle(attempt, got.relay.usage, output_tokens=got.relay.events)
                raise
            else:
                self.caller.settle(attempt, got.relay.usage, output_tokens=got.relay.events)
                return
            finally:
                visit.out = bytes(sent)

    async def _relay(self, attempt: Try, started: Started, sent: bytearray) -> None:
        inbound, relay = attempt.inbound, started.relay
        assert inbound is not None

        def take(piece: bytes) -> None:
            sent.extend(relay.feed(piece))
            if relay.failure is not None:
                raise relay.failure

        try:
            sent += started.held()
            if not started.ended:
                await inbound.relay(take)
                sent += relay.end()
        finally:
            inbound.close()

    # --- what always holds

    def _sent(self, sent: Sent) -> None:
        """A ticket and a record come before what is sent."""
        running = self.weather.flying[sent.deployment] + sum(
            1 for one in self.weather.reading if one.name == sent.deployment
        )
        assert self.tickets.open[sent.deployment] > running, "nothing is sent without a ticket of its own"
        assert len(self.journal.opened_for) >= len(self.weather.sent), "nothing is sent without a record"
        assert self.tickets.taken[self.journal.opened_for[-1]].deployment == sent.deployment

    def check_rest(self) -> None:
        """Nothing is in flight, whatever happened before."""
        counted = self.tickets.counted
        assert (counted.open, counted.taken) == (0, counted.settled)
        assert not self.weather.reading, "an answer was neither read to its end nor given up"
        assert not +self.weather.flying
        now_s = self._loop.time()
        for member in self.fleet.members():
            name = member.name
            assert (name, member.gate.in_flight, member.gate.waiting, dict(member.gate.held)) == (name, 0, 0, {})
            assert (name, member.live.in_flight) == (name, 0)
            assert (name, self.metrics.in_flight(name).value) == (name, 0)
            assert (name, member.breaker.state(now_s).probing) == (name, False)
            for key in () if member.pool is None else member.pool.keys:
                assert (key.name, key.in_flight) == (key.name, 0)
