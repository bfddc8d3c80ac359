"""Tasks of remote agents as requests of the gateway: governed, paid for, recorded; one receipt each."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.rights import effects_of
from antiphon.agents.tools.grip import failed
from antiphon.calls.attempt import Try
from antiphon.calls.deadline import Deadline
from antiphon.calls.story import Story
from antiphon.calls.tool_attempts import ToolAttempts
from antiphon.core.body import Body
from antiphon.core.data_class import RANKS, DataClass
from antiphon.core.error import (
    AntiphonError,
    ApprovalRefused,
    NotAllowed,
    PolicyDenied,
    StoreError,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
    UpstreamUnreachable,
)
from antiphon.core.receipt import Outcome
from antiphon.core.request import Head, Lineage, Request, Spots
from antiphon.core.ticket import Whose
from antiphon.core.tool import Tool, ToolContext, ToolResult
from antiphon.core.verdict import Verdict
from antiphon.gateway.gateway import Gateway
from antiphon.gateway.record import close
from antiphon.governance.labels import DATA_CLASS
from antiphon.governance.tool_calls import AdmittedCall, passed, route_of
from antiphon.policy.asked import Resource

log = logging.getLogger("antiphon.agents")
ENDPOINT, DIALECT = "(a2a)", "a2a"
"""Stand in receipts where a path and a dialect would; no path can be this."""
WAITS = "input_required"
"""How a task stands that needs an answer first: it goes on later, and is paid for then."""
MOST_SAID = 500
_NOWHERE = Spots(model=(0, 0))
_HEAD: Any = {"dialect": "openai_chat", "endpoint": ENDPOINT}
"""What a head has to say beside the model: no codec ever reads these requests, and receipts say `DIALECT`."""
_spell = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Given(Struct, frozen=True, kw_only=True):
    """What a remote agent is asked to do."""

    tool: Tool
    """The agent, as policies and guards see it: a tool `a2a/NAME`."""
    takes: DataClass
    """The highest class of data that it is sent."""
    task: str
    data: Any
    context: ToolContext
    verdict: Verdict | None
    """What policies say of the caller and of the agent that asks; None: there are none."""


class Came(Struct, frozen=True, kw_only=True):
    """How a task stands where it is no longer waited for."""

    result: ToolResult
    task: str = ""
    """The remote agent's own id of it; empty: it has none."""


Pay = Callable[[float], Awaitable[None]]
"""Holds what the task may cost, and writes down that it is sent and may last so many seconds. Raises: AntiphonError; and
then it may not be sent."""
Do = Callable[[str, Any, Pay], Awaitable[Came]]
"""Has a task done: its text, its data, what has to be awaited before anything leaves. Raises: AntiphonError."""


class RemoteCalls:
    """Has tasks done under the revision of the present."""

    def __init__(self, gateway: Callable[[], Gateway]) -> None:
        self._gateway = gateway
        self._attempts: tuple[object, ToolAttempts] | None = None

    async def made(self, given: Given, do: Do) -> ToolResult:
        """The result as the run may see it; `receipt` names its receipt. Raises: asyncio.CancelledError."""
        gateway = self._gateway()
        return await _Call(gateway, self._tries(gateway), given).go(do)

    def _tries(self, gateway: Gateway) -> ToolAttempts:
        caller, found = gateway.process.caller, self._attempts
        if found is None or found[0] is not caller:
            made = ToolAttempts(caller.errands, caller, lambda: self._gateway().revision.calls)
            found = self._attempts = caller, made
        return found[1]


class _Call:
    """One task on its way."""

    def __init__(self, gateway: Gateway, attempts: ToolAttempts, given: Given) -> None:
        self._gateway, self._attempts, self._given = gateway, attempts, given
        self._story = _story(gateway, given)
        self._attempt: Try | None = None

    async def go(self, do: Do) -> ToolResult:
        try:
            result = await self._done(do)
        except AntiphonError as error:
            result = self._refused(error)
        except BaseException as error:
            self._left(error)
            raise
        attempt = self._attempt
        cost = 0 if attempt is None else attempt.cost_nano_usd or 0
        return structs.replace(result, cost_nano_usd=cost, receipt=self._story.arrival.id)

    async def _done(self, do: Do) -> ToolResult:
        """Raises: AntiphonError."""
        given, story = self._given, self._story
        self._check(given.context.data_class)
        _judge(given)
        admitted = await self._admitted()
        self._check(story.data_class or "public")
        if admitted.approve:
            raise _needs_approval(given.tool.name)
        said = admitted.arguments
        assert story.request is not None
        story.request = structs.replace(story.request, body=Body((_spell(said),)))
        came = await do(str(said.get("task") or ""), said.get("data"), self._pay)
        if came.task:
            story.notes = (*story.notes, f"task: {came.task}")
        self._settle(came.result)
        result = await asyncio.to_thread(self._seen, admitted, came.result)
        if self._gateway.revision.capture_most_bytes:
            story.answer += _spell({"text": result.text, "data": result.data})
        self._end(came.result)
        return result

    def _check(self, data_class: DataClass) -> None:
        """Raises: NotAllowed, where what is sent is too sensitive."""
        name, takes = self._given.tool.name, self._given.takes
        if RANKS[data_class] > RANKS[takes]:
            raise NotAllowed(f"{name} is sent nothing above {takes}, and this is {data_class}.")

    async def _admitted(self) -> AdmittedCall:
        given, story, governor = self._given, self._story, self._gateway.revision.governor
        said: dict[str, object] = {"task": given.task, "data": given.data}
        if governor is None:
            story.verdict = given.verdict
            return AdmittedCall(arguments=said)
        tool, lineage = given.tool, _lineage(given.context)
        resource = Resource(kind="Tool", name=tool.name, effects=effects_of(tool))
        return await governor.tool_calls.admit(story, resource, tool, _spell(said), lineage)

    async def _pay(self, seconds: float) -> None:
        given, story, context = self._given, self._story, self._given.context
        request = story.request
        assert request is not None
        now_s = self._gateway.process.caller.now()
        left_s = max(0.001, seconds)
        whose = Whose(principal=context.principal, model=route_of(given.tool.name), route="", lineage=_lineage(context))
        self._attempt = await self._attempts.begin(
            story,
            given.tool,
            Deadline(at_s=now_s + left_s, bound="server", allowed_s=left_s),
            lane=context.principal.priority,
            size_bytes=request.body.size_bytes,
            whose=whose,
        )

    def _settle(self, result: ToolResult) -> None:
        """Close its attempt by how the task ended."""
        attempt, story = self._attempt, self._story
        if attempt is None:
            return
        if result.failed == WAITS:
            self._attempts.waits(attempt)
        elif result.failed:
            self._attempts.failed(attempt, _broke(self._given.tool.name, result), unknown=result.unknown)
            return
        else:
            self._attempts.came(attempt)
        story.served, story.usage, story.cost_nano_usd = attempt, attempt.usage, attempt.cost_nano_usd

    def _seen(self, admitted: AdmittedCall, result: ToolResult) -> ToolResult:
        """A result as guards let it through. Raises: GuardBlocked, GuardFailed, StoreError."""
        if admitted.behind is None:
            return result
        said = _spell({"text": result.text, "data": result.data})
        shown = _decode(passed(self._story, admitted.behind, said))
        return structs.replace(result, text=str(shown.get("text") or ""), data=shown.get("data"))

    # --- ends

    def _end(self, result: ToolResult) -> None:
        """Raises: StoreError."""
        if not result.failed or result.failed == WAITS:
            self._close("ok", 200)
            return
        error = _broke(self._given.tool.name, result)
        self._close("failed", error.said_status, error)

    def _refused(self, error: AntiphonError) -> ToolResult:
        """Close a story that an error ended. Returns: what the run is told of it."""
        result = _told(self._given.tool.name, error, sent=self._attempt is not None)
        if self._attempt is not None and not self._attempt.settled:
            self._attempts.failed(self._attempt, error, unknown=result.unknown)
        self._shut("failed" if self._story.attempts else "refused", error.said_status, error)
        return result

    def _left(self, why: BaseException) -> None:
        """Nobody waits for it any more, or a mistake of ours ended it."""
        if not isinstance(why, asyncio.CancelledError):
            self._shut("failed", 500, AntiphonError("Antiphon failed; the receipt's id helps to find out why"))
        elif self._gateway.process.cutting():
            stopped = Unavailable("the gateway stopped before the task was done", code="drain_timeout")
            self._shut("interrupted", 0, stopped)
        else:
            self._shut("client_gone", 0, None)

    def _shut(self, outcome: Outcome, status: int, error: AntiphonError | None) -> None:
        try:
            self._close(outcome, status, error)
        except StoreError:
            with suppress(StoreError):  # it is owed: the journal writes it as soon as it can
                self._close(outcome, status, error, owed=True)

    def _close(self, outcome: Outcome, status: int, error: AntiphonError | None = None, *, owed: bool = False) -> None:
        """Raises: StoreError."""
        gateway = self._gateway
        close(self._story, gateway.process, gateway.revision, outcome, status, error, owed=owed)


def _story(gateway: Gateway, given: Given) -> Story:
    context, process = given.context, gateway.process
    headers = {} if context.data_class == "public" else {DATA_CLASS: context.data_class.encode()}
    arrival = gateway.arrival(ENDPOINT, DIALECT, process.caller.now(), headers)
    said = _spell({"task": given.task, "data": given.data})
    story = Story(arrival, gateway.revision.id, process.worker, arrival.started_s, principal=context.principal)
    story.data_class, story.verdict = context.data_class, given.verdict
    story.request = Request(
        head=Head(**_HEAD, model=given.tool.name),
        body=Body((said,)),
        spots=_NOWHERE,
        digest=sha256(said).hexdigest(),
        lineage=_lineage(context),
        trace=context.trace,
    )
    return story


def _lineage(context: ToolContext) -> Lineage:
    return Lineage(session=context.session, run=context.run, step=context.step)


def _judge(given: Given) -> None:
    """Raises: PolicyDenied, ApprovalRefused."""
    verdict, name = given.verdict, given.tool.name
    if verdict is None:
        return
    if not verdict.allowed:
        reasons = verdict.reasons or ("default.deny",)
        raise PolicyDenied(f"Policies don't let {name} be asked: {', '.join(reasons)}.", reasons=reasons)
    if verdict.obligations.approve:
        raise _needs_approval(name)


def _needs_approval(name: str) -> ApprovalRefused:
    return ApprovalRefused(f"Policies ask for an approval before {name} is asked; ask a person to do it.")


def _broke(name: str, result: ToolResult) -> AntiphonError:
    """How a task ended that was not done; the remote agent's own words are not kept."""
    return AntiphonError(f"{name}: {result.failed}", code="tool_failed", status=502)


def _told(name: str, error: AntiphonError, *, sent: bool) -> ToolResult:
    """What a run is told of an error."""
    if isinstance(error, ApprovalRefused):
        return failed("needs_approval", error.message)
    if isinstance(error, (PolicyDenied, UpstreamRefused)):
        return failed("refused" if isinstance(error, UpstreamRefused) else "policy_denied", error.message)
    if isinstance(error, NotAllowed):
        return failed("refused", error.message)
    unknown = sent and isinstance(error, UpstreamError) and not isinstance(error, UpstreamUnreachable)
    told = f"{name}: {error.message}"[:MOST_SAID]
    return failed(error.said_code, told, retryable=error.retryable or isinstance(error, UpstreamError), unknown=unknown)
