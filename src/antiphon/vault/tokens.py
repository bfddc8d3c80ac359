"""Tokens in the place of values: made of the value by a key of its tenant, and what they stand for kept sealed.

A token is 64 bits of HMAC-SHA-256 over kind and value: of ten million values of one kind and tenant two share one with a
chance of 3 in a million. That is seen before the second leaves, and fails: a token never stands for two values.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from antiphon.core.error import Erased, StoreError
from antiphon.core.kept import Entry
from antiphon.core.ports import Kept, TokenVault
from antiphon.vault.envelope import Envelope

DIGITS = 16
"""Hexadecimal digits of a token."""
MOST_KNOWN = 20_000
"""Tokens that a process remembers as kept."""
_KEY_CHARACTERS = 36
_DAY_NS = 86_400 * 10**9


class _Meaning(Struct, frozen=True, gc=False, array_like=True):
    """What a token stands for."""

    token: str
    value: str


_meaning = msgspec.msgpack.Decoder(_Meaning)


class SealedTokens(TokenVault):
    """For one process. `keep` and `reveal` are awaited on the loop's thread, which alone writes the journal."""

    def __init__(
        self, envelope: Envelope, kept: Kept, now_ns: Callable[[], int], days: float, digits: int = DIGITS
    ) -> None:
        self._envelope = envelope
        self._kept = kept
        self._now_ns = now_ns
        self._lasts_ns = int(days * _DAY_NS)
        self._digits = digits
        self._known: dict[tuple[str, str, str, int], int] = {}
        """Tenant, token, subject and hash of the value to when it lapses."""
        envelope.on_erased(self.forget)

    async def ready(self, tenant: str) -> None:
        await self._envelope.ready(tenant)

    def token(self, tenant: str, kind: str, value: str) -> str:
        made = hmac.digest(self._envelope.token_key(tenant), _bytes(f"{kind}\0{value}"), "sha256").hex()
        return f"[[{kind.upper()}_{made[: self._digits].upper()}]]"

    async def keep(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> None:
        new = self._new(tenant, subject, tokens)
        if not new:
            return
        await self._envelope.ready(tenant)
        await asyncio.to_thread(self._check, tenant, new)
        self._keep(tenant, subject, new)

    def keep_now(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> None:
        new = self._new(tenant, subject, tokens)
        if new:
            self._keep(tenant, subject, new)

    def _new(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> dict[str, str]:
        """Those that are not kept yet, or lapse soon."""
        due = self._now_ns() + self._lasts_ns // 2
        names = {token: (tenant, token, subject, hash(value)) for token, value in tokens.items()}
        return {token: value for token, value in tokens.items() if self._known.get(names[token], 0) < due}

    def _keep(self, tenant: str, subject: str, tokens: Mapping[str, str]) -> None:
        now_ns = self._now_ns()
        until_ns = now_ns + self._lasts_ns
        self._kept.keep([self._entry(tenant, subject, *one, now_ns, until_ns) for one in tokens.items()])
        for token, value in tokens.items():
            self._known[tenant, token, subject, hash(value)] = until_ns
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _check(self, tenant: str, tokens: Mapping[str, str]) -> None:
        """Raises: StoreError, when a token stands for another value already."""
        for token, value in tokens.items():
            known = self._find(tenant, token)
            if known is not None and known != value:
                raise StoreError(f"two values of a kind have the token {token}; what has to be masked can't be sent")

    def _entry(self, tenant: str, subject: str, token: str, value: str, at_ns: int, until_ns: int) -> Entry:
        """One for each subject, so that erasing one leaves another's."""
        key = self._key(tenant, "of", token, subject)
        plain = msgspec.msgpack.encode(_Meaning(token, value))
        return Entry(
            key=key,
            tenant=tenant,
            part_of=self._key(tenant, "token", token),
            at_ns=at_ns,
            until_ns=until_ns,
            sealed=self._envelope.seal(plain, f"{tenant}/{key}", tenant=tenant, subject=subject),
        )

    def _key(self, tenant: str, *names: str) -> str:
        text = _bytes("\0".join((tenant, *names)))
        return hmac.digest(self._envelope.token_key(tenant), text, "sha256").hex()[:_KEY_CHARACTERS]

    async def reveal(self, tenant: str, tokens: Sequence[str]) -> dict[str, str]:
        return await asyncio.to_thread(self.meanings, tenant, tokens)

    def meanings(self, tenant: str, tokens: Sequence[str]) -> dict[str, str]:
        """As `reveal`; blocks. Raises: StoreError."""
        found = {token: self._find(tenant, token) for token in tokens}
        return {token: value for token, value in found.items() if value is not None}

    def _find(self, tenant: str, token: str) -> str | None:
        """What a token stands for, by any subject's entry that can still be opened. Blocks. Raises: StoreError."""
        now_ns = self._now_ns()
        for entry in self._kept.parts(self._key(tenant, "token", token)):
            if entry.until_ns <= now_ns:
                continue
            try:
                meant = _meaning.decode(self._envelope.unseal(entry.sealed, f"{tenant}/{entry.key}"))
            except Erased:
                continue
            if meant.token == token:
                return meant.value
        return None

    def forget(self, tenant: str) -> None:
        """Something of a tenant's was erased: what is remembered as kept may be gone."""
        self._known = {name: until_ns for name, until_ns in self._known.items() if name[0] != tenant}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
