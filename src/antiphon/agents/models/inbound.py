"""An answer that is made here, as if an upstream had sent it."""

import asyncio
from collections.abc import AsyncIterator, Callable

from antiphon.core.ports import Inbound


class Told(Inbound):
    """A whole body, or pieces as they come."""

    def __init__(
        self, headers: dict[bytes, bytes], body: bytes | None = None, pieces: AsyncIterator[bytes] | None = None
    ) -> None:
        self.status = 200
        self.headers = headers
        self.reused = False
        self.queue_us = self.first_byte_us = 0
        self.connect_us = None
        self._body = body
        self._pieces = pieces
        self._going = asyncio.Event()
        self._going.set()

    def whole(self, most_bytes: int) -> bytes | None:
        return self._body

    async def read(self, most_bytes: int) -> bytes:
        if self._body is None:
            kept: list[bytes] = []
            await self.relay(kept.append)
            self._body = b"".join(kept)
        return self._body

    async def lead(self, sink: Callable[[bytes], bool]) -> bool:
        async for piece in self._pieces or _nothing():
            if sink(piece):
                return True
        return False

    async def relay(self, sink: Callable[[bytes], None]) -> None:
        async for piece in self._pieces or _nothing():
            sink(piece)
            await self._going.wait()

    def pause(self, on: bool) -> None:
        if on:
            self._going.clear()
        else:
            self._going.set()

    def close(self) -> None:
        self._going.set()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
