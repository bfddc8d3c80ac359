"""One upstream answer, from its head to the last byte of its body."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from antiphon.core.error import UpstreamMalformed
from antiphon.core.ports import Inbound

READ_AHEAD_BYTES = 262_144
"""How much of a body is taken in before anyone asks for it; then reading pauses."""


class Carrier(Protocol):
    """What an answer needs of the connection that it comes from."""

    def pause(self, on: bool) -> None: ...

    def abandon(self) -> None: ...


class Answer(Inbound):
    """Filled by its connection, read by one task. It never shares its bytes with the next answer."""

    __slots__ = (
        "_connection",
        "_done",
        "_error",
        "_full",
        "_held",
        "_pieces",
        "_sink",
        "_size_bytes",
        "_wait",
        "connect_us",
        "first_byte_us",
        "headers",
        "queue_us",
        "reused",
        "started_s",
        "status",
    )

    def __init__(self, connection: Carrier, wait: asyncio.Future[None], started_s: float) -> None:
        self._connection: Carrier | None = connection
        self._wait: asyncio.Future[None] | None = wait
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._sink: Callable[[bytes], bool | None] | None = None
        self._error: BaseException | None = None
        self._done = False
        self._held = self._full = False
        """Why reading pauses: whoever takes the bytes asked for it; nobody takes them yet."""
        self.started_s = started_s
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.reused = False
        self.queue_us = 0
        self.connect_us: int | None = None
        self.first_byte_us = 0

    # --- the connection's side

    def head(self, status: int) -> None:
        self.status = status
        self.first_byte_us = int((time.perf_counter() - self.started_s) * 1e6)
        self._wake()

    def take(self, piece: bytes) -> None:
        sink = self._sink
        if sink is None:
            self._pieces.append(piece)
            self._size_bytes += len(piece)
            if self._size_bytes > READ_AHEAD_BYTES and not self._full:
                self._full = True
                self._steer()
            return
        try:
            if sink(piece):
                self._sink = None
                self._wake()
        except Exception as error:  # noqa: BLE001 - carried to the task that relays, and raised there
            connection = self._connection
            self.fail(error)
            if connection is not None:
                connection.abandon()

    def finish(self) -> None:
        self._done = True
        self._connection = None
        self._wake()

    def fail(self, error: BaseException) -> None:
        if not self._done:
            self._error = error
            self.finish()

    def _wake(self) -> None:
        wait = self._wait
        if wait is not None:
            self._wait = None
            if not wait.done():
                wait.set_result(None)

    # --- the reader's side

    def check(self) -> None:
        """See that there is a head. Raises: what went wrong before it came."""
        if self._error is not None and not self.status:
            raise self._error

    def whole(self, most_bytes: int) -> bytes | None:
        if not self._done or self._error is not None or self._size_bytes > most_bytes:
            return None
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read(self, most_bytes: int) -> bytes:
        body = self.whole(most_bytes)
        if body is not None:
            return body
        size = 0

        def bounded(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            if size > most_bytes:
                raise UpstreamMalformed(f"the upstream's answer is longer than {most_bytes} bytes")
            pieces.append(piece)

        pieces: list[bytes] = []
        await self.relay(bounded)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def lead(self, sink: Callable[[bytes], bool]) -> bool:
        try:
            pieces = self._pieces
            for at, piece in enumerate(pieces, 1):
                if sink(piece):
                    del pieces[:at]
                    return True
            self._pieces = []
            if not self._done:
                await self._listen(sink)
                if self._sink is None:  # an error behind it is for whoever reads on
                    return True
            if self._error is not None:
                raise self._error
        except BaseException:
            self._sink = None
            self.close()
            raise
        self._sink = None
        return False

    async def relay(self, sink: Callable[[bytes], None]) -> None:
        try:
            pieces, self._pieces = self._pieces, []
            for piece in pieces:
                sink(piece)
            if not self._done:
                await self._listen(sink)
            if self._error is not None:
                raise self._error
        finally:
            self._sink = None
            self.close()

    async def _listen(self, sink: Callable[[bytes], bool | None]) -> None:
        """Let a sink take what comes until it has enough, or the body ends."""
        self._sink = sink
        self._size_bytes = 0
        if self._full:
            self._full = False
            self._steer()
        self._wait = asyncio.get_running_loop().create_future()
        await self._wait

    def pause(self, on: bool) -> None:
        self._held = on
        self._steer()

    def _steer(self) -> None:
        if self._connection is not None:
            self._connection.pause(self._held or self._full)

    def close(self) -> None:
        connection = self._connection
        if connection is not None:
            self._connection = None
            self._done = True
            connection.abandon()
