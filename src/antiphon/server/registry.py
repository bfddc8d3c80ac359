"""What there is to be found: `GET /v0.1/servers…`, our MCP endpoints as a registry tells of them, and `GET /v1/registry/agents`,
agents by skill, health, outcomes and cost.
"""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.registry import Directory
from antiphon.agents.registry_servers import Asked, Servers
from antiphon.core.error import AntiphonError, BadRequest, NotFound, WrongMethod
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.reply import JSON, error_headers
from antiphon.wire.codecs import CODECS

SERVERS, AGENTS = b"/v0.1/servers", b"/v1/registry/agents"


class Registries(Struct, frozen=True, kw_only=True):
    """What the paths are answered with."""

    directory: Directory
    shelf: Callable[[], Shelf]
    identity: Identity
    since_s: int
    """When these documents came into force, seconds since the epoch."""
    base_url: str = ""
    """Of this gateway, as callers reach it; empty: as the request's `Host` says."""
    tls: bool = False


async def answer(exchange: Exchange, registries: Registries) -> None:
    """Answer one exchange whose path begins with one of these."""
    try:
        principal = await authenticate(exchange, registries.identity)
        if exchange.method not in (b"GET", b"HEAD"):
            raise WrongMethod("the registry takes GET only", allow="GET, HEAD")
        body = msgspec.json.encode(await _page(exchange, registries, principal))
    except AntiphonError as error:
        exchange.respond(error.said_status, error_headers(error, ""), CODECS["openai_chat"].error(error))
        return
    exchange.respond(200, JSON + b"cache-control: no-store\r\n", body)


async def _page(exchange: Exchange, registries: Registries, principal: Principal) -> Any:
    query = dict(parse_qsl(exchange.query.decode("latin-1")))
    if exchange.path == AGENTS:
        await registries.directory.refresh()
        healthy = query.get("healthy", "false")
        if healthy not in ("true", "false"):
            raise BadRequest("healthy: write true or false", param="healthy")
        return {"data": registries.directory.page(principal, query.get("skill", ""), healthy=healthy == "true")}
    servers = Servers(registries.shelf(), principal, _base(exchange, registries), registries.since_s)
    rest = exchange.path.removeprefix(SERVERS).strip(b"/")
    # A name has a slash of its own, which clients write as %2F.
    match [unquote(part.decode("latin-1")) for part in rest.split(b"/")] if rest else []:
        case []:
            return servers.page(_asked(query))
        case [*name, "versions"] if name:
            return servers.versions("/".join(name))
        case [*name, "versions", version] if name:
            return servers.one("/".join(name), version)
        case [*name] if len(name) <= 2:
            return servers.one("/".join(name), "latest")
        case _:
            raise NotFound("nothing is served there; see GET /v0.1/servers", param="name")


def _asked(query: dict[str, str]) -> Asked:
    """Raises: BadRequest."""
    try:
        return msgspec.convert(cast("Any", query), Asked, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"the query can't be read: {error}") from error


def _base(exchange: Exchange, registries: Registries) -> str:
    host = exchange.headers.get(b"host", b"").decode("latin-1")
    return registries.base_url.rstrip("/") or f"{'https' if registries.tls else 'http'}://{host}"
