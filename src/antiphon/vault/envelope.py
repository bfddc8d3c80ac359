"""Seals content by data keys of a tenant and of whom it is about; those are wrapped by the tenant's key, and that by a key
which a file, a KMS or an HSM keeps. Destroying a data key erases what was sealed by it, wherever copies of that lie.

While whatever wraps can't be reached, tenants' keys in memory are used for `refresh_s` and `stale_s` longer; then sealing and
reading fail with a StoreError. One that says no (`KeyDenied`) is heeded at once.
"""

import asyncio
import hmac
import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from antiphon.core.error import Erased, StoreError
from antiphon.core.ports import Sealer
from antiphon.core.vault_store import EVERYBODY, DataKey, Erasure, VaultStore
from antiphon.vault import sealed as form
from antiphon.vault.local import LocalSealer
from antiphon.vault.settings import VaultSettings
from antiphon.vault.wrapping import KeyDenied, Wrappers

K = TypeVar("K")
V = TypeVar("V")
_OWNERS = b"antiphon owners, version 1"
_TOKENS = b"antiphon tokens, version 1"
AGAIN_S = 1.0
"""After a failure nobody asks whatever wraps for so long."""
MOST_FETCHED = 1000
"""Tenants whose keys a process fetches when it starts."""
_HOUR_NS = 3_600_000_000_000


class _Tenant(Struct):
    """A tenant's key in memory, and what is derived of it."""

    wraps: AESGCM
    owners: bytes
    tokens: bytes
    checked_s: float
    """When it was unwrapped last."""


class _Opener(Struct, frozen=True):
    """A data key in memory."""

    key: DataKey
    cipher: AESGCM


class _Sealing(Struct):
    """The data key that a subject's content is sealed by now."""

    opener: _Opener
    head: bytes
    uses: int = 0


class Ports(Struct, frozen=True, kw_only=True):
    """What an envelope reaches the world by."""

    store: VaultStore
    wrappers: Wrappers
    local: LocalSealer
    """Opens what was sealed before there were data keys, and makes stamps."""
    now_ns: Callable[[], int]
    now_s: Callable[[], float]
    """The steady clock."""
    keep: Callable[[DataKey], None]
    """Writes a data key down; it survives the process once this returns. Raises: StoreError."""
    waiting: Callable[[str], DataKey | None]
    """Finds a data key that was written down and is not in the store yet."""


class Envelope(Sealer):
    """For one process; any thread may ask."""

    def __init__(self, ports: Ports, settings: VaultSettings) -> None:
        self._ports = ports
        self._settings = settings
        self._turn = threading.Lock()
        self._tenants: dict[str, _Tenant] = {}
        self._failed: dict[str, tuple[float, StoreError | Erased]] = {}
        self._openers: dict[str, _Opener] = {}
        self._sealing: dict[tuple[str, str], _Sealing] = {}
        self._seen: int | None = None
        """Number of the last erasure that is heeded."""
        self._warm = False
        self._listeners: list[Callable[[str], object]] = []

    # --- sealing

    def seal(self, plain: bytes, context: str, *, tenant: str = "", subject: str = "") -> bytes:
        keys = self._tenant(tenant)
        one = self._sealing.get((tenant, subject))
        if one is None or self._spent(one):
            one = self._begin(tenant, subject, keys)
        one.uses += 1
        return form.seal(one.opener.cipher, one.head, plain, context)

    def _spent(self, one: _Sealing) -> bool:
        age_ns = self._ports.now_ns() - one.opener.key.at_ns
        return one.uses >= self._settings.data_key_uses or age_ns > self._settings.data_key_hours * _HOUR_NS

    def _begin(self, tenant: str, subject: str, keys: _Tenant) -> _Sealing:
        """Make a data key, and write it down before anything is sealed by it. Raises: StoreError."""
        plain, key_id = AESGCM.generate_key(8 * form.KEY_BYTES), os.urandom(form.ID_BYTES).hex()
        owner = _owner(keys, subject)
        nonce = os.urandom(form.NONCE_BYTES)
        wrapped = nonce + keys.wraps.encrypt(nonce, plain, _bound(tenant, key_id, owner))
        key = DataKey(id=key_id, tenant=tenant, owner=owner, at_ns=self._ports.now_ns(), wrapped=wrapped)
        self._ports.keep(key)
        one = _Sealing(_Opener(key, AESGCM(plain)), form.head_of(key_id, owner))
        with self._turn:
            _bounded(self._sealing, (tenant, subject), one, self._settings.data_keys)
            _bounded(self._openers, key_id, one.opener, self._settings.data_keys)
        return one

    def unseal(self, sealed: bytes, context: str) -> bytes:
        if not form.is_enveloped(sealed):
            return self._ports.local.unseal(sealed, context)
        opener = self._openers.get(form.key_of(sealed)) or self._load(form.key_of(sealed))
        self._tenant(opener.key.tenant)
        return form.unseal(opener.cipher, sealed, context)

    def stamp(self, text: bytes) -> bytes:
        return self._ports.local.stamp(text)

    def _load(self, key_id: str) -> _Opener:
        """Raises: StoreError; Erased, when it was destroyed."""
        store = self._ports.store
        key = store.keys([key_id]).get(key_id)
        if key is None:
            key = self._ports.waiting(key_id)
            if key is not None and store.erased(key):
                key = None
        if key is None:  # shipped between the two questions
            key = store.keys([key_id]).get(key_id)
        if key is None:
            raise Erased("this was erased: the key that it was sealed by is destroyed")
        keys = self._tenant(key.tenant)
        nonce, text = key.wrapped[: form.NONCE_BYTES], key.wrapped[form.NONCE_BYTES :]
        try:
            plain = keys.wraps.decrypt(nonce, text, _bound(key.tenant, key.id, key.owner))
        except InvalidTag as error:
            raise StoreError("this was sealed under another gateway's key, or its data key was changed") from error
        opener = _Opener(key, AESGCM(plain))
        with self._turn:
            _bounded(self._openers, key_id, opener, self._settings.data_keys)
        return opener

    # --- tenants' keys

    async def ready(self, tenant: str) -> None:
        if not self._fresh(tenant):
            await asyncio.to_thread(self._tenant, tenant)

    async def prepare(self, sealed: Sequence[bytes]) -> None:
        wanted = {form.key_of(one) for one in sealed if form.is_enveloped(one)} - self._openers.keys()
        if wanted:
            await asyncio.to_thread(self._prepare, wanted)

    def _prepare(self, wanted: set[str]) -> None:
        for key_id in wanted:
            try:
                self._load(key_id)
            except Erased:
                continue  # whoever opens it is told

    def owner(self, tenant: str, subject: str) -> str:
        """Whom a data key of a subject names. Blocks. Raises: StoreError."""
        return _owner(self._tenant(tenant), subject)

    def token_key(self, tenant: str) -> bytes:
        """The key that tokens of a tenant are made by: the same in every process. Blocks on first use. Raises: StoreError."""
        return self._tenant(tenant).tokens

    def _fresh(self, tenant: str) -> bool:
        known = self._tenants.get(tenant)
        return known is not None and self._ports.now_s() - known.checked_s <= self._longest_s

    @property
    def _longest_s(self) -> float:
        return self._settings.refresh_s + self._settings.stale_s

    def _tenant(self, tenant: str) -> _Tenant:
        """A tenant's key, from memory or unwrapped. Raises: StoreError."""
        known = self._tenants.get(tenant)
        if known is not None and self._ports.now_s() - known.checked_s <= self._longest_s:
            return known
        failed = self._failed.get(tenant)
        if failed is not None and (self._ports.now_s() - failed[0] < AGAIN_S or _on_a_loop()):
            raise failed[1]  # a loop waits for it once at most; `refresh` asks again beside it
        try:
            return self._unwrap(tenant)
        except (StoreError, Erased) as error:
            with self._turn:
                self._tenants.pop(tenant, None)
                _bounded(self._failed, tenant, (self._ports.now_s(), error), self._settings.data_keys)
            raise

    def _unwrap(self, tenant: str) -> _Tenant:
        """Unwrap a tenant's key, which is made when it has none. Blocks. Raises: StoreError."""
        store, wrappers = self._ports.store, self._ports.wrappers
        row, plain = store.tenant_key(tenant, wrappers.scopes), b""
        if row is None:
            plain, made = wrappers.generate(tenant, self._ports.now_ns())
            row = store.add_tenant_key(made)
            plain = plain if row == made else b""
        plain = plain or wrappers.unwrap(row)
        owners, tokens = (hmac.digest(plain, text, "sha256") for text in (_OWNERS, _TOKENS))
        one = _Tenant(AESGCM(plain), owners, tokens, self._ports.now_s())
        with self._turn:
            _bounded(self._tenants, tenant, one, self._settings.data_keys)
            self._failed.pop(tenant, None)
        return one

    # --- what others did meanwhile

    def refresh(self) -> None:
        """Let go of what was erased, and unwrap anew what is due. Blocks; called about once a second. Raises: StoreError."""
        self._heed()
        now_s = self._ports.now_s()
        due = [name for name, one in list(self._tenants.items()) if now_s - one.checked_s > self._settings.refresh_s]
        for tenant in dict.fromkeys([*due, *self._failed]):
            try:
                self._unwrap(tenant)
            except (KeyDenied, Erased):
                self._drop(tenant, EVERYBODY)
            except StoreError:
                break  # away: what is in memory goes on for as long as it may
        if not self._warm:
            self._fetch()

    def _fetch(self) -> None:
        """Have keys of tenants that are known already at hand, before a request has to wait for one. Raises: StoreError."""
        scopes = self._ports.wrappers.scopes
        for row in self._ports.store.tenant_keys()[:MOST_FETCHED]:
            if row.scope in scopes and row.tenant not in self._tenants:
                try:
                    self._unwrap(row.tenant)
                except Erased:
                    continue
        self._warm = True

    def on_erased(self, heard: Callable[[str], object]) -> None:
        """Call with a tenant, on the thread that calls `refresh`, once something of theirs was erased."""
        self._listeners.append(heard)

    def _heed(self) -> None:
        found = self._ports.store.erasures(self._seen or 0)
        if self._seen is not None or self._openers:
            for one in found:
                self.forget(one)
        self._seen = found[-1].number if found else self._seen or 0

    def forget(self, erasure: Erasure) -> None:
        """Let go of data keys that were erased."""
        self._drop(erasure.tenant, erasure.owner, erasure.at_ns)
        for heard in self._listeners:
            heard(erasure.tenant)

    def _drop(self, tenant: str, owner: str, until_ns: int | None = None) -> None:
        def gone(key: DataKey) -> bool:
            return (
                key.tenant == tenant and owner in (EVERYBODY, key.owner) and (until_ns is None or key.at_ns <= until_ns)
            )

        with self._turn:
            self._openers = {key_id: one for key_id, one in self._openers.items() if not gone(one.key)}
            self._sealing = {name: one for name, one in self._sealing.items() if not gone(one.opener.key)}
            if owner == EVERYBODY:
                self._tenants.pop(tenant, None)


def _on_a_loop() -> bool:
    """Whether this thread runs an event loop, which must not be kept waiting."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _owner(keys: _Tenant, subject: str) -> str:
    """Of no subject: one that is the tenant's own."""
    return hmac.digest(keys.owners, subject.encode("utf-8", "surrogatepass"), "sha256")[: form.ID_BYTES].hex()


def _bound(tenant: str, key_id: str, owner: str) -> bytes:
    return f"{key_id}/{owner}/{tenant}".encode("utf-8", "surrogatepass")


def _bounded(known: dict[K, V], name: K, value: V, most: int) -> None:
    """Put something in, and the oldest out where there are too many."""
    known.pop(name, None)
    known[name] = value
    while len(known) > most:
        del known[next(iter(known))]
