"""Who gives tokens for a server, and asking for them."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from antiphon.agents.mcp.document import OAuthSpec, ToolServerSpec
from antiphon.core.deployment import Timeouts
from antiphon.core.error import StaleConnection, UpstreamError, UpstreamMalformed, UpstreamRefused, UpstreamTimeout
from antiphon.core.ports import Outbound, Transport
from antiphon.net.egress import is_this_machine, origin_of

MOST_BYTES = 262_144
MOST_S = 15.0
RESOURCE = "/.well-known/oauth-protected-resource"
SERVERS = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")
T = TypeVar("T")
_SAID = re.compile(r'([a-zA-Z_]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class _Resource(Struct):
    resource: str = ""
    authorization_servers: list[str] = []
    scopes_supported: list[str] = []


class _Server(Struct):
    issuer: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    code_challenge_methods_supported: list[str] = []


class Granted(Struct):
    """A token endpoint's answer."""

    access_token: str
    token_type: str = ""
    expires_in: float = 0
    refresh_token: str = ""
    scope: str = ""


class Grantor(Struct, frozen=True, kw_only=True):
    """An authorization server, for one server of tools."""

    issuer: str
    authorize_url: str
    token_url: str
    resource: str
    scopes: tuple[str, ...] = ()


class Grants:
    """Asks authorization servers. Whatever strangers name is reached as such: never inside."""

    def __init__(self, transport: Transport, now_s: Callable[[], float]) -> None:
        self._transport = transport
        self._now_s = now_s

    async def grantor(self, spec: ToolServerSpec, said: str, until_s: float) -> Grantor:
        """Who gives tokens for a server.

        Args:
            said: Where the server says that its metadata are; empty: where they usually are.
        Raises: UpstreamError.
        """
        assert spec.oauth is not None
        resource = await self._resource(spec, said, until_s)
        issuer = spec.oauth.issuer or next(iter(resource.authorization_servers), "")
        if not issuer:
            raise UpstreamMalformed(f"{spec.url} names no authorization server; say `oauth.issuer`")
        found = await self._server(spec, issuer, until_s)
        if spec.oauth.whose == "user" and not found.authorization_endpoint:
            raise UpstreamMalformed(f"{issuer} has no place where users sign in")
        return Grantor(
            issuer=issuer,
            authorize_url=found.authorization_endpoint,
            token_url=found.token_endpoint,
            resource=resource.resource or spec.url,
            scopes=tuple(resource.scopes_supported),
        )

    async def token(
        self, url: str, fields: Mapping[str, str], oauth: OAuthSpec, spec: ToolServerSpec, until_s: float
    ) -> Granted:
        """Ask for a token. Raises: UpstreamError."""
        lines = {"Content-Type": "application/x-www-form-urlencoded"}
        said = dict(fields)
        if oauth.client_secret:
            pair = f"{quote(oauth.client_id, safe='')}:{quote(oauth.client_secret, safe='')}"
            lines["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            said["client_id"] = oauth.client_id
        body = await self._asked("POST", url, spec, until_s, lines, urlencode(said).encode())
        found = _decoded(body, Granted, url)
        if found.token_type.lower() not in ("", "bearer"):
            raise UpstreamMalformed(f"{url} gave a token of the type {found.token_type[:32]!r}, which is not taken")
        return found

    async def _resource(self, spec: ToolServerSpec, said: str, until_s: float) -> _Resource:
        parts = urlsplit(spec.url)
        base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        places = [said] if said else [f"{base}{RESOURCE}{path}", *([f"{base}{RESOURCE}"] if path else [])]
        for place in places:
            if urlsplit(place).netloc != parts.netloc:
                raise UpstreamMalformed(f"{spec.url} says that its metadata are at another host, {place[:200]}")
            try:
                found = _decoded(await self._asked("GET", place, spec, until_s), _Resource, place)
            except UpstreamRefused:
                continue
            if found.resource and not _within(spec.url, found.resource):
                raise UpstreamMalformed(f"{place} is of another resource, {found.resource[:200]}")
            return found
        if spec.oauth is not None and spec.oauth.issuer:
            return _Resource()
        raise UpstreamMalformed(f"{spec.url} doesn't say who gives tokens for it; say `oauth.issuer`")

    async def _server(self, spec: ToolServerSpec, issuer: str, until_s: float) -> _Server:
        parts = urlsplit(issuer)
        base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        for place in (
            *(f"{base}{one}{path}" for one in SERVERS),
            *([f"{issuer.rstrip('/')}{SERVERS[1]}"] if path else []),
        ):
            try:
                found = _decoded(await self._asked("GET", place, spec, until_s), _Server, place)
            except UpstreamRefused:
                continue
            if found.issuer.rstrip("/") != issuer.rstrip("/"):
                raise UpstreamMalformed(f"{place} is of another authorization server, {found.issuer[:200]}")
            if not found.token_endpoint or not all(_safe(one, issuer) for one in _ends(found)):
                raise UpstreamMalformed(f"{place} leads to places that don't speak HTTPS, or to none")
            if "S256" not in found.code_challenge_methods_supported and found.code_challenge_methods_supported:
                raise UpstreamMalformed(f"{issuer} doesn't take S256, without which no code is safe")
            return found
        raise UpstreamMalformed(f"{issuer} tells nothing of itself")

    async def _asked(
        self,
        method: str,
        url: str,
        spec: ToolServerSpec,
        until_s: float,
        lines: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> bytes:
        """A document. No redirect is followed. Raises: UpstreamError; UpstreamRefused, where there is none."""
        left_s = min(MOST_S, until_s - self._now_s())
        if left_s <= 0:
            raise UpstreamTimeout("there was no time left to ask for a token")
        parts, own = urlsplit(url), urlsplit(spec.url)
        known = {own.hostname, urlsplit(spec.oauth.issuer).hostname if spec.oauth is not None else None}
        foreign = parts.hostname not in known
        place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not (place.isascii() and place.isprintable() and parts.hostname) or "@" in parts.netloc or " " in place:
            raise UpstreamMalformed("a place where tokens are given is no address")
        heads = {"Host": parts.netloc, "Accept": "application/json", **(lines or {})}
        head = f"{method} {place} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in heads.items())
        networks = () if foreign else tuple(spec.networks)
        request = Outbound(
            origin=origin_of(url, ca_file=spec.ca_file or None, networks=networks, foreign=foreign),
            head=head.encode("latin-1"),
            body=(body,) if body else (),
            size_bytes=len(body),
            timeouts=Timeouts(connect_s=left_s, first_byte_s=left_s, between_bytes_s=left_s, total_s=left_s),
        )
        try:
            inbound = await self._transport.send(request)
        except StaleConnection:
            inbound = await self._transport.send(request, fresh=True)
        try:
            answer = await inbound.read(MOST_BYTES)
        finally:
            inbound.close()
        if inbound.status != 200:
            kind = UpstreamRefused if inbound.status < 500 else UpstreamError
            raise kind(f"{parts.netloc} answered {inbound.status}", upstream_status=inbound.status, body=answer[:500])
        return answer


def challenge_of(header: str) -> dict[str, str]:
    """What a `WWW-Authenticate` header of the scheme Bearer says."""
    if not header.lower().startswith("bearer"):
        return {}
    return {name.lower(): quoted or plain for name, quoted, plain in _SAID.findall(header)}


def _ends(found: _Server) -> list[str]:
    return [one for one in (found.authorization_endpoint, found.token_endpoint) if one]


def _safe(url: str, issuer: str) -> bool:
    parts = urlsplit(url)
    plain = urlsplit(issuer).scheme == "http" and is_this_machine(parts.hostname or "")
    return bool(parts.hostname) and (parts.scheme == "https" or plain)


def _within(url: str, resource: str) -> bool:
    """Whether a server is the resource, or a part of it."""
    ours, theirs = urlsplit(url), urlsplit(resource)
    path = theirs.path.rstrip("/")
    same = (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)
    return same and (ours.path.rstrip("/") == path or ours.path.startswith(f"{path}/"))


def _decoded(body: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(f"{where} can't be read: {error}") from error
