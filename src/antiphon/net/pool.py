"""The connections to one origin."""

import asyncio
import contextlib
from collections import deque

from antiphon.core.error import OverLimit, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.ports import Origin
from antiphon.net.dial import dial, explain
from antiphon.net.egress import Egress
from antiphon.net.upstream import Upstream

IDLE_S = 50.0
"""How long a kept connection may lie idle: shorter than the minute after which most servers close theirs."""
QUEUE_LENGTH = 10_000
"""Most requests of one worker that wait for a connection to one origin."""

Place = asyncio.Future[Upstream | None]
"""What a waiting request gets: a connection, or None for leave to open one."""


class Pool:
    """Connections to one origin: the last one used goes out first, so that spare ones grow old and leave.

    Open connections, those being opened, and leaves to open one are never more than the origin allows.
    """

    def __init__(self, origin: Origin, now_s: float, egress: Egress) -> None:
        self._origin = origin
        self.egress = egress
        """Rules that each connection is opened by."""
        self._idle: dict[Upstream, None] = {}
        """In the order in which they fell idle."""
        self._waiting: deque[Place] = deque()
        self._opening = 0
        self._now_s = now_s
        self.connections: set[Upstream] = set()
        self.retired = False
        """No configuration names the origin any more: nothing is kept."""
        self.closed = False

    @property
    def idle_count(self) -> int:
        return len(self._idle)

    @property
    def empty(self) -> bool:
        return not (self.connections or self._opening or self._waiting)

    def kept(self) -> Upstream | None:
        """A connection that is ready now."""
        idle = self._idle
        while idle:
            connection = idle.popitem()[0]
            if not (connection.dead or connection.transport.is_closing()):
                return connection
        return None

    async def connect(self, timeout_s: float, *, fresh: bool = False) -> Upstream:
        """A new connection, or the next that falls free when there are as many as allowed.

        Args:
            fresh: A connection that has lain idle won't do; the oldest of those makes room if there is none.
        Raises: OverLimit, UpstreamUnreachable, UpstreamTimeout.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if fresh and self._full and self._idle:
                    self._drop(next(iter(self._idle)))
                elif self._full:
                    connection = await self._turn()
                    if connection is not None:
                        return connection
                    self._opening -= 1
                return await self._open()
        except TimeoutError:
            where = f"{self._origin.host}:{self._origin.port}"
            raise _kept(UpstreamTimeout(f"no connection to {where} within {timeout_s} s")) from None

    @property
    def _full(self) -> bool:
        return len(self.connections) + self._opening >= self._origin.connections

    async def _turn(self) -> Upstream | None:
        """Wait in line. None is leave to open a connection; it is counted as being opened from then on."""
        if len(self._waiting) >= QUEUE_LENGTH:
            raise OverLimit(f"{QUEUE_LENGTH} requests already wait for {self._origin.host}", retry_after_s=1)
        place: Place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.cancelled():
                with contextlib.suppress(ValueError):
                    self._waiting.remove(place)
            elif (connection := place.result()) is not None:
                self.freed(connection, True)
            else:
                self._opening -= 1
                self._leave()
            raise

    async def _open(self) -> Upstream:
        self._opening += 1
        try:
            if self.closed:
                raise UpstreamUnreachable("this process is closing its connections")
            connection = await dial(self._origin, lambda: Upstream(self.freed), self.egress)
        except UpstreamUnreachable as error:
            raise _kept(error) from error.__cause__
        except (OSError, UnicodeError) as error:
            raise _kept(UpstreamUnreachable(explain(error, self._origin))) from error
        else:
            if connection.usable:
                self.connections.add(connection)
        finally:
            self._opening -= 1
            self._leave()
        return connection

    def freed(self, connection: Upstream, reusable: bool) -> None:
        """A connection has ended its exchange (`reusable`) or its life."""
        if not reusable:
            self._idle.pop(connection, None)
            self.connections.discard(connection)
            self._leave()
            return
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(connection)
                return
        if self.retired:
            connection.abandon()
            return
        connection.idle_since_s = self._now_s
        self._idle[connection] = None

    def _leave(self) -> None:
        """Let those who wait open connections, as far as there is room."""
        while self._waiting and not self._full:
            place = self._waiting.popleft()
            if not place.done():
                self._opening += 1
                place.set_result(None)

    def _drop(self, connection: Upstream) -> None:
        del self._idle[connection]
        self.connections.discard(connection)
        connection.abandon()

    def sweep(self, now_s: float) -> None:
        self._now_s = now_s
        for connection in tuple(self.connections):
            connection.sweep(now_s)
        while self._idle:
            oldest = next(iter(self._idle))
            if now_s - oldest.idle_since_s <= IDLE_S:
                return
            self._drop(oldest)

    def retire(self) -> None:
        """Keep nothing any more; what runs goes on."""
        self.retired = True
        while self._idle:
            self._drop(next(iter(self._idle)))

    def close(self) -> None:
        """Cut every connection and open none."""
        self.closed = True
        for connection in tuple(self.connections):
            connection.transport.abort()


def _kept(error: UpstreamError) -> UpstreamError:
    """An error whose text names hosts of ours: the operator reads it in the receipt, the caller only what it means."""
    error.message = "no connection could be made"
    error.connected = False
    return error
