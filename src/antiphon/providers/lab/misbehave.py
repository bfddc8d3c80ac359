"""What each fault does on the wire. Every text says that it is a lab's doing."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

from msgspec import Struct

from antiphon.net.exchange import Exchange
from antiphon.providers.lab.encode import DONE, JSON_LINE, SSE_LINES, Json, completion, refusal, sse
from antiphon.providers.lab.send import Reply, paced, send
from antiphon.providers.lab.settings import Fault, FaultSettings

DRIP_S = 1.0
"""`slow_drip` sends a byte each second."""
CUT_AFTER_EVENTS = 3
"""`cut` lets so many events of a stream out, or half of a whole answer."""
HUGE_BYTES = 200_000_000
HUGE_PIECE = b"lab " * 16_384
"""`huge_body` is one answer, or one event of a stream, of so many bytes, in pieces of 64 KiB."""
WRONG_USAGE: Json = {
    "prompt_tokens": -7,
    "completion_tokens": 9_999_999_999_999,
    "total_tokens": 0,
    "prompt_tokens_details": {"cached_tokens": 1_000_000_000_000},
    "completion_tokens_details": {"reasoning_tokens": -1},
}
HTML_LINE = b"content-type: text/html; charset=utf-8\r\n"
PAGE_502 = b"<html><body><h1>502 Bad Gateway</h1>lab fault</body></html>\r\n"
SIGN_IN_PAGE = b"<!doctype html><title>lab fault</title><p>Please sign in to this network.</p>\r\n"
BROKEN_JSON = b'{"id":"chatcmpl-lab","object":"chat.completion","choices":[{"index":0,"mess'
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"lab fault: overloaded"}}'
"""Overload as Anthropic says it, with a status and an error shape of its own."""


class Scene(Struct, frozen=True, kw_only=True):
    """A request that meets a fault; `reply` makes its true answer, which few faults need."""

    exchange: Exchange
    fault: FaultSettings
    stream: bool
    reply: Callable[[], Awaitable[Reply]]


Act = Callable[[Scene], Awaitable[None]]


async def refuse(scene: Scene) -> None:
    """Close the connection before any answer."""
    scene.exchange.abort()


async def hang(_scene: Scene) -> None:
    """Never answer; ends when the caller leaves or the lab stops."""
    await asyncio.get_running_loop().create_future()


def says(status: int, line: bytes, body: bytes, *, retry: bool = False) -> Act:
    """A fixed answer, with Retry-After if `retry`."""

    async def act(scene: Scene) -> None:
        wait_s = scene.fault.retry_after_s
        lines = b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (math.ceil(wait_s), math.ceil(wait_s * 1000))
        scene.exchange.respond(status, line + lines * retry, body)

    return act


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
    """A first event as it should be, then broken JSON, a line of no field, bytes that aren't UTF-8, and no `[DONE]`."""
    delta = {"index": 0, "delta": {"role": "assistant", "content": "[lab fault] "}, "finish_reason": None}
    head: Json = {"id": "chatcmpl-lab", "object": "chat.completion.chunk", "created": 0, "model": "lab"}
    scene.exchange.begin(200, SSE_LINES)
    scene.exchange.write(sse(head | {"choices": [delta]}))
    scene.exchange.write(b'data: {"id":"chatcmpl-lab","choices":[{"delta":{"content":"bro\n\n')
    scene.exchange.write(b"this line names no field\n\n")
    scene.exchange.write(b"data: \xff\xfe\n\n")
    scene.exchange.end()


async def no_usage(scene: Scene) -> None:
    """The true answer without its usage."""
    await send(scene.exchange, await scene.reply(), None)


async def wrong_usage(scene: Scene) -> None:
    """The true answer with `WRONG_USAGE`."""
    await send(scene.exchange, await scene.reply(), WRONG_USAGE)


async def huge_body(scene: Scene) -> None:
    """One answer, or one event, without an end in sight; its caller's back-pressure is respected."""
    exchange = scene.exchange
    kind, field = (b"chat.completion.chunk", b"delta") if scene.stream else (b"chat.completion", b"message")
    head = b'{"id":"chatcmpl-lab","object":"%b","created":0,"model":"lab","choices":[{"index":0,' % kind
    start = b'%b"finish_reason":"stop","%b":{"role":"assistant","content":"' % (head, field)
    exchange.begin(200, SSE_LINES if scene.stream else JSON_LINE)
    exchange.write(b"data: " * scene.stream + start)
    for _ in range(HUGE_BYTES // len(HUGE_PIECE)):
        exchange.write(HUGE_PIECE)
        await exchange.drained()
        await asyncio.sleep(0)
    exchange.end(b'"}}]}' + (b"\n\n" + DONE) * scene.stream)


FAULTS: Mapping[Fault, Act] = {
    "refuse": refuse,
    "hang": hang,
    "rate_limited": says(
        429, JSON_LINE, refusal("lab fault: rate limit reached", "requests", "rate_limit_exceeded"), retry=True
    ),
    "unauthorized": says(
        401, JSON_LINE, refusal("lab fault: incorrect API key provided", "invalid_request_error", "invalid_api_key")
    ),
    "payment_required": says(
        402, JSON_LINE, refusal("lab fault: insufficient balance", "unknown_error", "invalid_request_error")
    ),
    "hidden_quota": says(
        400, JSON_LINE, refusal("lab fault: you exceeded your quota", "insufficient_quota", "insufficient_quota")
    ),
    "error_500": says(500, JSON_LINE, refusal("lab fault: the server had an error", "server_error", None)),
    "error_502": says(502, HTML_LINE, PAGE_502),
    "error_503": says(
        503, JSON_LINE, refusal("lab fault: the engine is overloaded", "server_error", "overloaded"), retry=True
    ),
    "error_529": says(529, JSON_LINE, OVERLOADED),
    "slow_drip": slow_drip,
    "cut": cut,
    "malformed_json": says(200, JSON_LINE, BROKEN_JSON),
    "malformed_sse": malformed_sse,
    "no_usage": no_usage,
    "wrong_usage": wrong_usage,
    "wrong_content_type": says(200, HTML_LINE, SIGN_IN_PAGE),
    "huge_body": huge_body,
}


async def _whole_body(scene: Scene, reply: Reply) -> bytes:
    """The bytes of the true answer, when its time has come."""
    if reply.stream:
        return b"".join([data async for data in paced(scene.exchange, reply, reply.usage)]) + DONE
    await reply.pace.whole(reply.answer)
    return completion(reply.answer, reply.form, reply.usage)


async def _flushed() -> None:
    """Let the loop hand what was written to the kernel: `abort` drops what it still holds."""
    for _ in range(3):
        await asyncio.sleep(0)
