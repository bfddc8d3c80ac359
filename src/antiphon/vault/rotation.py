"""Wraps tenants' keys by another key. What was sealed stays as it is: its data keys are wrapped by the tenants' own."""

from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.core.vault_store import VaultStore
from antiphon.vault.file import FileWrapper
from antiphon.vault.wrapping import Wrappers, scope_of


class Rotated(Struct, frozen=True, kw_only=True):
    """What came of it."""

    wrapper: str
    """Which key wraps now."""
    rewrapped: int
    left: tuple[tuple[str, str], ...]
    """Tenants whose key stayed as it was, and why."""


def rotate(store: VaultStore, wrappers: Wrappers) -> Rotated:
    """Have every tenant's key wrapped by the key that wraps now; one in a file is made anew before. May be run again.

    Raises: StoreError.
    """
    current = wrappers.current
    if isinstance(current, FileWrapper):
        current.renew()
    rewrapped, left = 0, list[tuple[str, str]]()
    for row in store.tenant_keys():
        if row.wrapper == current.name or row.scope not in (*wrappers.scopes, scope_of(current.name)):
            continue  # it is so already, or another gateway's
        try:
            if store.rewrap(row, wrappers.rewrapped(row)):
                rewrapped += 1
            else:
                left.append((row.tenant, "it changed meanwhile; run this again"))
        except AntiphonError as error:
            left.append((row.tenant, str(error)))
    if isinstance(current, FileWrapper) and not left:
        current.forget()
    return Rotated(wrapper=current.name, rewrapped=rewrapped, left=tuple(left))
