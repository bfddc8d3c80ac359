"""What each fault does on the wire. Every message says that it is a lab's doing."""

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


class Scene(Struct, frozen=True, kw_only=True):
    """A request that meets a fault; `reply` makes its true answer, which few faults need."""

    fault: FaultSettings
    stream: bool
    reply: Callable[[], Awaitable[Reply]]


Act = Callable[[Exchange, Scene], Awaitable[None]]


async def refuse(exchange: Exchange, scene: Scene) -> None:
    """Close the connection before any answer."""
    exchange.abort()


async def hang(exchange: Exchange, scene: Scene) -> None:
    """Never answer; ends when the caller leaves or the lab stops."""
    await asyncio.get_running_loop().create_future()


async def rate_limited(exchange: Exchange, scene: Scene) -> None:
    said = refusal("lab fault: rate limit reached; try again later", "requests", "rate_limit_exceeded")
    exchange.respond(429, JSON_LINE + _retry_lines(scene.fault.retry_after_s), said)


async def unauthorized(exchange: Exchange, scene: Scene) -> None:
    said = refusal("lab fault: incorrect API key provided", "invalid_request_error", "invalid_api_key")
    exchange.respond(401, JSON_LINE, said)


async def payment_required(exchange: Exchange, scene: Scene) -> None:
    exchange.respond(402, JSON_LINE, refusal("lab fault: insufficient balance", "unknown_error", "invalid_request_error"))


async def hidden_quota(exchange: Exchange, scene: Scene) -> None:
    """An exhausted quota behind the status of a bad request."""
    said = refusal("lab fault: you exceeded your current quota", "insufficient_quota", "insufficient_quota")
    exchange.respond(400, JSON_LINE, said)


async def error_500(exchange: Exchange, scene: Scene) -> None:
    exchange.respond(500, JSON_LINE, refusal("lab fault: the server had an error", "server_error", None))


async def error_502(exchange: Exchange, scene: Scene) -> None:
    """What a proxy in front of a dead server says: a page, not JSON."""
    exchange.respond(502, HTML_LINE, b"<html><body><h1>502 Bad Gateway</h1>lab fault</body></html>\r\n")


async def error_503(exchange: Exchange, scene: Scene) -> None:
    said = refusal("lab fault: the engine is overloaded; try again later", "server_error", "service_unavailable")
    exchange.respond(503, JSON_LINE + _retry_lines(scene.fault.retry_after_s), said)


async def error_529(exchange: Exchange, scene: Scene) -> None:
    """Overload as Anthropic says it, which has a status and an error shape of its own."""
    exchange.respond(529, JSON_LINE, b'{"type":"error","error":{"type":"overloaded_error","message":"lab fault: overloaded"}}')


async def slow_drip(exchange: Exchange, scene: Scene) -> None:
    """The true answer, byte by byte."""
    reply = await scene.reply()
    exchange.begin(200, reply.lines)
    body = await _whole_body(exchange, reply)
    for place in range(len(body)):
        exchange.write(body[place : place + 1])
        await asyncio.sleep(DRIP_S)
    exchange.end()


async def cut(exchange: Exchange, scene: Scene) -> None:
    """Close the connection amid the answer."""
    reply = await scene.reply()
    exchange.begin(200, reply.lines)
    if reply.stream:
        async with aclosing(paced(exchange, reply, reply.usage)) as events:
            for _ in range(CUT_AFTER_EVENTS):
                exchange.write(await anext(events, b""))
    else:
        body = await _whole_body(exchange, reply)
        exchange.write(body[: len(body) // 2])
    await _flushed()
    exchange.abort()


async def malformed_json(exchange: Exchange, scene: Scene) -> None:
    """A body that breaks off amid a string, with the length that it really has."""
    exchange.respond(200, JSON_LINE, b'{"id":"chatcmpl-lab","object":"chat.completion","choices":[{"index":0,"mess')


async def malformed_sse(exchange: Exchange, scene: Scene) -> None:
    """A first event as it should be, then broken JSON, a line of no field, bytes that aren't UTF-8, and no end."""
    delta = {"index": 0, "delta": {"role": "assistant", "content": "[lab fault] "}, "finish_reason": None}
    head: Json = {"id": "chatcmpl-lab", "object": "chat.completion.chunk", "created": 0, "model": "lab"}
    exchange.begin(200, SSE_LINES)
    exchange.write(sse(head | {"choices": [delta]}))
    exchange.write(b'data: {"id":"chatcmpl-lab","choices":[{"delta":{"content":"bro\n\n')
    exchange.write(b"this line names no field\n\n")
    exchange.write(b"data: \xff\xfe\n\n")
    exchange.end()


async def no_usage(exchange: Exchange, scene: Scene) -> None:
    await send(exchange, await scene.reply(), None)


async def wrong_usage(exchange: Exchange, scene: Scene) -> None:
    await send(exchange, await scene.reply(), WRONG_USAGE)


async def wrong_content_type(exchange: Exchange, scene: Scene) -> None:
    """A sign-in page where an answer should be."""
    exchange.respond(200, HTML_LINE, b"<!doctype html><title>lab fault</title><p>Please sign in to this network.</p>\r\n")


async def huge_body(exchange: Exchange, scene: Scene) -> None:
    """One answer without an end in sight; its caller's back-pressure is respected."""
    kind, field = ("chat.completion.chunk", "delta") if scene.stream else ("chat.completion", "message")
    start = b'{"id":"chatcmpl-lab","object":"%b","created":0,"model":"lab","choices":[{"index":0,"finish_reason":"stop","%b":' % (
        kind.encode(),
        field.encode(),
    )
    exchange.begin(200, SSE_LINES if scene.stream else JSON_LINE)
    exchange.write(b"data: " * scene.stream + start + b'{"role":"assistant","content":"')
    for _ in range(HUGE_BYTES // len(HUGE_PIECE)):
        exchange.write(HUGE_PIECE)
        await exchange.drained()
        await asyncio.sleep(0)
    exchange.end(b'"}}]}' + b"\n\ndata: [DONE]\n\n" * scene.stream)


FAULTS: Mapping[Fault, Act] = {
    "refuse": refuse,
    "hang": hang,
    "rate_limited": rate_limited,
    "unauthorized": unauthorized,
    "payment_required": payment_required,
    "hidden_quota": hidden_quota,
    "error_500": error_500,
    "error_502": error_502,
    "error_503": error_503,
    "error_529": error_529,
    "slow_drip": slow_drip,
    "cut": cut,
    "malformed_json": malformed_json,
    "malformed_sse": malformed_sse,
    "no_usage": no_usage,
    "wrong_usage": wrong_usage,
    "wrong_content_type": wrong_content_type,
    "huge_body": huge_body,
}


def _retry_lines(retry_after_s: float) -> bytes:
    """Whole seconds as the standard has it, and milliseconds as OpenAI and Azure add them."""
    return b"retry-after: %d\r\nretry-after-ms: %d\r\n" % (math.ceil(retry_after_s), math.ceil(retry_after_s * 1000))


async def _whole_body(exchange: Exchange, reply: Reply) -> bytes:
    """The bytes of the true answer, when its time has come."""
    if reply.stream:
        return b"".join([data async for data in paced(exchange, reply, reply.usage)]) + DONE
    await reply.pace.whole(reply.answer)
    return completion(reply.answer, reply.form, reply.usage)


async def _flushed() -> None:
    """Let the loop hand what was written to the kernel: `abort` drops what it still holds."""
    for _ in range(3):
        await asyncio.sleep(0)
