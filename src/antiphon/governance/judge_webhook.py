"""A guard that asks a service over HTTP, and does not ask it again and again while it is away."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.calls.story import Story
from antiphon.core.error import AntiphonError, GuardFailed, StaleConnection, UpstreamMalformed
from antiphon.core.finding import Side
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.governance.judge import Judge, Place, not_asked
from antiphon.governance.settings import DataClassSettings
from antiphon.guards.port import Asked, Guard, Text
from antiphon.guards.settings_judge import WebhookSettings
from antiphon.net.post import Hook, posted

MOST_ANSWER_BYTES = 1_048_576
MOST_FOUND = 1000
OK = 200


class Asking(Struct, frozen=True, kw_only=True):
    """What is sent."""

    guard: str
    side: Side
    receipt: str
    tenant: str
    route: str
    data_class: str
    texts: list[dict[str, str]]
    """Each with `where`, `channel` and `text`."""


Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
"""Goes into receipts, errors and logs."""


class Answered(Struct, frozen=True, kw_only=True):
    """One thing that was found."""

    kind: Word
    rule: Word = ""
    text: Annotated[int, Meta(ge=0)] = 0
    """Which of the texts."""
    start: Annotated[int, Meta(ge=0)] = 0
    """Characters, that is Unicode code points, from the text's beginning."""
    end: Annotated[int, Meta(ge=0)] | None = None
    """None: up to its end."""
    score: Annotated[float, Meta(ge=0, le=1)] = 1.0


class Answer(Struct, frozen=True, kw_only=True):
    """What is answered: an empty list, where nothing was found. Members that are not named here are passed over."""

    findings: Annotated[list[Answered], Meta(max_length=MOST_FOUND)]


_decode = msgspec.json.Decoder(Answer).decode


class WebhookJudge(Judge):
    """Posts texts, signed."""

    def __init__(
        self,
        guard: Guard,
        settings: WebhookSettings,
        classes: DataClassSettings,
        transport: Transport,
        *,
        fraction: Callable[[], float],
        now_ns: Callable[[], int],
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`fraction`: numbers evenly spread in [0, 1). `now_s`: steady seconds."""
        super().__init__(guard, settings, classes)
        self._zone = settings.zone
        self._transport = transport
        self._now_ns, self._now_s = now_ns, now_s
        self.hook = Hook(
            url=settings.url,
            secret=settings.secret,
            headers=settings.headers,
            timeout_s=settings.timeout_s,
            networks=tuple(settings.networks),
            ca_file=settings.ca_file,
        )
        self.origin = posted(b"", self.hook, 0).origin
        """Where it is: the transport keeps connections to origins that it is told of."""
        self.breaker = Breaker(guard.name, BreakerSettings(), MemoryBreakers(), fraction)

    async def _ask(self, texts: Sequence[Text], asked: Asked, story: Story, side: Side) -> list[Place]:
        if self._zone == "public" and self.private_only(asked, story):
            raise not_asked(self.guard.name)
        shown = [{"where": one.where, "channel": one.channel, "text": one.text} for one in texts]
        asking = Asking(
            guard=self.guard.name,
            side=side,
            receipt=story.arrival.id,
            tenant=asked.tenant,
            route=asked.route,
            data_class=asked.data_class,
            texts=shown,
        )
        return self._places(await self._answered(msgspec.json.encode(asking)), texts)

    async def _answered(self, body: bytes) -> Answer:
        """Raises: GuardFailed, UpstreamError, OverLimit."""
        breaker, began_s = self.breaker, self._now_s()
        pass_ = breaker.admit(began_s)
        if not pass_:
            raise GuardFailed(
                f"the service of guard `{self.guard.name}` is left alone: {breaker.state(began_s).reason}"
            )
        try:
            answer = await self._sent(posted(body, self.hook, self._now_ns() // 1_000_000_000))
        except AntiphonError as error:
            breaker.failed(pass_, self._now_s(), error.said_code)
            raise
        except BaseException:
            # Its time is over, or whoever asked has gone: only the first speaks against it.
            if self._now_s() - began_s >= self._timeout_s:
                breaker.failed(pass_, self._now_s(), "timeout")
            else:
                breaker.dropped(pass_, self._now_s())
            raise
        breaker.succeeded(pass_, self._now_s(), self._now_s() - began_s)
        return answer

    async def _sent(self, outbound: Outbound) -> Answer:
        try:
            inbound = await self._transport.send(outbound)
        except StaleConnection:
            inbound = await self._transport.send(outbound, fresh=True)
        try:
            return await _read(inbound)
        finally:
            inbound.close()

    def _places(self, answer: Answer, texts: Sequence[Text]) -> list[Place]:
        """What was found, in the texts that were sent. Raises: UpstreamMalformed."""
        rule = f"webhook.{self.guard.name}"
        out: list[Place] = []
        for one in answer.findings:
            length = len(texts[one.text].text) if one.text < len(texts) else -1
            end = length if one.end is None else one.end
            if not one.start <= end <= length:
                raise UpstreamMalformed(f"a finding is at {one.start} to {end} of text {one.text}, which there isn't")
            out.append(
                Place(
                    start=one.start,
                    end=end,
                    kind=one.kind,
                    rule=f"{rule}.{one.rule}" if one.rule else rule,
                    score=one.score,
                    text=one.text,
                )
            )
        return out


async def _read(inbound: Inbound) -> Answer:
    """Raises: UpstreamError."""
    body = await inbound.read(MOST_ANSWER_BYTES)
    if inbound.status != OK:
        raise UpstreamMalformed(f"the service answered {inbound.status}")
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(f"the service's answer can't be read: {error}") from error
