"""The pooled HTTP/1.1 client: the fast path of the `Transport` port."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from antiphon.core.ports import Inbound, Origin, Outbound, Transport
from antiphon.net.egress import Egress
from antiphon.net.pool import Pool

USUAL = Egress()
SWEEP_S = 0.05
"""How often deadlines are looked at: they are late by twice this at most."""


class Client(Transport):
    """Sends requests over kept connections; one per worker."""

    def __init__(self, egress: Egress = USUAL) -> None:
        self._egress = egress
        self._leaving: list[Pool] = []
        """Opened by rules of before: what runs there ends, and nothing is kept."""
        self._loop = asyncio.get_running_loop()
        self._pools: dict[Origin, Pool] = {}
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)
        self._closed = False

    def send(self, request: Outbound, *, fresh: bool = False) -> Coroutine[Any, Any, Inbound]:
        started_s = time.perf_counter()
        pool = self._pools.get(request.origin)
        if pool is None:
            pool = self._pools[request.origin] = Pool(request.origin, started_s, self._egress)
            pool.closed = self._closed
        connection = None if fresh else pool.kept()
        if connection is not None:
            return connection.exchange(request, started_s, started_s)
        return self._connected(pool, request, started_s, fresh=fresh)

    async def _connected(self, pool: Pool, request: Outbound, started_s: float, *, fresh: bool) -> Inbound:
        """Send over a connection that is not at hand yet."""
        connection = await pool.connect(request.timeouts.connect_s, fresh=fresh)
        now_s = time.perf_counter()
        served = connection.served
        answer = await connection.exchange(request, started_s, now_s)
        if served:
            answer.queue_us = int((now_s - started_s) * 1e6)
        else:
            answer.connect_us = int((now_s - started_s) * 1e6)
        return answer

    @property
    def open_connections(self) -> int:
        """Connections of all pools, idle ones included."""
        return sum(len(pool.connections) for pool in self._all())

    @property
    def idle_connections(self) -> int:
        return sum(pool.idle_count for pool in self._all())

    def _all(self) -> tuple[Pool, ...]:
        return (*self._pools.values(), *self._leaving)

    def allow(self, egress: Egress) -> None:
        """Go by other rules from now on. No connection that was opened by those of before carries another request."""
        if egress == self._egress:
            return
        self._egress = egress
        for pool in self._pools.values():
            pool.egress = egress
            pool.retire()
        self._leaving = [pool for pool in self._all() if not pool.empty]
        self._pools = {}

    def retain(self, origins: set[Origin]) -> None:
        """Keep no connections to origins that no configuration names any more."""
        for origin, pool in self._pools.items():
            if origin in origins:
                pool.retired = False
            else:
                pool.retire()

    def close(self) -> None:
        """Cut every connection and open none."""
        self._closed = True
        self._timer.cancel()
        for pool in self._all():
            pool.close()

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)
        self.sweep(time.perf_counter())

    def sweep(self, now_s: float) -> None:
        """End what has waited too long; `now_s` is on `time.perf_counter`."""
        for origin, pool in tuple(self._pools.items()):
            pool.sweep(now_s)
            if pool.retired and pool.empty:
                del self._pools[origin]
        for pool in self._leaving:
            pool.sweep(now_s)
        self._leaving = [pool for pool in self._leaving if not pool.empty]
