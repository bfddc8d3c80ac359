"""One try of a call upstream, while it runs."""

from msgspec import Struct, structs

from antiphon.calls.choice import Choice
from antiphon.calls.counting import Counted
from antiphon.calls.deadline import Deadline
from antiphon.calls.keypool import Key
from antiphon.calls.member import Member
from antiphon.calls.part import Drawn
from antiphon.calls.retry import Failure
from antiphon.core.error import AntiphonError
from antiphon.core.ledger import Holds
from antiphon.core.money import NanoUsd
from antiphon.core.plan import Candidate
from antiphon.core.ports import Inbound
from antiphon.core.receipt import Attempt, Loss, Timings
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage
from antiphon.metering.rates_slot import Hold
from antiphon.providers.target import Target
from antiphon.wire.passage import Passage

DETAIL_CHARACTERS = 500
LOST = "ended: another attempt was faster"
NOT_TIMED = Timings()
REQUEST_ID_CHARACTERS = 128


class Spot:
    """Where the next attempt goes, and why there."""

    __slots__ = (
        "choice",
        "forced",
        "fresh",
        "key",
        "member",
        "rank",
        "reason",
        "record",
        "target",
        "telling",
        "wait_s",
    )

    def __init__(
        self,
        member: Member,
        target: Target,
        rank: int,
        *,
        reason: str = "",
        choice: Choice | None = None,
        key: Key | None = None,
        forced: bool = False,
        fresh: bool = False,
        wait_s: float = 0.0,
    ) -> None:
        self.member = member
        self.target = target
        self.rank = rank
        """Place among the step's ranks; 0: its own deployments."""
        self.reason = reason
        """Why an attempt is made at all; empty for an ordinary first one."""
        self.choice = choice
        """How it was picked; None: it was not picked among others."""
        deployment = target.deployment
        self.record = Attempt(
            deployment=deployment.name,
            provider=deployment.provider,
            model=deployment.model,
            zone=deployment.zone,
            region=deployment.region,
            tier=deployment.tier,
            chosen="" if choice is None or choice.alone else choice.how,
            price=target.price_source,
        )
        """What a receipt says of any attempt here."""
        self.telling = choice is not None and not choice.plain
        """There is something to tell of the others."""
        self.key = key
        """The key to go out with; None: whichever is fit."""
        self.forced = forced
        """Nobody better is left, so it is asked although it should be left alone."""
        self.fresh = fresh
        """On a new connection."""
        self.wait_s = wait_s
        """Seconds to wait before it."""


class Try(Struct):
    """An attempt while it runs; `record` says what is known of it. Times are steady seconds.

    Its first fields are given by place: a call with more than 15 names builds a dict for them in CPython 3.11.
    """

    spot: Spot
    target: Target
    name: str
    """Of its deployment."""
    ticket: Ticket
    began_s: float
    started_us: int
    """Since the request came in."""
    pass_: int
    """What its breaker gave; 0: it was handed back."""
    key: Key | None
    tenant: str
    deadline: Deadline
    """Of its request."""
    key_name: str = ""
    """Of its key, where the account has several."""
    waited_us: int = 0
    size_bytes: int = 0
    wordy: bool = False
    """Its request is text alone, so that its size tells of its tokens."""
    passage: Passage | None = None
    """The way of its answer to the caller."""
    losses: tuple[Loss, ...] = ()
    """What of the request could not be carried to it."""
    service: str = ""
    """The grade of service that it was answered with, as the upstream calls it."""
    tokens: int = 0
    """What its key was told to expect."""
    inbound: Inbound | None = None
    first_token_us: int | None = None
    end_us: int | None = None
    others: tuple[Candidate, ...] | None = None
    """What is told of those that were passed over, once it was worked out."""
    measured: bool = False
    """Its speed counts among those that its deployment is known by."""
    streamed: bool = False
    """It was a stream that answered."""
    answered: bool = False
    """The upstream has shown that it answers: its first content, or a whole answer, has come."""
    lost: bool = False
    """Another attempt of the same request showed content first."""
    overtaken: bool = False
    """It had begun before that one."""
    blameless: bool = False
    """What ended it says nothing of the upstream: the request's own time was over."""
    error: AntiphonError | None = None
    failure: Failure | None = None
    status: int | None = None
    usage: Usage | None = None
    cost_nano_usd: NanoUsd | None = None
    assumed: bool = False
    overrun_nano_usd: int = 0
    """Of the cost, what went beyond its ticket's bound."""
    counted: Counted | None = None
    """What counts its request; None: nothing does."""
    hold: Hold | None = None
    """What it took of limits; None: none was asked."""
    forfeit: bool = False
    """What it held is booked: nobody can say what was used."""
    unsent: bool = False
    """Nothing went out, so nothing is to be paid."""
    step: str = ""
    """The step of a recipe that it is made for."""
    drawn: Drawn | None = None
    """What it drew from that recipe's envelope."""
    settled: bool = False
    recorded: Attempt | None = None
    """Its record, once it has ended and was asked for by `kept`."""

    def first_token(self, now_s: float) -> None:
        if self.first_token_us is None:
            self.first_token_us = int((now_s - self.began_s) * 1e6)

    def end(self, now_s: float) -> None:
        self.settled = True
        self.end_us = int((now_s - self.began_s) * 1e6)
        if self.inbound is not None:
            self.status = self.inbound.status

    def kept(self) -> Attempt:
        """Its record, which is made once where it has ended: a request of many attempts is written down often."""
        if self.recorded is not None:
            return self.recorded
        record = self.record()
        if self.settled:
            self.recorded = record
        return record

    def record(self) -> Attempt:
        """What the receipt says of it."""
        spot = self.spot
        record = structs.replace(
            spot.record,
            started_us=self.started_us,
            timings=self._timings() if self.settled else NOT_TIMED,
            status=self.status,
            request_id="" if self.inbound is None else _request_id(self.inbound),
            ticket=self.ticket.id,
            usage=self.usage,
            cost_nano_usd=self.cost_nano_usd,
            key=self.key_name,
            open=not self.settled or self.forfeit,
        )
        if self.ticket.holds is not None:
            record = self._held(record, self.ticket, self.ticket.holds)
        if self.step:
            record = structs.replace(record, step=self.step)
        if self.error is not None or spot.reason or self.lost or self.assumed or spot.telling:
            return self._further(record)
        return record

    def _held(self, record: Attempt, ticket: Ticket, holds: Holds) -> Attempt:
        """The same, with what it holds on budgets."""
        return structs.replace(
            record,
            holds=holds.id,
            held_nano_usd=ticket.held_nano_usd,
            held_tokens=ticket.held_tokens,
            requests=ticket.requests,
            overrun_nano_usd=self.overrun_nano_usd,
        )

    def _further(self, record: Attempt) -> Attempt:
        """The same, with what most attempts have nothing to tell of."""
        spot, error, choice = self.spot, self.error, self.spot.choice
        return structs.replace(
            record,
            error=error.said_code if error else "",
            detail=error.noted[:DETAIL_CHARACTERS] if error else LOST if self.lost else "",
            assumed=self.assumed,
            reason=spot.reason,
            failure=self.failure or "",
            passed_over=() if choice is None or not spot.telling else self._others(choice),
        )

    def _others(self, choice: Choice) -> tuple[Candidate, ...]:
        if self.others is None:
            self.others = choice.telling()
        return self.others

    def _timings(self) -> Timings:
        inbound = self.inbound
        if inbound is None:
            return Timings(waited_us=self.waited_us or None, last_byte_us=self.end_us)
        return Timings(
            waited_us=self.waited_us or None,
            queue_us=inbound.queue_us,
            connect_us=inbound.connect_us,
            first_byte_us=inbound.first_byte_us,
            first_token_us=self.first_token_us,
            last_byte_us=self.end_us,
        )


def _request_id(inbound: Inbound) -> str:
    said = inbound.headers.get(b"x-request-id")
    return said.decode("latin-1")[:REQUEST_ID_CHARACTERS] if said else ""
