"""The listener's side of one TCP connection: HTTP/1.1 in, one answer after another out."""

import asyncio
from collections import deque
from typing import cast

from antiphon.net.exchange import Exchange, status_line
from antiphon.net.intake import BODY, Intake, Refused
from antiphon.net.site import Site
from antiphon.net.tunnel import Sink, Tunnel

LINGER_S = 2.0
"""How long after the last byte of a refused request more is read and thrown away, so that its caller, who may still
be sending, can read the refusal: closing a socket with unread bytes takes back what was sent."""
LINGER_MOST_S = 30.0
"""The same from the refusal on: nginx's `lingering_time` (nginx.org/en/docs/http/ngx_http_core_module.html, 2026)."""
GOODBYE_S = 5.0
"""How long a closing connection waits for its caller's goodbye in TLS, when all that was written has gone out."""
NEVER = float("inf")


class Connection(asyncio.Protocol):
    """Runs requests one at a time, in order, and keeps the listener's bounds.

    A caller that closes its side, even half of it, while its request runs has gone: the request's task is
    cancelled at once.
    """

    __slots__ = (
        "_behind",
        "_closing",
        "_current",
        "_cut_s",
        "_intake",
        "_invited",
        "_last_s",
        "_pressed",
        "_refusal",
        "_refused",
        "_waiting",
        "_waiting_bytes",
        "keep_alive",
        "site",
        "task",
        "transport",
    )

    def __init__(self, site: Site) -> None:
        self.site = site
        self._intake: Intake | Tunnel = Intake(self, site)
        self._current: Exchange | None = None
        self.task: asyncio.Task[None] | None = None
        """Runs the current exchange."""
        self._waiting: deque[tuple[Exchange, bool, int]] = deque()
        self._waiting_bytes = 0
        self._refusal: tuple[int, str] | None = None
        self._behind = False
        """Something is to be done once the current exchange has ended: a request, a refusal, an invitation."""
        self._refused = self._invited = self._pressed = self._closing = False
        self.keep_alive = True
        self._cut_s = self._last_s = NEVER

    # --- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        site = self.site
        site.connections.add(self)
        open_now, most = len(site.connections), site.bounds.max_connections
        if open_now > 2 * most:
            self.transport.abort()
        elif open_now > most or site.draining:
            self.refuse(503, "this worker has no room for another connection; try again shortly")

    def connection_lost(self, exc: Exception | None) -> None:
        self.site.left(self)
        self._intake.stop()
        del self._intake  # it refers back: so both go now rather than at some collection of garbage
        self._waiting.clear()
        self._closing = True
        if self._current is not None:
            self._current.lost()
            self._current = None
        if self.task is not None:
            self.task.cancel()

    def eof_received(self) -> None:
        if self._current is not None:
            self.transport.abort()
        else:
            self._close()

    def pause_writing(self) -> None:
        self._pressed = True
        if not self._closing:
            self._cut_s = self.site.now_s + self.site.bounds.send_timeout_s
        if self._current is not None:
            self._current.pressed(True)

    def resume_writing(self) -> None:
        self._pressed = False
        if not self._closing:
            self._cut_s = NEVER
        if self._current is not None:
            self._current.pressed(False)
        elif self._behind:
            self._go_on()
        else:
            self._intake.since_s = self.site.now_s

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            self._intake.feed(data)
        elif self._closing:
            self._cut_s = min(self.site.now_s + LINGER_S, self._last_s)

    # --- the intake's calls

    def received(self, exchange: Exchange, keep_alive: bool) -> None:
        if self._current is None and not self._pressed:
            self._run(exchange, keep_alive)
            return
        self._invited = False
        bounds = self.site.bounds
        size_bytes = self._intake.body_bytes
        if len(self._waiting) >= bounds.max_pipelined:
            raise Refused(429, f"more than {bounds.max_pipelined} requests wait on this connection")
        if self._waiting_bytes + size_bytes > bounds.max_body_bytes:
            raise Refused(429, f"requests of more than {bounds.max_body_bytes} bytes wait on this connection")
        self._waiting_bytes += size_bytes
        self._waiting.append((exchange, keep_alive, size_bytes))
        self._behind = True

    def invite(self) -> None:
        if self._current is None and not self._pressed:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        else:
            self._invited = self._behind = True

    def refuse(self, status: int, message: str) -> None:
        """Answer what can't be served, in order behind what runs, and end the connection with care."""
        if self._refused or self._closing:
            return
        self._refused = True
        self._intake.stop()
        if self._current is not None or self._waiting:
            self._refusal = (status, message)
            self._behind = True
        else:
            self._say_no(status, message)

    # --- running requests

    def _run(self, exchange: Exchange, keep_alive: bool) -> None:
        site = self.site
        self.task = site.loop.create_task(site.handler(exchange))
        self._current = exchange
        self.keep_alive = keep_alive and not site.draining
        self.task.add_done_callback(self._ran)

    def _ran(self, task: asyncio.Task[None]) -> None:
        """Nothing may be left hanging: a handler that ended without an answer cuts the connection."""
        if self.task is task:
            self.task = None
            if self._current is not None and not self._current.ended:
                self.transport.abort()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.site.loop.call_exception_handler({"message": "a request's handler failed", "exception": error})

    def finished(self) -> None:
        """The current exchange has its whole answer."""
        self._current = None
        if self.task is not None:
            self.task.remove_done_callback(self._ran)
            self.task = None
        if not self.keep_alive:
            self._close()
        elif self._behind:
            self._go_on()
        else:
            self._intake.since_s = self.site.now_s

    def _go_on(self) -> None:
        """What waited behind an exchange, once its caller has taken the answer."""
        if self._pressed:
            return
        if self._waiting:
            exchange, keep_alive, size_bytes = self._waiting.popleft()
            self._waiting_bytes -= size_bytes
            self._run(exchange, keep_alive)
            return
        self._behind = False
        self._intake.since_s = self.site.now_s
        if self._refusal is not None:
            self._say_no(*self._refusal)
        elif self._invited:
            self._invited = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def switch(self, sink: Sink) -> bytes:
        """Hand the connection's bytes on from here on. Returns: those that came already."""
        intake = self._intake
        early = bytes(intake.early) if isinstance(intake, Intake) else b""
        intake.stop()
        self._intake = Tunnel(sink, self.site.now_s)
        return early

    # --- bounds and ends

    def sweep(self, now_s: float) -> None:
        """Called a few times a second: end what has waited too long."""
        if now_s >= self._cut_s:
            self.transport.abort()
        elif self._current is None and not self._pressed and not self._closing:
            late = self._intake.late(now_s)
            if late is None:
                return
            status, message = late
            if status:
                self.refuse(status, message)
            else:
                self._close()

    def drain(self) -> None:
        """No more requests after the one that runs."""
        self.keep_alive = False
        self._intake.drain()
        if self._current is None and self._intake.phase != BODY:
            self._close()

    def _close(self) -> None:
        """End the connection once what was written has gone out; `send_timeout_s` bounds that."""
        if self._closing:
            return
        self._closing = True
        self._behind = False
        self._waiting.clear()
        self._intake.stop()
        transport = self.transport
        unsent = self._pressed or transport.get_write_buffer_size()
        transport.close()
        if transport.get_extra_info("sslcontext") is not None:
            unsent = unsent or transport.get_write_buffer_size()  # our goodbye, stuck behind what is unsent
        patience_s = self.site.bounds.send_timeout_s if unsent else GOODBYE_S
        self._cut_s = min(self._cut_s, self.site.now_s + patience_s)

    def _say_no(self, status: int, message: str) -> None:
        site = self.site
        try:
            headers, body = site.refuse(status, message)
        except Exception as error:  # noqa: BLE001 - recorded; a connection that can't be told is cut
            site.loop.call_exception_handler({"message": "a request could not be refused", "exception": error})
            self.transport.abort()
            return
        self.transport.write(
            b"%b%b%bcontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (status_line(status), site.date_line, headers, len(body), body)
        )
        self._closing = True
        self._last_s = site.now_s + LINGER_MOST_S
        self._cut_s = site.now_s + LINGER_S
        if self.transport.can_write_eof():
            self.transport.write_eof()
