"""A listening socket, its connections, and how both end."""

import asyncio
import socket
import ssl
import time
from email.utils import formatdate

from antiphon.net.connection import Connection, Handler, Refuse, Site
from antiphon.net.settings import Bounds

SWEEP_S = 0.25
"""How often deadlines of connections are looked at: they are late by this at most."""
BACKLOG = 4096


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
        self._server = await self._loop.create_server(
            lambda: Connection(self._site), sock=sock, backlog=BACKLOG, ssl=self._tls
        )

    def swap(self, handler: Handler, refuse: Refuse, bounds: Bounds) -> None:
        """New requests go to another handler; those that run keep theirs."""
        self._site.handler = handler
        self._site.refuse = refuse
        self._site.bounds = bounds

    @property
    def open_connections(self) -> int:
        return len(self._site.connections)

    async def drain(self, timeout_s: float) -> bool:
        """Stop accepting, let what runs finish, then cut the rest.

        Returns: whether everything finished by itself within `timeout_s`.
        """
        self._site.draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._site.connections):
            connection.drain()
        end_s = time.monotonic() + timeout_s
        while self._site.connections and time.monotonic() < end_s:
            await asyncio.sleep(0.02)
        clean = not self._site.connections
        for connection in tuple(self._site.connections):
            connection.transport.abort()
        while self._site.connections:
            await asyncio.sleep(0)
        if self._timer is not None:
            self._timer.cancel()
        return clean

    def _sweep(self) -> None:
        site = self._site
        site.now_s = time.monotonic()
        site.date_line = f"date: {formatdate(usegmt=True)}\r\n".encode()
        for connection in tuple(site.connections):
            connection.sweep(site.now_s)
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound, listening TCP socket. Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(BACKLOG)
    sock.setblocking(False)
    sock.set_inheritable(shared)
    return sock
