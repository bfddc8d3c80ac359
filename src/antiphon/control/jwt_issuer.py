"""One identity provider: its keys are fetched beside the path, and used as long as its settings say.

    fresh ── refresh_s passed ──> looked for again; meanwhile used
      └── no look succeeded for jwks_stale_s ──> stale: tokens are refused with 503 until one does

While looks fail, the next one waits: 1 s, then twice as long each time, up to 60 s. A token whose key nobody knows brings a
look about too, once in `unknown_kid_s`.
"""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from antiphon.control.jwt_keys import MOST_BYTES, KeyOfIssuer, chosen, keys_of
from antiphon.control.settings_identity import LOOPBACK, IssuerSettings
from antiphon.core.clock import Clock
from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, Unavailable
from antiphon.core.ports import Origin, Outbound, Transport

log = logging.getLogger("antiphon.identity")
DISCOVERY = "/.well-known/openid-configuration"
"""Source: OpenID Connect Discovery 1.0, section 4."""
FIRST_GAP_S, MOST_GAP_S = 1.0, 60.0
OK = 200


class _Discovery(Struct):
    issuer: str
    jwks_uri: str


class Issuer:
    """Its keys, as one process knows them."""

    def __init__(
        self, settings: IssuerSettings, transport: Transport, clock: Clock, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` is called when a key is gone, or is another one: what was verified by it has to be verified anew."""
        self.settings = settings
        self._transport = transport
        self._clock = clock
        self._changed = changed
        self._algorithms = tuple(settings.algorithms)
        self.keys: tuple[KeyOfIssuer, ...] = ()
        self._found_s: float | None = None
        """When they were last found, on the steady clock; None: never."""
        self._looked_s: float | None = None
        self._failures = 0
        self._look: asyncio.Task[None] | None = None

    @property
    def stale_s(self) -> float:
        """Seconds until its keys may be used no longer, unless they are found again; 0 or less: they may not."""
        if self._found_s is None:
            return 0.0
        return self._found_s + self.settings.jwks_stale_s - self._clock.steady_s()

    @property
    def _due_s(self) -> float:
        """Seconds until it may be asked again."""
        if self._looked_s is None:
            return 0.0
        gap_s = min(FIRST_GAP_S * 2.0 ** min(self._failures - 1, 10), MOST_GAP_S) if self._failures else 0.0
        return self._looked_s + gap_s - self._clock.steady_s()

    async def key(self, kid: str, algorithm: str) -> KeyOfIssuer | None:
        """The key that a token names; None: there is none. Waits for a look at most. Raises: Unavailable."""
        if self.stale_s <= 0:
            await self._again()
        if self.stale_s <= 0:
            raise Unavailable(
                f"the keys of the identity provider {self.settings.name} can't be had, so its tokens can't be checked; try again",
                code="identity_provider_away",
                retry_after_s=max(1.0, self._due_s),
            )
        found = chosen(self.keys, kid, algorithm)
        if found is None and self._may_look():
            await self._again()
            found = chosen(self.keys, kid, algorithm)
        return found

    def _may_look(self) -> bool:
        """Whether a token with an unknown key may bring a look about now."""
        return self._looked_s is None or self._clock.steady_s() - self._looked_s >= self.settings.unknown_kid_s

    async def refresh(self) -> None:
        """Look, where it is time to."""
        if self._found_s is None or self._failures or self._clock.steady_s() - self._found_s >= self.settings.refresh_s:
            await self._again()

    async def _again(self) -> None:
        """Look for the keys, unless it is too early after a look that failed. All who wait share one look."""
        if self._look is None:
            if self._due_s > 0:
                return
            self._look = asyncio.get_running_loop().create_task(self._find())
        await asyncio.shield(self._look)

    async def _find(self) -> None:
        self._looked_s = self._clock.steady_s()
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                self._take(keys_of(await self._fetch(), self._algorithms))
        except (AntiphonError, TimeoutError, ValueError) as error:
            self._failures += 1
            reason = str(error) or f"no answer within {self.settings.timeout_s:g} s"
            log.warning("issuer.not_read", extra={"issuer": self.settings.name, "reason": reason})
        finally:
            self._look = None

    def _take(self, keys: tuple[KeyOfIssuer, ...]) -> None:
        lost = {(one.kid, one.said) for one in self.keys} - {(one.kid, one.said) for one in keys}
        self.keys = keys
        self._found_s, self._failures = self._clock.steady_s(), 0
        if lost:
            self._changed()

    async def _fetch(self) -> bytes:
        """The JWK Set. Raises: AntiphonError, ValueError."""
        if self.settings.jwks_url is not None:
            return await self._get(self.settings.jwks_url)
        said = await self._get(self.settings.issuer.rstrip("/") + DISCOVERY)
        try:
            found = msgspec.json.decode(said, type=_Discovery)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"its discovery document can't be read: {error}") from error
        if found.issuer != self.settings.issuer:
            raise ValueError("its discovery document is of another issuer")
        parts = urlsplit(found.jwks_uri)
        if parts.scheme != "https" and not (self.settings.issuer.startswith("http:") and parts.hostname in LOOPBACK):
            raise ValueError("its discovery document leads to keys that do not come by HTTPS")
        return await self._get(found.jwks_uri)

    async def _get(self, url: str) -> bytes:
        """A document. No redirect is followed. Raises: AntiphonError, ValueError."""
        inbound = await self._transport.send(asked(url, self.settings), fresh=True)
        try:
            body = await inbound.read(MOST_BYTES)
        except BaseException:
            inbound.close()
            raise
        if inbound.status != OK:
            raise ValueError(f"it answered {inbound.status}")
        return body


def asked(url: str, settings: IssuerSettings) -> Outbound:
    """The request for a document. Raises: ValueError."""
    parts, tls = urlsplit(url), url.startswith("https://")
    host = parts.hostname or ""
    if not host or not url.isascii() or not url.isprintable() or " " in url or "@" in parts.netloc:
        raise ValueError("it leads to what is no address")
    place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    patience_s = settings.timeout_s
    return Outbound(
        origin=Origin(
            host=host,
            port=parts.port or (443 if tls else 80),
            tls=tls,
            ca_file=settings.ca_file,
            proxy=settings.proxy,
            connections=2,
            foreign=host not in (urlsplit(settings.issuer).hostname, urlsplit(settings.jwks_url or "").hostname),
        ),
        head=f"GET {place} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n".encode("ascii"),
        body=(),
        size_bytes=0,
        timeouts=Timeouts(
            connect_s=patience_s, first_byte_s=patience_s, between_bytes_s=patience_s, total_s=patience_s
        ),
    )
