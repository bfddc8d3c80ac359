"""Answers as they go over the wire."""

from collections.abc import AsyncGenerator

from msgspec import Struct

from antiphon.net.exchange import Exchange
from antiphon.providers.lab.answer import Answer
from antiphon.providers.lab.dialect import Json, Writer
from antiphon.providers.lab.pace import Pace


class Reply(Struct, frozen=True, kw_only=True):
    """An answer with all that is needed to send it."""

    writer: Writer
    answer: Answer
    pace: Pace

    @property
    def stream(self) -> bool:
        return self.writer.stream

    @property
    def lines(self) -> bytes:
        return self.writer.lines(self.answer)

    @property
    def usage(self) -> Json:
        return self.writer.usage(self.answer)


async def send(exchange: Exchange, reply: Reply, used: Json | None) -> None:
    """Answer in the way that was asked for, in the model's own time. `used`: the usage to state, None for none."""
    if not reply.stream:
        await reply.pace.whole(reply.answer)
        exchange.respond(200, reply.lines, reply.writer.whole(reply.answer, used))
        return
    begun = False
    async for data in paced(exchange, reply, used):
        if not begun:
            exchange.begin(200, reply.lines)
            begun = True
        exchange.write(data)
    exchange.end(reply.writer.done)


async def paced(exchange: Exchange, reply: Reply, used: Json | None) -> AsyncGenerator[bytes]:
    """A stream's events, each when its time has come and the caller has room for it."""
    for event in reply.writer.events(reply.answer, used):
        await reply.pace.until(event.token)
        await exchange.drained()
        yield event.data
