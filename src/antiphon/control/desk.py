"""What every request has that is no model call of a plan: a story, one end, and a receipt."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from msgspec import Struct

from antiphon.calls import deadline
from antiphon.calls.ask import PRIORITY, bounded, lane
from antiphon.calls.deadline import Deadline
from antiphon.calls.errands import FREE, Begun
from antiphon.calls.story import Story
from antiphon.control.settings import RealtimeSettings
from antiphon.core.arrival import Arrival
from antiphon.core.error import AntiphonError, StoreError, Unavailable, UpstreamError
from antiphon.core.principal import Principal
from antiphon.core.receipt import Outcome
from antiphon.core.request import Trace
from antiphon.core.ticket import Bound, Whose
from antiphon.gateway.decide import Decisions
from antiphon.gateway.gateway import Gateway
from antiphon.gateway.record import close
from antiphon.governance.parts import Errand, Governed
from antiphon.net.egress import Egress
from antiphon.providers.raw import Asking, Raw, outbound
from antiphon.providers.tokenizers import Tokenizers
from antiphon.wire import trace
from antiphon.wire.lineage import end_user, lineage

log = logging.getLogger("antiphon.gateway")


class Refusals(Protocol):
    """Tells a caller what went wrong; where an answer has begun it is cut off."""

    def error(self, error: AntiphonError, receipt_id: str) -> None: ...


class Desk(Struct, frozen=True, kw_only=True):
    """One revision's gateway, and its accounts as they are."""

    gateway: Gateway
    accounts: Mapping[str, Raw]
    decisions: Decisions
    realtime: RealtimeSettings = RealtimeSettings()
    egress: Egress = Egress()
    """Where sessions may be connected to."""
    tokenizers: Tokenizers | None = None
    """Exact ones, where the operator has put vocabularies."""

    @property
    def now_s(self) -> float:
        return self.gateway.process.caller.now()

    def story(self, arrival: Arrival, principal: Principal, came: Trace | None = None) -> Story:
        """Begin a request's story. `came`: the trace that its caller came with, where no header says it."""
        revision, process = self.gateway.revision, self.gateway.process
        headers, tracer = arrival.headers, revision.tracer
        came = trace.decode(headers.get(b"traceparent"), headers.get(b"tracestate")) or came
        span = came if tracer is None else tracer.sample(came)
        return Story(arrival, revision.id, process.worker, arrival.started_s, principal=principal, span=span, came=came)

    async def run(self, story: Story, refusals: Refusals, work: Coroutine[Any, Any, None]) -> None:
        """Do the work of a story. Every way out leaves a receipt, and an answer if anyone waits for it."""
        try:
            await work
        except asyncio.CancelledError:
            self._leave(story)
            raise
        except AntiphonError as error:
            self._refuse(story, error, refusals)
        except Exception:
            log.exception("request.crashed", extra={"receipt": story.arrival.id})
            failed = AntiphonError("Antiphon failed; the receipt's id helps to find out why")
            self._refuse(story, failed, refusals)

    def _refuse(self, story: Story, error: AntiphonError, refusals: Refusals) -> None:
        if story.closed:
            return
        outcome: Outcome = "failed" if story.attempts else "refused"
        try:
            self.close(story, outcome, error.said_status, error)
        except StoreError as lost:
            error = lost
            self.close(story, outcome, error.said_status, error, owed=True)
        refusals.error(error, story.arrival.id)

    def _leave(self, story: Story) -> None:
        """Nobody waits any more."""
        if story.closed:
            return
        cut = self.gateway.process.cutting()
        error = Unavailable("the gateway stopped before the answer was whole", code="drain_timeout") if cut else None
        outcome: Outcome = "interrupted" if cut else "client_gone"
        try:
            self.close(story, outcome, 0, error)
        except StoreError:
            self.close(story, outcome, 0, error, owed=True)

    def close(
        self,
        story: Story,
        outcome: Outcome,
        status: int,
        error: AntiphonError | None = None,
        *,
        owed: bool = False,
        release: Callable[[], None] | None = None,
    ) -> None:
        """Settle what is open, and write the receipt. Raises: StoreError."""
        process, revision = self.gateway.process, self.gateway.revision
        close(story, process, revision, outcome, status, error, owed=owed, release=release)

    async def governed(self, story: Story, errand: Errand) -> Governed:
        """An errand as it may be sent. Raises: as `Governor.errand`."""
        governor, headers = self.gateway.revision.governor, story.arrival.headers
        if governor is None or not governor.governs(headers):
            return Governed(body=errand.body)
        return await governor.errands.errand(story, errand, lineage(headers))

    def limit(self, story: Story, *, stream: bool = True, most_s: float | None = None) -> Deadline:
        """The time that a request has. Raises: BadRequest, naming the header."""
        server_s = self.gateway.revision.calls.deadline.max_s
        limit = deadline.decide(
            story.arrival.headers,
            now_s=story.started_s,
            server_s=server_s if most_s is None else most_s,
            stream=stream,
        )
        story.deadline = bounded(limit)
        return limit

    async def send(self, story: Story, raw: Raw, asking: Asking, bound: Bound = FREE) -> Begun:
        """Ask an account once, for `bound` at most. Returns: the attempt, whose answer's head has come. Raises: AntiphonError."""
        errands, headers, principal = self.gateway.process.caller.errands, story.arrival.headers, story.principal
        turn = lane(headers, principal.priority) if PRIORITY in headers else principal.priority
        begun = await errands.begin(
            story,
            errands.member(raw.name),
            raw.target,
            self.limit(story),
            lane=turn,
            size_bytes=sum(map(len, asking.body)),
            bound=bound,
            whose=Whose(principal=principal, model="", route="", end_user=end_user(headers), lineage=lineage(headers)),
        )
        try:
            request = outbound(raw, asking, begun.key, begun.timeouts)
        except UpstreamError as error:
            errands.broke(begun.attempt, error)
            raise
        await errands.send(begun.attempt, request)
        return begun
