"""Realtime: a WebSocket of a caller's, relayed to the provider's: policed, metered, and closed with care."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from msgspec import Struct

from antiphon.calls.attempt import Try
from antiphon.calls.errands import Begun
from antiphon.calls.story import Story
from antiphon.control.desk import Desk
from antiphon.control.realtime_session import End, Session
from antiphon.control.realtime_words import Guard
from antiphon.control.settings import RealtimeSettings
from antiphon.core.body import Body
from antiphon.core.error import (
    AntiphonError,
    BadRequest,
    OverLimit,
    UpstreamBroken,
    UpstreamError,
)
from antiphon.core.request import Head, Request, Spots
from antiphon.core.ticket import Whose
from antiphon.gateway.decide import Decision
from antiphon.governance.conversation import Conversation
from antiphon.net.exchange import Exchange
from antiphon.net.frames import LOST
from antiphon.net.switch import Refused, Switched, switch
from antiphon.net.websocket import accept_of
from antiphon.providers.failure import failure
from antiphon.providers.raw import REALTIME, Asking, Raw, outbound
from antiphon.providers.target import Target
from antiphon.wire import trace
from antiphon.wire.codecs import CODECS
from antiphon.wire.lineage import end_user, lineage

ENDPOINT = "/v1/realtime"
DIALECT = "openai_realtime"
KEY_PROTOCOL = "openai-insecure-api-key."
"""Subprotocol in which browsers send their key. Source: developers.openai.com/api/docs/guides/realtime-websocket."""
_STAY = (KEY_PROTOCOL, "openai-organization.", "openai-project.")
_CARRIED = (b"openai-beta", b"openai-safety-identifier", b"x-client-request-id")
_EMPTY = Spots(model=(0, 0))
MOST_PROTOCOLS = 16
NO_DIGEST = ""


class Realtime(Struct, frozen=True, kw_only=True):
    """Sessions under one revision."""

    desk: Desk

    @property
    def settings(self) -> RealtimeSettings:
        return self.desk.realtime

    async def serve(self, story: Story, exchange: Exchange, model: str) -> None:
        """One session, from its handshake to its end. Run it by `Desk.run`. Raises: AntiphonError, before it began."""
        headers = story.arrival.headers
        head = Head(dialect="openai_chat", endpoint=ENDPOINT, model=model, stream=True, user=end_user(headers))
        story.request = Request(head=head, body=Body(()), spots=_EMPTY, digest=NO_DIGEST, lineage=lineage(headers))
        governor = self.desk.gateway.revision.governor
        looked = None
        if governor is not None and governor.governs(headers):
            looked = await governor.errands.converse(story, head, story.request.lineage)
        decision = self.desk.decisions.find(story, head)
        story.decided(decision.plan, decision.tail)
        errands = self.desk.gateway.process.caller.errands
        if errands.sessions >= self.settings.max_sessions:
            raise OverLimit(
                f"{errands.sessions} sessions run on this worker, as many as may (`realtime.max_sessions`)",
                retry_after_s=1,
            )
        errands.sessions += 1
        try:
            await self._serve(story, exchange, decision, looked)
        finally:
            errands.sessions -= 1

    async def _serve(
        self, story: Story, exchange: Exchange, decision: Decision, looked: Callable[[str], Conversation | None] | None
    ) -> None:
        offered = protocols(exchange)
        begun, raw, upstream = await self._connect(story, decision, exchange, offered)
        attempt, caller = begun.attempt, self.desk.gateway.process.caller
        story.served, story.begun, story.served_model = attempt, True, attempt.target.deployment.model
        session = Session(
            exchange,
            upstream,
            self._guard(story, raw, attempt.target),
            self.settings,
            now=caller.now,
            until_s=attempt.began_s + begun.timeouts.total_s,
            conversation=None if looked is None else looked(attempt.target.deployment.name),
        )
        lines = _lines(exchange, upstream, offered, story, attempt)
        try:
            end = await session.run(lines)
        except BaseException:
            self._count(story, attempt, session)
            raise
        self._count(story, attempt, session, end)
        self._close(story, end, exchange)

    def _close(self, story: Story, end: End, exchange: Exchange) -> None:
        if end.by == "upstream" and end.code == LOST:
            error = UpstreamBroken("the upstream closed the session's connection without a word")
            story.attempts[-1].error = error
            self.desk.close(story, "failed", 101, error, release=exchange.end)
        else:
            self.desk.close(story, "ok", 101, release=exchange.end)

    # --- reaching a provider

    async def _connect(
        self, story: Story, decision: Decision, exchange: Exchange, offered: Sequence[str]
    ) -> tuple[Begun, Raw, Switched]:
        """A session with the first deployment that takes it. Raises: what the last one said.

        A handshake has no effects, so that another may be asked after one that failed.
        """
        whose, fit = _whose(story, decision), self._fit(decision)
        if not fit:
            raise BadRequest(
                f"no deployment of {decision.plan.route!r} holds realtime sessions; its providers' profiles must be among "
                f"{', '.join(sorted(REALTIME))}",
                code="unsupported",
                param="model",
            )
        for number, target in enumerate(fit, 1):
            try:
                return await self._ask(story, target, whose, exchange, offered)
            except UpstreamError as error:
                if not error.retryable or number == len(fit):
                    raise
        raise ValueError("a session is taken, or refused")

    def _fit(self, decision: Decision) -> list[Target]:
        """Deployments that may take a session: sound ones first, then by priority, then those with the least to do."""
        targets = self.desk.gateway.revision.targets
        fleet, now_s = self.desk.gateway.process.caller.fleet, self.desk.now_s
        named = [targets[name] for name in decision.plan.steps[0].deployments if name in targets]

        def order(target: Target) -> tuple[bool, int, float]:
            deployment, member = target.deployment, fleet[target.deployment.name]
            unsound = bool(member.trouble(now_s)) or not member.breaker.allows(now_s)
            return unsound, deployment.priority, member.live.in_flight / (deployment.weight or 1e-9)

        return sorted((one for one in named if one.profile.name in REALTIME), key=order)

    async def _ask(
        self, story: Story, target: Target, whose: Whose, exchange: Exchange, offered: Sequence[str]
    ) -> tuple[Begun, Raw, Switched]:
        caller = self.desk.gateway.process.caller
        raw, member = self.desk.accounts[target.account], caller.fleet[target.deployment.name]
        limit = self.desk.limit(story, most_s=self.settings.max_session_s)
        begun = await caller.errands.begin(
            story,
            member,
            target,
            limit,
            lane=story.principal.priority,
            total_s=self.settings.max_session_s,
            bound=raw.hold,
            whose=whose,
        )
        attempt = begun.attempt
        attempt.pass_ = member.breaker.admit(attempt.began_s)
        asking = Asking(
            method="GET",
            path="/realtime",
            query=urlencode({"model": target.deployment.model}),
            lines=_asked(exchange, offered) + trace.encode(story.span),
        )
        try:
            answer = await switch(outbound(raw, asking, begun.key, begun.timeouts), self.desk.egress)
            if isinstance(answer, Refused):
                attempt.status = answer.status
                raise failure(answer.status, answer.headers, answer.body, target.deployment.name, CODECS["openai_chat"])
        except AntiphonError as error:
            caller.failed(attempt, error)
            raise
        now_s = caller.now()
        attempt.status = answer.status
        attempt.first_token(now_s)
        if attempt.pass_:
            member.breaker.succeeded(attempt.pass_, now_s, 0.0)
            attempt.pass_ = 0
        return begun, raw, answer

    # --- policing and metering

    def _guard(self, story: Story, raw: Raw, target: Target) -> Guard:
        principal, own = story.principal, target.deployment.model
        asked = "" if story.request is None else story.request.head.model

        def may_hear(model: str) -> bool:
            names = raw.public.get(model, ())
            return not principal.limited or principal.may_ask(model) or any(map(principal.may_ask, names))

        return Guard(names=frozenset({own, asked}), own=own, may_hear=may_hear)

    def _count(self, story: Story, attempt: Try, session: Session, end: End | None = None) -> None:
        """Settle what the session used."""
        count = session.count
        self.desk.gateway.process.caller.settle(attempt, count.usage)
        story.usage, story.cost_nano_usd = count.usage, attempt.cost_nano_usd
        came = f"{session.came_in} messages of {session.bytes_in} bytes came in"
        went = f"{session.went_out} of {session.bytes_out} went out"
        notes = [f"session: {came}, {went}, {count.responses} responses were done"]
        if end is not None:
            notes.append(f"session: ended by {end.by} with {end.code}")
        if count.unread:
            notes.append(f"usage: {count.unread} responses did not say what they used")
        if count.transcribed:
            notes.append(f"usage: {count.transcribed} transcriptions by another model are not in it")
        story.notes = (*story.notes, *notes)


def protocols(exchange: Exchange) -> tuple[str, ...]:
    """The subprotocols that a caller offers. Raises: BadRequest."""
    said = exchange.headers.get(b"sec-websocket-protocol", b"").decode("latin-1")
    offered = tuple(one for one in (part.strip() for part in said.split(",")) if one)
    if len(offered) > MOST_PROTOCOLS:
        raise BadRequest(f"more than {MOST_PROTOCOLS} subprotocols are offered", param="sec-websocket-protocol")
    return offered


def _asked(exchange: Exchange, offered: Sequence[str]) -> bytes:
    """Header lines of the handshake upstream; a key never goes on."""
    going = [one for one in offered if not one.startswith(_STAY)]
    lines = f"Sec-WebSocket-Protocol: {', '.join(going)}\r\n".encode("latin-1") if going else b""
    headers = exchange.headers
    return lines + b"".join(b"%b: %b\r\n" % (name, headers[name]) for name in _CARRIED if name in headers)


def _lines(exchange: Exchange, upstream: Switched, offered: Sequence[str], story: Story, attempt: Try) -> bytes:
    """Header lines of our own handshake's answer."""
    from_upstream = upstream.headers.get(b"sec-websocket-protocol", b"").decode("latin-1")
    usual = next((one for one in offered if not one.startswith(_STAY)), "")
    chosen = from_upstream if from_upstream in offered else usual
    key = exchange.headers.get(b"sec-websocket-key", b"")
    lines = b"sec-websocket-accept: %b\r\n" % accept_of(key)
    if chosen:
        lines += f"sec-websocket-protocol: {chosen}\r\n".encode("latin-1")
    told = f"x-antiphon-receipt: {story.arrival.id}\r\nx-antiphon-deployment: {attempt.name}\r\n"
    return lines + told.encode()


def _whose(story: Story, decision: Decision) -> Whose:
    """Whose use a session is."""
    request = story.request
    assert request is not None
    return Whose(
        principal=story.principal,
        model=request.head.model,
        route=decision.route.name,
        end_user=request.head.user,
        lineage=request.lineage,
    )
