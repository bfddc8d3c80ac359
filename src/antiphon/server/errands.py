"""Which paths are no model calls, and yet go upstream."""

from collections.abc import Callable, Coroutine
from typing import Any

from antiphon.control.desk import Desk
from antiphon.core.ports import Identity
from antiphon.net.exchange import Exchange
from antiphon.server.files import BATCHES, FILES, shelf
from antiphon.server.passthrough import PREFIX, pass_through
from antiphon.server.realtime import PATHS, realtime

_BELOW = (FILES + b"/", BATCHES + b"/")
Errand = Callable[[Exchange, Desk, Identity], Coroutine[Any, Any, None]]


def errand_of(exchange: Exchange) -> Errand | None:
    """What a path asks for; None: it is another."""
    path = exchange.path
    if path.startswith(PREFIX):
        return pass_through
    if path.startswith((FILES, BATCHES)) and (path in (FILES, BATCHES) or path.startswith(_BELOW)):
        return shelf
    if path in PATHS:
        return realtime
    return None
