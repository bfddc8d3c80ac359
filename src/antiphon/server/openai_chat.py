"""POST /v1/chat/completions."""

import asyncio
from hashlib import sha256

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, NotAuthenticated, WrongMediaType
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.request import NO_LINEAGE, Head, Lineage, Request, Spots
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server.reply import OpenAIReply
from antiphon.wire import trace
from antiphon.wire.openai_chat.head import LONG_BYTES, read, read_long

DIALECT = "openai_chat"
_LINEAGE = (
    (b"x-antiphon-session", "session"),
    (b"x-antiphon-run", "run"),
    (b"x-antiphon-step", "step"),
    (b"x-antiphon-parent", "parent"),
)
LET_GO = 8
"""Segments of a long body that are let go of in one turn; they are of 64 KB to 256 KB mostly."""
MAX_NAME = 128
"""Longest name of a session, run, step or parent, in characters."""


def token_of(exchange: Exchange) -> bytes | None:
    """The key that came as `Authorization: Bearer`."""
    said = exchange.headers.get(b"authorization")
    return said[7:].strip() if said is not None and said[:7].lower() == b"bearer " else None


def authenticate(exchange: Exchange, identity: Identity) -> Principal:
    """Who calls. Raises: NotAuthenticated."""
    token = token_of(exchange)
    principal = identity.principal(token)
    if principal is None:
        wrong = "no API key came with the request" if token is None else "this API key is not known"
        raise NotAuthenticated(f"{wrong}; send `Authorization: Bearer KEY` with a key of this gateway")
    return principal


async def chat_completions(exchange: Exchange, gateway: Gateway, identity: Identity) -> None:
    """One chat completion, whole or streamed."""
    reply = OpenAIReply(exchange)
    endpoint = exchange.path.decode("latin-1")
    arrival = gateway.arrival(endpoint, DIALECT, exchange.received_s, exchange.headers)
    principal: Principal | None = None
    try:
        principal = authenticate(exchange, identity)
        request = await _request(exchange, endpoint)
    except BadRequest as error:
        gateway.refuse(error, arrival, reply, principal)
        return
    await gateway.answer(request, principal, arrival, reply)
    if request.body.size_bytes >= LONG_BYTES:
        await _let_go(request.body)


async def _request(exchange: Exchange, endpoint: str) -> Request:
    headers = exchange.headers
    kind = headers.get(b"content-type", b"")
    if not kind.lower().startswith(b"application/json"):
        raise WrongMediaType(
            f"the body must be application/json, not {kind.decode('latin-1') or 'of no stated type'!r}"
        )
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise WrongMediaType("compressed bodies are not read; send the JSON as it is")
    body = Body(tuple(exchange.body))
    exchange.body = []
    if body.size_bytes < LONG_BYTES:
        head, spots = read(body, endpoint)
        digest = sha256(body.whole()).hexdigest()
    else:
        head, spots, digest = await _long(body, endpoint)
    parent = headers.get(b"traceparent")
    return Request(
        head=head,
        body=body,
        spots=spots,
        digest=digest,
        lineage=_lineage(headers),
        trace=trace.decode(parent, headers.get(b"tracestate")) if parent else None,
    )


async def _long(body: Body, endpoint: str) -> tuple[Head, Spots, str]:
    """Read a long body a slice at a time, letting other requests run between them."""
    digest = sha256()
    for segment in body.segments:
        digest.update(segment)
        await asyncio.sleep(0)
    for found in read_long(body, endpoint):
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


def _lineage(headers: dict[bytes, bytes]) -> Lineage:
    found: dict[str, str] = {}
    for header, name in _LINEAGE:
        value = headers.get(header)
        if value is not None:
            if len(value) > MAX_NAME:
                raise BadRequest(f"{header.decode()} is longer than {MAX_NAME} characters", param=header.decode())
            found[name] = value.decode("latin-1")
    return Lineage(**found) if found else NO_LINEAGE
