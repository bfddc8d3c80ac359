"""Which paths are no model calls, and yet go upstream."""

from collections.abc import Callable, Coroutine
from typing import Any

from antiphon.control.desk import Desk
from antiphon.core.ports import Identity
from antiphon.net.exchange import Exchange
from antiphon.server.passthrough import PREFIX, pass_through

Errand = Callable[[Exchange, Desk, Identity], Coroutine[Any, Any, None]]


def errand_of(exchange: Exchange) -> Errand | None:
    """What a path asks for; None: it is another."""
    path = exchange.path
    if path.startswith(PREFIX):
        return pass_through
    return None
