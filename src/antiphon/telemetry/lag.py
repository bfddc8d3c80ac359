"""Watches how late the event loop comes to its timers, and the worker's gauges with it."""

import asyncio
import time
from collections import deque
from typing import Protocol

from antiphon.telemetry.metrics import Metrics

TICK_S = 0.05
WINDOW = 200
"""Ticks that `antiphon_loop_lag_max_seconds` looks back: ten seconds."""


class Counted(Protocol):
    @property
    def open_connections(self) -> int: ...


async def watch_lag(metrics: Metrics, listener: Counted, client: Counted) -> None:
    """Run until cancelled."""
    recent: deque[float] = deque(maxlen=WINDOW)
    while True:
        due_s = time.monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        late_s = max(time.monotonic() - due_s, 0.0)
        recent.append(late_s)
        metrics.lag.observe(late_s)
        metrics.lag_max.set(max(recent))
        metrics.client_connections.set(listener.open_connections)
        metrics.upstream_connections.set(client.open_connections)
