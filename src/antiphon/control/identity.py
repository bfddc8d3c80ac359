"""Tells who a key stands for."""

import hmac
from collections.abc import Iterable
from hashlib import sha256

from antiphon.control.settings import KeySettings
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal

ANONYMOUS = Principal(tenant="default", key="anonymous", admin=True)
"""Everyone, where no key is set: callers on this machine, or wherever `insecure` lets them come from."""


class Keys(Identity):
    """Keys of the configuration. Only their SHA-256 is kept, and compared in constant time."""

    def __init__(self, keys: Iterable[KeySettings]) -> None:
        self._principals = {key.key.digest(): (key.key.digest(), _principal(key)) for key in keys}

    def principal(self, credential: bytes | None) -> Principal | None:
        if not self._principals:
            return ANONYMOUS
        if credential is None:
            return None
        digest = sha256(credential).digest()
        known = self._principals.get(digest)
        if known is None or not hmac.compare_digest(known[0], digest):
            return None
        return known[1]


def _principal(key: KeySettings) -> Principal:
    return Principal(
        tenant=key.tenant,
        key=key.name,
        user=key.user,
        team=key.team,
        tags=tuple(key.tags),
        models=tuple(key.models),
        admin=key.admin,
        priority=key.priority,
        passthrough=tuple(key.passthrough),
    )
