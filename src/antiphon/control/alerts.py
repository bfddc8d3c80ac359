"""Tells of budgets that run low: a line in the log, and a webhook where there is one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from antiphon.control.settings_alerts import AlertSettings, WebhookSettings
from antiphon.core.alert import Alert
from antiphon.core.error import AntiphonError, UpstreamError
from antiphon.core.ports import Transport
from antiphon.net.post import Hook, posted

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
        hook = Hook(url=webhook.url, secret=webhook.secret, timeout_s=webhook.timeout_s)
        outbound = posted(body, hook, self._now_ns() // 1_000_000_000)
        inbound = await self._transport.send(outbound)
        try:
            await inbound.read(MOST_ANSWER_BYTES)
        except UpstreamError:
            inbound.close()
            raise
        return "" if inbound.status in WELL else f"the webhook answered {inbound.status}"
