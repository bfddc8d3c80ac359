"""One upstream answer, from its head to the last byte of its body."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from antiphon.core.error import AntiphonError, UpstreamMalformed
from antiphon.core.ports import Inbound

if TYPE_CHECKING:
    from antiphon.net.upstream import Upstream

READ_AHEAD_BYTES = 262_144
"""How much of a body is taken in before anyone asks for it; then reading pauses."""


class Answer(Inbound):
    """Filled by its connection, read by one task. It never shares its bytes with the next answer."""

    __slots__ = (
        "_connection",
        "_done",
        "_error",
        "_paused",
        "_pieces",
        "_sink",
        "_size",
        "_wait",
        "connect_us",
        "first_byte_us",
        "headers",
        "queue_us",
        "reused",
        "started_s",
        "status",
    )

    def __init__(self, connection: "Upstream", wait: asyncio.Future[None], started_s: float) -> None:
        self._connection: Upstream | None = connection
        self._wait: asyncio.Future[None] | None = wait
        self._pieces: list[bytes] = []
        self._size = 0
        self._sink: Callable[[bytes], None] | None = None
        self._error: BaseException | None = None
        self._done = self._paused = False
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
        if self._sink is not None:
            self._sink(piece)
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > READ_AHEAD_BYTES and not self._paused and self._wait is None:
            self.pause(True)

    def finish(self) -> None:
        self._done = True
        self._connection = None
        self._wake()

    def fail(self, error: BaseException) -> None:
        if not self._done:
            self._done = True
            self._error = error
            self._connection = None
            self._wake()

    def _wake(self) -> None:
        if self._wait is not None and not self._wait.done():
            self._wait.set_result(None)
        self._wait = None

    # --- the reader's side

    async def begun(self) -> None:
        """Wait for the head. Raises: what went wrong before it came."""
        if self._wait is not None:
            await self._wait
        if self._error is not None:
            raise self._error

    async def _over(self) -> None:
        """Wait for the body's end."""
        if not self._done:
            self._wait = asyncio.get_running_loop().create_future()
            await self._wait
        if self._error is not None:
            raise self._error

    async def read(self, most_bytes: int) -> bytes:
        size = 0

        def bounded(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            if size > most_bytes:
                raise UpstreamMalformed(f"the upstream's answer is longer than {most_bytes} bytes")
            pieces.append(piece)

        pieces: list[bytes] = []
        if self._done and self._error is None and self._size <= most_bytes:
            pieces = self._pieces
        else:
            await self.relay(bounded)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def relay(self, sink: Callable[[bytes], None]) -> None:
        try:
            for piece in self._pieces:
                sink(piece)
            self._pieces = []
            if not self._done:
                self._sink = self._guarded(sink)
                if self._paused:
                    self.pause(False)
            await self._over()
        finally:
            self._sink = None
            self.close()

    def _guarded(self, sink: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def guarded(piece: bytes) -> None:
            try:
                sink(piece)
            except AntiphonError as error:
                connection = self._connection
                self.fail(error)
                if connection is not None:
                    connection.abandon()

        return guarded

    def pause(self, on: bool) -> None:
        self._paused = on
        if self._connection is not None:
            self._connection.pause(on)

    def close(self) -> None:
        connection = self._connection
        self._connection = None
        self._done = True
        if connection is not None:
            connection.abandon()
