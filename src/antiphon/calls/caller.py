"""One call made safe: a ticket and a journal record before each attempt, a settlement after it."""

import time
from typing import Protocol

import msgspec

from antiphon.core.error import AntiphonError, OverLimit, StaleConnection
from antiphon.core.money import NanoUsd
from antiphon.core.plan import Envelope
from antiphon.core.ports import Inbound, Journal, Tickets, Transport
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Receipt, Timings
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage
from antiphon.pricing.cost import bound, cost
from antiphon.providers.target import Said, Target
from antiphon.telemetry.metrics import Metrics

DETAIL_CHARACTERS = 500


class Work(Protocol):
    """The request that a call belongs to."""

    principal: Principal
    started_s: float
    attempts: "list[Try]"

    def draft(self) -> Receipt:
        """Its receipt as far as it is known."""
        ...


class Try:
    """An attempt while it runs."""

    __slots__ = ("began_s", "first_token_us", "inbound", "record", "settled", "target", "ticket")

    def __init__(self, target: Target, ticket: Ticket, started_us: int) -> None:
        deployment = target.deployment
        self.target = target
        self.ticket = ticket
        self.began_s = time.perf_counter()
        self.inbound: Inbound | None = None
        self.first_token_us: int | None = None
        self.settled = False
        self.record = Attempt(
            deployment=deployment.name,
            provider=deployment.provider,
            model=deployment.model,
            zone=deployment.zone,
            region=deployment.region,
            tier=deployment.tier,
            started_us=started_us,
            ticket=ticket.id,
        )

    def elapsed_us(self) -> int:
        return int((time.perf_counter() - self.began_s) * 1e6)

    def first_token(self) -> None:
        if self.first_token_us is None:
            self.first_token_us = self.elapsed_us()


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
        limit = envelope.output_tokens or deployment.output_tokens
        most = None if deployment.price is None else bound(deployment.price, said.outbound.size_bytes, limit)
        ticket = self._tickets.reserve(work.principal, deployment.name, most)
        attempt = Try(target, ticket, int((time.perf_counter() - work.started_s) * 1e6))
        work.attempts.append(attempt)
        self._in_flight[deployment.name] = running + 1
        self._metrics.in_flight(deployment.name).add(1)
        try:
            self._journal.opened(work.draft())
        except BaseException:
            self.settle(attempt, None)
            raise
        return attempt

    def failed(self, attempt: Try, error: AntiphonError, status: int | None = None) -> None:
        """An attempt that ended with an error; it used nothing that is known."""
        attempt.record = msgspec.structs.replace(
            attempt.record,
            error=error.said_code,
            detail=error.message[:DETAIL_CHARACTERS],
            status=status,
        )
        self.settle(attempt, None)

    def settle(self, attempt: Try, usage: Usage | None) -> NanoUsd | None:
        """Close an attempt, once: its ticket, its count and its record. Returns: its cost, when known."""
        if attempt.settled:
            return None
        attempt.settled = True
        deployment = attempt.target.deployment
        price = deployment.price
        spent = None if usage is None or price is None else cost(price, usage)
        self._tickets.settle(attempt.ticket, usage, spent)
        self._in_flight[deployment.name] -= 1
        self._metrics.in_flight(deployment.name).add(-1)
        inbound = attempt.inbound
        attempt.record = msgspec.structs.replace(
            attempt.record,
            status=inbound.status if inbound is not None else attempt.record.status,
            request_id=_request_id(inbound),
            usage=usage,
            cost_nano_usd=spent,
            timings=_timings(attempt, inbound),
        )
        return spent


def _request_id(inbound: Inbound | None) -> str:
    said = inbound.headers.get(b"x-request-id") if inbound is not None else None
    return said.decode("latin-1")[:128] if said else ""


def _timings(attempt: Try, inbound: Inbound | None) -> Timings:
    if inbound is None:
        return Timings(last_byte_us=attempt.elapsed_us())
    return Timings(
        queue_us=inbound.queue_us,
        connect_us=inbound.connect_us,
        first_byte_us=inbound.first_byte_us,
        first_token_us=attempt.first_token_us,
        last_byte_us=attempt.elapsed_us(),
    )
