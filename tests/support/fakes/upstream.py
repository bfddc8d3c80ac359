import asyncio
from collections.abc import Callable

from antiphon.core.error import UpstreamMalformed
from antiphon.core.ports import Inbound, Outbound, Transport


class Answer(Inbound):
    """An upstream's answer: its pieces one after another, then its end, an error, or nothing for ever."""

    def __init__(
        self,
        *pieces: bytes,
        status: int = 200,
        kind: bytes = b"application/json",
        headers: dict[bytes, bytes] | None = None,
        fails: BaseException | None = None,
        hangs: bool = False,
    ) -> None:
        self.status = status
        self.headers = {b"content-type": kind, **(headers or {})}
        self.reused = False
        self.queue_us, self.connect_us, self.first_byte_us = 1, 2, 3
        self.pieces = pieces
        self.fails = fails
        self.hangs = hangs
        self.closed = 0
        self.over = False
        """Its connection is free again: the body has ended, or it was given up."""
        self.paused = False
        self._at = 0

    async def lead(self, sink: Callable[[bytes], bool]) -> bool:
        while self._at < len(self.pieces):
            await asyncio.sleep(0)
            self._at += 1
            if sink(self.pieces[self._at - 1]):
                return True
        await self._end()
        return False

    async def read(self, most_bytes: int) -> bytes:
        await asyncio.sleep(0)
        body = b"".join(self.pieces)
        if len(body) > most_bytes:
            raise UpstreamMalformed(f"the answer is longer than {most_bytes} bytes")
        await self._end()
        return body

    async def relay(self, sink: Callable[[bytes], None]) -> None:
        for piece in self.pieces[self._at :]:
            await asyncio.sleep(0)
            sink(piece)
        await self._end()

    async def _end(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.over = True
        if self.fails is not None:
            raise self.fails

    def pause(self, on: bool) -> None:
        self.paused = on

    def close(self) -> None:
        self.closed += 1
        self.over = True


class Hangs:
    """Stands in a script where nothing comes at all."""


class Late:
    """Stands in a script where what follows comes after so many seconds."""

    def __init__(self, after_s: float, then: Answer | BaseException) -> None:
        self.after_s = after_s
        self.then = then


Scripted = Answer | BaseException | Hangs | Late


class ScriptedTransport(Transport):
    """Gives what its script says, one after another: an answer, an error to raise, or nothing for ever."""

    def __init__(self, events: list[str], *script: Scripted) -> None:
        self._events = events
        self.script = list(script)
        self.sent: list[tuple[Outbound, bool]] = []

    async def send(self, request: Outbound, *, fresh: bool = False) -> Inbound:
        self._events.append("transport.send")
        self.sent.append((request, fresh))
        await asyncio.sleep(0)
        next_one = self.script.pop(0)
        if isinstance(next_one, Late):
            await asyncio.sleep(next_one.after_s)
            next_one = next_one.then
        if isinstance(next_one, Hangs):
            await asyncio.Event().wait()
        if isinstance(next_one, BaseException):
            raise next_one
        assert isinstance(next_one, Answer)
        return next_one
