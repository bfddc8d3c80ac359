"""An upstream that keeps the exact bytes it received, and sends the exact bytes it is told to."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

JSON = b"application/json"
SSE = b"text/event-stream"


@dataclass
class Seen:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes
    gone_s: float | None = None
    """When its connection was closed by the other side, on `time.monotonic`."""
    sent: int = 0
    """Pieces of the answer that were written."""

    @property
    def model(self) -> str:
        return json.loads(self.body)["model"]

    @property
    def streams(self) -> bool:
        return bool(json.loads(self.body).get("stream"))


Script = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


def head(status: bytes, kind: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: %b\r\n%b" % (status, kind, more)


def whole(body: bytes, kind: bytes = JSON, status: bytes = b"200 OK", more: bytes = b"") -> Script:
    """A complete answer."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%bcontent-length: %d\r\n\r\n%b" % (head(status, kind, more), len(body), body))

    return script


def streamed(*pieces: bytes, kind: bytes = SSE) -> Script:
    """A stream; every piece is an HTTP chunk of its own, and so read by itself however TCP cuts it."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", kind, b"transfer-encoding: chunked\r\n\r\n"))
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    return script


def endless(piece: bytes, every_s: float = 0.005) -> Script:
    """A stream that goes on until its reader leaves."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", SSE, b"transfer-encoding: chunked\r\n\r\n"))
        while not writer.is_closing():
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            seen.sent += 1
            await asyncio.sleep(every_s)

    return script


async def silent(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await asyncio.get_running_loop().create_future()


def half(start: bytes) -> Script:
    """A whole answer of which only the start comes."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", JSON, b"content-length: %d\r\n\r\n" % (len(start) + 1)) + start)
        await silent(seen, writer)

    return script


def flood(piece: bytes, count: int) -> Script:
    """A stream as fast as it is taken."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", SSE, b"transfer-encoding: chunked\r\n\r\n"))
        for _ in range(count):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            seen.sent += 1
            await writer.drain()

    return script


@dataclass
class Upstream:
    """Answers every request by its script of the moment."""

    script: Script = field(default_factory=lambda: whole(b"{}"))
    seen: list[Seen] = field(default_factory=list)
    open_connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def last(self) -> Seen:
        return self.seen[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            while (seen := await _request(reader)) is not None:
                self.seen.append(seen)
                await self._answer(seen, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_connections -= 1
            writer.close()

    async def _answer(self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run the script while watching whether the other side leaves."""
        work = asyncio.ensure_future(self._scripted(seen, writer))
        watch = asyncio.ensure_future(_left(reader, seen))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)
        if seen.gone_s is not None:
            raise ConnectionResetError

    async def _scripted(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        await self.script(seen, writer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()


async def _left(reader: asyncio.StreamReader, seen: Seen) -> None:
    """Until the other side closes. Callers of these tests never send ahead, so that no byte is lost here."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1):
            pass
    seen.gone_s = time.monotonic()


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    return Seen(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def upstream() -> AsyncGenerator[Upstream]:
    """Serve within a block, in this process."""
    one = Upstream()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(one.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 20, backlog=4096)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
