"""A request on its way: what is known so far, until it becomes a receipt."""

import time
from collections.abc import Mapping

from msgspec import Struct, field, structs

from antiphon.calls.attempt import DETAIL_CHARACTERS, Try
from antiphon.core.error import AntiphonError
from antiphon.core.plan import Plan
from antiphon.core.ports import Served
from antiphon.core.principal import Principal
from antiphon.core.receipt import Basis, Bounded, Loss, Outcome, Receipt, Told
from antiphon.core.request import NO_LINEAGE, Request, Trace
from antiphon.core.usage import Usage
from antiphon.core.verdict import Verdict
from antiphon.wire.losses import told_losses

NO_HEADERS: Mapping[bytes, bytes] = {}
PROBE = "(probe)"
"""Stands where a path and a route would in receipts of the gateway's own requests; no name can be this."""
UNKNOWN = Principal(tenant="", key="", models=())
"""Nobody: stands in receipts of requests whose caller was not told."""


class Arrival(Struct, frozen=True, gc=False, kw_only=True):
    """What is known before the body is read."""

    id: str
    at_ns: int
    started_s: float
    """On `time.perf_counter`, at the request's last byte."""
    endpoint: str
    dialect: str
    headers: Mapping[bytes, bytes] = NO_HEADERS
    """The request's, names in lower case."""


class Story(Struct):
    """Everything that a receipt will say. Written by one task, read when it is recorded."""

    arrival: Arrival
    revision: str
    worker: int
    started_s: float
    principal: Principal = UNKNOWN
    request: Request | None = None
    verdict: Verdict | None = None
    plan: Plan | None = None
    seed: int = 0
    known_tail: bytes = b""
    """`tail`, once it was worked out."""
    attempts: list[Try] = field(default_factory=list[Try])
    answer: bytearray = field(default_factory=bytearray)
    """What was released, where content is captured."""
    served: Try | None = None
    """The attempt whose answer goes out."""
    shared: str = ""
    """Receipt of the call that it shares."""
    shared_by: str = ""
    """The deployment that answered that call."""
    deadline: Bounded | None = None
    lines: bytes = b""
    """Header lines that tell the caller more."""
    stopped: str = ""
    handed_off: str = ""
    usage: Usage | None = None
    cost_nano_usd: int | None = None
    served_model: str = ""
    fingerprint: str = ""
    first_token_us: int | None = None
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    span: Trace | None = None
    begun: bool = False
    captured: bool = False
    closed: bool = False
    leads: bool = False
    """Its answer goes to others, who share it."""

    def draft(self) -> Told:
        """What is told while the request runs."""
        arrival, request = self.arrival, self.request
        if request is None:
            return self.told("running", 0)
        head = request.head
        return Told(
            id=arrival.id,
            at_ns=arrival.at_ns,
            outcome="running",
            stream=head.stream,
            needs=tuple(sorted(head.needs)) if head.needs else (),
            output_tokens=head.output_tokens,
            answers=head.answers,
            digest=request.digest,
            size_bytes=request.body.size_bytes,
            seed=self.seed,
            attempts=tuple([attempt.record() for attempt in self.attempts]),
            losses=self.losses or (self.attempts[-1].losses if self.attempts else ()),
            lineage=request.lineage,
            trace_id=self._trace_id(),
            user=head.user,
            deadline=self.deadline,
        )

    def told(self, outcome: Outcome, status: int, error: AntiphonError | None = None) -> Told:
        """What is told as things stand now."""
        request, arrival, attempts = self.request, self.arrival, self.attempts
        head = request.head if request is not None else None
        return Told(
            id=arrival.id,
            at_ns=arrival.at_ns,
            outcome=outcome,
            status=status,
            error=error.said_code if error else "",
            detail=error.noted[:DETAIL_CHARACTERS] if error else "",
            served=self.served.name if self.served and (self.begun or outcome == "ok") else self.shared_by,
            served_model=self.served_model,
            fingerprint=self.fingerprint,
            stream=head.stream if head else False,
            needs=tuple(sorted(head.needs)) if head and head.needs else (),
            output_tokens=head.output_tokens if head else None,
            answers=head.answers if head else 1,
            digest=request.digest if request else "",
            size_bytes=request.body.size_bytes if request else 0,
            seed=self.seed,
            attempts=tuple([attempt.record() for attempt in attempts]),
            usage=self.usage,
            cost_nano_usd=self.cost_nano_usd,
            spent_nano_usd=None if len(attempts) == 1 and not attempts[0].assumed else self._spent(),
            cost_basis=self._cost_basis(),
            duration_us=int((time.perf_counter() - self.started_s) * 1e6),
            first_token_us=self.first_token_us,
            losses=self.losses,
            notes=self.notes,
            lineage=request.lineage if request else NO_LINEAGE,
            trace_id=self._trace_id(),
            user=head.user if head else "",
            captured=self.captured,
            deadline=self.deadline,
            shared=self.shared,
            stopped=self.stopped,
            handed_off=self.handed_off,
        )

    def serves(self, attempt: Try) -> Served:
        """What is told of an answer beside its content."""
        inbound, passage, kind = attempt.inbound, attempt.passage, b""
        streams = self.request is not None and self.request.head.stream
        if passage is not None and (passage.other is not None or (passage.framed and streams)):
            kind = passage.own.streams if streams else passage.own.answers
        headers = NO_HEADERS if inbound is None else inbound.headers
        return Served(self.arrival.id, attempt.name, headers, self.header_lines(), kind, self.losses)

    def header_lines(self) -> bytes:
        """Header lines that tell the caller how its answer came about."""
        lines = self.lines
        if len(self.attempts) > 1:
            lines += b"x-antiphon-attempts: %d\r\n" % len(self.attempts)
        return lines + told_losses(self.losses) if self.losses else lines

    @property
    def tail(self) -> bytes:
        """The rest of its receipt: what it was decided on."""
        if not self.known_tail:
            self.known_tail = self.basis().tail()
        return self.known_tail

    def decided(self, plan: Plan, tail: bytes) -> None:
        """It has its plan; `tail` says the same as `basis` would."""
        self.plan, self.known_tail = plan, tail

    def basis(self) -> Basis:
        """What it was decided on, as far as it came."""
        arrival = self.arrival
        return Basis(
            revision=self.revision,
            principal=None if self.principal is UNKNOWN else self.principal,
            endpoint=arrival.endpoint,
            dialect=arrival.dialect,
            asked=self.request.head.model if self.request is not None else "",
            verdict=self.verdict,
            plan=self.plan,
            worker=self.worker,
        )

    def receipt(self, told: Told) -> Receipt:
        """The whole receipt."""
        return Receipt(**structs.asdict(self.basis()), **structs.asdict(told))

    def _spent(self) -> int | None:
        """What all attempts cost, where that is more than the answer did."""
        costs = [one.cost_nano_usd for one in self.attempts if one.cost_nano_usd is not None]
        return sum(costs) if costs and sum(costs) != self.cost_nano_usd else None

    def _cost_basis(self) -> str:
        if not self.attempts:
            return "shared" if self.shared else ""
        if self.usage is None:
            return "no_usage"
        listed = self.served is not None and self.served.target.price_source
        return "unpriced" if self.cost_nano_usd is None else "bundled" if listed else "reported"

    def _trace_id(self) -> str:
        if self.span is not None:
            return self.span.trace_id
        came = self.request.trace if self.request is not None else None
        return came.trace_id if came is not None else ""
