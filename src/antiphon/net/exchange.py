"""One request that came in and the answer that goes out."""

from asyncio import Future, Transport, get_running_loop
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from antiphon.core.peer import Peer
from antiphon.net.peers import peer_of
from antiphon.net.tunnel import Sink

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
BARE = frozenset({204, 304})
"""Statuses of answers that have no body, and no length. Source: RFC 9110 6.4.1 and 8.6, RFC 9112 6.1."""
JOIN_BELOW_BYTES = 65_536
"""Head and body go out as one write below this size; above it copying costs more than a second write."""


def status_line(status: int) -> bytes:
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d Status\r\n" % status


class Dated(Protocol):
    """Knows the date, as a header line."""

    date_line: bytes


class Side(Protocol):
    """What an exchange needs of the connection that carries it."""

    transport: Transport
    keep_alive: bool

    @property
    def site(self) -> Dated: ...

    def finished(self) -> None: ...

    def switch(self, sink: Sink) -> bytes: ...


class Exchange:
    """A whole request, and the means to answer it once.

    Either `respond` once, or `begin`, `write` any number of times, `end`. What is written after the
    caller has gone is dropped; its task is cancelled anyway.
    """

    __slots__ = (
        "_chunked",
        "_head",
        "_on_pressure",
        "_side",
        "_silent",
        "answered",
        "body",
        "ended",
        "gone",
        "headers",
        "method",
        "path",
        "query",
        "received_s",
        "status",
        "websocket",
        "writable",
    )

    def __init__(
        self, side: Side, method: bytes, target: bytes, headers: dict[bytes, bytes], chunked: bool = True
    ) -> None:
        """`chunked`: the caller reads chunks; else (HTTP/1.0) a stream ends with its connection."""
        self._side = side
        self._chunked = chunked
        self.method = method
        self.path, _, self.query = target.partition(b"?")
        self.headers = headers
        """Names in lower case; a repeated header's values are joined by a comma."""
        self.body: list[bytes] = []
        self.received_s = 0.0
        """When its last byte came, on `time.perf_counter`."""
        self.answered = self.ended = self.gone = False
        self.status = 0
        self.websocket = False
        """It asks to go on as a WebSocket: see `switch`."""
        self._silent = True
        """Nothing may be written now: not begun, ended, gone, or the answer to HEAD."""
        self._head: bytes | None = b""
        """What goes out before the next piece; None once chunks follow each other."""
        self._on_pressure: Callable[[bool], None] | None = None
        self.writable: Future[None] | None = None

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """Answer whole. `headers` are complete lines, each ended by CRLF; the length is added here."""
        self._answer(status)
        self.ended = True
        if self.gone:
            return
        side = self._side
        head = b"%b%b%bcontent-length: %d\r\n%b\r\n" % (
            status_line(status),
            side.site.date_line,
            headers,
            len(body),
            b"" if side.keep_alive else b"connection: close\r\n",
        )
        if self.method == b"HEAD":
            side.transport.write(head)
        elif len(body) < JOIN_BELOW_BYTES:
            side.transport.write(head + body)
        else:
            side.transport.writelines((head, body))
        side.finished()

    def begin(self, status: int, headers: bytes) -> None:
        """Start an answer of unknown length; its head goes out with the first piece."""
        self._answer(status)
        if self.gone:
            return
        head = b"%b%b%b%b%b\r\n" % (
            status_line(status),
            self._side.site.date_line,
            headers,
            b"transfer-encoding: chunked\r\n" if self._chunked and status not in BARE else b"",
            b"" if self._side.keep_alive else b"connection: close\r\n",
        )
        if self.method == b"HEAD" or status in BARE:
            self._side.transport.write(head)
        else:
            self._head = head
            self._silent = False

    @property
    def transport(self) -> Transport:
        """Where a sink of `switch` writes."""
        return self._side.transport

    @property
    def peer(self) -> Peer:
        """Where it came from. Asked of the connection each time: what nobody asks costs nothing."""
        return peer_of(self._side.transport)

    def switch(self, headers: bytes, sink: Sink) -> None:
        """Answer that this connection is a WebSocket now; `sink` has its bytes until `end`. Only where `websocket`."""
        self._answer(101)
        if self.gone:
            return
        early = self._side.switch(sink)
        self._side.transport.write(
            b"%b%bconnection: Upgrade\r\nupgrade: websocket\r\n\r\n" % (status_line(101), headers)
        )
        if early:
            sink.feed(early)

    def _answer(self, status: int) -> None:
        if self.answered:
            raise RuntimeError(f"this request has its answer already ({self.status}); a second one ({status}) is a bug")
        self.answered = True
        self.status = status

    def write(self, piece: bytes) -> None:
        """Send a piece now. Empty pieces are left out: one would end the answer."""
        if self._silent or not piece:
            return
        if self._head is None:
            self._side.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        elif self._chunked:
            self._side.transport.write(b"%b%x\r\n%b\r\n" % (self._head, len(piece), piece))
            self._head = None
        else:
            self._side.transport.write(self._head + piece)
            self._head = b""

    def end(self, last: bytes = b"") -> None:
        """Send a last piece, and end the answer, in one write."""
        if self.ended:
            return
        self.ended = True
        if not self._silent:
            self._silent = True
            tail = last
            if self._chunked:
                tail = b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n"
            self._side.transport.write((self._head or b"") + tail)
        self._on_pressure = None
        if not self.gone:
            self._side.finished()

    def abort(self) -> None:
        """Cut the connection: the only honest end of an answer that can't be completed."""
        self.lost()
        self.ended = True
        self._side.transport.abort()

    def lost(self) -> None:
        """The connection's word that nobody takes the answer any more."""
        self.gone = self._silent = True
        self._on_pressure = None
        self._release()

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        """Call back with True when the caller takes bytes too slowly, with False when it has caught up."""
        self._on_pressure = callback
        if callback is not None and self.writable is not None:
            callback(True)

    def pressed(self, on: bool) -> None:
        """The connection's word that its buffer is full, or empty again."""
        if on and self.writable is None:
            self.writable = get_running_loop().create_future()
        elif not on:
            self._release()
        if self._on_pressure is not None:
            self._on_pressure(on)

    def _release(self) -> None:
        if self.writable is not None:
            if not self.writable.done():
                self.writable.set_result(None)
            self.writable = None

    async def drained(self) -> None:
        """Wait until the caller has taken most of what was written. Bounded by the listener's `send_timeout_s`."""
        if self.writable is not None:
            await self.writable
