"""Asking an upstream to speak WebSocket: a connection of its own, and the handshake. Source: RFC 6455 4.1."""

import asyncio
import os
from base64 import b64encode
from collections.abc import Callable

import httptools
from msgspec import Struct

from antiphon.core.error import EgressRefused, UpstreamBroken, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.ports import Outbound
from antiphon.net.dial import Carrying, dial, explain
from antiphon.net.egress import Egress
from antiphon.net.tunnel import Sink
from antiphon.net.websocket import accept_of

MAX_REFUSAL_BYTES = 65_536
MAX_HEAD_BYTES = 65_536
SWITCHED = 101


class Refused(Struct, frozen=True, kw_only=True):
    """The upstream answered with something else."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Switched(Carrying):
    """An upstream's connection, first while it is asked, then for as long as the session lasts."""

    __slots__ = ("_early", "_key", "_on_pressure", "_parser", "_sink", "answered", "body", "headers", "status")

    def __init__(self) -> None:
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._key = b64encode(os.urandom(16))
        self._sink: Sink | None = None
        self._on_pressure: Callable[[bool], None] | None = None
        self._early = bytearray()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()

    # --- the transport's calls

    def data_received(self, data: bytes) -> None:
        if self._sink is not None:
            self._sink.feed(data)
            return
        if self._parser is None:
            self._keep(data)
            return
        self._early += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parser = None
            self._early = bytearray()
            self._keep(data[upgrade.args[0] :])
            self._answered()
        except httptools.HttpParserError as error:
            self._give_up(UpstreamMalformed(f"the upstream's answer is not HTTP/1.1: {error}"))
        else:
            if len(self._early) > MAX_HEAD_BYTES + MAX_REFUSAL_BYTES:
                self._give_up(UpstreamMalformed("the upstream's refusal is too long"))

    def _keep(self, data: bytes) -> None:
        """Hold what came before anyone takes it."""
        self._early += data
        self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.status and not self.answered.done():
            self._answered()  # a refusal whose body ends with its connection
        self._give_up(UpstreamBroken("the upstream closed the connection without an answer"))
        sink, self._sink, self._on_pressure = self._sink, None, None
        if sink is not None:
            sink.drain()

    def pause_writing(self) -> None:
        if self._on_pressure is not None:
            self._on_pressure(True)

    def resume_writing(self) -> None:
        if self._on_pressure is not None:
            self._on_pressure(False)

    # --- the parser's calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value.rstrip()

    def on_headers_complete(self) -> None:
        if self._parser is not None:
            status = self._parser.get_status_code()
            if status >= 200 or status == SWITCHED:
                self.status = status
            else:
                self.headers.clear()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        if self.status and self.status != SWITCHED:
            self._answered()

    def _answered(self) -> None:
        if not self.answered.done():
            self.answered.set_result(None)

    def _give_up(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)

    # --- whoever asks

    def ask(self, head: bytes) -> None:
        self.transport.write(
            b"%bConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
            % (head, self._key)
        )

    def begin(self, sink: Sink, on_pressure: Callable[[bool], None]) -> None:
        """Hand bytes on from here on, those first that came already. `drain` of the sink tells that it is lost."""
        self._sink, self._on_pressure = sink, on_pressure
        early, self._early = bytes(self._early), bytearray()
        if early:
            sink.feed(early)
        if self.transport.is_closing():
            sink.drain()
        else:
            self.transport.resume_reading()

    @property
    def proven(self) -> bool:
        """Whether the upstream has understood that a WebSocket was asked for."""
        said = self.headers.get(b"sec-websocket-accept", b"")
        return self.status == SWITCHED and said == accept_of(self._key)


async def switch(request: Outbound, egress: Egress) -> Switched | Refused:
    """Open a connection, and ask. Its body is not sent.

    Raises: UpstreamUnreachable, EgressRefused, UpstreamTimeout, UpstreamBroken, UpstreamMalformed.
    """
    timeouts, origin = request.timeouts, request.origin
    try:
        async with asyncio.timeout(timeouts.connect_s):
            connection = await dial(origin, Switched, egress)
    except TimeoutError:
        raise _unconnected(UpstreamTimeout(f"no connection within {timeouts.connect_s:g} s")) from None
    except EgressRefused as error:
        raise _unconnected(error) from error.__cause__
    except (OSError, UnicodeError) as error:
        raise _unconnected(UpstreamUnreachable(explain(error, origin))) from error
    try:
        connection.ask(request.head)
        async with asyncio.timeout(timeouts.first_byte_s):
            await connection.answered
        if connection.status == SWITCHED and not connection.proven:
            raise UpstreamMalformed("the upstream switched to something that is no WebSocket")
    except TimeoutError:
        connection.transport.abort()
        raise UpstreamTimeout(f"the upstream sent no answer within {timeouts.first_byte_s:g} s") from None
    except BaseException:
        connection.transport.abort()
        raise
    if connection.status == SWITCHED:
        return connection
    connection.transport.abort()
    return Refused(status=connection.status, headers=connection.headers, body=bytes(connection.body))


def _unconnected(error: UpstreamUnreachable | UpstreamTimeout) -> UpstreamUnreachable | UpstreamTimeout:
    """The operator reads in the receipt where there was no connection, the caller only that there was none."""
    error.message = "no connection could be made"
    error.connected = False
    return error
