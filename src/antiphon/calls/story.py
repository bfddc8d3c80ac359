"""A request on its way: what is known so far, until it becomes a receipt."""

import time
from typing import Protocol

from msgspec import Struct, field, structs

from antiphon.calls.attempt import DETAIL_CHARACTERS, Try
from antiphon.calls.cache_found import UNASKED, Found
from antiphon.calls.counting import Counted
from antiphon.core.arrival import NO_HEADERS, Arrival
from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError
from antiphon.core.finding import Finding
from antiphon.core.plan import Grounds, Plan
from antiphon.core.ports import Served
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Basis, Bounded, Loss, Noted, Outcome, Ran, Rated, Receipt, Told
from antiphon.core.request import Request, Trace
from antiphon.core.response import Response
from antiphon.core.signal import Fact, Facts
from antiphon.core.usage import Usage
from antiphon.core.verdict import Verdict
from antiphon.policy.asked import Context, circumstances
from antiphon.routing.chosen import Chosen
from antiphon.wire.losses import told_losses


class Telling(Protocol):
    """How the answer of a recipe is told."""

    @property
    def rewrites(self) -> bool:
        """Its stream goes on from something that was told before it."""
        ...

    def rewrite(self, piece: bytes) -> bytes:
        """A piece of its stream, as the rest of that."""
        ...

    def rest(self) -> bytes:
        """What ends the stream, once the answer's own has ended."""
        ...

    def told(self, body: bytes, instead: Response | None) -> bytes:
        """A whole answer, or what is said in its place, as the caller asked for it."""
        ...

    def losses(self) -> tuple[Loss, ...]:
        """What of it could not be told as it was."""
        ...


MOST_FINDINGS = 100
"""Of one request, in its receipt; a note says how many more there were."""
UNJUDGED = Verdict(allowed=True)
UNKNOWN = Principal(tenant="", key="", models=())
"""Nobody: stands in receipts of requests whose caller was not told."""


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
    tail: bytes = b""
    """The rest of its receipt: what it was decided on. Known once something was told of it."""
    attempts: list[Try] = []
    answer: bytearray = field(default_factory=bytearray)
    """What was released, where content is captured."""
    served: Try | None = None
    """The attempt whose answer goes out."""
    shared: str = ""
    """Receipt of the call that it shares."""
    shared_by: str = ""
    """The deployment that answered that call."""
    looked: Found = UNASKED
    """What the cache had."""
    cached: str = ""
    """Receipt of the request whose answer is given again."""
    saved_nano_usd: int | None = None
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
    run: Ran | None = None
    """The run that answers it; None: no agent is asked."""
    span: Trace | None = None
    came: Trace | None = None
    """The trace that its caller came with, where it is no model call of a plan."""
    drafted: Told | None = None
    """What was told when its latest attempt began: what of it stands at the end too is not worked out again."""
    begun: bool = False
    captured: bool = False
    closed: bool = False
    leads: bool = False
    """Its answer goes to others, who share it."""
    counted: Counted | None = None
    """What counts its use; None: nothing does."""
    chosen: Chosen | None = None
    """What its route's program chose; None: it has none."""
    progress: Telling | None = None
    """How the answer of a recipe is told; None: it is no recipe's."""
    explains: bool = False
    """Its plan is asked for, and nothing else: no model is."""
    instead: Response | None = None
    """What is said in the place of the answer that goes out, where a recipe edited it."""
    facts: Facts | None = None
    """What is known of it, where its route asks for that."""
    grounds: Grounds | None = None
    """What else its plan was chosen by."""
    steps: list[Noted] = []
    """What its recipe decided."""
    rated: list[Rated] = []
    """How good it found answers to be."""
    data_class: DataClass | None = None
    """How sensitive it is; None: nothing asks for that."""
    context: Context | None = None
    """What policies see of it."""
    findings: list[Finding] = []
    """What guards found, in the request and in the answer."""
    guards: tuple[str, ...] = ()
    """Guards that looked."""
    approval: str = ""
    """The approval that it runs by, or waits for."""
    masked: bool = False
    """Guards keep what is released of its answer, as they leave it."""
    unseen: bool = False
    """Nothing of what is said is kept."""

    @property
    def allowed(self) -> Verdict:
        """The verdict, once there is one; until then nothing is left out."""
        return self.verdict or UNJUDGED

    def stands_as(self, before: "Story") -> None:
        """It is asked for this one: as sensitive, and as little of it may be kept."""
        self.data_class, self.guards = before.data_class, before.guards
        self.unseen, self.masked = before.unseen, before.masked

    def draft(self) -> Told:
        """What is told while the request runs."""
        request, attempts = self.request, self.attempts
        if request is None:
            return self.told("running", 0)
        losses = self.losses or (attempts[-1].losses if attempts else ())
        told = self._begun(request, self._records())
        self.drafted = told = structs.replace(told, losses=losses) if losses else told
        return told

    def told(self, outcome: Outcome, status: int, error: AntiphonError | None = None) -> Told:
        """What is told as things stand now."""
        attempts, told = self.attempts, self.drafted
        if told is None:
            told = self._begun(self.request)
        # No more than 14 names: more of them go by way of a dict in CPython 3.11.
        told = structs.replace(
            told,
            outcome=outcome,
            status=status,
            served=self.served.name if self.served and (self.begun or outcome == "ok") else self.shared_by,
            served_model=self.served_model,
            fingerprint=self.fingerprint,
            attempts=self._records(),
            usage=self.usage,
            cost_nano_usd=self.cost_nano_usd,
            spent_nano_usd=None if len(attempts) == 1 and not attempts[0].assumed else self._spent(),
            cost_basis=self._cost_basis(),
            duration_us=int((time.perf_counter() - self.started_s) * 1e6),
            first_token_us=self.first_token_us,
            losses=self.losses,
            notes=self.notes if self.counted is None else (*self.notes, *self.counted.notes),
        )
        if self.facts is not None or self.steps or self.rated:
            told = structs.replace(
                told, facts=self.known(), grounds=self.grounds, steps=tuple(self.steps), rated=tuple(self.rated)
            )
        if self.progress is not None:
            told = structs.replace(told, used=self.used)
        if self.guards or self.approval or self.context is not None:
            told = self._guarded(told)
        if self.run is not None:
            told = structs.replace(told, run=self.run)
        if self.counted is not None and self.counted.downgrade_to:
            told = structs.replace(told, downgraded_to=self.counted.downgrade_to, downgraded_by=self.counted.budget)
        if error is None and not (self.captured or self.shared or self.cached or self.stopped or self.handed_off):
            return told
        return structs.replace(
            told,
            error=error.said_code if error else "",
            detail=error.noted[:DETAIL_CHARACTERS] if error else "",
            captured=self.captured,
            shared=self.shared,
            cached=self.cached,
            saved_nano_usd=self.saved_nano_usd,
            stopped=self.stopped,
            handed_off=self.handed_off,
        )

    def _begun(self, request: Request | None, records: tuple[Attempt, ...] = ()) -> Told:
        """What can be told before there is an answer."""
        arrival, trace_id, limit = self.arrival, self._trace_id(), self.deadline
        self.tail = self.tail or self.basis().tail()
        if request is None:
            return Told(id=arrival.id, at_ns=arrival.at_ns, outcome="running", trace_id=trace_id, deadline=limit)
        head = request.head
        told = Told(
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
            attempts=records,
            lineage=request.lineage,
            trace_id=trace_id,
            user=head.user,
            deadline=limit,
        )
        if self.facts is not None:
            told = structs.replace(told, facts=self.known(), grounds=self.grounds)
        return self._guarded(told) if self.guards or self.approval or self.context is not None else told

    def _guarded(self, told: Told) -> Told:
        context, more = self.context, len(self.findings) - MOST_FINDINGS
        return structs.replace(
            told,
            findings=tuple(self.findings[:MOST_FINDINGS]),
            notes=(*told.notes, f"guards: {more} more findings") if more > 0 else told.notes,
            guards=self.guards,
            approval=self.approval,
            circumstances={} if context is None else circumstances(context),
        )

    @property
    def used(self) -> Usage | None:
        """Tokens of all attempts together, as far as they were told; None: none was."""
        told = [one.usage for one in self.attempts if one.usage is not None]
        return sum(told[1:], told[0]) if told else None

    def known(self) -> tuple[Fact, ...]:
        """Facts that its plan was chosen by, routing's own among them."""
        own = () if self.chosen is None else self.chosen.facts
        return own if self.facts is None else (*self.facts.told(), *own)

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
        lines = self.lines if self.counted is None else self.lines + self.counted.lines(self.arrival.dialect)
        if len(self.attempts) > 1:
            lines += b"x-antiphon-attempts: %d\r\n" % len(self.attempts)
        return lines + told_losses(self.losses) if self.losses else lines

    def decided(self, plan: Plan, tail: bytes) -> None:
        """It has its plan; `tail` says the same as `basis` would."""
        self.plan, self.tail = plan, tail

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

    def _records(self) -> tuple[Attempt, ...]:
        attempts = self.attempts
        return (attempts[0].record(),) if len(attempts) == 1 else tuple([one.kept() for one in attempts])

    def _spent(self) -> int | None:
        """What all attempts cost, where that is more than the answer did."""
        costs = [one.cost_nano_usd for one in self.attempts if one.cost_nano_usd is not None]
        return sum(costs) if costs and sum(costs) != self.cost_nano_usd else None

    def _cost_basis(self) -> str:
        if not self.attempts:
            return "shared" if self.shared else "cached" if self.cached else ""
        if self.usage is None:
            return "no_usage"
        listed = self.served is not None and self.served.target.price_source
        return "unpriced" if self.cost_nano_usd is None else "bundled" if listed else "reported"

    def _trace_id(self) -> str:
        if self.span is not None:
            return self.span.trace_id
        came = self.request.trace if self.request is not None else None
        return came.trace_id if came is not None else ""
