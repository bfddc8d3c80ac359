"""One side of a session over a WebSocket: messages in and out, pings, and its end. Source: RFC 6455 (2011)."""

from asyncio import Transport
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import Protocol

from antiphon.net.frames import LOST, NO_CODE, Broken, Message, Opcode, Reader, closed, closing, frame

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_of(key: bytes) -> bytes:
    """What answers `Sec-WebSocket-Key`. Source: RFC 6455 4.2.2."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


class Taker(Protocol):
    """Takes what a side says."""

    def message(self, opcode: Opcode, payload: bytes, /) -> None:
        """A whole text or binary message."""
        ...

    def ended(self, code: int, reason: str, /) -> None:
        """The side has closed, broken the protocol, or gone (1006). Told once."""
        ...


class WebSocket:
    """Speaks to one side. Pings are answered here; the rest is the taker's."""

    __slots__ = ("_masks", "_now", "_reader", "_said", "_taker", "_transport", "ended", "heard_s")

    def __init__(
        self, transport: Transport, taker: Taker, *, masks: bool, most_bytes: int, now: Callable[[], float]
    ) -> None:
        """`masks`: we are the client of this connection."""
        self._transport = transport
        self._taker = taker
        self._masks = masks
        self._now = now
        self._reader = Reader(masked=not masks, most_bytes=most_bytes)
        self._said = False
        """Our close frame has gone out."""
        self.ended = False
        """Its side has said its last word."""
        self.heard_s = now()

    def feed(self, data: bytes) -> None:
        """Take in what came."""
        if self.ended:
            return
        self.heard_s = self._now()
        try:
            for message in self._reader.feed(data):
                self._take(message)
                if self.ended:
                    return
        except Broken as broken:
            self.close(broken.code, broken.reason)
            self._end(broken.code, broken.reason)

    def _take(self, message: Message) -> None:
        match message.opcode:
            case Opcode.PING:
                self._write(Opcode.PONG, message.payload)
            case Opcode.PONG:
                pass
            case Opcode.CLOSE:
                code, reason = closed(message.payload)
                self.close(code)
                self._end(code, reason)
            case _:
                self._taker.message(message.opcode, message.payload)

    def lost(self) -> None:
        """The connection has ended."""
        self._said = True
        self._end(LOST, "")

    def _end(self, code: int, reason: str) -> None:
        if not self.ended:
            self.ended = True
            self._taker.ended(code, reason)

    def send(self, opcode: Opcode, payload: bytes) -> None:
        """Send a message; behind our close frame nothing goes out."""
        self._write(opcode, payload)

    def ping(self) -> None:
        self._write(Opcode.PING, b"")

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame, once."""
        if not self._said:
            self._write(Opcode.CLOSE, closing(NO_CODE if code == LOST else code, reason))
            self._said = True

    def _write(self, opcode: Opcode, payload: bytes) -> None:
        if not self._said and not self._transport.is_closing():
            self._transport.write(frame(opcode, payload, masks=self._masks))

    def pause(self, on: bool) -> None:
        """Stop or go on reading this side."""
        if self._transport.is_closing():
            return
        if on:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
