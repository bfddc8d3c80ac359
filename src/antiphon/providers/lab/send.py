"""Answers as they go over the wire."""

from collections.abc import AsyncGenerator

from msgspec import Struct

from antiphon.net.exchange import Exchange
from antiphon.providers.lab.answer import Answer, Job
from antiphon.providers.lab.encode import DONE, JSON_LINE, SSE_LINES, Form, Json, completion, events, usage
from antiphon.providers.lab.pace import Pace


class Reply(Struct, frozen=True, kw_only=True):
    """An answer with all that is needed to send it."""

    job: Job
    answer: Answer
    pace: Pace

    @property
    def stream(self) -> bool:
        return bool(self.job.asked.chat.stream)

    @property
    def form(self) -> Form:
        chat = self.job.asked.chat
        asked = chat.stream_options is not None and bool(chat.stream_options.include_usage)
        return Form(usage=asked, logprobs=bool(chat.logprobs), top_logprobs=chat.top_logprobs or 0)

    @property
    def lines(self) -> bytes:
        """Headers: what kind of body, the answer's id, and that it is a lab's."""
        origin = b"replayed" if self.answer.replayed else b"simulated"
        kind = SSE_LINES if self.stream else JSON_LINE
        return b"%bx-request-id: %b\r\nx-antiphon-lab: %b\r\n" % (kind, self.answer.id.encode(), origin)

    @property
    def usage(self) -> Json:
        return usage(self.answer.used)


async def send(exchange: Exchange, reply: Reply, used: Json | None) -> None:
    """Answer in the way that was asked for, in the model's own time. `used`: the usage to state, None for none."""
    if not reply.stream:
        await reply.pace.whole(reply.answer)
        exchange.respond(200, reply.lines, completion(reply.answer, reply.form, used))
        return
    begun = False
    async for data in paced(exchange, reply, used):
        if not begun:
            exchange.begin(200, reply.lines)
            begun = True
        exchange.write(data)
    exchange.end(DONE)


async def paced(exchange: Exchange, reply: Reply, used: Json | None) -> AsyncGenerator[bytes]:
    """A stream's events, each when its time has come and the caller has room for it."""
    for event in events(reply.answer, reply.form, used):
        await reply.pace.until(event.token)
        await exchange.drained()
        yield event.data
