"""Both ends of a socket for the tests of `net`. Every test runs on asyncio's loop and on uvloop."""

import asyncio
import contextlib
import gc
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import pytest
import uvloop

from antiphon.core.deployment import Timeouts
from antiphon.core.ports import Origin, Outbound
from antiphon.net.client import Client
from antiphon.net.listener import Listener, bind
from antiphon.net.settings import Bounds

PATIENCE_S = 5.0
"""How long anything may take here before the test fails."""


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0)


class Said(NamedTuple):
    """One answer, as its caller read it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Caller:
    """A caller who writes bytes as it likes, and reads answers."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._buffer = bytearray()

    async def connect(self, *, tls=None, name=None, most_bytes: int = 0) -> "Caller":
        """`most_bytes`: a small receive buffer, so that whoever writes feels it soon."""
        sock = socket.socket()
        sock.setblocking(False)
        if most_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, most_bytes)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        self._reader, self._writer = await asyncio.open_connection(
            sock=sock, ssl=tls, server_hostname=name, limit=most_bytes or 65_536
        )
        return self

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def sent(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._writer.drain()

    def half_close(self) -> None:
        self._writer.write_eof()

    async def _more(self) -> bool:
        async with asyncio.timeout(PATIENCE_S):
            data = await self._reader.read(65_536)
        self._buffer += data
        return bool(data)

    async def _line(self, end: bytes) -> bytes:
        while end not in self._buffer:
            if not await self._more():
                raise EOFError(bytes(self._buffer[:200]))
        line, _, rest = bytes(self._buffer).partition(end)
        self._buffer[:] = rest
        return line

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not await self._more():
                raise EOFError(bytes(self._buffer[:200]))
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def answer(self, *, head_only: bool = False) -> Said:
        """The next answer. Raises: EOFError, OSError."""
        first, *lines = (await self._line(b"\r\n\r\n")).split(b"\r\n")
        version, status, *_ = first.split(b" ", 2)
        assert version == b"HTTP/1.1"
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)}
        assert len(headers) == len(lines)
        if head_only or int(status) < 200:
            return Said(int(status), headers, b"")
        if b"content-length" in headers:
            return Said(int(status), headers, await self._exactly(int(headers[b"content-length"])))
        if headers.get(b"transfer-encoding") != b"chunked":
            return Said(int(status), headers, await self.rest())
        body = b""
        while size := int(await self._line(b"\r\n"), 16):
            body += await self._exactly(size)
            assert await self._exactly(2) == b"\r\n"
        assert await self._line(b"\r\n") == b""
        return Said(int(status), headers, body)

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while await self._more():
            pass
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def closed(self) -> bool:
        """Whether the connection ends without another byte, cleanly or not."""
        try:
            return await self.rest() == b""
        except ConnectionError:
            return not self._buffer

    def leave(self, *, rudely: bool = False) -> None:
        """Close, or reset, the connection."""
        if rudely:
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        else:
            self._writer.close()

    @property
    def certificate(self) -> bytes:
        return self._writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


class House:
    """A listener, and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes, bytes]] = []
        """Method, target and body of every request that reached the handler."""
        self.exchanges: list = []
        self.refusals: list[int] = []
        self.callers: list[Caller] = []
        self.go = asyncio.Event()
        """Holds every handler of `/held…` until it is set."""
        self.arrived: asyncio.Queue = asyncio.Queue()
        self.cancelled: asyncio.Queue = asyncio.Queue()

    async def echo(self, exchange) -> None:
        """Answers with what it got; `/held` waits for `go` first, `/stream` answers in chunks."""
        body = b"".join(exchange.body)
        target = exchange.path + (b"?" + exchange.query if exchange.query else b"")
        self.requests.append((exchange.method, target, body))
        self.exchanges.append(exchange)
        self.arrived.put_nowait(exchange)
        if exchange.path.startswith(b"/held"):
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.put_nowait(exchange)
                raise
        if exchange.path.startswith(b"/stream"):
            exchange.begin(200, b"content-type: text/plain\r\n")
            exchange.write(exchange.path)
            exchange.write(b"")
            exchange.end(body)
        else:
            exchange.respond(200, b"content-type: text/plain\r\n", exchange.path + b" " + body)

    def refuse(self, status: int, message: str) -> tuple[bytes, bytes]:
        self.refusals.append(status)
        return b"content-type: text/plain\r\n", message.encode()

    async def start(self, handler=None, tls=None, small=False, **bounds) -> "House":
        self.listener = Listener(handler or self.echo, self.refuse, Bounds(**bounds), tls)
        sock = bind("127.0.0.1", 0)
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.port = sock.getsockname()[1]
        await self.listener.start(sock)
        self.listener._timer.cancel()  # from here on its time is what `later` says
        self._began_s = time.monotonic()
        return self

    async def caller(self, **how) -> Caller:
        caller = await Caller(self.port).connect(**how)
        self.callers.append(caller)
        return caller

    def later(self, seconds: float) -> None:
        """Let the listener believe that so much time has passed since its start."""
        self.listener.sweep(self._began_s + seconds)

    async def empty(self) -> None:
        """Wait until no connection is left."""
        await until(lambda: not self.listener.open_connections)

    async def some(self, condition: Callable[[Any], object]) -> None:
        """Wait until a connection meets a condition."""
        await until(lambda: any(condition(one) for one in self.listener._site.connections))

    async def next(self, queue: asyncio.Queue):
        async with asyncio.timeout(PATIENCE_S):
            return await queue.get()


class Wire:
    """A transport in memory."""

    def __init__(self, protocol) -> None:
        self._protocol = protocol
        self.out = bytearray()
        self.unsent = 0
        self.ended = self.lost = self.eof = False
        self.paused = False

    def write(self, data) -> None:
        assert not self.eof
        if not self.ended:
            self.out += data

    def writelines(self, pieces) -> None:
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        self.eof = True

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        """Ends the connection once nothing is unsent."""
        self.ended = True
        if not self.unsent:
            self.abort()

    def abort(self) -> None:
        self.ended = True
        if not self.lost:
            self.lost = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


@pytest.fixture
def wired() -> Callable[..., Any]:
    """Gives a protocol a transport in memory."""

    def connect(protocol) -> Wire:
        wire = Wire(protocol)
        protocol.connection_made(wire)
        return wire

    return connect


class Wrong:
    """What the loop was told of failures that nobody awaited."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.messages.append(context)


@pytest.fixture
async def wrong() -> AsyncIterator[Wrong]:
    """Nothing may go wrong unseen: what is left in `messages` at the end fails the test."""
    wrong = Wrong()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(wrong)
    yield wrong
    gc.collect(1)
    await asyncio.sleep(0)
    assert not wrong.messages


@pytest.fixture
async def house(wrong) -> AsyncIterator[Callable[..., Coroutine[Any, Any, House]]]:
    """Starts listeners. At the end each must let go of every connection."""
    houses: list[House] = []

    async def start(handler=None, **how) -> House:
        houses.append(await House().start(handler, **how))
        return houses[-1]

    yield start
    for one in houses:
        for caller in one.callers:
            caller._writer.transport.abort()
        await one.listener.drain(0.0)
    assert [one.listener.open_connections for one in houses] == [0] * len(houses)


class Peer(asyncio.Protocol):
    """An upstream's side of one connection; the test says what it does."""

    def __init__(self, script) -> None:
        self._script = script
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self.eof = False
        self.lost = asyncio.Event()
        """The client has closed or reset the connection."""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        with contextlib.suppress(EOFError):
            await self._script(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._news.set()

    def eof_received(self) -> bool:
        self.eof = True
        self._news.set()
        return False

    def connection_lost(self, exc) -> None:
        self.eof = True
        self._news.set()
        self.lost.set()
        self.task.cancel()

    async def until(self, end: bytes) -> bytes:
        """Everything up to and with `end`."""
        async with asyncio.timeout(PATIENCE_S):
            while end not in self._buffer:
                if self.eof:
                    raise EOFError
                self._news.clear()
                await self._news.wait()
        place = self._buffer.index(end) + len(end)
        data = bytes(self._buffer[:place])
        del self._buffer[:place]
        return data

    async def take(self, size: int) -> bytes:
        """Exactly so many bytes."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self._buffer) < size:
                if self.eof:
                    raise EOFError
                self._news.clear()
                await self._news.wait()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    async def request(self) -> tuple[bytes, bytes]:
        """The next request: head and body."""
        head = await self.until(b"\r\n\r\n")
        return head, await self.take(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    async def gone(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.lost.wait()


OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


class Upstreams:
    """A server whose every connection runs a script, and the client that calls it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.peers: list[Peer] = []
        self.made: asyncio.Queue[Peer] = asyncio.Queue()

    async def start(self, script, tls=None, small: bool = False) -> None:
        def peer() -> Peer:
            self.peers.append(Peer(script))
            self.made.put_nowait(self.peers[-1])
            return self.peers[-1]

        sock = bind("127.0.0.1", 0)
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.port = sock.getsockname()[1]
        self.server = await asyncio.get_running_loop().create_server(peer, sock=sock, ssl=tls)

    def origin(self, **more) -> Origin:
        return Origin(**{"host": "127.0.0.1", "port": self.port, **more})

    def outbound(self, body: bytes = b"hello", origin: Origin | None = None, **timeouts) -> Outbound:
        return Outbound(
            origin=origin or self.origin(),
            head=b"POST /v1/chat/completions HTTP/1.1\r\nhost: up\r\n",
            body=(body,),
            size_bytes=len(body),
            timeouts=Timeouts(**timeouts),
        )

    async def send(self, body: bytes = b"hello", *, fresh: bool = False, origin: Origin | None = None, **timeouts):
        async with asyncio.timeout(PATIENCE_S):
            return await self.client.send(self.outbound(body, origin, **timeouts), fresh=fresh)

    async def whole(self, body: bytes = b"hello", **how) -> bytes:
        answer = await self.send(body, **how)
        async with asyncio.timeout(PATIENCE_S):
            return await answer.read(1 << 25)

    async def peer(self) -> Peer:
        async with asyncio.timeout(PATIENCE_S):
            return await self.made.get()

    async def nothing_left(self, *, open_connections: int = 0) -> None:
        """Wait until so many connections are left, each of them idle."""
        await until(lambda: self.client.open_connections == self.client.idle_connections == open_connections)


@pytest.fixture
async def upstreams(wrong) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Upstreams]]]:
    """Starts servers and a client for them. At the end the client holds nothing that runs."""
    client = Client()
    all_: list[Upstreams] = []

    async def start(script, **how) -> Upstreams:
        all_.append(Upstreams(client))
        await all_[-1].start(script, **how)
        return all_[-1]

    yield start
    try:
        await until(lambda: client.open_connections == client.idle_connections)
    finally:
        client.close()
        for one in all_:
            one.server.close()
            for peer in one.peers:
                if hasattr(peer, "transport"):
                    peer.transport.abort()
                    await peer.gone()
    await until(lambda: not client.open_connections)
    assert all(pool.empty for pool in client._pools.values())
