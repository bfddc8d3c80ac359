"""What the connections of one listener share."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from antiphon.net.exchange import Exchange
from antiphon.net.settings import Bounds

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]
Refuse = Callable[[int, str], tuple[bytes, bytes]]
"""(status, message) to (header lines, body), in a form that callers of any dialect can read."""


class Member(Protocol):
    """What the listener does to each of its connections."""

    transport: asyncio.Transport
    task: asyncio.Task[None] | None

    def sweep(self, now_s: float) -> None: ...

    def drain(self) -> None: ...


class Site:
    """Who answers, within which bounds, and what time it is."""

    __slots__ = ("bounds", "connections", "date_line", "draining", "emptied", "handler", "loop", "now_s", "refuse")

    def __init__(self, handler: Handler, refuse: Refuse, bounds: Bounds, loop: asyncio.AbstractEventLoop) -> None:
        self.handler = handler
        self.refuse = refuse
        self.bounds = bounds
        self.loop = loop
        self.connections: set[Member] = set()
        self.draining = False
        self.emptied = asyncio.Event()
        """Set once the listener drains and the last connection has ended."""
        self.now_s = time.monotonic()
        """Set by each sweep: reading a clock for every request would cost more than it tells."""
        self.date_line = b""

    def left(self, connection: Member) -> None:
        """A connection has ended its life."""
        self.connections.discard(connection)
        if self.draining and not self.connections:
            self.emptied.set()
