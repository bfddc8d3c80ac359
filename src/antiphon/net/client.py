"""The pooled HTTP/1.1 client: the fast path of the `Transport` port."""

import asyncio
import contextlib
import time
from collections import deque

from antiphon.core.error import OverLimit, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.ports import Inbound, Origin, Outbound, Transport
from antiphon.net.dial import dial
from antiphon.net.upstream import Upstream

SWEEP_S = 0.05
"""How often deadlines are looked at: they are late by this at most."""
IDLE_S = 50.0
"""How long a kept connection may lie idle: shorter than the minute after which most servers close theirs."""
QUEUE_LENGTH = 10_000
"""Most requests of one worker that wait for a connection to one origin."""


class Pool:
    """Connections to one origin: the last one used goes out first, so that spare ones grow old and leave."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._idle: list[Upstream] = []
        self._waiting: deque[asyncio.Future[Upstream | None]] = deque()
        self.connections: set[Upstream] = set()
        self._opening = 0

    @property
    def idle_count(self) -> int:
        return len(self._idle)

    def kept(self) -> Upstream | None:
        """A connection that is ready now."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
            connection.transport.abort()
        return None

    async def connect(self, timeout_s: float, *, fresh: bool = False) -> Upstream:
        """A new connection, or the next that falls free when there are as many as allowed.

        Raises: OverLimit, UpstreamUnreachable, UpstreamTimeout.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if len(self.connections) + self._opening >= self._origin.connections and not fresh:
                    connection = await self._queue()
                    if connection is not None:
                        return connection
                return await self._open()
        except TimeoutError:
            raise UpstreamTimeout(
                f"no connection to {self._origin.host}:{self._origin.port} within {timeout_s} s"
            ) from None

    async def _queue(self) -> Upstream | None:
        if len(self._waiting) >= QUEUE_LENGTH:
            raise OverLimit(f"{QUEUE_LENGTH} requests already wait for {self._origin.host}", retry_after_s=1)
        place: asyncio.Future[Upstream | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.freed(place.result(), True)
            raise

    async def _open(self) -> Upstream:
        self._opening += 1
        try:
            connection = await dial(self._origin, lambda: Upstream(self.freed))
        except OSError as error:
            where = f"{self._origin.host}:{self._origin.port}"
            raise UpstreamUnreachable(f"no connection to {where}: {error.strerror or error}") from error
        finally:
            self._opening -= 1
        self.connections.add(connection)
        return connection

    def freed(self, connection: Upstream | None, reusable: bool) -> None:
        """A connection has ended its exchange (`reusable`) or its life."""
        if connection is not None and not reusable:
            self.connections.discard(connection)
            with contextlib.suppress(ValueError):
                self._idle.remove(connection)
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(connection if reusable else None)
                return
        if reusable and connection is not None:
            connection.idle_since_s = time.monotonic()
            self._idle.append(connection)

    def sweep(self, now_s: float) -> None:
        for connection in tuple(self.connections):
            connection.sweep(now_s)
        while self._idle and now_s - self._idle[0].idle_since_s > IDLE_S:
            self._idle.pop(0).transport.close()


class Client(Transport):
    """Sends requests over kept connections; one per worker."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pools: dict[Origin, Pool] = {}
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)

    async def send(self, request: Outbound, *, fresh: bool = False) -> Inbound:
        started_s = time.perf_counter()
        pool = self._pools.get(request.origin)
        if pool is None:
            pool = self._pools[request.origin] = Pool(request.origin)
        connection = None if fresh else pool.kept()
        if connection is not None:
            return await connection.exchange(request, started_s)
        connection = await pool.connect(request.timeouts.connect_s, fresh=fresh)
        connect_us = int((time.perf_counter() - started_s) * 1e6)
        answer = await connection.exchange(request, started_s)
        if connection.served:
            answer.queue_us = connect_us
        else:
            answer.connect_us = connect_us
        return answer

    @property
    def open_connections(self) -> int:
        """Connections of all pools, idle ones included."""
        return sum(len(pool.connections) for pool in self._pools.values())

    @property
    def idle_connections(self) -> int:
        return sum(pool.idle_count for pool in self._pools.values())

    def retain(self, origins: set[Origin]) -> None:
        """Close idle connections to origins that no configuration names any more."""
        for origin in self._pools.keys() - origins:
            pool = self._pools[origin]
            while (connection := pool.kept()) is not None:
                connection.transport.close()
            if not pool.connections:
                del self._pools[origin]

    def close(self) -> None:
        """Cut every connection."""
        self._timer.cancel()
        for pool in self._pools.values():
            for connection in tuple(pool.connections):
                connection.transport.abort()

    def _sweep(self) -> None:
        now_s = time.monotonic()
        for pool in self._pools.values():
            pool.sweep(now_s)
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)


__all__ = ["Client", "UpstreamError"]
