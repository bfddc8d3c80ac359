"""Model calls of agents: the gateway's own path, in process, in the name of whoever began the run."""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, cast

from antiphon.agents.mind import Ask, Mind, Said
from antiphon.agents.outcomes import Outcomes
from antiphon.calls.deadline import OURS
from antiphon.calls.story import Story
from antiphon.core.arrival import Arrival
from antiphon.core.body import Body
from antiphon.core.content import Content, Limits, Text, ToolCall, ToolChoice
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Reply, Served
from antiphon.core.receipt import Told
from antiphon.core.request import Lineage, Request
from antiphon.core.response import Response
from antiphon.gateway.decide import Decisions
from antiphon.gateway.execute import ask_of
from antiphon.gateway.gateway import Gateway
from antiphon.governance.approving import HEADER as TICKET
from antiphon.governance.labels import DATA_CLASS, PURPOSE
from antiphon.recipes.live import most
from antiphon.recipes.teams import bound_of
from antiphon.wire.codec import Asked, Terms
from antiphon.wire.codecs import CODECS
from antiphon.wire.losses import Losses

ENDPOINT = "/v1/chat/completions"
RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
LATE_S = 2.0
"""How long beyond its deadline a call is waited for, before it is given up."""


class Kept(Reply):
    """Keeps a whole answer."""

    def __init__(self) -> None:
        self.served: Served | None = None
        self.body = b""
        self.failure: AntiphonError | None = None

    def whole(self, served: Served, body: bytes) -> None:
        self.served, self.body = served, body

    def begin(self, served: Served) -> None:
        self.served = served

    def write(self, piece: bytes) -> None:
        self.body += piece

    def end(self, last: bytes = b"") -> None:
        self.body += last

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self.failure = error

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        self.failure = AntiphonError(f"nobody could answer; the operator's own text is: {text}", code="last_resort")

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        """A whole answer is never too much."""


class GatewayMind(Mind):
    """Asks models by the gateway of the present revision."""

    def __init__(self, gateway: Callable[[], Gateway], outcomes: Outcomes) -> None:
        """`outcomes`: the journal that the gateway's process writes to."""
        self._gateway = gateway
        self._outcomes = outcomes
        self._decisions: tuple[Gateway, Decisions] | None = None

    async def ask(self, ask: Ask) -> Said:
        gateway = self._gateway()
        arrival = self._arrival(gateway, ask)
        try:
            request = request_of(ask)
        except AntiphonError as error:
            return _failed(error, None, arrival.id)
        reply = Kept()
        self._outcomes.expect(arrival.id)
        try:
            await self._within(gateway.answer(request, ask.principal, arrival, reply), ask, gateway)
        finally:
            told = self._outcomes.taken(arrival.id)
        if reply.failure is not None:
            return _failed(reply.failure, told, arrival.id)
        if reply.served is None:
            return _failed(
                AntiphonError("the call was over before it was answered", code="no_answer"), told, arrival.id
            )
        return _said(reply, told)

    def most(self, ask: Ask) -> tuple[int, int | None]:
        gateway = self._gateway()
        request = request_of(ask)
        if self._decisions is None or self._decisions[0] is not gateway:
            self._decisions = gateway, Decisions(gateway.revision, gateway.process.caller)
        story = Story(
            self._arrival(gateway, ask),
            gateway.revision.id,
            gateway.process.worker,
            gateway.process.caller.now(),
            principal=ask.principal,
            request=request,
        )
        decision = self._decisions[1].find(story, request.head)
        caller, asked = gateway.process.caller, ask_of(story, decision, gateway.revision)
        if decision.team is not None:
            bound = bound_of(decision.team, caller, asked)
        else:
            bound = most(request, decision.prepared, asked.how, caller)
        tokens = bound.tokens if bound.tokens is not None else request.body.size_bytes + ask.output_tokens
        return tokens, bound.money_nano_usd

    def _arrival(self, gateway: Gateway, ask: Ask) -> Arrival:
        now_s = gateway.process.caller.now()
        headers: dict[bytes, bytes] = {}
        if ask.data_class != "public":
            headers[DATA_CLASS] = ask.data_class.encode()
        if ask.purpose:
            headers[PURPOSE] = ask.purpose.encode("ascii", "replace")[:64]
        if ask.approval:
            headers[TICKET] = ask.approval.encode("ascii", "replace")
        if ask.until_s:
            headers[OURS] = b"%.3f" % max(0.001, ask.until_s - now_s)
        return gateway.arrival(ENDPOINT, "openai_chat", now_s, headers)

    async def _within(self, answering: Any, ask: Ask, gateway: Gateway) -> None:
        """Wait for an answer, no longer than the call may last."""
        if not ask.until_s:
            await answering
            return
        try:
            async with asyncio.timeout(max(0.0, ask.until_s - gateway.process.caller.now()) + LATE_S):
                await answering
        except TimeoutError:
            return


def request_of(ask: Ask) -> Request:
    """A call as the gateway takes it. Raises: BadRequest."""
    codec = CODECS["openai_chat"]
    body = Body((codec.encode(content_of(ask), Terms(model=ask.model), Losses()),))
    head, spots = codec.read(body, Asked(endpoint=ENDPOINT))
    return Request(
        head=head,
        body=body,
        spots=spots,
        digest=sha256(body.whole()).hexdigest(),
        lineage=Lineage(session=ask.session, run=ask.run, step=ask.step),
        data_class=ask.data_class,
        tainted=ask.tainted,
        trace=ask.trace,
    )


def content_of(ask: Ask) -> Content:
    """A call in canonical form."""
    return Content(
        dialect="openai_chat",
        messages=ask.messages,
        tools=ask.tools or None,
        tool_choice=_choice(ask),
        parallel_tool_calls=False if ask.tools and not ask.parallel else None,
        response_format=ask.response_format,
        limits=Limits(output_tokens=ask.output_tokens, legacy=True),
        metadata={"agent": ask.agent, "role": ask.role} if ask.agent else None,
    )


def _choice(ask: Ask) -> ToolChoice | None:
    if not ask.tools or ask.tool_choice == "auto":
        return None
    return ToolChoice(mode="required" if ask.tool_choice == "required" else "none")


def _said(reply: Kept, told: Told | None) -> Said:
    assert reply.served is not None
    try:
        answer, facts = CODECS["openai_chat"].decode_answer(reply.body)
    except AntiphonError as error:
        return _failed(error, told, reply.served.receipt_id)
    choice = cast("Response", answer).choices[0] if cast("Response", answer).choices else None
    parts = () if choice is None else choice.message.parts
    usage = told.used or told.usage if told is not None else facts.usage
    return Said(
        text="".join(part.text for part in parts if isinstance(part, Text)),
        calls=tuple(part for part in parts if isinstance(part, ToolCall)),
        finish="" if choice is None or choice.finish_reason is None else choice.finish_reason,
        receipt=reply.served.receipt_id,
        served=reply.served.deployment,
        usage=usage or facts.usage,
        cost_nano_usd=_cost(told),
        took_us=0 if told is None else told.duration_us,
        status=200,
    )


def _failed(error: AntiphonError, told: Told | None, receipt_id: str) -> Said:
    return Said(
        text=error.message,
        failed=error.said_code,
        receipt=receipt_id,
        status=error.said_status,
        retryable=error.said_status in RETRYABLE,
        usage=None if told is None else told.used or told.usage,
        cost_nano_usd=_cost(told),
        took_us=0 if told is None else told.duration_us,
        data=_more(error),
    )


def _more(error: AntiphonError) -> Mapping[str, Any] | None:
    """What else whoever goes on from an error has to know."""
    approval = getattr(error, "approval", None)
    return {"approval": approval} if approval else None


def _cost(told: Told | None) -> int:
    """What all its attempts cost, as far as that is known."""
    if told is None:
        return 0
    return told.spent_nano_usd if told.spent_nano_usd is not None else told.cost_nano_usd or 0
