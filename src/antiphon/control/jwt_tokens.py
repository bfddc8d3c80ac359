"""Tokens that were verified: each is checked once, then known by its SHA-256 until it ends."""

from collections.abc import Callable, Iterable, Mapping

from antiphon.control.bindings import Bindings
from antiphon.control.issuers import Issuers
from antiphon.control.jwt_claims import Bearer, bearer, check
from antiphon.control.jwt_issuer import Issuer
from antiphon.control.jwt_keys import verified
from antiphon.control.jwt_read import Read, read, wrong
from antiphon.control.keys import AccountSpec, Known, ends_ns, principal
from antiphon.core.error import NotAuthenticated
from antiphon.core.principal import Principal

MOST = 10_000
"""Tokens of one process that are known at once; the one that was learned first makes room."""


class Forged(NotAuthenticated):
    """No provider that is known here signed it: it counts as a guess, as an unknown key does."""


class Tokens:
    """Under one revision's bindings and service accounts, in one process."""

    def __init__(self, issuers: Issuers, now_ns: Callable[[], int], most: int = MOST) -> None:
        self._issuers = issuers
        self._now_ns = now_ns
        self._most = most
        self._turn = issuers.turn
        self._known: dict[bytes, Known] = {}
        self._principals: dict[tuple[str, str], Principal] = {}
        """By tenant and key: callers that are equal are the same object, which finds what was decided for it."""
        self._bindings = Bindings()
        self._accounts: Mapping[tuple[str, str], AccountSpec] = {}

    def take(self, bindings: Bindings, accounts: Iterable[AccountSpec]) -> None:
        """Work by these from now on: whom tokens stand for is found out anew."""
        self._bindings = bindings
        ordered = sorted(accounts, key=lambda one: one.form.name, reverse=True)
        self._accounts = {(one.form.issuer, one.form.subject): one for one in ordered if one.form.issuer}
        self._forget()

    def find(self, digest: bytes) -> Known | None:
        """What is known of a token; None: it has to be learned."""
        if self._turn != self._issuers.turn:
            self._forget()
        return self._known.get(digest)

    def _forget(self) -> None:
        self._turn = self._issuers.turn
        self._known.clear()
        self._principals.clear()

    async def learn(self, token: bytes, digest: bytes) -> Known:
        """Verify a token. Raises: NotAuthenticated (Forged where no provider signed it), Unavailable."""
        said, issuer = self._read(token)
        if said.algorithm not in issuer.settings.algorithms:
            raise _forged(wrong("is signed by an algorithm that its issuer's `algorithms` don't list"))
        key = await issuer.key(said.kid, said.algorithm)
        if key is None or not verified(token, key, said.algorithm):
            raise _forged(wrong("is signed by no key of its issuer"))
        now_ns = self._now_ns()
        found = bearer(said, issuer.settings, check(said, issuer.settings, now_ns))
        known = self._whose(digest, found, issuer, now_ns)
        if self._turn != self._issuers.turn:
            self._forget()
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[digest] = known
        return known

    def _read(self, token: bytes) -> tuple[Read, Issuer]:
        try:
            said = read(token)
        except NotAuthenticated as error:
            raise _forged(error) from None
        issuer = self._issuers.find(said.claims.get("iss"))
        if issuer is None:
            raise _forged(wrong("is of no issuer that is known here"))
        return said, issuer

    def _whose(self, digest: bytes, found: Bearer, issuer: Issuer, now_ns: int) -> Known:
        """Known until the token ends, or until its issuer's keys go stale, whichever is first."""
        until_ns = min(found.until_ns, now_ns + int(issuer.stale_s * 1e9))
        who, subjects = found.principal, found.subjects
        account = self._accounts.get((issuer.settings.name, who.user))
        if account is not None and account.form.tenant == who.tenant:
            who, subjects = principal(account.form), (f"account/{account.form.name}", *subjects[1:])
            if account.revoked_ns:
                raise NotAuthenticated(f"the account {account.form.name} was revoked", code="key_revoked")
            until_ns = min(until_ns, ends_ns(account.form))
            if until_ns <= now_ns:
                raise NotAuthenticated(f"the account {account.form.name} has expired", code="key_expired")
        bound, grants = self._bindings.bound(who, subjects)
        return Known(digest=digest, principal=self._same(bound), until_ns=until_ns, grants=grants)

    def _same(self, who: Principal) -> Principal:
        """The principal that is known already, where it is equal."""
        kept = self._principals.get((who.tenant, who.key))
        if kept is not None and kept == who:
            return kept
        if len(self._principals) >= self._most:
            self._principals.clear()
        self._principals[who.tenant, who.key] = who
        return who


def _forged(error: NotAuthenticated) -> Forged:
    return Forged(error.message, code=error.said_code)
