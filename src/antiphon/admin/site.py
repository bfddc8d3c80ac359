"""Every path of the admin API."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.admin import reply
from antiphon.admin.ask import Ask, who
from antiphon.admin.desk import Desk
from antiphon.admin.openapi import DOCUMENT
from antiphon.admin.route import Route
from antiphon.admin.routes import LONGEST_PART, find
from antiphon.control.callers import Callers
from antiphon.control.roles import EVERYWHERE
from antiphon.control.who import Who
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed
from antiphon.net.exchange import Exchange

log = logging.getLogger("antiphon.admin")


def nobody_told(who: Who, what: str, error: AntiphonError) -> None:
    """Nothing is noted."""


class AdminSite(Struct, frozen=True, kw_only=True):
    """What the paths are answered with."""

    desk: Desk
    identity: Callers
    bootstrap: bytes
    """SHA-256 of the first admin key."""
    taken: Callable[[int], Awaitable[bool]]
    """Waits until every worker of this machine works by a change; False: not in time."""
    forbidden: Callable[[Who, str, AntiphonError], None] = nobody_told
    """Told of each caller who asked for what they may not."""

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        """Answer one exchange, once awaited."""
        return self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            match exchange.path:
                case b"/livez":
                    reply.answer(exchange, 200, {"status": "live"})
                case b"/openapi.json":
                    exchange.respond(200, reply.JSON, DOCUMENT)
                case _:
                    await self._ask(exchange)
        except AntiphonError as error:
            reply.refuse(exchange, error)
        except Exception:  # the end of a request: told, and answered
            log.exception("admin.crashed", extra={"path": exchange.path[:LONGEST_PART].decode("latin-1")})
            reply.refuse(exchange, AntiphonError("this request could not be answered; see the gateway's log"))

    async def _ask(self, exchange: Exchange) -> None:
        asking = await who(exchange, self.identity, self.bootstrap)
        route, names = find(exchange.method, exchange.path)
        try:
            await self._act(exchange, asking, route, names)
        except NotAllowed as error:
            self.forbidden(asking, f"{route.method} {route.path}", error)
            raise

    async def _act(self, exchange: Exchange, asking: Who, route: Route, names: tuple[str, ...]) -> None:
        """Raises: NotAllowed, and what else the path does."""
        if not asking.grants:
            by = asking.by.removeprefix("key/")
            remedy = "use one with `admin: true` or with `roles`, or the first admin key"
            raise NotAllowed(f"the key {by} has no role here; {remedy}")
        asking.need(route.needs, None if route.scoped else EVERYWHERE)
        body = b"".join(exchange.body)
        asked = Ask(who=asking, names=names, said=exchange.query, headers=exchange.headers, body=body)
        done = await asyncio.to_thread(route.act, self.desk, asked)
        if done.changed is None:
            reply.answer(exchange, 200, done.value, done.version)
            return
        taken = await self.taken(done.changed)
        value = {**msgspec.to_builtins(done.value), "taken": taken}
        reply.answer(exchange, 201 if done.made else 200, value, done.version)

    def refuse(self, status: int, message: str) -> tuple[bytes, bytes]:
        """Header lines and body for what the listener itself refuses."""
        error = BadRequest(message, status=status)
        return reply.headers(error), reply.body(error)
