"""The lab servers that a gateway runs for its own lab models."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterable
from pathlib import Path

import uvloop

from antiphon.app.child import Child, fork
from antiphon.core.clock import SystemClock
from antiphon.net.listener import bind
from antiphon.providers.lab.server import LabServer
from antiphon.providers.lab.settings import LabSettings

ORPHAN_CHECK_S = 1.0
"""How often it looks whether the gateway that it belongs to still lives."""


class Lab:
    """One lab server in a process of its own, on a loopback port that stays the same over restarts."""

    def __init__(self, settings: LabSettings, base: Path, closing: Iterable[socket.socket]) -> None:
        self._socket = bind("127.0.0.1", 0)
        self._base = base
        self._settings = settings
        self._child = self._start(closing)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def _start(self, closing: Iterable[socket.socket]) -> Child:
        return fork(lambda: uvloop.run(self._serve()), closing=closing)

    async def _serve(self) -> None:
        stop = asyncio.Event()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; workers drain first
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        server = LabServer(self._settings, clock=SystemClock(), base=self._base)
        await server.start(self._socket)
        parent = os.getppid()
        while not stop.is_set() and os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ORPHAN_CHECK_S)
        await server.stop()

    def restart(self, settings: LabSettings, closing: Iterable[socket.socket]) -> None:
        """Serve other models, when they are others."""
        if settings != self._settings:
            self._settings = settings
            self.stop()
            self._child = self._start(closing)

    def revive(self, closing: Iterable[socket.socket]) -> Child | None:
        """Start it again when it has died. Returns: the process that died."""
        child = self._child
        if not child.ended():
            return None
        self._child = self._start(closing)
        return child

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._socket.close()

    def stop(self) -> None:
        """End it at once: nothing that it says is worth waiting for."""
        self._child.signal(signal.SIGKILL)
        self._child.wait()
