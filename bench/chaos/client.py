"""A small HTTP client with kept connections that reads an answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import httptools

from .answers import Reply

HOST = "127.0.0.1"
RECEIPT = b"x-antiphon-receipt"


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._reply: Reply | None = None
        self._ended: asyncio.Future[str] | None = None
        self._loop = asyncio.get_running_loop()
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._end("a reset" if isinstance(exc, ConnectionResetError) else "a close")

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end("malformed HTTP")
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reply is not None and name.lower() == RECEIPT:
            self._reply.receipt = value.decode()

    def on_headers_complete(self) -> None:
        if self._reply is not None and self._parser is not None:
            self._reply.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        if self._reply is not None:
            self._reply.feed(data, self._loop.time())

    def on_message_complete(self) -> None:
        if self._reply is not None and self._parser is not None:
            self._reply.complete = True
            if not self._parser.should_keep_alive():
                self.close()
            self._end("")

    def _end(self, why: str) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(why)

    async def send(self, request: bytes, reply: Reply) -> str:
        """Send a request and fill in its reply. Returns: why it ended early, empty when it did not."""
        assert self._transport
        self._reply, self._ended = reply, self._loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)
        try:
            return await self._ended
        finally:
            self._parser = self._reply = self._ended = None

    def close(self) -> None:
        self.open = False
        if self._transport is not None:
            self._transport.close()


class Client:
    """Asks one server; keeps as many connections as are in use at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def post(self, path: str, headers: Mapping[str, str], body: bytes, reply: Reply, timeout_s: float) -> str:
        """Send a request and fill in its reply. Returns: why it ended early, empty when it did not."""
        lines = {"host": HOST, "content-type": "application/json", "content-length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
        try:
            async with asyncio.timeout(timeout_s):
                return await self._send(request, reply)
        except TimeoutError:
            return "the caller's timeout"
        except OSError as error:
            return f"{type(error).__name__}"

    async def _send(self, request: bytes, reply: Reply) -> str:
        """On a kept connection, and once more on a new one when the server had closed that before it answered."""
        kept = self._taken()
        if kept is not None:
            why = await self._on(kept, request, reply)
            if not why or reply.status:
                return why
        _, connection = await asyncio.get_running_loop().create_connection(Connection, HOST, self._port)
        return await self._on(connection, request, reply)

    async def _on(self, connection: Connection, request: bytes, reply: Reply) -> str:
        whole = False
        try:
            why = await connection.send(request, reply)
            whole = not why
            return why
        finally:
            if whole and connection.open:
                self._idle.append(connection)
            else:
                connection.close()

    def _taken(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()
