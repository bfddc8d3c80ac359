"""`/mcp` and `/mcp/SERVER`: the MCP gateway by streamable HTTP, one message a POST, and what clients have to know to get in."""

import asyncio
from asyncio import Task
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from antiphon.agents.mcp.servers import Servers
from antiphon.agents.mcp.tokens import TokensParts, returned
from antiphon.control.mcp import ENDPOINT, McpCall, McpGateway
from antiphon.control.mcp_relay import CALLS as RELAYED
from antiphon.core.error import AntiphonError, BadRequest, NotFound
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.net.egress import is_this_machine
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.mcp_in_flight import ASKS, InFlight, session_name
from antiphon.server.mcp_streams import STREAM, Listener
from antiphon.server.reply import JSON, error_headers
from antiphon.wire import mcp
from antiphon.wire.codecs import CODECS
from antiphon.wire.json import loads
from antiphon.wire.mcp import Era, McpError, Message

PREFIX = b"/mcp"
METADATA = b"/.well-known/oauth-protected-resource"
CALLBACK, SIGN_IN = b"/mcp/oauth/callback", b"/mcp/sign-in"
KEEP_ALIVE_S = 10.0
MOST_BODY_BYTES = 4_194_304
MOST_SCOPE = 64
CALLS = frozenset(("tools/call", *RELAYED))
"""Methods whose requests have receipts, and may take long."""
CANCELLED = -32800
"""Source: the Language Server Protocol's code of the same; MCP gives none."""
SIGN_IN_S = 30.0


class McpSite(Struct, frozen=True, kw_only=True):
    """What the paths are answered with."""

    gateway: McpGateway
    identity: Identity
    in_flight: InFlight
    issuers: tuple[str, ...] = ()
    """Authorization servers whose tokens are taken."""
    public_url: str = ""
    """Where clients reach this; empty: as the header Host says."""
    origins: tuple[str, ...] = ()
    """Of web pages that may ask, beside those of `public_url`."""
    servers: Servers | None = None
    tokens: TokensParts | None = None


def is_mcp(path: bytes) -> bool:
    """Whether a path is of the MCP gateway."""
    return path == PREFIX or path.startswith((PREFIX + b"/", METADATA))


def mcp_page(exchange: Exchange, site: McpSite) -> Coroutine[Any, Any, None]:
    """Answer one exchange whose path `is_mcp`, once awaited."""
    return _answered(exchange, site)


async def _answered(exchange: Exchange, site: McpSite) -> None:
    path = exchange.path
    try:
        _check_origin(exchange, site)
        if path.startswith(METADATA):
            exchange.respond(200, JSON, _metadata(exchange, site))
        elif path == CALLBACK:
            await _back(exchange, site)
        elif exchange.method == b"POST":
            principal = await authenticate(exchange, site.identity)
            if path == SIGN_IN:
                await _signed_in(exchange, site, principal)
            else:
                await _posted(exchange, site, principal)
        elif exchange.method == b"DELETE":
            await authenticate(exchange, site.identity)
            exchange.respond(200, JSON, b"{}")
        elif exchange.method == b"GET" and site.servers is not None and _listens(exchange):
            await _listened(exchange, site, site.servers)
        else:
            lines = b"allow: POST, DELETE\r\n" + JSON
            exchange.respond(405, lines, mcp.failure(None, McpError(mcp.INVALID_REQUEST, "there is no stream to GET")))
    except AntiphonError as error:
        if exchange.answered:
            raise
        lines = error_headers(error, "")
        if error.said_status == 401:
            lines = lines.replace(b'Bearer realm="antiphon"', _challenge(exchange, site))
        exchange.respond(error.said_status, lines, CODECS["openai_chat"].error(error))


# --- who may ask, and how they learn it


def _check_origin(exchange: Exchange, site: McpSite) -> None:
    """A web page of another place can't make its visitor's browser ask. Raises: BadRequest."""
    origin = exchange.headers.get(b"origin")
    if origin is None:
        return
    said = origin.decode("latin-1")
    try:
        parts, own = urlsplit(said), urlsplit(site.public_url)
        host = urlsplit(f"//{exchange.headers.get(b'host', b'').decode('latin-1')}").hostname or ""
    except ValueError:
        raise BadRequest("Origin or Host is no address", status=403, code="origin_not_allowed") from None
    near = is_this_machine(parts.hostname or "") and is_this_machine(host)
    if said in site.origins or near or (own.netloc and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)):
        return
    raise BadRequest(f"the origin {said[:128]!r} may not ask here", status=403, code="origin_not_allowed")


def _base(exchange: Exchange, site: McpSite) -> str:
    host = exchange.headers.get(b"host", b"localhost").decode("latin-1")
    return site.public_url.rstrip("/") or f"http://{host}"


def _challenge(exchange: Exchange, site: McpSite) -> bytes:
    where = f"{_base(exchange, site)}{METADATA.decode()}{_resource_path(exchange.path)}"
    return b'Bearer realm="antiphon", resource_metadata="%b"' % where.encode("latin-1", "replace")


def _resource_path(path: bytes) -> str:
    scope = _scope(path)
    return f"{PREFIX.decode()}/{scope}" if scope else PREFIX.decode()


def _metadata(exchange: Exchange, site: McpSite) -> bytes:
    """Source: RFC 9728, section 2."""
    if exchange.method not in (b"GET", b"HEAD"):
        raise BadRequest("this is read by GET", status=405)
    path = exchange.path.removeprefix(METADATA)
    if path and not is_mcp(path):
        raise NotFound("no resource of this path is protected here")
    return msgspec.json.encode(
        {
            "resource": f"{_base(exchange, site)}{_resource_path(path or PREFIX)}",
            "authorization_servers": list(site.issuers),
            "bearer_methods_supported": ["header"],
            "resource_name": "Antiphon MCP gateway",
        }
    )


async def _back(exchange: Exchange, site: McpSite) -> None:
    """A user's browser comes back from an authorization server. Raises: BadRequest, NotFound, StoreError."""
    if site.tokens is None:
        raise NotFound("nobody signs in to servers here")
    said = {name: values[0] for name, values in parse_qs(exchange.query.decode("latin-1")).items()}
    code = await returned(site.tokens, said.get("state", ""), said.get("code", ""), said.get("iss", ""))
    text = f"Signed in. Give this code to the client that sent you here: {code}\n"
    lines = b"content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n"
    exchange.respond(200, lines, text.encode())


async def _signed_in(exchange: Exchange, site: McpSite, principal: Principal) -> None:
    """Begin a sign-in, `{"server": …}`, or finish it, `{"code": …}`. Raises: BadRequest, NotFound, UpstreamError, StoreError."""
    if site.servers is None:
        raise NotFound("nobody signs in to servers here")
    said = loads(b"".join(exchange.body))
    until_s = site.gateway.offering.desk.desk.now_s + SIGN_IN_S
    code, server = said.get("code"), said.get("server")
    if isinstance(code, str):
        answer = {"server": await site.servers.sign_in(principal, code, until_s), "signed_in": True}
    elif isinstance(server, str):
        url = await site.servers.way_in(principal, server, until_s)
        answer = {"server": server, "signed_in": not url, **({"url": url} if url else {})}
    else:
        raise BadRequest("say `server` to begin a sign-in, or `code` to finish it")
    exchange.respond(200, JSON, msgspec.json.encode(answer))


# --- messages


def _listens(exchange: Exchange) -> bool:
    return b"text/event-stream" in exchange.headers.get(b"accept", b"")


async def _listened(exchange: Exchange, site: McpSite, servers: Servers) -> None:
    """The stream of the older era, beside requests."""
    principal, scope = await authenticate(exchange, site.identity), _scope(exchange.path)
    try:
        _check_scope(site, principal, scope)
        await Listener(exchange, site.gateway.offering, principal, scope).all(servers.news, site.in_flight)
    except McpError as error:
        status = 404 if error.code == mcp.UNKNOWN_METHOD else 503
        exchange.respond(status, JSON, mcp.failure(None, error))


def _scope(path: bytes) -> str:
    return path.removeprefix(PREFIX).strip(b"/")[:MOST_SCOPE].decode("latin-1")


async def _posted(exchange: Exchange, site: McpSite, principal: Principal) -> None:
    """Answer one message."""
    body = b"".join(exchange.body)
    exchange.body = []
    message: Message | None = None
    era: Era = "legacy"
    try:
        era = _era(exchange)
        if len(body) > MOST_BODY_BYTES:
            raise McpError(mcp.INVALID_REQUEST, f"a message is {MOST_BODY_BYTES} bytes at most")
        message = mcp.read(body)
        _check_scope(site, principal, _scope(exchange.path))
        session = exchange.headers.get(b"mcp-session-id", b"").decode("latin-1")
        if message.answers or message.id is None:
            if message.method == "notifications/cancelled" and era == "legacy":
                site.in_flight.cancel(principal, session, message.params.get("requestId"))
            elif message.answers and era == "legacy":
                await site.in_flight.answered(principal, session, message, len(body))
            exchange.respond(202, b"", b"")
            return
        if era == "modern":
            mcp.check_headers(message, exchange.headers)
            if message.method == "subscriptions/listen" and site.servers is not None:
                listener = Listener(exchange, site.gateway.offering, principal, _scope(exchange.path))
                await listener.some(site.servers.news, site.in_flight, message.id, message.params)
                return
        await _Reply(exchange, site, principal, message, era, session).go()
    except McpError as error:
        _refuse(exchange, None if message is None else message.id, error, era)


def _era(exchange: Exchange) -> Era:
    """Raises: McpError."""
    version = exchange.headers.get(b"mcp-protocol-version", b"").decode("latin-1")
    if not version or version in (*mcp.LEGACY, "2024-11-05"):
        return "legacy"
    if version != mcp.MODERN:
        raise mcp.unsupported(version)
    return "modern"


def _check_scope(site: McpSite, principal: Principal, scope: str) -> None:
    """Raises: McpError."""
    if scope and scope not in site.gateway.offering.scopes(principal):
        raise McpError(mcp.UNKNOWN_METHOD, f"there is no server {scope!r} here")


def _refuse(exchange: Exchange, given: int | str | None, error: McpError, era: Era) -> None:
    status = mcp.STATUSES.get(error.code, 200)
    if era == "legacy" and given is not None:
        status = 200
    exchange.respond(status, JSON, mcp.failure(given, error))


class _Reply:
    """One request's answer: whole, or as a stream once something is to be told before it."""

    def __init__(
        self, exchange: Exchange, site: McpSite, principal: Principal, message: Message, era: Era, session: str
    ) -> None:
        self._exchange, self._site, self._message, self._era = exchange, site, message, era
        self._session = session
        accepts = exchange.headers.get(b"accept", b"")
        self._streams = b"text/event-stream" in accepts or b"*/*" in accepts or b"text/*" in accepts
        desk = site.gateway.offering.desk.desk
        arrival = desk.gateway.arrival(ENDPOINT, "mcp", exchange.received_s, exchange.headers)
        self._call = McpCall(
            message=message,
            era=era,
            principal=principal,
            arrival=arrival,
            scope=_scope(exchange.path),
            heard=self._heard,
            elicit=self._elicit if era == "legacy" and session.endswith(ASKS) and self._streams else None,
        )

    async def go(self) -> None:
        """Raises: McpError, AntiphonError, where nothing was sent yet."""
        loop = asyncio.get_running_loop()
        work = loop.create_task(self._site.gateway.answer(self._call))
        key = self._site.in_flight.add(self._call.principal, self._session, self._message.id or 0, work)
        beating = loop.create_task(self._beat())
        try:
            self._end(await self._done(work))
        except (McpError, AntiphonError) as error:
            if not self._exchange.answered:
                raise
            said = error if isinstance(error, McpError) else McpError(mcp.INTERNAL_ERROR, error.message)
            self._exchange.end(mcp.event(mcp.failure(self._message.id, said)))
        finally:
            self._site.in_flight.drop(key)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _done(self, work: Task[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The result, unless the client cancels its request. Raises: McpError, AntiphonError, asyncio.CancelledError."""
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            raise
        if work.cancelled():
            raise McpError(CANCELLED, "the client has cancelled this request")
        return work.result()

    def _end(self, result: Mapping[str, Any]) -> None:
        body = mcp.result(self._message.id, result)
        if self._exchange.answered:
            self._exchange.end(mcp.event(body))
            return
        lines = JSON + b"x-antiphon-receipt: %b\r\n" % self._call.arrival.id.encode()
        if self._message.method == "initialize":
            session = session_name(self._message.params.get("capabilities"))
            lines = JSON + b"mcp-session-id: %b\r\n" % session.encode()
        elif self._message.method not in CALLS:
            lines = JSON
        self._exchange.respond(200, lines, body)

    def _heard(self, progress: float, total: float | None, message: str) -> None:
        """Tell of progress, where the client wants to hear of it."""
        token = self._message.meta.get("progressToken")
        if token is None or not self._begun():
            return
        said: dict[str, Any] = {"progressToken": token, "progress": progress}
        if total is not None:
            said["total"] = total
        if message:
            said["message"] = message
        self._exchange.write(mcp.event(mcp.request("notifications/progress", said)))

    async def _elicit(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask the client's user on the stream of the request that it is about."""
        return await self._site.in_flight.ask(self._call.principal, self._session, method, params, self._say)

    def _say(self, message: bytes) -> None:
        if self._begun():
            self._exchange.write(mcp.event(message))

    def _begun(self) -> bool:
        """Begin a stream. Returns: whether there is one."""
        if not self._streams or self._exchange.ended:
            return False
        if not self._exchange.answered:
            receipt = b"x-antiphon-receipt: %b\r\n" % self._call.arrival.id.encode()
            self._exchange.begin(200, STREAM + receipt)
        return True

    async def _beat(self) -> None:
        """Keep the way open while a call takes long."""
        if self._message.method not in CALLS:
            return
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            if self._begun():
                self._exchange.write(b": still at it\n\n")
