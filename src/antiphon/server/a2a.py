"""Our agents over A2A, in both bindings: `POST /a2a/NAME` takes JSON-RPC, `/a2a/NAME/v1/…` the HTTP binding; the card is at
`/a2a/NAME/.well-known/agent-card.json`, and where there is one agent only, at `/.well-known/agent-card.json` too; what cards are
verified by, at `/.well-known/jwks.json`.
"""

from collections.abc import AsyncIterator, Callable
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from antiphon.agents.a2a.cards import encoded, etag
from antiphon.agents.a2a.host import Host
from antiphon.agents.a2a.signing import JWKS
from antiphon.core.error import AntiphonError, NotAuthenticated, NotFound, WrongMethod
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.net.exchange import Exchange
from antiphon.server.a2a_calls import Asking, call, stream
from antiphon.server.a2a_rest import read
from antiphon.server.ask import authenticate
from antiphon.server.reply import error_headers
from antiphon.wire import trace
from antiphon.wire.a2a import old, rpc
from antiphon.wire.a2a.errors import A2AError, rest_error, rpc_error
from antiphon.wire.a2a.words import MEDIA_TYPE, OLD_VERSION, VERSION, Item, plain

PREFIX = b"/a2a/"
CARD, KEYS = b"/.well-known/agent-card.json", JWKS.encode()
_JSON = b"content-type: application/json\r\n"
_EVENTS = b"content-type: text/event-stream\r\ncache-control: no-cache\r\n"
_KINDS = (b"application/json", MEDIA_TYPE)
_SPOKEN = ("", VERSION, OLD_VERSION)


class A2A(Struct, frozen=True, kw_only=True):
    """What the paths are answered with."""

    host: Host
    identity: Identity
    base_url: str = ""
    """Of this gateway, as callers reach it; empty: as the request's `Host` says."""
    tls: bool = False
    """The listener's own: for that."""
    open_cards: Principal | None = None
    """In whose name callers without a key see cards; None: they see none."""


def is_a2a(path: bytes) -> bool:
    """Whether a path is one of A2A's."""
    return path in (CARD, KEYS) or path.startswith(PREFIX)


async def answer(exchange: Exchange, a2a: A2A) -> None:
    """Answer one exchange whose path is A2A's."""
    if exchange.path == CARD:
        await _card(exchange, a2a, "")
        return
    if exchange.path == KEYS:
        _keys(exchange, a2a)
        return
    agent, _, rest = exchange.path.removeprefix(PREFIX).partition(b"/")
    name, rest = unquote(agent.decode("latin-1")), b"/" + rest if rest else b""
    if rest == CARD and exchange.method in (b"GET", b"HEAD"):
        await _card(exchange, a2a, name)
    elif not rest and exchange.method == b"POST":
        await _rpc(exchange, a2a, name)
    else:
        await _rest(exchange, a2a, name, rest)


# --- cards


async def _card(exchange: Exchange, a2a: A2A, name: str) -> None:
    """`name`: empty, where one is asked for that stands for the whole gateway."""
    try:
        if exchange.method not in (b"GET", b"HEAD"):
            raise WrongMethod("a card takes GET only", allow="GET, HEAD")
        try:
            principal = await authenticate(exchange, a2a.identity)
        except NotAuthenticated:
            if a2a.open_cards is None:
                raise
            principal = a2a.open_cards
        name = name or a2a.host.only(principal)
        base, host = _base(exchange, a2a), a2a.host
        card = host.card(principal, name, base)
        body = encoded(card, version=_version(exchange), base_url=base, signer=host.signer)
    except AntiphonError as error:
        _refuse(exchange, error)
        return
    tag = etag(body)
    headers = _JSON + b"etag: %b\r\ncache-control: private, max-age=60\r\nvary: authorization, a2a-version\r\n" % tag
    if tag in exchange.headers.get(b"if-none-match", b""):
        exchange.respond(304, headers, b"")
    else:
        exchange.respond(200, headers, body)


def _keys(exchange: Exchange, a2a: A2A) -> None:
    """The keys that cards are verified by: for anybody."""
    signer = a2a.host.signer
    try:
        if exchange.method not in (b"GET", b"HEAD"):
            raise WrongMethod("keys take GET only", allow="GET, HEAD")
        if signer is None:
            raise NotFound("cards are not signed here")
        exchange.respond(200, _JSON + b"cache-control: public, max-age=300\r\n", signer.jwks())
    except AntiphonError as error:
        _refuse(exchange, error)


def _base(exchange: Exchange, a2a: A2A) -> str:
    host = exchange.headers.get(b"host", b"").decode("latin-1")
    return a2a.base_url.rstrip("/") or f"{'https' if a2a.tls else 'http'}://{host}"


def _version(exchange: Exchange) -> str:
    """That the caller speaks: `1.0`, `0.3`, or empty. Raises: A2AError."""
    said = exchange.headers.get(b"a2a-version", b"").decode("latin-1").strip()
    short = ".".join(said.split(".")[:2])
    if short not in _SPOKEN:
        raise A2AError(
            f"A2A {said[:16]} is not spoken here; {VERSION} and {OLD_VERSION} are", reason="VERSION_NOT_SUPPORTED"
        )
    return "" if short == OLD_VERSION else short


def _check_kind(exchange: Exchange) -> None:
    """A body has to say that it is JSON, so that no web page can send one unasked. Raises: A2AError."""
    kind = exchange.headers.get(b"content-type", b"").lower()
    if any(exchange.body) and not kind.startswith(_KINDS):
        raise A2AError("the body has to be application/json", reason="CONTENT_TYPE_NOT_SUPPORTED")


# --- JSON-RPC


async def _rpc(exchange: Exchange, a2a: A2A, name: str) -> None:
    body = b"".join(exchange.body)
    named, method = None, ""
    try:
        principal = await authenticate(exchange, a2a.identity)
    except AntiphonError as error:
        _refuse(exchange, error)
        return
    try:
        _check_kind(exchange)
        named = rpc.id_of(body)
        asked = rpc.read_call(body)
        named, method = asked.id, asked.method
        before = method in old.METHODS
        if not before:
            _version(exchange)
        one = Asking(
            principal=principal,
            agent=name,
            method=old.METHODS[method] if before else method,
            params=old.asked(method, asked.params) if before else asked.params,
            base_url=_base(exchange, a2a),
            trace=trace.decode(exchange.headers.get(b"traceparent"), exchange.headers.get(b"tracestate")),
        )
        if one.method in rpc.STREAMED:
            await _rpc_stream(exchange, await stream(a2a.host, one), named, method if before else "")
            return
        result = await call(a2a.host, one)
    except AntiphonError as error:
        exchange.respond(200, _JSON, _failure(error, named, method))
        return
    exchange.respond(200, _JSON, rpc.result(old.answered(method, result) if before else result, named))


async def _rpc_stream(
    exchange: Exchange, items: AsyncIterator[Item | None], named: str | int | None, method: str
) -> None:
    """`method`: the 0.3 one that asked; empty: 1.0 did."""

    def said(item: Item) -> bytes:
        result = plain(item)
        return rpc.result(old.answered(method, result) if method else result, named)

    await _stream(exchange, items, said, lambda error: _failure(error, named, method))


def _failure(error: AntiphonError, named: str | int | None, method: str) -> bytes:
    """An error, as the caller's version knows it."""
    told = rpc_error(error)
    if method in old.METHODS:
        told = {"code": told["code"] if told["code"] in old.CODES else -32603, "message": told["message"]}
    return msgspec.json.encode({"jsonrpc": "2.0", "id": named, "error": told})


# --- the HTTP binding


async def _rest(exchange: Exchange, a2a: A2A, name: str, rest: bytes) -> None:
    try:
        principal = await authenticate(exchange, a2a.identity)
        _version(exchange)
        _check_kind(exchange)
        method, params, texts = read(exchange, rest)
        one = Asking(
            principal=principal,
            agent=name,
            method=method,
            params=params,
            texts=texts,
            base_url=_base(exchange, a2a),
            trace=trace.decode(exchange.headers.get(b"traceparent"), exchange.headers.get(b"tracestate")),
        )
        if method in rpc.STREAMED:
            items = await stream(a2a.host, one)
            await _stream(exchange, items, msgspec.json.encode, lambda error: rest_error(error)[1])
            return
        result = await call(a2a.host, one)
    except AntiphonError as error:
        _refuse(exchange, error)
        return
    exchange.respond(200, b"content-type: %b\r\n" % MEDIA_TYPE, msgspec.json.encode({} if result is None else result))


def _refuse(exchange: Exchange, error: AntiphonError) -> None:
    status, body = rest_error(error)
    exchange.respond(status, error_headers(error, ""), body)


# --- streams


async def _stream(
    exchange: Exchange,
    items: AsyncIterator[Item | None],
    said: Callable[[Item], bytes],
    failed: Callable[[AntiphonError], bytes],
) -> None:
    """Write news as they come; a comment where there are none for a while."""
    exchange.begin(200, _EVENTS)
    try:
        async for item in items:
            exchange.write(b": still at work\n\n" if item is None else b"data: %b\n\n" % said(item))
            await exchange.drained()
    except AntiphonError as error:
        exchange.write(b"data: %b\n\n" % failed(error))
    exchange.end(b"")
