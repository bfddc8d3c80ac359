"""The site as an ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any

from antiphon.app.build import Built
from inbound.deadlines import Deadlines, this_task
from inbound.headers import joined, pairs
from inbound.refused import Refused, too_long, too_slow

Message = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]


class AsgiExchange:
    """A whole request, and the means to answer it once, through `send`.

    The path writes from within the read that brought the upstream's bytes, where nothing can be
    awaited. uvicorn's `send` suspends only while its buffer is full, so it is stepped once on the
    spot; where it does suspend, a task carries on, and the upstream is paused.
    """

    __slots__ = (
        "_late",
        "_on_pressure",
        "_send",
        "_waits",
        "body",
        "flushing",
        "headers",
        "method",
        "path",
        "query",
        "received_s",
    )

    def __init__(
        self,
        scope: Message,
        headers: dict[bytes, bytes],
        body: list[bytes],
        send: Send,
        waits: Callable[[AsgiExchange, bool], None],
    ) -> None:
        """`waits` is told when the caller's buffer is full, and when no more."""
        self._send = send
        self._waits = waits
        self.method: bytes = scope["method"].encode()
        self.path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.headers = headers
        self.body = body
        self.received_s = time.perf_counter()
        self._late: deque[Message] | None = None
        self._on_pressure: Callable[[bool], None] | None = None
        self.flushing: asyncio.Task[None] | None = None
        """Sends what could not be sent on the spot."""

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        said = [*pairs(headers), (b"content-length", b"%d" % len(body))]
        self._put({"type": "http.response.start", "status": status, "headers": said})
        self._put({"type": "http.response.body", "body": body})

    def begin(self, status: int, headers: bytes) -> None:
        self._put({"type": "http.response.start", "status": status, "headers": pairs(headers)})

    def write(self, piece: bytes) -> None:
        self._put({"type": "http.response.body", "body": piece, "more_body": True})

    def end(self, last: bytes = b"") -> None:
        self._on_pressure = None
        self._put({"type": "http.response.body", "body": last})

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._on_pressure = callback

    def _put(self, message: Message) -> None:
        if self._late is not None:
            self._late.append(message)
            return
        sending = self._send(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return
        self._late = deque()
        self._pressed(True)
        self.flushing = asyncio.get_running_loop().create_task(self._flush(sending, waits_for))

    async def _flush(self, sending: Coroutine[Any, Any, None], waits_for: object) -> None:
        await _resumed(sending, waits_for)
        while self._late:
            await self._send(self._late.popleft())
        self._late = None
        self._pressed(False)

    def _pressed(self, on: bool) -> None:
        self._waits(self, on)
        if self._on_pressure is not None:
            self._on_pressure(on)


@coroutine
def _resumed(begun: Coroutine[Any, Any, None], waits_for: object) -> Generator[object, Any, None]:
    """Carry on a coroutine that was begun by hand."""
    while True:
        yield waits_for
        try:
            waits_for = begun.send(None)
        except StopIteration:
            return


class Gone:
    """Cancels a request's task when its caller goes; costs no task of its own."""

    __slots__ = ("_receiving", "_task", "happened")

    def __init__(self, receive: Receive, task: asyncio.Task[Any]) -> None:
        self._task: asyncio.Task[Any] | None = task
        self._receiving = receive()
        self.happened = False
        self._step()

    def _step(self, _: object = None) -> None:
        if self._task is None:
            return
        try:
            waits_for: asyncio.Future[Any] = self._receiving.send(None)
        except StopIteration as ended:
            if ended.value["type"] == "http.disconnect":
                self.happened = True
                self._task.cancel()
            return
        waits_for._asyncio_future_blocking = False  # noqa: SLF001 - as a task does
        waits_for.add_done_callback(self._step)

    def close(self) -> None:
        self._task = None
        self._receiving.close()


class AsgiSite:
    """The application."""

    def __init__(self, built: Callable[[], Built]) -> None:
        self._built = built
        self._tasks: dict[AsgiExchange, asyncio.Task[Any]] = {}
        self.deadlines = Deadlines()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        built = self._built()
        headers = joined(scope["headers"])
        try:
            body = await self._body(headers, receive, built)
        except Refused as refused:
            await _refuse(refused, built, send)
            return
        if body is None:
            return
        exchange = AsgiExchange(scope, headers, body, send, self._waits)
        self._tasks[exchange] = task = this_task()
        gone = Gone(receive, task)
        try:
            await built.site.handle(exchange)  # type: ignore[arg-type]
            if exchange.flushing is not None:
                await exchange.flushing
        except asyncio.CancelledError:
            if exchange.flushing is not None:
                exchange.flushing.cancel()
            if not (self.deadlines.end(task) or gone.happened):
                raise
        finally:
            gone.close()
            del self._tasks[exchange]

    def _waits(self, exchange: AsgiExchange, on: bool) -> None:
        task = self._tasks[exchange]
        if on:
            self.deadlines.begin(task, self._built().bounds.send_timeout_s)
        else:
            self.deadlines.end(task)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive, built: Built) -> list[bytes] | None:
        """The request's body; None when its caller has gone. A body that came whole needs no deadline."""
        bounds = built.bounds
        length = headers.get(b"content-length")
        if length is not None and int(length) > bounds.max_body_bytes:
            raise too_long(bounds.max_body_bytes)
        message = await receive()
        if message["type"] == "http.request" and not message["more_body"]:
            return [message["body"]]
        pieces: list[bytes] = []
        size_bytes = 0
        task = this_task()
        self.deadlines.begin(task, bounds.body_timeout_s)
        try:
            while message["type"] == "http.request":
                pieces.append(message["body"])
                size_bytes += len(message["body"])
                if size_bytes > bounds.max_body_bytes:
                    raise too_long(bounds.max_body_bytes)
                if not message["more_body"]:
                    return pieces
                message = await receive()
        except asyncio.CancelledError:
            if self.deadlines.end(task):
                raise too_slow() from None
            raise
        finally:
            self.deadlines.end(task)
        return None


async def _refuse(refused: Refused, built: Built, send: Send) -> None:
    lines, body = built.site.refuse(refused.status, refused.message)
    headers = [*pairs(lines), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
