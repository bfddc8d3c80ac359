"""Tells who a key stands for."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType

from antiphon.control.instants import said
from antiphon.control.key_text import mistyped
from antiphon.control.keys import Known, ends_ns, principal
from antiphon.control.settings import KeySettings
from antiphon.core.budget import NO_END_NS
from antiphon.core.clock import SystemClock
from antiphon.core.error import NotAuthenticated
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal

ANONYMOUS = Principal(tenant="default", key="anonymous", admin=True)
"""Everyone, where no key is set: callers on this machine, or wherever `insecure` lets them come from."""
Table = Mapping[bytes, Known]
"""By the SHA-256 of a key's text."""
NOBODY: Table = MappingProxyType({})
_now_ns = SystemClock().now_ns
_SEND = "send `Authorization: Bearer KEY` with a key of this gateway"


class Keys(Identity):
    """Keys of the configuration, and those that the admin API owns. Only their SHA-256 is kept.

    A key is looked up in a table that is never changed, only replaced: no store is asked on the path.
    """

    def __init__(
        self,
        keys: Iterable[KeySettings],
        owned: Table = NOBODY,
        *,
        managed: bool = False,
        now_ns: Callable[[], int] = _now_ns,
    ) -> None:
        """`managed`: keys come from the admin API, so that nobody is anonymous even while there are none."""
        self._written = {key.key.digest(): _known(key) for key in keys}
        self._managed = managed
        self._now_ns = now_ns
        self.take(owned)

    def take(self, owned: Table) -> None:
        """Know these of the admin API from now on. The configuration's own go first."""
        self._known = {**owned, **self._written}
        self._open = not self._known and not self._managed
        self._named: tuple[Table, Mapping[str, Known]] = NOBODY, {}

    def principal(self, credential: bytes | None) -> Principal | None:
        if credential is None:
            return ANONYMOUS if self._open else None
        known = self._find(sha256(credential).digest())
        if known is None:
            return ANONYMOUS if self._open else None
        if known.until_ns != NO_END_NS and known.until_ns <= self._now_ns():
            return None
        return known.principal

    def _find(self, digest: bytes) -> Known | None:
        known = self._known.get(digest)
        return known if known is not None and hmac.compare_digest(known.digest, digest) else None

    def refusal(self, credential: bytes | None) -> NotAuthenticated:
        if credential is None:
            return NotAuthenticated(f"no API key came with the request; {_SEND}")
        known = self._find(sha256(credential).digest())
        if known is None:
            wrong = "this API key was cut or mistyped" if mistyped(credential) else "this API key is not known"
            return NotAuthenticated(f"{wrong}; {_SEND}")
        return _ended(known)

    def standing(self, principal: Principal) -> Principal:
        if self._open and principal == ANONYMOUS:
            return principal
        if self._named[0] is not self._known:
            self._named = self._known, _by_name(self._known)
        known = self._named[1].get(principal.key)
        if known is None:
            raise gone(principal)
        if known.until_ns != NO_END_NS and known.until_ns <= self._now_ns():
            raise _ended(known)
        return same(principal, known.principal)


def same(before: Principal, present: Principal) -> Principal:
    """A caller as it is at present. Raises: NotAuthenticated, where the name is another tenant's or user's by now."""
    if (before.tenant, before.user) != (present.tenant, present.user):
        raise NotAuthenticated(f"{before.key} is somebody else's by now; ask for a key of your own", code="key_revoked")
    return present


def gone(principal: Principal) -> NotAuthenticated:
    """What is told of a caller that is known no more."""
    return NotAuthenticated(f"{principal.key} is known here no more; ask for another key")


def _ended(known: Known) -> NotAuthenticated:
    name = known.principal.key
    if known.revoked:
        return NotAuthenticated(f"the API key {name} was revoked; ask for another one", code="key_revoked")
    ended = said(known.until_ns)
    why = f"was replaced by another text of {name} at {ended}" if known.replaced else f"{name} expired at {ended}"
    return NotAuthenticated(f"the API key {why}; ask for another one", code="key_expired")


def _by_name(table: Table) -> dict[str, Known]:
    """Each key by its name: of its texts, the one that is taken longest."""
    found: dict[str, Known] = {}
    for known in sorted(table.values(), key=lambda one: one.until_ns):
        found[known.principal.key] = known
    return found


def _known(key: KeySettings) -> Known:
    return Known(digest=key.key.digest(), principal=principal(key), until_ns=ends_ns(key))
