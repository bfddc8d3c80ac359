"""A listening socket, its connections, and how both end."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate

from antiphon.net.connection import Connection
from antiphon.net.settings import Bounds
from antiphon.net.site import Handler, Refuse, Site

SWEEP_S = 0.25
"""How often deadlines of connections are looked at: they are late by this at most."""
BACKLOG = 4096
CANCEL_S = 2.0
"""How long handlers may take to end once they are cancelled."""


class Listener:
    """Serves one socket until it is closed or drained."""

    def __init__(
        self,
        handler: Handler,
        refuse: Refuse,
        bounds: Bounds,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._site = Site(handler, refuse, bounds, self._loop)
        self._tls = tls
        self._server: asyncio.AbstractServer | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, sock: socket.socket) -> None:
        """Accept connections of a bound socket."""
        self._sweep()
        bounds, secured = self._site.bounds, self._tls is not None
        self._server = await self._loop.create_server(
            lambda: Connection(self._site),
            sock=sock,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=bounds.header_timeout_s if secured else None,
            ssl_shutdown_timeout=bounds.send_timeout_s if secured else None,
        )

    def swap(self, handler: Handler, refuse: Refuse, bounds: Bounds) -> None:
        """New requests go to another handler; those that run keep theirs."""
        self._site.handler = handler
        self._site.refuse = refuse
        self._site.bounds = bounds

    @property
    def open_connections(self) -> int:
        return len(self._site.connections)

    async def drain(self, timeout_s: float, on_cut: Callable[[], None] = lambda: None) -> bool:
        """Stop accepting, let what runs finish, then cut the rest; `on_cut` is told right before.

        Returns: whether everything finished by itself within `timeout_s`.
        """
        site = self._site
        site.draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(site.connections):
            connection.drain()
        clean = await self._emptied(timeout_s)
        if not clean:
            on_cut()
            running = [one.task for one in site.connections if one.task is not None]
            for connection in tuple(site.connections):
                connection.transport.abort()
            await self._emptied(CANCEL_S)
            if running:
                await asyncio.wait(running, timeout=CANCEL_S)
        if self._timer is not None:
            self._timer.cancel()
        return clean

    async def _emptied(self, timeout_s: float) -> bool:
        """Wait until no connection is left. Returns: whether that was so in time."""
        if self._site.connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._site.emptied.wait(), timeout_s)
        return not self._site.connections

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)
        self.sweep(time.monotonic())

    def sweep(self, now_s: float) -> None:
        """End what has waited too long; `now_s` is on `time.monotonic`."""
        site = self._site
        site.now_s = now_s
        site.date_line = f"date: {formatdate(usegmt=True)}\r\n".encode()
        for connection in tuple(site.connections):
            connection.sweep(now_s)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound, listening TCP socket. Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
        sock.set_inheritable(shared)
    except BaseException:
        sock.close()
        raise
    return sock
