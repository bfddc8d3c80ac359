"""Streams that tell clients what has changed: `GET` in the older era, `subscriptions/listen` in the modern one."""

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.agents.mcp.news import PARTS, News, Part
from antiphon.control.mcp_offer import Offering
from antiphon.core.principal import Principal
from antiphon.net.exchange import Exchange
from antiphon.server.mcp_in_flight import InFlight
from antiphon.wire import mcp

LOOK_S = 1.0
"""Between two looks at whether the process is to end."""
BEATS = 10
"""Looks between two signs of life."""
STREAM_LOOKS = 600
"""Until a stream is ended, and its client begins another under the rights that it has by then."""
MOST_STREAMS = 1000
"""Of one process."""
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
STREAM = b"content-type: text/event-stream\r\ncache-control: no-store\r\nx-accel-buffering: no\r\n"
_WANTED: Mapping[Part, str] = {
    "tools": "toolsListChanged",
    "resources": "resourcesListChanged",
    "prompts": "promptsListChanged",
}


class Listener:
    """One client that listens."""

    def __init__(self, exchange: Exchange, offering: Offering, principal: Principal, scope: str) -> None:
        self._exchange, self._offering, self._principal, self._scope = exchange, offering, principal, scope

    async def all(self, news: News, in_flight: InFlight) -> None:
        """In the older era: of everything. Raises: McpError."""
        in_flight.listen(MOST_STREAMS)
        try:
            self._exchange.begin(200, STREAM)
            self._exchange.write(b": here\n\n")
            await self._follow(news, in_flight, PARTS, {})
            self._exchange.end()
        finally:
            in_flight.leave()

    async def some(self, news: News, in_flight: InFlight, given: int | str, params: Mapping[str, Any]) -> None:
        """In the modern era: of what the client names. Raises: McpError."""
        named = mcp.mapping(params.get("notifications"))
        parts: list[Part] = [part for part in PARTS if named.get(_WANTED[part]) is True]
        in_flight.listen(MOST_STREAMS)
        try:
            meta = {"_meta": {SUBSCRIPTION: given}}
            self._exchange.begin(200, STREAM)
            honored = {"notifications": {_WANTED[part]: True for part in parts}, **meta}
            self._say("notifications/subscriptions/acknowledged", honored)
            await self._follow(news, in_flight, parts, meta)
            self._exchange.end(mcp.event(mcp.result(given, {"resultType": "complete", **meta})))
        finally:
            in_flight.leave()

    async def _follow(self, news: News, in_flight: InFlight, parts: Sequence[Part], params: Mapping[str, Any]) -> None:
        counts = news.counts
        for look in range(STREAM_LOOKS):
            if in_flight.stopping():
                return
            counts, changed = await news.after(counts, LOOK_S)
            for part in {part for part, server in changed if part in parts and self._concerns(server)}:
                self._say(f"notifications/{part}/list_changed", params)
            if look % BEATS == BEATS - 1:
                self._exchange.write(b": still here\n\n")

    def _concerns(self, server: str) -> bool:
        """Whether the client can have anything of a server; of none, all can."""
        if not server:
            return True
        return self._scope in ("", server) and server in self._offering.scopes(self._principal)

    def _say(self, method: str, params: Mapping[str, Any]) -> None:
        self._exchange.write(mcp.event(mcp.request(method, params)))
