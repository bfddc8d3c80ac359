"""Which key wraps tenants' keys, and which ones unwrap what was wrapped by others before."""

from collections.abc import Mapping, Sequence

from antiphon.core.error import StoreError
from antiphon.core.ports import KeyWrapper
from antiphon.core.vault_store import TenantKey

PURPOSE = "content"


class KeyDenied(StoreError):
    """The wrapping key is there, and says no: it is disabled, or we may not use it. What it wrapped is let go at once."""


class Wrappers:
    """One wraps; all unwrap what their own kind wrapped."""

    def __init__(self, current: KeyWrapper, others: Sequence[KeyWrapper] = ()) -> None:
        self.current = current
        self._by_kind = {kind_of(one.name): one for one in (*others, current)}

    @property
    def scopes(self) -> tuple[str, ...]:
        """Where a tenant's key is looked for, the one of the key that wraps now first. A key that all share is heeded too
        where nothing here can unwrap it: whoever asks is told which section is missing.
        """
        found = [scope_of(self.current.name), *(scope_of(one.name) for one in self._by_kind.values()), ""]
        return tuple(dict.fromkeys(found))

    def generate(self, tenant: str, at_ns: int) -> tuple[bytes, TenantKey]:
        """Make a key for a tenant. Returns: the key, and how it is stored. Raises: StoreError."""
        key, wrapped = self.current.generate(context_of(tenant))
        return key, self._row(tenant, wrapped, at_ns)

    def unwrap(self, row: TenantKey) -> bytes:
        """Raises: StoreError, KeyDenied, Erased."""
        wrapper = self._by_kind.get(kind_of(row.wrapper))
        if wrapper is None:
            raise StoreError(
                f"a tenant's key is wrapped by {row.wrapper}, and `vault` has no section `{kind_of(row.wrapper)}`; "
                "put it back, and run `antiphon vault rotate`"
            )
        return wrapper.unwrap(row.wrapped, context_of(row.tenant))

    def rewrapped(self, row: TenantKey) -> TenantKey:
        """The same key, wrapped by the key that wraps now. Raises: StoreError."""
        key = self.unwrap(row)
        return self._row(row.tenant, self.current.wrap(key, context_of(row.tenant)), row.at_ns)

    def _row(self, tenant: str, wrapped: bytes, at_ns: int) -> TenantKey:
        name = self.current.name
        return TenantKey(tenant=tenant, scope=scope_of(name), wrapped=wrapped, wrapper=name, at_ns=at_ns)


def kind_of(name: str) -> str:
    return name.partition("/")[0]


def scope_of(name: str) -> str:
    """A key in a file is one gateway's, by the file's name; all others are whoever's that may use them."""
    return "/".join(name.split("/")[:2]) if kind_of(name) == "file" else ""


def context_of(tenant: str) -> Mapping[str, str]:
    """What is bound to a tenant's key: it can't be taken for another's."""
    return {"tenant": tenant or "-", "purpose": PURPOSE}
