"""The listener's side of one TCP connection: HTTP/1.1 in, one answer after another out."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, cast

import httptools

from antiphon.net.exchange import Exchange, status_line
from antiphon.net.settings import BODY_RATE_BYTES_S, Bounds

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]
Refuse = Callable[[int, str], tuple[bytes, bytes]]
"""(status, message) to (header lines, body), in a form that callers of any dialect can read."""

LINGER_S = 2.0
"""How long bytes of a refused request are read and thrown away, so that its caller can read the refusal."""
_IDLE, _HEAD, _BODY, _BUSY = range(4)


class Site:
    """What the connections of one listener share."""

    __slots__ = ("bounds", "connections", "date_line", "draining", "handler", "loop", "now_s", "refuse")

    def __init__(self, handler: Handler, refuse: Refuse, bounds: Bounds, loop: asyncio.AbstractEventLoop) -> None:
        self.handler = handler
        self.refuse = refuse
        self.bounds = bounds
        self.loop = loop
        self.connections: set[Connection] = set()
        self.draining = False
        self.now_s = time.monotonic()
        self.date_line = b""


class Connection(asyncio.Protocol):
    """Parses requests, runs them one at a time in order, and keeps the listener's bounds."""

    __slots__ = (
        "_chunks_size",
        "_current",
        "_deadline_s",
        "_head_bytes",
        "_headers",
        "_incoming",
        "_parser",
        "_refused",
        "_site",
        "_state",
        "_target",
        "_task",
        "_waiting",
        "keep_alive",
        "transport",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Exchange, bool]] = deque()
        self._current: Exchange | None = None
        self._incoming: Exchange | None = None
        self._task: asyncio.Task[None] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._target = b""
        self._head_bytes = self._chunks_size = 0
        self._state = _HEAD
        self._refused = False
        self.keep_alive = True
        self._deadline_s = site.now_s + site.bounds.header_timeout_s

    @property
    def date_line(self) -> bytes:
        return self._site.date_line

    # --- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        site = self._site
        if len(site.connections) >= site.bounds.max_connections or site.draining:
            self._refuse(503, "this worker has no room for another connection; try again shortly")
            return
        site.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._site.connections.discard(self)
        for exchange in (self._current, self._incoming):
            if exchange is not None:
                exchange.gone = True
                exchange.pressed(False)
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._deadline_s = self._site.now_s + self._site.bounds.send_timeout_s
        if self._current is not None:
            self._current.pressed(True)

    def resume_writing(self) -> None:
        self._deadline_s = self._waiting_deadline()
        if self._current is not None:
            self._current.pressed(False)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "protocol upgrades are not served here; send a plain HTTP/1.1 request")
        except httptools.HttpParserError as error:
            if not self._refused:
                self._refuse(400, f"this is not HTTP/1.1 as RFC 9112 has it ({type(error).__name__})")
        else:
            if self._state == _HEAD:
                self._head_bytes += len(data)
                if self._head_bytes > self._site.bounds.max_header_bytes:
                    self._refuse(431, f"the headers are longer than {self._site.bounds.max_header_bytes} bytes")

    # --- the parser's calls

    def on_message_begin(self) -> None:
        if self._refused:
            return
        self._headers = {}
        self._target = b""
        self._head_bytes = 0
        self._state = _HEAD
        if self._current is None:
            self._deadline_s = self._site.now_s + self._site.bounds.header_timeout_s

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        known = self._headers.get(name)
        self._headers[name] = value if known is None else b"%b, %b" % (known, value)
        self._head_bytes += len(name) + len(value) + 4

    def on_headers_complete(self) -> None:
        if self._refused:
            return None
        bounds = self._site.bounds
        if self._head_bytes > bounds.max_header_bytes:
            return self._refuse(431, f"the headers are longer than {bounds.max_header_bytes} bytes")
        length = self._headers.get(b"content-length")
        if length is not None and int(length) > bounds.max_body_bytes:
            return self._refuse(413, f"the body is longer than {bounds.max_body_bytes} bytes")
        if b"expect" in self._headers and self._current is None:
            if self._headers[b"expect"].lower() != b"100-continue":
                return self._refuse(417, "the only expectation that is met is 100-continue")
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._state = _BODY
        self._chunks_size = 0
        self._incoming = Exchange(self, self._parser.get_method(), self._target, self._headers, 0.0)
        if self._current is None:
            self._deadline_s = self._site.now_s + bounds.body_timeout_s

    def on_body(self, body: bytes) -> None:
        if self._refused or self._incoming is None:
            return None
        self._chunks_size += len(body)
        if self._chunks_size > self._site.bounds.max_body_bytes:
            return self._refuse(413, f"the body is longer than {self._site.bounds.max_body_bytes} bytes")
        self._incoming.body.append(body)

    def on_message_complete(self) -> None:
        exchange = self._incoming
        if self._refused or exchange is None:
            return
        self._incoming = None
        self._state = _IDLE
        exchange.received_s = time.perf_counter()
        keep = self._parser.should_keep_alive()
        if self._current is None:
            self._run(exchange, keep)
        elif len(self._waiting) >= self._site.bounds.max_pipelined:
            self._refuse(429, f"more than {self._site.bounds.max_pipelined} requests wait on this connection")
        else:
            self._waiting.append((exchange, keep))

    # --- running requests

    def _run(self, exchange: Exchange, keep_alive: bool) -> None:
        self._current = exchange
        self.keep_alive = keep_alive and not self._site.draining
        self._deadline_s = float("inf")
        self._task = self._site.loop.create_task(self._site.handler(exchange))
        self._task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        """Nothing may be left hanging: a handler that ended without an answer cuts the connection."""
        if self._task is task:
            self._task = None
            if self._current is not None and not self._current.ended:
                self.transport.abort()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._site.loop.call_exception_handler({"message": "a request's handler failed", "exception": error})

    def finished(self) -> None:
        """The current exchange has its whole answer."""
        self._current = None
        if self._task is not None:
            self._task.remove_done_callback(self._ran)
            self._task = None
        if not self.keep_alive or self.transport.is_closing():
            self.transport.close()
        elif self._waiting:
            self._run(*self._waiting.popleft())
        else:
            self._deadline_s = self._waiting_deadline()

    def _waiting_deadline(self) -> float:
        if self._current is not None:
            return float("inf")
        bounds = self._site.bounds
        wait_s = {_IDLE: bounds.idle_timeout_s, _HEAD: bounds.header_timeout_s}.get(self._state, bounds.body_timeout_s)
        return self._site.now_s + wait_s

    def hold(self) -> None:
        """Keep the connection although the handler ends without an answer."""
        if self._task is not None:
            self._task.remove_done_callback(self._ran)
            self._task = None

    # --- bounds

    def sweep(self, now_s: float) -> None:
        """Called a few times a second: end what has waited too long."""
        if now_s < self._deadline_s:
            return
        if self._refused or self._current is not None:
            self.transport.abort()
        elif self._state == _BODY:
            allowed_s = self._chunks_size / BODY_RATE_BYTES_S
            if now_s >= self._deadline_s + allowed_s:
                self._refuse(408, "the body did not come in time; send it faster")
        elif self._state == _HEAD and self._head_bytes:
            self._refuse(408, "the headers did not come in time")
        else:
            self.transport.close()

    def drain(self) -> None:
        """No more requests after the one that runs."""
        self.keep_alive = False
        self._waiting.clear()
        if self._current is None and self._incoming is None:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        """Answer what can't be served, in order behind what runs, and end the connection with care."""
        self._refused = True
        self._incoming = None
        self._waiting.clear()
        if self._current is not None:
            self.keep_alive = False
            return
        headers, body = self._site.refuse(status, message)
        self.transport.write(
            b"%b%b%bcontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status_line(status), self._site.date_line, headers, len(body), body)
        )
        self._deadline_s = self._site.now_s + LINGER_S
        self._site.connections.add(self)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
