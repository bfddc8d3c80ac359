"""Tokens for servers that want them: each user's own, or the gateway's. OAuth 2.1 as a client.

Sources: RFC 9728 (who gives tokens for a server), RFC 8414 (where they are got), RFC 7636 (PKCE), RFC 8707 (`resource`),
RFC 9207 (`iss`).
"""

import asyncio
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlencode

import msgspec
from msgspec import Struct, structs

from antiphon.agents.mcp.document import OAuthSpec, ToolServerSpec
from antiphon.agents.mcp.link import Unauthorized
from antiphon.agents.mcp.oauth import Granted, Grantor, Grants, challenge_of
from antiphon.agents.mcp.peer import Whose
from antiphon.core.error import BadRequest, UpstreamError
from antiphon.core.ports import Sealer
from antiphon.core.principal import Principal
from antiphon.core.run_store import RunStore

TOKENS, PENDING, CODES = "mcp/tokens", "mcp/sign-in", "mcp/codes"
PENDING_S = 600
EARLY_S = 30
"""A token that lapses this soon is renewed before it is used."""
S_NS = 10**9
_spell = msgspec.json.Encoder(order="sorted").encode


class SignIn(Exception):
    """The caller has to sign in at `url` first."""

    def __init__(self, url: str) -> None:
        super().__init__("sign in first")
        self.url = url


class Token(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As it is kept, sealed."""

    access: str
    refresh: str = ""
    until_ns: int = 0
    """When it lapses; 0: it doesn't say."""
    token_url: str = ""
    scope: str = ""


class Pending(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign-in that was begun."""

    server: str
    subject: str
    tenant: str
    verifier: str
    issuer: str
    token_url: str
    code: str = ""


class TokensParts(Struct, frozen=True, kw_only=True):
    """What tokens rest on."""

    store: RunStore
    sealer: Sealer
    now_ns: Callable[[], int]
    grants: Grants
    callback: str
    """The address that authorization servers send browsers back to: `PUBLIC_URL/mcp/oauth/callback`."""


class Tokens:
    """Those of one server."""

    def __init__(self, server: str, spec: ToolServerSpec, parts: TokensParts) -> None:
        assert spec.oauth is not None
        self.server = server
        self._spec = spec
        self._oauth: OAuthSpec = spec.oauth
        self._parts = parts
        self._grantor: Grantor | None = None
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def personal(self) -> bool:
        """Each user has a token of their own."""
        return self._oauth.whose == "user"

    async def whose(self, principal: Principal, until_s: float) -> Whose:
        """In whose name a caller's requests go. Raises: SignIn, UpstreamError, StoreError."""
        tenant, subject = self._place(principal)
        async with self._locks.setdefault(f"{tenant}/{subject}", asyncio.Lock()):
            token = await self._kept(tenant, subject)
            if token is None or self._lapses(token):
                token = await self._again(tenant, subject, token, "", until_s)
            return _whose(tenant, subject, token)

    async def renewed(self, principal: Principal, before: Whose, error: Unauthorized, until_s: float) -> Whose:
        """The same after the server has refused a token. Raises: SignIn, UpstreamError, StoreError."""
        tenant, subject = self._place(principal)
        async with self._locks.setdefault(f"{tenant}/{subject}", asyncio.Lock()):
            token = await self._kept(tenant, subject)
            if token is None or _whose(tenant, subject, token) == before:
                token = await self._again(tenant, subject, token, error.challenge, until_s)
            return _whose(tenant, subject, token)

    async def forget(self, principal: Principal) -> bool:
        """Sign out. Returns: whether there was a token. Raises: StoreError."""
        tenant, subject = self._place(principal)
        return await asyncio.to_thread(self._parts.store.drop, tenant, TOKENS, f"{self.server}/{subject}")

    async def finish(self, pending: Pending, until_s: float) -> None:
        """Take the token of a sign-in whose caller is known to be the one who began it. Raises: UpstreamError, StoreError."""
        fields = {
            "grant_type": "authorization_code",
            "code": pending.code,
            "redirect_uri": self._parts.callback,
            "code_verifier": pending.verifier,
        }
        await self._granted(pending.tenant, pending.subject, pending.token_url, fields, until_s)

    def _place(self, principal: Principal) -> tuple[str, str]:
        return (principal.tenant, principal.subject()) if self.personal else ("", "gateway")

    def _lapses(self, token: Token) -> bool:
        return bool(token.until_ns) and token.until_ns - EARLY_S * S_NS <= self._parts.now_ns()

    async def _again(self, tenant: str, subject: str, token: Token | None, challenge: str, until_s: float) -> Token:
        """A new token, or the way to one."""
        if token is not None and token.refresh:
            fields = {"grant_type": "refresh_token", "refresh_token": token.refresh}
            try:
                return await self._granted(tenant, subject, token.token_url, fields, until_s, token.refresh)
            except UpstreamError as error:
                if error.upstream_status is None or error.upstream_status >= 500:
                    raise
        grantor = await self._where(challenge, until_s)
        if not self.personal:
            fields = {"grant_type": "client_credentials"} | self._scope(challenge)
            return await self._granted(tenant, subject, grantor.token_url, fields, until_s)
        raise SignIn(await self._begin(tenant, subject, grantor, challenge))

    async def _where(self, challenge: str, until_s: float) -> Grantor:
        if self._grantor is None:
            said = challenge_of(challenge).get("resource_metadata", "")
            self._grantor = await self._parts.grants.grantor(self._spec, said, until_s)
        return self._grantor

    def _scope(self, challenge: str) -> dict[str, str]:
        asked = self._oauth.scopes or challenge_of(challenge).get("scope", "").split()
        if not asked and self._grantor is not None:
            asked = list(self._grantor.scopes)
        return {"scope": " ".join(asked)} if asked else {}

    async def _begin(self, tenant: str, subject: str, grantor: Grantor, challenge: str) -> str:
        """Begin a sign-in. Returns: where the user goes."""
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        pending = Pending(
            server=self.server,
            subject=subject,
            tenant=tenant,
            verifier=verifier,
            issuer=grantor.issuer,
            token_url=grantor.token_url,
        )
        await keep(self._parts, PENDING, state, pending)
        query = {
            "response_type": "code",
            "client_id": self._oauth.client_id,
            "redirect_uri": self._parts.callback,
            "state": state,
            "code_challenge": urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "resource": grantor.resource,
            **self._scope(challenge),
        }
        mark = "&" if "?" in grantor.authorize_url else "?"
        return f"{grantor.authorize_url}{mark}{urlencode(query)}"

    async def _granted(
        self, tenant: str, subject: str, url: str, fields: dict[str, str], until_s: float, refresh: str = ""
    ) -> Token:
        """Ask for a token, and keep it."""
        grantor = await self._where("", until_s)
        fields = {**fields, "resource": grantor.resource}
        found = await self._parts.grants.token(url or grantor.token_url, fields, self._oauth, self._spec, until_s)
        token = Token(
            access=found.access_token,
            refresh=found.refresh_token or refresh,
            until_ns=self._until(found),
            token_url=url or grantor.token_url,
            scope=found.scope,
        )
        parts, key = self._parts, f"{self.server}/{subject}"
        await parts.sealer.ready(tenant)
        sealed = parts.sealer.seal(_spell(token), f"{TOKENS}/{tenant}/{key}", tenant=tenant, subject=subject)
        await asyncio.to_thread(parts.store.put, tenant, TOKENS, key, sealed)
        return token

    def _until(self, found: Granted) -> int:
        return self._parts.now_ns() + round(found.expires_in * S_NS) if found.expires_in else 0

    async def _kept(self, tenant: str, subject: str) -> Token | None:
        parts, key = self._parts, f"{self.server}/{subject}"
        found = await asyncio.to_thread(parts.store.value, tenant, TOKENS, key, parts.now_ns())
        if found is None:
            return None
        await parts.sealer.prepare((found[0],))
        return msgspec.json.decode(parts.sealer.unseal(found[0], f"{TOKENS}/{tenant}/{key}"), type=Token)


async def returned(parts: TokensParts, state: str, code: str, issuer: str) -> str:
    """A browser came back from an authorization server.

    Returns: what the user gives to the client that began the sign-in: nobody else's sign-in can be finished by it, so that a
        link that somebody was lured to gives its sender nothing.
    Raises: BadRequest, StoreError.
    """
    pending = await taken(parts, PENDING, state)
    if pending is None:
        raise BadRequest("this sign-in was not begun here, or is over; begin again", param="state")
    if issuer and not hmac.compare_digest(issuer, pending.issuer):
        raise BadRequest("this comes from another authorization server than was asked", param="iss")
    if not code:
        raise BadRequest("the authorization server gave no code; begin again", param="code")
    shown = secrets.token_hex(6)
    await keep(parts, CODES, shown, structs.replace(pending, code=code))
    return shown


async def finishing(parts: TokensParts, principal: Principal, shown: str) -> Pending:
    """The sign-in that a caller may finish. Raises: BadRequest, StoreError."""
    pending = await taken(parts, CODES, shown)
    if pending is None or (pending.tenant, pending.subject) != (principal.tenant, principal.subject()):
        raise BadRequest("this code is over, or of another's sign-in; begin again", param="code")
    return pending


async def keep(parts: TokensParts, space: str, key: str, pending: Pending) -> None:
    """Keep a sign-in for a while."""
    await parts.sealer.ready("")
    sealed = parts.sealer.seal(_spell(pending), f"{space}/{key}")
    until_ns = parts.now_ns() + PENDING_S * S_NS
    await asyncio.to_thread(lambda: parts.store.put("", space, key, sealed, until_ns=until_ns))


async def taken(parts: TokensParts, space: str, key: str) -> Pending | None:
    """Take a sign-in, once."""
    if not key or len(key) > 128:
        return None
    found = await asyncio.to_thread(parts.store.value, "", space, key, parts.now_ns())
    if found is None or not await asyncio.to_thread(parts.store.drop, "", space, key):
        return None
    await parts.sealer.prepare((found[0],))
    return msgspec.json.decode(parts.sealer.unseal(found[0], f"{space}/{key}"), type=Pending)


def _whose(tenant: str, subject: str, token: Token) -> Whose:
    return Whose(name=f"{tenant}/{subject}", lines={"Authorization": f"Bearer {token.access}"})
