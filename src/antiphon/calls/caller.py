"""One call made safe: a ticket and a journal record before each attempt, a settlement after it."""

import time
from typing import Protocol

from antiphon.core.error import AntiphonError, OverLimit, StaleConnection, UpstreamRefused
from antiphon.core.money import NanoUsd
from antiphon.core.plan import Envelope
from antiphon.core.ports import Inbound, Journal, Tickets, Transport
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Timings, Told
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage
from antiphon.pricing.cost import bound, cost
from antiphon.providers.target import Said, Target
from antiphon.telemetry.metrics import Metrics

DETAIL_CHARACTERS = 500
NOT_TIMED = Timings()


class Work(Protocol):
    """The request that a call belongs to."""

    principal: Principal
    started_s: float
    attempts: "list[Try]"

    @property
    def tail(self) -> bytes:
        """What its receipt says of how it was decided, as `Basis.tail` gives it."""
        ...

    def draft(self) -> Told:
        """The rest of its receipt, as far as it is known."""
        ...


class Try:
    """An attempt while it runs; `record` says what is known of it."""

    __slots__ = (
        "_end_us",
        "_started_us",
        "began_s",
        "cost_nano_usd",
        "error",
        "first_token_us",
        "inbound",
        "settled",
        "status",
        "target",
        "ticket",
        "usage",
    )

    def __init__(self, target: Target, ticket: Ticket, started_s: float) -> None:
        self.target = target
        self.ticket = ticket
        self.began_s = time.perf_counter()
        self._started_us = int((self.began_s - started_s) * 1e6)
        self._end_us: int | None = None
        self.inbound: Inbound | None = None
        self.first_token_us: int | None = None
        self.error: AntiphonError | None = None
        self.status: int | None = None
        self.usage: Usage | None = None
        self.cost_nano_usd: NanoUsd | None = None
        self.settled = False

    def first_token(self) -> None:
        if self.first_token_us is None:
            self.first_token_us = int((time.perf_counter() - self.began_s) * 1e6)

    def end(self) -> None:
        self.settled = True
        self._end_us = int((time.perf_counter() - self.began_s) * 1e6)
        if self.inbound is not None:
            self.status = self.inbound.status

    def record(self) -> Attempt:
        """What the receipt says of it."""
        deployment = self.target.deployment
        error = self.error
        return Attempt(
            deployment=deployment.name,
            provider=deployment.provider,
            model=deployment.model,
            zone=deployment.zone,
            region=deployment.region,
            tier=deployment.tier,
            started_us=self._started_us,
            timings=self._timings() if self.settled else NOT_TIMED,
            status=self.status,
            error=error.said_code if error else "",
            detail=error.noted[:DETAIL_CHARACTERS] if error else "",
            request_id=_request_id(self.inbound),
            ticket=self.ticket.id,
            usage=self.usage,
            cost_nano_usd=self.cost_nano_usd,
        )

    def _timings(self) -> Timings:
        inbound = self.inbound
        if inbound is None:
            return Timings(last_byte_us=self._end_us)
        return Timings(
            queue_us=inbound.queue_us,
            connect_us=inbound.connect_us,
            first_byte_us=inbound.first_byte_us,
            first_token_us=self.first_token_us,
            last_byte_us=self._end_us,
        )


class Caller:
    """Makes calls; one per worker, so that its counts of what is in flight hold across revisions."""

    def __init__(self, transport: Transport, tickets: Tickets, journal: Journal, metrics: Metrics) -> None:
        self._transport = transport
        self._tickets = tickets
        self._journal = journal
        self._metrics = metrics
        self._in_flight: dict[str, int] = {}

    async def call(self, work: Work, target: Target, said: Said, envelope: Envelope) -> Try:
        """Send a request until an answer's head has come.

        A kept connection that turns out to be closed is the one failure that is tried again here,
        on a new connection: the upstream can't have taken the request.

        Raises: OverLimit, StoreError, UpstreamError.
        """
        for number in range(envelope.attempts):
            attempt = self._begin(work, target, said, envelope)
            try:
                attempt.inbound = await self._transport.send(said.outbound, fresh=number > 0)
            except StaleConnection as error:
                self.failed(attempt, error)
                if number + 1 == envelope.attempts:
                    raise
            except AntiphonError as error:
                self.failed(attempt, error)
                raise
            except BaseException:
                self.settle(attempt, None)
                raise
            else:
                return attempt
        raise ValueError("an envelope must allow one attempt at least")

    def _begin(self, work: Work, target: Target, said: Said, envelope: Envelope) -> Try:
        deployment = target.deployment
        running = self._in_flight.get(deployment.name, 0)
        if deployment.concurrency is not None and running >= deployment.concurrency:
            raise OverLimit(
                f"{deployment.name} runs {running} requests of this worker, as many as its limit allows",
                retry_after_s=1,
            )
        size = said.outbound.size_bytes
        most = None if deployment.price is None else bound(deployment.price, size, envelope.output_tokens)
        ticket = self._tickets.reserve(work.principal, deployment.name, most)
        attempt = Try(target, ticket, work.started_s)
        work.attempts.append(attempt)
        self._in_flight[deployment.name] = running + 1
        self._metrics.in_flight(deployment.name).add(1)
        try:
            self._journal.opened(work.draft(), work.tail)
        except BaseException:
            self.settle(attempt, None)
            work.attempts.remove(attempt)
            raise
        return attempt

    def failed(self, attempt: Try, error: AntiphonError) -> None:
        """An attempt that ended with an error, which then names the deployment; what it used is not known."""
        name = attempt.target.deployment.name
        error.noted = _of(name, error.noted)
        if not isinstance(error, UpstreamRefused):  # that one speaks in the upstream's own words
            error.message = _of(name, error.message)
        attempt.error = error
        self.settle(attempt, None)

    def settle(self, attempt: Try, usage: Usage | None) -> None:
        """Close an attempt, once: its ticket, its count and its clock."""
        if attempt.settled:
            return
        attempt.end()
        deployment = attempt.target.deployment
        price = deployment.price
        attempt.usage = usage
        attempt.cost_nano_usd = None if usage is None or price is None else cost(price, usage)
        self._tickets.settle(attempt.ticket, usage, attempt.cost_nano_usd)
        self._in_flight[deployment.name] -= 1
        self._metrics.in_flight(deployment.name).add(-1)


def _of(name: str, message: str) -> str:
    return message if message.startswith(name) else f"{name}: {message}"


def _request_id(inbound: Inbound | None) -> str:
    said = inbound.headers.get(b"x-request-id") if inbound is not None else None
    return said.decode("latin-1")[:128] if said else ""
