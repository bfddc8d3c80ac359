"""Everybody who may call: by a key, a service account's text, a token of an identity provider, or a client certificate."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from antiphon.control.bindings import Bindings
from antiphon.control.certificates import Certificates
from antiphon.control.identity import ANONYMOUS, Keys, gone, same
from antiphon.control.issuers import Issuers
from antiphon.control.jwt_read import looks
from antiphon.control.jwt_tokens import Forged, Tokens
from antiphon.control.keys import AccountSpec, Known, state
from antiphon.control.keys import principal as principal_of
from antiphon.control.owned import Owned
from antiphon.control.settings import KeySettings
from antiphon.control.settings_identity import IdentitySettings
from antiphon.control.throttle import Throttle
from antiphon.control.who import Who, by_of, who_is
from antiphon.core.budget import NO_END_NS
from antiphon.core.clock import Clock
from antiphon.core.error import NotAuthenticated, OverLimit
from antiphon.core.peer import Peer
from antiphon.core.ports import GUESSED
from antiphon.core.principal import Principal

Refused = Callable[[Peer, NotAuthenticated, float], None]
"""Told of each unknown credential: where it came from, why it isn't taken, and for how many seconds its sender is held off."""

NONE_BESIDE = IdentitySettings()
"""Nobody calls but by keys."""


def nobody_told(peer: Peer, error: NotAuthenticated, held_s: float) -> None:
    """Nothing is noted."""


class Doors(Struct, frozen=True, kw_only=True):
    """What is the same whatever the revision: keys of identity providers, and who guesses."""

    clock: Clock
    issuers: Issuers
    throttle: Throttle
    refused: Refused = nobody_told


class Callers(Keys):
    """Under one revision. What is known costs one look into a table; what isn't is learned."""

    def __init__(
        self,
        keys: Iterable[KeySettings],
        owned: Owned,
        doors: Doors,
        identity: IdentitySettings = NONE_BESIDE,
        *,
        managed: bool = False,
    ) -> None:
        """`managed`: as `Keys` has it; so it is too where tokens or certificates are taken."""
        self._doors = doors
        self._identity = identity
        doors.issuers.arrange(identity.issuers)
        doors.throttle.settings = identity.throttle
        self._tokens = Tokens(doors.issuers, doors.clock.now_ns) if identity.issuers else None
        self._bindings = Bindings()
        self._certificates = Certificates((), self._bindings)
        self._accounts: Mapping[str, AccountSpec] = {}
        super().__init__(keys, managed=managed or identity.known, now_ns=doors.clock.now_ns)
        self.know(owned)

    def know(self, owned: Owned) -> None:
        """Work by what the admin API owns from now on; names that the file has too are the file's."""
        bindings = self._bindings = Bindings((*self._identity.bindings, *owned.bindings))
        self._accounts = {one.form.name: one for one in owned.accounts}
        self._certificates = Certificates(self._identity.certificates, bindings)
        self.take(owned.keys)
        if bindings:
            self._known = {digest: _bound(known, bindings) for digest, known in self._known.items()}
        if self._tokens is not None:
            self._tokens.take(bindings, owned.accounts)

    def standing(self, principal: Principal) -> Principal:
        """As `Identity` has it. Of a token, that its issuer is there still: what a provider says of its user at present comes
        with the next token alone.
        """
        kind, slash, rest = principal.key.partition("/")
        if not slash:
            return super().standing(principal)
        match kind:
            case "account":
                return same(principal, self._account(principal, rest))
            case "certificate":
                found = self._certificates.named(rest)
            case "token":
                issuer = rest.partition("/")[0]
                found = principal if any(one.name == issuer for one in self._identity.issuers) else None
            case _:
                found = None
        if found is None:
            raise gone(principal)
        return same(principal, found)

    def _account(self, principal: Principal, name: str) -> Principal:
        """Raises: NotAuthenticated."""
        spec = self._accounts.get(name)
        if spec is None:
            raise gone(principal)
        match state(spec, self._now_ns()):
            case "active":
                return self._bindings.bound(principal_of(spec.form), (principal.key,))[0]
            case "revoked":
                raise NotAuthenticated(f"the account {name} was revoked", code="key_revoked")
            case _:
                raise NotAuthenticated(f"the account {name} has expired", code="key_expired")

    def _find(self, digest: bytes) -> Known | None:
        known = super()._find(digest)
        return self._tokens.find(digest) if known is None and self._tokens is not None else known

    async def learn(self, credential: bytes | None, peer: Peer) -> Principal:
        return (await self.known(credential, peer)).principal

    async def who(self, credential: bytes | None, peer: Peer) -> Who:
        """Who asks the control plane. Raises: as `learn`."""
        known = await self.known(credential, peer)
        return who_is(known.principal, known.grants)

    async def known(self, credential: bytes | None, peer: Peer) -> Known:
        """Whom a credential stands for; without one, whom the connection's certificate does. Raises: as `learn`."""
        if credential is None:
            known = self._certificates.find(peer)
            return self._unless_open(self.refusal(None)) if known is None else known
        digest = sha256(credential).digest()
        known = self._find(digest)
        if known is not None and self._lives(known):
            return self._taken(known, credential, peer)
        if known is None or (self._tokens is not None and looks(credential)):
            return await self._unknown(credential, digest, peer)
        return self._unless_open(self.refusal(credential))

    def _lives(self, known: Known) -> bool:
        return known.until_ns == NO_END_NS or known.until_ns > self._now_ns()

    def _taken(self, known: Known, credential: bytes, peer: Peer) -> Known:
        """A credential that is known, unless it could have been guessed just now. Raises: OverLimit."""
        if len(credential) < GUESSED:
            held_s = self._doors.throttle.passes(peer.address, known.digest)
            if held_s:
                raise held_off(held_s)
        return known

    async def _unknown(self, credential: bytes, digest: bytes, peer: Peer) -> Known:
        """Raises: NotAuthenticated, OverLimit, Unavailable."""
        error: NotAuthenticated
        if self._tokens is not None and looks(credential):
            try:
                return await self._tokens.learn(credential, digest)
            except Forged as forged:
                error = forged
        else:
            if self._open:
                return Known(digest=b"", principal=ANONYMOUS)
            error = self.refusal(credential)
        held_s = self._doors.throttle.failed(peer.address, credential, digest)
        self._doors.refused(peer, error, held_s)
        raise held_off(held_s) if held_s else error

    def _unless_open(self, error: NotAuthenticated) -> Known:
        if self._open:
            return Known(digest=b"", principal=ANONYMOUS)
        raise error


def _bound(known: Known, bindings: Bindings) -> Known:
    """A key or an account, with the roles that it is given."""
    principal, grants = bindings.bound(known.principal, (by_of(known.principal),))
    return replace(known, principal=principal, grants=grants) if grants else known


def held_off(held_s: float) -> OverLimit:
    """What whoever guesses is told."""
    return OverLimit(
        "too many credentials that nobody knows came from this address; wait, and send one that is known",
        code="too_many_guesses",
        retry_after_s=held_s,
    )
