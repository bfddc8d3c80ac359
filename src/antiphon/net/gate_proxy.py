"""A proxy on this machine for a program that must not go where egress rules don't let it: it looks names up itself, and
connects to the addresses that were checked, so that no name can lead elsewhere a moment later.
"""

import asyncio
import hmac
import secrets
from asyncio import StreamReader, StreamWriter
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from antiphon.core.error import EgressRefused
from antiphon.core.ports import Origin
from antiphon.net.egress import Egress

MOST_HEAD_BYTES = 65_536
MOST_CONNECTIONS = 256
HEAD_S, CONNECT_S, SILENT_S = 10.0, 10.0, 120.0
PIECE_BYTES = 65_536
_HOP = (b"proxy-", b"connection:", b"keep-alive:")


class GateProxy:
    """Listens on the loopback address; only whoever knows its password is served."""

    def __init__(
        self,
        egress: Callable[[], Egress],
        may: Callable[[str, int], bool] = lambda _host, _port: True,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Args:
        egress: Rules in force.
        may: Whether a host and port may be asked besides.
        told: Told of what was refused.
        """
        self._egress, self._may, self._told = egress, may, told
        self.user, self.password = "antiphon", secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._open: set[StreamWriter] = set()

    async def start(self) -> int:
        """Returns: its port. Raises: OSError."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MOST_HEAD_BYTES)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.transport.abort()
            await self._server.wait_closed()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        if len(self._open) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head, reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, head: bytes, reader: StreamReader, writer: StreamWriter) -> None:
        first, *lines = head[:-4].split(b"\r\n")
        method, target, _ = first.split(b" ")
        if not self._known(lines):
            writer.write(b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="a"\r\n')
            writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        tunnel = method == b"CONNECT"
        url = urlsplit(f"//{target.decode()}" if tunnel else target.decode())
        host, port = url.hostname or "", url.port or 80
        if not tunnel and url.scheme != "http":
            raise ValueError("not a URL to be asked")
        try:
            there, out = await self._connected(host, port, tls=tunnel)
        except EgressRefused as error:
            self._told(error.message)
            said = error.message.encode()
            writer.write(
                b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(said) + said
            )
            return
        except (OSError, TimeoutError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                place = (url.path or "/") + (f"?{url.query}" if url.query else "")
                kept = [line for line in lines if not line.lower().startswith(_HOP)]
                out.write(b"\r\n".join([b"%b %b HTTP/1.1" % (method, place.encode()), *kept, b"Connection: close"]))
                out.write(b"\r\n\r\n")
            await _spliced((reader, out), (there, writer))
        finally:
            out.close()

    def _known(self, lines: list[bytes]) -> bool:
        wanted = b"Basic " + b64encode(f"{self.user}:{self.password}".encode())
        said = (line.partition(b":")[2].strip() for line in lines if line.lower().startswith(b"proxy-authorization:"))
        return any(hmac.compare_digest(one, wanted) for one in said)

    async def _connected(self, host: str, port: int, *, tls: bool) -> tuple[StreamReader, StreamWriter]:
        """Raises: EgressRefused, OSError, TimeoutError."""
        if not self._may(host, port):
            raise EgressRefused(f"{host}:{port} is not among the hosts that may be visited")
        async with asyncio.timeout(CONNECT_S):
            addresses = await self._egress().addresses(Origin(host=host, port=port, tls=tls))
            last: OSError | None = None
            for address in addresses:
                try:
                    return await asyncio.open_connection(address, port, limit=PIECE_BYTES)
                except OSError as error:
                    last = error
            raise last or OSError("there is no address")


async def _spliced(*ways: tuple[StreamReader, StreamWriter]) -> None:
    """Carry bytes both ways until one end has said its last, or nobody says anything."""
    tasks = [asyncio.ensure_future(_carried(source, sink)) for source, sink in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carried(source: StreamReader, sink: StreamWriter) -> None:
    while True:
        async with asyncio.timeout(SILENT_S):
            piece = await source.read(PIECE_BYTES)
        if not piece:
            return
        sink.write(piece)
        await sink.drain()
