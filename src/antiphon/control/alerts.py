"""Tells of budgets that run low: a line in the log, and a webhook where there is one."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha256
from urllib.parse import urlsplit

import msgspec

from antiphon.control.settings_alerts import AlertSettings, WebhookSettings
from antiphon.core.alert import Alert
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, UpstreamError
from antiphon.core.ports import Outbound, Transport
from antiphon.net.egress import origin_of

log = logging.getLogger("antiphon.alerts")
MOST_WAITING = 1000
"""Alerts that wait for a webhook; a new one that finds no room is in the log alone."""
FIRST_GAP_S = 1.0
"""Before the second try; each further gap is four times as long."""
MOST_ANSWER_BYTES = 65_536
WELL = range(200, 300)


class Alerts:
    """One per worker. `tell` never waits; `run` sends for as long as it is not cancelled."""

    def __init__(
        self,
        transport: Transport,
        settings: AlertSettings,
        now_ns: Callable[[], int],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`pause`: waits so many seconds, once awaited."""
        self._transport = transport
        self._now_ns = now_ns
        self._pause = pause
        self._waiting: asyncio.Queue[Alert] = asyncio.Queue(MOST_WAITING)
        self.settings = settings

    def tell(self, alert: Alert) -> None:
        """Take an alert."""
        log.warning(
            "budget.threshold",
            extra={
                "budget": alert.budget,
                "account": alert.account,
                "threshold": alert.threshold,
                "fraction": round(alert.fraction, 4),
            },
        )
        if self.settings.webhook is None:
            return
        try:
            self._waiting.put_nowait(alert)
        except asyncio.QueueFull:
            log.error("alert.not_sent", extra={"budget": alert.budget, "reason": f"{MOST_WAITING} alerts wait already"})

    async def run(self) -> None:
        """Send what is told, one after the other, in order."""
        while True:
            alert = await self._waiting.get()
            webhook = self.settings.webhook
            if webhook is not None:
                await self._send(alert, webhook)

    async def _send(self, alert: Alert, webhook: WebhookSettings) -> None:
        reason = ""
        for number in range(webhook.tries):
            if number:
                await self._pause(FIRST_GAP_S * 4 ** (number - 1))
            try:
                reason = await self._try(alert, webhook)
            except AntiphonError as error:
                reason = error.message
            if not reason:
                return
        log.error("alert.not_sent", extra={"budget": alert.budget, "reason": reason})

    async def _try(self, alert: Alert, webhook: WebhookSettings) -> str:
        """Post it once. Returns: what was wrong; empty: nothing. Raises: UpstreamError, OverLimit."""
        body = msgspec.json.encode(alert)
        outbound = posted(body, webhook, self._now_ns() // 1_000_000_000)
        inbound = await self._transport.send(outbound)
        try:
            await inbound.read(MOST_ANSWER_BYTES)
        except UpstreamError:
            inbound.close()
            raise
        return "" if inbound.status in WELL else f"the webhook answered {inbound.status}"


def posted(body: bytes, webhook: WebhookSettings, now_s: int) -> Outbound:
    """An alert as it is sent."""
    url = urlsplit(webhook.url.reveal())
    place = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"POST {place} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}", "Content-Type: application/json"]
    if webhook.secret is not None:
        lines.append(f"x-antiphon-signature: {signature(body, webhook.secret.reveal(), now_s)}")
    return Outbound(
        origin=origin_of(webhook.url.reveal()),
        head="".join(f"{line}\r\n" for line in lines).encode("latin-1"),
        body=(body,),
        size_bytes=len(body),
        timeouts=Timeouts(
            connect_s=webhook.timeout_s,
            first_byte_s=webhook.timeout_s,
            between_bytes_s=webhook.timeout_s,
            total_s=webhook.timeout_s,
        ),
    )


def signature(body: bytes, secret: str, now_s: int) -> str:
    """How a receiver can tell that an alert is ours, and new."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (now_s, body), sha256).hexdigest()
    return f"t={now_s},v1={digest}"
