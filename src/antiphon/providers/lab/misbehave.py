"""What each fault does on the wire. Every text says that it is a lab's doing."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

from msgspec import Struct

from antiphon.net.exchange import Exchange
from antiphon.providers.lab.chat import MANNERS as OPENAI
from antiphon.providers.lab.chat import WRONG_USAGE as WRONG_USAGE  # noqa: PLC0414 - handed on
from antiphon.providers.lab.dialect import JSON_LINE, Manners
from antiphon.providers.lab.send import Reply, paced, send
from antiphon.providers.lab.settings import Fault, FaultSettings

DRIP_S = 1.0
"""`slow_drip` sends a byte each second."""
CUT_AFTER_EVENTS = 3
"""`cut` lets so many events of a stream out, or half of a whole answer."""
HUGE_BYTES = 200_000_000
HUGE_PIECE = b"lab " * 16_384
"""`huge_body` is one answer, or one event of a stream, of so many bytes, in pieces of 64 KiB."""
HTML_LINE = b"content-type: text/html; charset=utf-8\r\n"
PAGE_502 = b"<html><body><h1>502 Bad Gateway</h1>lab fault</body></html>\r\n"
SIGN_IN_PAGE = b"<!doctype html><title>lab fault</title><p>Please sign in to this network.</p>\r\n"


class Scene(Struct, frozen=True, kw_only=True):
    """A request that meets a fault; `reply` makes its true answer, which few faults need."""

    exchange: Exchange
    fault: FaultSettings
    stream: bool
    reply: Callable[[], Awaitable[Reply]]
    manners: Manners = OPENAI


Act = Callable[[Scene], Awaitable[None]]


async def refuse(scene: Scene) -> None:
    """Close the connection before any answer."""
    scene.exchange.abort()


async def hang(_scene: Scene) -> None:
    """Never answer; ends when the caller leaves or the lab stops."""
    await asyncio.get_running_loop().create_future()


def _again(scene: Scene) -> bytes:
    """Retry-After, in whole seconds and in milliseconds."""
    wait_s = scene.fault.retry_after_s
    return b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (math.ceil(wait_s), math.ceil(wait_s * 1000))


def says(status: int, line: bytes, body: bytes) -> Act:
    """A fixed answer, the same in every dialect."""

    async def act(scene: Scene) -> None:
        scene.exchange.respond(status, line, body)

    return act


def errs(*, retry: bool = False) -> Act:
    """An error as the dialect says it, with Retry-After if `retry`."""

    async def act(scene: Scene) -> None:
        said = scene.manners.faults[scene.fault.kind]
        scene.exchange.respond(said.status, said.lines + _again(scene) * retry, said.body)

    return act


async def malformed_json(scene: Scene) -> None:
    """The start of an answer."""
    scene.exchange.respond(200, JSON_LINE, scene.manners.broken_json)


async def slow_drip(scene: Scene) -> None:
    """The true answer, byte by byte."""
    reply = await scene.reply()
    body = await _whole_body(scene, reply)
    scene.exchange.begin(200, reply.lines)
    for place in range(len(body)):
        scene.exchange.write(body[place : place + 1])
        await asyncio.sleep(DRIP_S)
    scene.exchange.end()


async def cut(scene: Scene) -> None:
    """Close the connection amid the answer."""
    exchange = scene.exchange
    reply = await scene.reply()
    exchange.begin(200, reply.lines)
    if reply.stream:
        async with aclosing(paced(exchange, reply, reply.usage)) as events:
            for _ in range(CUT_AFTER_EVENTS):
                exchange.write(await anext(events, b""))
    else:
        body = await _whole_body(scene, reply)
        exchange.write(body[: len(body) // 2])
    await _flushed()
    exchange.abort()


async def malformed_sse(scene: Scene) -> None:
    """A first event as it should be, then some that can't be read, and no end."""
    scene.exchange.begin(200, scene.manners.stream_lines)
    for piece in scene.manners.broken_stream:
        scene.exchange.write(piece)
    scene.exchange.end()


async def no_usage(scene: Scene) -> None:
    """The true answer without its usage."""
    await send(scene.exchange, await scene.reply(), None)


async def wrong_usage(scene: Scene) -> None:
    """The true answer with a usage that can't be."""
    reply = await scene.reply()
    await send(scene.exchange, reply, reply.writer.wrong_usage)


async def huge_body(scene: Scene) -> None:
    """One answer, or one event, without an end in sight; its caller's back-pressure is respected."""
    exchange, manners = scene.exchange, scene.manners
    start, end = manners.huge_stream if scene.stream else manners.huge
    exchange.begin(200, manners.stream_lines if scene.stream else JSON_LINE)
    exchange.write(start)
    for _ in range(HUGE_BYTES // len(HUGE_PIECE)):
        exchange.write(HUGE_PIECE)
        await exchange.drained()
        await asyncio.sleep(0)
    exchange.end(end)


FAULTS: Mapping[Fault, Act] = {
    "refuse": refuse,
    "hang": hang,
    "rate_limited": errs(retry=True),
    "unauthorized": errs(),
    "payment_required": errs(),
    "hidden_quota": errs(),
    "error_500": errs(),
    "error_502": says(502, HTML_LINE, PAGE_502),
    "error_503": errs(retry=True),
    "error_529": errs(),
    "slow_drip": slow_drip,
    "cut": cut,
    "malformed_json": malformed_json,
    "malformed_sse": malformed_sse,
    "no_usage": no_usage,
    "wrong_usage": wrong_usage,
    "wrong_content_type": says(200, HTML_LINE, SIGN_IN_PAGE),
    "huge_body": huge_body,
}


async def _whole_body(scene: Scene, reply: Reply) -> bytes:
    """The bytes of the true answer, when its time has come."""
    if reply.stream:
        sent = [data async for data in paced(scene.exchange, reply, reply.usage)]
        return b"".join(sent) + reply.writer.done
    await reply.pace.whole(reply.answer)
    return reply.writer.whole(reply.answer, reply.usage)


async def _flushed() -> None:
    """Let the loop hand what was written to the kernel: `abort` drops what it still holds."""
    for _ in range(3):
        await asyncio.sleep(0)
