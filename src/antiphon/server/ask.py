"""A model call in any dialect: from the exchange to the path."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct, structs

from antiphon.control.responses import Responses
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, BadRequest, WrongMediaType
from antiphon.core.ports import GUESSED, Identity, Reply
from antiphon.core.principal import Principal
from antiphon.core.request import Head, Request, Spots
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server.reply import DialectReply, Wrap
from antiphon.server.turns import begun
from antiphon.wire import trace
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import AnyCodec, Asked
from antiphon.wire.lineage import END_USER, end_user, lineage

_KEY_HEADERS = (b"x-api-key", b"api-key", b"x-goog-api-key")
LET_GO = 8
"""Segments of a long body that are let go of in one turn; they are of 64 KB to 256 KB mostly."""


class Call(Struct, frozen=True, gc=False, kw_only=True):
    """What a path asks for."""

    codec: AnyCodec
    endpoint: str
    model: str = ""
    stream: bool = False
    wraps: Callable[[], Wrap] | None = None
    """Makes what changes the bytes of a stream on its way out; None: nothing does."""


def token_of(exchange: Exchange) -> bytes | None:
    """The key, as any of the dialects' clients send it: `Authorization: Bearer`, else `x-api-key`, `api-key`,
    `x-goog-api-key`, or `key` in the query.
    """
    headers = exchange.headers
    said = headers.get(b"authorization")
    if said is not None and said[:7].lower() == b"bearer ":
        return said[7:].strip()
    for name in _KEY_HEADERS:
        if name in headers:
            return headers[name].strip()
    if b"key=" in exchange.query:
        return next((value.encode() for value in parse_qs(exchange.query.decode("latin-1")).get("key", [])), None)
    return None


def authenticate(exchange: Exchange, identity: Identity) -> Coroutine[Any, Any, Principal]:
    """Who calls, once awaited. Raises: NotAuthenticated, OverLimit, Unavailable."""
    return caller_of(token_of(exchange), exchange, identity)


async def caller_of(token: bytes | None, exchange: Exchange, identity: Identity) -> Principal:
    """Whom a credential, or the connection's certificate where there is none, stands for. Raises: as `authenticate`."""
    principal = identity.principal(token)
    if principal is None or (token is not None and len(token) < GUESSED):
        return await identity.learn(token, exchange.peer)
    return principal


async def ask(
    exchange: Exchange, call: Call, gateway: Gateway, identity: Identity, responses: Responses | None = None
) -> None:
    """One model call, whole or streamed.

    Args:
        responses: What callers of OpenAI's Responses had kept.
    """
    codec = call.codec
    reply: Reply = DialectReply(exchange, codec, call.wraps)
    arrival = gateway.arrival(call.endpoint, codec.name, exchange.received_s, exchange.headers)
    principal: Principal | None = None
    try:
        principal = await authenticate(exchange, identity)
        request = await read(exchange, call)
        if responses is not None and codec.name == "openai_responses":
            going, reply = await begun(request, principal, responses, reply)
            if going.body is not request.body:
                request = await again(request, going.body, call)
            if going.data_class is not None:
                request = structs.replace(request, data_class=going.data_class)
    except AntiphonError as error:
        gateway.refuse(error, arrival, reply, principal)
        return
    await gateway.answer(request, principal, arrival, reply)
    if request.body.size_bytes >= LONG_BYTES:
        await _let_go(request.body)


async def read(exchange: Exchange, call: Call) -> Request:
    """Read a request; its body is the exchange's no more. Raises: BadRequest."""
    check_kind(exchange.headers, call.codec)
    body = Body(tuple(exchange.body))
    exchange.body = []
    return await read_body(body, exchange.headers, call)


async def read_body(body: Body, headers: dict[bytes, bytes], call: Call) -> Request:
    """The request of a body and its headers. Raises: BadRequest."""
    codec = call.codec
    asked = Asked(endpoint=call.endpoint, model=call.model, stream=call.stream, headers=headers)
    long = body.size_bytes >= LONG_BYTES
    head, spots, digest = await _long(body, codec, asked) if long else _short(body, codec, asked)
    if END_USER in headers:
        head = structs.replace(head, user=end_user(headers))
    parent = headers.get(b"traceparent")
    return Request(
        head=head,
        body=body,
        spots=spots,
        digest=digest,
        lineage=lineage(headers),
        trace=trace.decode(parent, headers.get(b"tracestate")) if parent else None,
        lines=carried(headers, codec.carries) if codec.carries else b"",
    )


def check_kind(headers: Mapping[bytes, bytes], codec: AnyCodec) -> None:
    """Whether a body is of a kind that a dialect's requests have. Raises: WrongMediaType."""
    kind = headers.get(b"content-type", b"").lower()
    if not kind.startswith(codec.asks):
        wanted = " or ".join(one.decode() for one in codec.asks)
        raise WrongMediaType(f"the body must be {wanted}, not {kind.decode('latin-1') or 'of no stated type'!r}")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise WrongMediaType("compressed bodies are not read; send the JSON as it is")


async def again(request: Request, body: Body, call: Call) -> Request:
    """The same request with another body. Raises: BadRequest."""
    codec, long = call.codec, body.size_bytes >= LONG_BYTES
    asked = Asked(endpoint=call.endpoint, model=call.model, stream=call.stream)
    head, spots, digest = await _long(body, codec, asked) if long else _short(body, codec, asked)
    return structs.replace(request, head=head, body=body, spots=spots, digest=digest)


def _short(body: Body, codec: AnyCodec, asked: Asked) -> tuple[Head, Spots, str]:
    """Read a body of ordinary length at once."""
    return *codec.read(body, asked), sha256(body.whole()).hexdigest()


def carried(headers: dict[bytes, bytes], names: tuple[bytes, ...]) -> bytes:
    """The lines of those headers that go on to an upstream of the same dialect."""
    return b"".join([b"%b: %b\r\n" % (name, headers[name]) for name in names if name in headers])


async def _long(body: Body, codec: AnyCodec, asked: Asked) -> tuple[Head, Spots, str]:
    """Read a long body a slice at a time, letting other requests run between them."""
    digest = sha256()
    for segment in body.segments:
        digest.update(segment)
        await asyncio.sleep(0)
    for found in codec.read_long(body, asked):
        if found is not None:
            return *found, digest.hexdigest()
        await asyncio.sleep(0)
    raise BadRequest("the body could not be read")


async def _let_go(body: Body) -> None:
    """Give a long body's memory back bit by bit: at once, 20 MB hold other requests up for milliseconds."""
    segments = body.taken()
    while segments:
        del segments[-LET_GO:]
        await asyncio.sleep(0)
