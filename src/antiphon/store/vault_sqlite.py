"""Keys, erasures and holds in SQLite, in the database that receipts are in."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from antiphon.core.vault_store import DataKey, Erasure, Hold, TenantKey, VaultStore
from antiphon.store import vault
from antiphon.store.asking_sqlite import SqliteAsking

_OF_SESSION = """instr(receipts.body, CAST('"session":"' || hold.session || '"' AS BLOB)) > 0"""


class SqliteVault(VaultStore):
    """A connection of its own for each question."""

    def __init__(self, directory: Path) -> None:
        """`directory` holds a database whose tables are up to date."""
        self._asking = SqliteAsking(directory)

    def tenant_key(self, tenant: str, scopes: Sequence[str]) -> TenantKey | None:
        return self._asking.run(partial(vault.tenant_key, tenant=tenant, scopes=scopes))

    def add_tenant_key(self, key: TenantKey) -> TenantKey:
        return self._asking.run(partial(vault.add_tenant_key, key=key), writes=True)

    def tenant_keys(self) -> list[TenantKey]:
        return self._asking.run(vault.tenant_keys)

    def rewrap(self, old: TenantKey, new: TenantKey) -> bool:
        return self._asking.run(partial(vault.rewrap, old=old, new=new), writes=True)

    def keys(self, ids: Sequence[str]) -> dict[str, DataKey]:
        return self._asking.run(partial(vault.keys, ids=ids))

    def add_keys(self, keys: Sequence[DataKey]) -> None:
        self._asking.run(partial(vault.add_keys, some=keys), writes=True)

    def erase(self, tenant: str, owner: str, at_ns: int) -> int:
        work = partial(vault.erase, tenant=tenant, owner=owner, at_ns=at_ns)
        return self._asking.run(work, writes=True, wipes=True)

    def erasures(self, after: int) -> list[Erasure]:
        return self._asking.run(partial(vault.erasures, after=after))

    def erased(self, key: DataKey) -> bool:
        return self._asking.run(partial(vault.erased, key=key))

    def wipe(self, tenant: str, receipts: Sequence[str]) -> int:
        work = partial(vault.wipe, tenant=tenant, receipts=receipts, nothing=b"")
        return self._asking.run(work, writes=True, wipes=True)

    def of_session(self, tenant: str, session: str) -> list[str]:
        return self._asking.run(partial(vault.of_session, tenant=tenant, session=session, is_of_session=_OF_SESSION))

    def lapse(self, now_ns: int, before_ns: int, most: int) -> int:
        work = partial(vault.lapse, now_ns=now_ns, before_ns=before_ns, most=most, is_of_session=_OF_SESSION)
        return self._asking.run(work, writes=True, wipes=True)

    def hold(self, hold: Hold) -> None:
        self._asking.run(partial(vault.hold, one=hold), writes=True)

    def lift(self, hold_id: str) -> Hold | None:
        return self._asking.run(partial(vault.lift, hold_id=hold_id), writes=True)

    def holds(self, tenant: str | None = None) -> list[Hold]:
        return self._asking.run(partial(vault.holds, tenant=tenant))

    def close(self) -> None:
        """Nothing stays open."""
