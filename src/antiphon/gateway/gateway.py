"""The path: admit, plan, execute, settle, record."""

import asyncio
import logging

from antiphon.core.error import AntiphonError, StoreError, Unavailable
from antiphon.core.ports import Reply
from antiphon.core.principal import Principal
from antiphon.core.receipt import Outcome
from antiphon.core.request import Request
from antiphon.gateway.decide import Decisions
from antiphon.gateway.execute import execute
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.gateway.story import Arrival, Story
from antiphon.routing.route import Route

log = logging.getLogger("antiphon.gateway")
_CUT = Unavailable("the gateway stopped before the answer was whole; see server.drain_timeout_s", code="drain_timeout")


class Gateway:
    """Answers requests under one revision."""

    def __init__(self, process: Process, revision: Revision) -> None:
        self._process = process
        self._revision = revision
        self._decisions = Decisions(revision)

    @property
    def revision(self) -> Revision:
        return self._revision

    def arrival(self, endpoint: str, dialect: str, started_s: float) -> Arrival:
        """Give a request its receipt's id."""
        process = self._process
        return Arrival(
            id=process.ids.new(), at_ns=process.clock.now_ns(), started_s=started_s, endpoint=endpoint, dialect=dialect
        )

    async def answer(self, request: Request, principal: Principal, arrival: Arrival, reply: Reply) -> None:
        """Take a request down the whole path. Every way out leaves a receipt, and an answer if anyone waits for it."""
        story = Story(arrival, self._revision.id, self._process.worker)
        story.request = request
        story.principal = principal
        try:
            route = self._decide(story, request)
            await execute(story, route, self._process, self._revision, reply)
        except asyncio.CancelledError:
            self._leave(story)
            raise
        except AntiphonError as error:
            self._refuse(story, error, reply)
        except Exception:
            log.exception("request.crashed", extra={"receipt": arrival.id})
            self._refuse(story, AntiphonError("Antiphon failed; the receipt's id helps to find out why"), reply)

    def _decide(self, story: Story, request: Request) -> Route:
        """Admit and plan. Raises: NotAllowed, NotFound, BadRequest."""
        tracer = self._revision.tracer
        story.span = tracer.sample(request.trace) if tracer is not None else request.trace
        decision = self._decisions.find(story, request.head)
        if len(decision.choice.fit) > 1:
            story.seed = self._process.random.seed()
        self._decisions.plan(decision, story, request.head)
        return decision.route

    def refuse(self, error: AntiphonError, arrival: Arrival, reply: Reply, principal: Principal | None = None) -> None:
        """Answer a request that could not even be read; it has a receipt too."""
        story = Story(arrival, self._revision.id, self._process.worker)
        if principal is not None:
            story.principal = principal
        self._refuse(story, error, reply)

    def _refuse(self, story: Story, error: AntiphonError, reply: Reply) -> None:
        if story.closed:
            return
        try:
            self._close(story, "failed" if story.attempts else "refused", error)
        except StoreError as lost:
            error = lost
            self._close(story, "failed" if story.attempts else "refused", error, owed=True)
        reply.error(error, story.arrival.id)

    def _leave(self, story: Story) -> None:
        """Nobody waits any more; the attempt was closed by the cancellation."""
        if story.closed:
            return
        error = _CUT if self._process.cutting() else None
        outcome = "interrupted" if error else "client_gone"
        try:
            self._close(story, outcome, error)
        except StoreError:
            self._close(story, outcome, error, owed=True)

    def _close(self, story: Story, outcome: Outcome, error: AntiphonError | None, *, owed: bool = False) -> None:
        if owed:
            log.error("receipt.delayed", extra={"receipt": story.arrival.id})
        status = 200 if story.begun else error.said_status if error and error is not _CUT else 0
        close(story, self._process, self._revision, outcome, status, error, owed=owed)
