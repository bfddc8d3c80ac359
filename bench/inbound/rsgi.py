"""The site as an RSGI application."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from typing import Any

from granian.rsgi import HTTPProtocol, Scope

from antiphon.app.build import Built
from inbound.deadlines import Deadlines, this_task
from inbound.headers import joined, text_pairs
from inbound.refused import Refused, too_long, too_slow


class RsgiExchange:
    """A whole request, and the means to answer it once, through an RSGI protocol.

    `send_bytes` hands its bytes to an unbounded channel before it returns: there is nothing to
    await, and no way to learn that a caller reads too slowly.
    Source: granian, src/rsgi/io.rs, RSGIHTTPStreamTransport.
    """

    __slots__ = ("_protocol", "_stream", "body", "headers", "method", "path", "query", "received_s")

    def __init__(self, scope: Scope, protocol: HTTPProtocol, body: list[bytes]) -> None:
        self._protocol = protocol
        self.method = scope.method.encode()
        self.path = scope.path.encode("latin-1")
        self.query = scope.query_string.encode("latin-1")
        self.headers = joined([(name.encode(), value.encode("latin-1")) for name, value in scope.headers.items()])
        self.body = body
        self.received_s = time.perf_counter()
        self._stream: Any = None

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self._protocol.response_bytes(status, text_pairs(headers), body)

    def begin(self, status: int, headers: bytes) -> None:
        self._stream = self._protocol.response_stream(status, text_pairs(headers))

    def write(self, piece: bytes) -> None:
        self._stream.send_bytes(piece)

    def end(self, last: bytes = b"") -> None:
        if last:
            self._stream.send_bytes(last)
        self._stream = None  # its end is the answer's

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        """There is none to tell of."""


class RsgiSite:
    """The application."""

    def __init__(self, begin: Callable[[asyncio.AbstractEventLoop], None], built: Callable[[], Built]) -> None:
        """`begin` is called in the server's process, before its loop runs."""
        self._begin = begin
        self._built = built
        self._context = contextvars.copy_context()
        self.deadlines = Deadlines()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._begin(loop)

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        built = self._built()
        task = this_task()
        try:
            body = await self._body(scope, protocol, built, task)
        except Refused as refused:
            lines, said = built.site.refuse(refused.status, refused.message)
            protocol.response_bytes(refused.status, text_pairs(lines), said)
            return
        gone: Any = protocol.client_disconnect()
        happened = False

        def cancel(_: object) -> None:
            nonlocal happened
            happened = True
            task.cancel()

        gone.add_done_callback(cancel, context=self._context)
        try:
            await built.site.handle(RsgiExchange(scope, protocol, body))  # type: ignore[arg-type]
        except asyncio.CancelledError:
            if not happened:
                raise
        finally:
            gone.remove_done_callback(cancel)
            gone.cancel()

    async def _body(self, scope: Scope, protocol: HTTPProtocol, built: Built, task: asyncio.Task[Any]) -> list[bytes]:
        bounds = built.bounds
        length = scope.headers.get("content-length")
        if length is not None and int(length) > bounds.max_body_bytes:
            raise too_long(bounds.max_body_bytes)
        if length is None and scope.headers.get("transfer-encoding") is None:
            return []
        self.deadlines.begin(task, bounds.body_timeout_s)
        try:
            if length is not None:
                return [await protocol()]
            pieces: list[bytes] = []
            size_bytes = 0
            async for piece in protocol:
                pieces.append(piece)
                size_bytes += len(piece)
                if size_bytes > bounds.max_body_bytes:
                    raise too_long(bounds.max_body_bytes)
            return pieces
        except asyncio.CancelledError:
            if self.deadlines.end(task):
                raise too_slow() from None
            raise
        finally:
            self.deadlines.end(task)
