"""The client's side of one TCP connection: a request out, its answer in."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import httptools

from antiphon.core.error import StaleConnection, UpstreamBroken, UpstreamError, UpstreamMalformed, UpstreamTimeout
from antiphon.core.ports import Outbound
from antiphon.net.answer import Answer

SEND_WHOLE_BELOW_BYTES = 65_536
MAX_HEADER_BYTES = 65_536
"""Most bytes of an answer's headers."""


class Upstream(asyncio.Protocol):
    """Carries one exchange at a time; between exchanges the pool owns it."""

    __slots__ = (
        "_answer",
        "_between_s",
        "_deadline_s",
        "_end_s",
        "_framed",
        "_gone",
        "_head_bytes",
        "_informational",
        "_leftover",
        "_on_free",
        "_parser",
        "_phase",
        "_room",
        "_sent",
        "idle_since_s",
        "served",
        "transport",
    )

    def __init__(self, on_free: Callable[["Upstream", bool], None]) -> None:
        self._on_free = on_free
        self._answer: Answer | None = None
        self._gone = self._leftover = self._framed = self._informational = False
        self._sent = True
        self._room: asyncio.Future[None] | None = None
        self._head_bytes = 0
        self._deadline_s = self._end_s = float("inf")
        self._between_s = 0.0
        self._phase = ""
        self.served = 0
        self.idle_since_s = 0.0

    # --- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self._leftover = True
            self.transport.abort()
            return
        if answer.status:
            self._deadline_s = min(time.monotonic() + self._between_s, self._end_s)
        else:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEADER_BYTES + len(data):
                self._fail(UpstreamMalformed(f"the upstream's headers are longer than {MAX_HEADER_BYTES} bytes"))
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(UpstreamMalformed(f"the upstream's answer is not HTTP/1.1 ({type(error).__name__})"))

    def eof_received(self) -> None:
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        answer = self._answer
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if answer is not None:
            if answer.status and not self._framed and exc is None:
                self._answer = None
                answer.finish()
            else:
                self._fail(self._broken(answer, exc))
        self._on_free(self, False)

    def _broken(self, answer: Answer, exc: Exception | None) -> UpstreamError:
        why = f" ({exc})" if exc else ""
        if answer.status:
            return UpstreamBroken(f"the upstream closed the connection before its answer was whole{why}")
        if self.served and not self._head_bytes:
            return StaleConnection(f"the upstream had closed this kept connection{why}")
        return UpstreamBroken(f"the upstream closed the connection without an answer{why}")

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    # --- the parser's calls

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.status:
            self._leftover = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._answer is not None and not self._leftover:
            self._answer.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        answer = self._answer
        if answer is None or self._leftover:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._informational = True
            answer.headers.clear()
            return
        headers = answer.headers
        self._framed = b"content-length" in headers or b"transfer-encoding" in headers or status in (204, 304)
        self._deadline_s = min(time.monotonic() + self._between_s, self._end_s)
        self._phase = "between bytes"
        answer.head(status)

    def on_body(self, body: bytes) -> None:
        if self._answer is not None and not self._leftover:
            self._answer.take(body)

    def on_message_complete(self) -> None:
        if self._informational:
            self._informational = False
            return
        answer = self._answer
        if answer is None or self._leftover:
            return
        self._answer = None
        self.served += 1
        self._deadline_s = float("inf")
        keep = self._parser.should_keep_alive() and self._sent and not self.transport.is_closing()
        answer.finish()
        if keep:
            asyncio.get_running_loop().call_soon(self._freed)
        else:
            self.transport.close()

    # --- the pool's and the answer's calls

    def _freed(self) -> None:
        """One turn later than the answer's end: bytes behind it have shown themselves by then."""
        if self._gone or self._leftover:
            self.transport.abort()
        else:
            self._on_free(self, True)

    @property
    def usable(self) -> bool:
        return not (self._gone or self._leftover or self.transport.is_closing())

    async def exchange(self, request: Outbound, started_s: float) -> Answer:
        """Send a request and wait for the answer's head."""
        answer = Answer(self, asyncio.get_running_loop().create_future(), started_s)
        self._answer = answer
        self._framed = self._leftover = self._informational = False
        self._head_bytes = 0
        now_s = time.monotonic()
        timeouts = request.timeouts
        self._end_s = now_s + timeouts.total_s
        self._between_s = timeouts.between_bytes_s
        self._deadline_s = min(now_s + timeouts.first_byte_s, self._end_s)
        self._phase = "first byte"
        answer.reused = self.served > 0
        head = b"%bcontent-length: %d\r\n\r\n" % (request.head, request.size_bytes)
        try:
            if request.size_bytes < SEND_WHOLE_BELOW_BYTES:
                self.transport.write(b"".join((head, *request.body)))
            else:
                await self._send(head, request.body, answer)
            await answer.begun()
        except BaseException:
            answer.close()
            raise
        return answer

    async def _send(self, head: bytes, body: tuple[bytes, ...], answer: Answer) -> None:
        """Write a long body piece by piece, no faster than it is taken. An early answer ends it."""
        self._sent = False
        self.transport.write(head)
        for segment in body:
            for start in range(0, len(segment), SEND_WHOLE_BELOW_BYTES):
                if self._gone or answer.status:
                    return
                self.transport.write(memoryview(segment)[start : start + SEND_WHOLE_BELOW_BYTES])
                if self._room is not None:
                    await self._room
            await asyncio.sleep(0)
        self._sent = True

    def pause(self, on: bool) -> None:
        if self._gone:
            return
        if on:
            self.transport.pause_reading()
            self._deadline_s = self._end_s
        else:
            self.transport.resume_reading()
            self._deadline_s = min(time.monotonic() + self._between_s, self._end_s)

    def abandon(self) -> None:
        """Close at once: its answer is no longer wanted."""
        self._answer = None
        self._leftover = True
        self.transport.abort()

    def sweep(self, now_s: float) -> None:
        """Called many times a second: end an exchange whose deadline has passed."""
        if now_s >= self._deadline_s and self._answer is not None:
            phase = "whole answer" if now_s >= self._end_s else self._phase
            self._fail(UpstreamTimeout(f"the upstream did not send its {phase} in time"))

    def _fail(self, error: UpstreamError) -> None:
        answer = self._answer
        self._answer = None
        self._deadline_s = float("inf")
        self._leftover = True
        if answer is not None:
            answer.fail(error)
        self.transport.abort()
