"""`GET /v1/spend`."""

import asyncio
import time
from urllib.parse import parse_qsl

import msgspec

from antiphon.control.spend import report
from antiphon.control.spend_asked import Asked
from antiphon.core.error import BadRequest, Unavailable
from antiphon.core.principal import Principal
from antiphon.core.spend import Spending
from antiphon.net.exchange import Exchange
from antiphon.server.reply import JSON

TIMEOUT_S = 30.0
"""For each of the few questions that a report asks of the store."""
MOST_AT_ONCE = 2
"""Reports of one worker."""
MOST_LINES = 10_000
_TEXTS = ("by", "since", "until", "tenant")
_FLAGS = ("forecast", "anomalies")


class Reports:
    """One worker's reports: made in threads, so few at once that its requests don't feel them."""

    def __init__(self, spending: Spending) -> None:
        self._spending = spending
        self._running = 0

    async def answer(self, exchange: Exchange, principal: Principal) -> tuple[bytes, bytes]:
        """Header lines and body. Raises: BadRequest, NotAllowed, StoreError, Unavailable."""
        asked = _asked(exchange.query)
        if self._running >= MOST_AT_ONCE:
            raise Unavailable(f"{MOST_AT_ONCE} reports are being made here; ask again soon", retry_after_s=5)
        self._running += 1
        working = asyncio.ensure_future(asyncio.to_thread(self._made, asked, principal))
        working.add_done_callback(self._done)
        return JSON, await asyncio.shield(working)  # a caller that leaves doesn't end the thread

    def _made(self, asked: Asked, principal: Principal) -> bytes:
        return msgspec.json.encode(report(self._spending, asked, principal, time.time_ns(), TIMEOUT_S, most=MOST_LINES))

    def _done(self, working: asyncio.Future[bytes]) -> None:
        self._running -= 1
        if not working.cancelled():
            working.exception()  # seen here too, for callers that have left


def _asked(query: bytes) -> Asked:
    """Raises: BadRequest."""
    texts: dict[str, str] = {}
    flags: dict[str, bool] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in _TEXTS:
            texts[name] = value
        elif name in _FLAGS:
            if value not in ("true", "false"):
                raise BadRequest(f"`{name}` is `true` or `false`", param=name)
            flags[name] = value == "true"
        elif name != "key":  # a credential, in Gemini's way
            known = ", ".join((*_TEXTS, *_FLAGS))
            raise BadRequest(f"a report takes no {name[:64]!r}; known: {known}", param=name[:64])
    return Asked(
        by=texts.get("by", ""),
        since=texts.get("since", ""),
        until=texts.get("until", ""),
        tenant=texts.get("tenant", ""),
        forecast=flags.get("forecast", False),
        anomalies=flags.get("anomalies", False),
    )
