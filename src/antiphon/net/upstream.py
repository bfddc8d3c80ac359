"""The client's side of one TCP connection: a request out, its answer in."""

import asyncio
from collections.abc import Callable

import httptools

from antiphon.core.deployment import Timeouts
from antiphon.core.error import StaleConnection, UpstreamBroken, UpstreamError, UpstreamMalformed, UpstreamTimeout
from antiphon.core.ports import Outbound
from antiphon.net.answer import Answer
from antiphon.net.dial import Carrying

SEND_WHOLE_BELOW_BYTES = 65_536
YIELD_EVERY_PIECES = 8
"""A long body lets other work run after so many pieces of `SEND_WHOLE_BELOW_BYTES`."""
MAX_HEADER_BYTES = 65_536
"""Most bytes of an answer, or of a run within it, that are no body: headers, chunk extensions, trailers. The read
that brings the first of them doesn't count."""


class Upstream(Carrying):
    """Carries one exchange at a time; between exchanges the pool owns it. Times are on `time.perf_counter`."""

    __slots__ = (
        "_answer",
        "_end_s",
        "_ended",
        "_eof",
        "_framed",
        "_heard",
        "_informational",
        "_on_free",
        "_parser",
        "_patience_s",
        "_paused",
        "_quiet_bytes",
        "_room",
        "_sent",
        "_since_s",
        "_timeouts",
        "dead",
        "idle_since_s",
        "served",
    )

    def __init__(self, on_free: Callable[["Upstream", bool], None]) -> None:
        self._on_free = on_free
        self._answer: Answer | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self.dead = False
        """Must not carry another exchange: cut, closed, or out of step."""
        self._ended = self._eof = self._framed = self._heard = self._informational = self._paused = False
        self._sent = True
        self._room: asyncio.Future[None] | None = None
        self._quiet_bytes = 0
        """What came since the exchange began or the last piece of the body, that read left out."""
        self._timeouts = Timeouts()
        self._since_s = self._patience_s = self._end_s = 0.0
        self.served = 0
        self.idle_since_s = 0.0

    # --- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or self._parser is None:
            self._cut()
            return
        if self._quiet_bytes > MAX_HEADER_BYTES:
            part = "trailers" if answer.status else "headers"
            self._fail(UpstreamMalformed(f"the upstream's {part} are longer than {MAX_HEADER_BYTES} bytes"))
            return
        self._quiet_bytes += len(data)
        if answer.status:
            self._heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(UpstreamMalformed("the upstream switches to a protocol that it was not asked for"))
        except httptools.HttpParserError as error:
            self._fail(UpstreamMalformed(f"the upstream's answer is not HTTP/1.1: {error}"))
        if self._ended:
            self._ended = False
            if not self.dead:
                self._on_free(self, True)

    def eof_received(self) -> None:
        self._eof = True
        self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self.dead = True
        self._parser = None
        self._make_room()
        answer = self._answer
        if answer is not None:
            if answer.status and not self._framed and self._eof and exc is None:
                self._answer = None
                answer.finish()
            else:
                self._fail(self._broken(answer, exc))
        self._on_free(self, False)

    def _broken(self, answer: Answer, exc: Exception | None) -> UpstreamError:
        why = f" ({exc})" if exc else ""
        if answer.status:
            return UpstreamBroken(f"the upstream closed the connection before its answer was whole{why}")
        if self.served and not self._quiet_bytes:
            return StaleConnection(f"the upstream had closed this kept connection{why}")
        return UpstreamBroken(f"the upstream closed the connection without an answer{why}")

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        self._make_room()

    def _make_room(self) -> None:
        if self._room is not None:
            if not self._room.done():
                self._room.set_result(None)
            self._room = None

    # --- the parser's calls

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.status:
            self._cut()

    def on_header(self, name: bytes, value: bytes) -> None:
        answer = self._answer
        if answer is not None and not answer.status:  # trailers are no headers: RFC 9110 6.5.1
            answer.headers[name.lower()] = value.rstrip()

    def on_headers_complete(self) -> None:
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            return
        status = parser.get_status_code()
        headers = answer.headers
        if status < 200:
            if status < 100:
                self._fail(UpstreamMalformed(f"the upstream answered with status {status}"))
            self._informational = True
            headers.clear()
            return
        coding = headers.get(b"transfer-encoding")
        if coding is None:
            self._framed = b"content-length" in headers or status in (204, 304)
        elif coding.lower() not in (b"chunked", b"identity"):
            self._fail(UpstreamMalformed(f"the upstream used the transfer coding {coding.decode('latin-1')[:80]!r}"))
            return
        else:
            self._framed = coding.lower() == b"chunked"
        self._heard = True
        self._patience_s = self._timeouts.between_bytes_s
        answer.head(status)

    def on_body(self, body: bytes) -> None:
        self._quiet_bytes = 0
        answer = self._answer
        if answer is not None:
            answer.take(body)

    def on_message_complete(self) -> None:
        if self._informational:
            self._informational = False
            return
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            return
        self._answer = None
        self.served += 1
        if self._paused:
            self.pause(False)
        answer.finish()
        if self._sent and parser.should_keep_alive():
            self._ended = True
        else:
            self._cut()

    # --- the pool's and the answer's calls

    @property
    def usable(self) -> bool:
        return not (self.dead or self.transport.is_closing())

    async def exchange(self, request: Outbound, started_s: float, now_s: float) -> Answer:
        """Send a request and wait for the answer's head. The whole may take `total_s` from `started_s` on.

        Raises: UpstreamTimeout, UpstreamBroken, StaleConnection, UpstreamMalformed.
        """
        head = asyncio.get_running_loop().create_future()
        answer = Answer(self, head, started_s)
        self._quiet_bytes = 0
        if self.dead or self.transport.is_closing():
            raise self._broken(answer, None)
        self._timeouts = timeouts = request.timeouts
        self._framed = self._informational = self._heard = False
        self._since_s = now_s
        self._patience_s = timeouts.first_byte_s
        self._end_s = started_s + timeouts.total_s
        answer.reused = self.served > 0
        self._answer = answer
        said = b"%bcontent-length: %d\r\n\r\n" % (request.head, request.size_bytes)
        try:
            if request.size_bytes < SEND_WHOLE_BELOW_BYTES:
                self.transport.write(b"".join((said, *request.body)))
            else:
                await self._send(said, request.body, answer)
            await head
            answer.check()
        except BaseException:
            answer.close()
            raise
        return answer

    async def _send(self, head: bytes, body: tuple[bytes, ...], answer: Answer) -> None:
        """Write a long body piece by piece, no faster than it is taken. An early refusal ends it."""
        self._sent = False
        self.transport.write(head)
        pieces = 0
        for segment in body:
            view = memoryview(segment)
            for start in range(0, len(segment), SEND_WHOLE_BELOW_BYTES):
                if self.dead or answer.status >= 300:
                    return
                self.transport.write(view[start : start + SEND_WHOLE_BELOW_BYTES])
                pieces += 1
                if self._room is not None:
                    await self._room
                elif pieces % YIELD_EVERY_PIECES == 0:
                    await asyncio.sleep(0)
                self._heard = True
        self._sent = True

    def pause(self, on: bool) -> None:
        """Stop or go on reading. While it pauses only the whole answer's deadline counts."""
        if on == self._paused or not self.usable:
            return
        self._paused = on
        if on:
            self.transport.pause_reading()
        else:
            self._heard = True
            self.transport.resume_reading()

    def abandon(self) -> None:
        """Close at once: its answer is no longer wanted."""
        self._answer = None
        self._cut()

    def sweep(self, now_s: float) -> None:
        """Called many times a second: end an exchange whose deadline has passed."""
        answer, timeouts = self._answer, self._timeouts
        if answer is None:
            return
        if now_s >= self._end_s:
            self._fail(UpstreamTimeout(f"the upstream's whole answer did not come within {_told(timeouts.total_s)} s"))
        elif self._heard or self._paused:
            self._heard = False
            self._since_s = now_s
        elif now_s - self._since_s < self._patience_s:
            return
        elif answer.status:
            self._fail(UpstreamTimeout(f"the upstream paused for {_told(timeouts.between_bytes_s)} s between bytes"))
        else:
            self._fail(UpstreamTimeout(f"the upstream sent no first byte within {_told(timeouts.first_byte_s)} s"))

    def _fail(self, error: UpstreamError) -> None:
        answer = self._answer
        self._answer = None
        self._cut()
        if answer is not None:
            answer.fail(error)

    def _cut(self) -> None:
        self.dead = True
        self.transport.abort()


def _told(seconds: float) -> str:
    """At most three digits that count, and never an exponent for long ones: `0.333`, `12.5`, `86400`."""
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}"
