"""The statements on the tables of the vault, which SQLite and Postgres have in common. `?` marks a value."""

from collections.abc import Sequence
from typing import Any

from antiphon.core.ids import first_id
from antiphon.core.vault_store import EVERYBODY, DataKey, Erasure, Hold, TenantKey
from antiphon.store.audit import Ask

CONTENT = (
    "INSERT INTO contents (id, tenant, sealed, owner, until_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
)
"""What was wiped before it came has left its id, so it does not come."""
ADD_KEY = (
    "INSERT INTO vault_keys (id, tenant, owner, at_ns, wrapped) SELECT ?, ?, ?, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM vault_erasures WHERE tenant = ? AND owner IN (?, '') AND at_ns >= ?)"
    " ON CONFLICT (id) DO NOTHING"
)
_KEY = "id, tenant, owner, at_ns, wrapped"
_TENANT = "tenant, scope, wrapped, wrapper, at_ns"
_HOLD = 'id, tenant, owner, receipt, session, "by", at_ns, note'
KEYS_AT_ONCE = 500
_HELD = """
    EXISTS (SELECT 1 FROM legal_holds AS hold WHERE hold.tenant = contents.tenant AND (
        (hold.owner = '' AND hold.receipt = '' AND hold.session = '')
        OR (hold.owner <> '' AND hold.owner = contents.owner)
        OR (hold.receipt <> '' AND hold.receipt = contents.id)
        OR (hold.session <> '' AND EXISTS (SELECT 1 FROM receipts WHERE receipts.id = contents.id AND {})))
    )
"""
"""Its value is whether a receipt is of the hold's session."""


def key_row(key: DataKey) -> tuple[object, ...]:
    """The values of `ADD_KEY`."""
    return key.id, key.tenant, key.owner, key.at_ns, key.wrapped, key.tenant, key.owner, key.at_ns


def tenant_key(db: Ask, tenant: str, scopes: Sequence[str]) -> TenantKey | None:
    text = f"SELECT {_TENANT} FROM vault_tenants WHERE tenant = ? AND scope = ?"  # noqa: S608 - columns alone, here and below
    found = (db.ask(text, (tenant, scope)) for scope in scopes)
    return next((_tenant_key(rows[0]) for rows in found if rows), None)


def add_tenant_key(db: Ask, key: TenantKey) -> TenantKey:
    values = key.tenant, key.scope, key.wrapped, key.wrapper, key.at_ns
    db.ask(f"INSERT INTO vault_tenants ({_TENANT}) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)  # noqa: S608
    found = tenant_key(db, key.tenant, [key.scope])
    assert found is not None
    return found


def tenant_keys(db: Ask) -> list[TenantKey]:
    return [_tenant_key(row) for row in db.ask(f"SELECT {_TENANT} FROM vault_tenants ORDER BY tenant, scope")]  # noqa: S608


def rewrap(db: Ask, old: TenantKey, new: TenantKey) -> bool:
    found = tenant_key(db, old.tenant, [old.scope])
    if found is None or found.wrapped != old.wrapped:
        return False
    if old.scope != new.scope and tenant_key(db, new.tenant, [new.scope]) is not None:
        return False
    db.ask(
        "UPDATE vault_tenants SET scope = ?, wrapped = ?, wrapper = ? WHERE tenant = ? AND scope = ?",
        (new.scope, new.wrapped, new.wrapper, old.tenant, old.scope),
    )
    return True


def keys(db: Ask, ids: Sequence[str]) -> dict[str, DataKey]:
    out: dict[str, DataKey] = {}
    for start in range(0, len(ids), KEYS_AT_ONCE):
        some = ids[start : start + KEYS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        for row in db.ask(f"SELECT {_KEY} FROM vault_keys WHERE id IN ({marks})", some):  # noqa: S608
            out[row[0]] = DataKey(id=row[0], tenant=row[1], owner=row[2], at_ns=row[3], wrapped=bytes(row[4]))
    return out


def add_keys(db: Ask, some: Sequence[DataKey]) -> None:
    db.many(ADD_KEY, map(key_row, some))


def erase(db: Ask, tenant: str, owner: str, at_ns: int) -> int:
    where, values = ("tenant = ?", (tenant,)) if owner == EVERYBODY else ("tenant = ? AND owner = ?", (tenant, owner))
    (count,) = db.ask(f"SELECT count(*) FROM vault_keys WHERE {where}", values)[0]  # noqa: S608 - our own words
    db.ask("INSERT INTO vault_erasures (tenant, owner, at_ns) VALUES (?, ?, ?)", (tenant, owner, at_ns))
    db.ask(f"DELETE FROM vault_keys WHERE {where}", values)  # noqa: S608
    if owner == EVERYBODY:
        db.ask("DELETE FROM vault_tenants WHERE tenant = ?", (tenant,))
    return int(count)


def erasures(db: Ask, after: int) -> list[Erasure]:
    rows = db.ask("SELECT number, tenant, owner, at_ns FROM vault_erasures WHERE number > ? ORDER BY number", (after,))
    return [Erasure(number=row[0], tenant=row[1], owner=row[2], at_ns=row[3]) for row in rows]


def erased(db: Ask, key: DataKey) -> bool:
    text = "SELECT 1 FROM vault_erasures WHERE tenant = ? AND owner IN (?, '') AND at_ns >= ? LIMIT 1"
    return bool(db.ask(text, (key.tenant, key.owner, key.at_ns)))


def of_session(db: Ask, tenant: str, session: str, is_of_session: str) -> list[str]:
    """Ids of receipts that name a session. `is_of_session`: as for `lapse`."""
    rows = db.ask(
        f"SELECT receipts.id FROM receipts, (SELECT CAST(? AS TEXT) AS session) AS hold"  # noqa: S608
        f" WHERE receipts.tenant = ? AND {is_of_session} ORDER BY receipts.id",
        (session, tenant),
    )
    return [row[0] for row in rows]


def wipe(db: Ask, tenant: str, receipts: Sequence[str], nothing: object) -> int:
    """`nothing`: an empty value of the column's type."""
    had = 0
    for one in receipts:
        rows = db.ask("SELECT length(sealed) FROM contents WHERE id = ? AND tenant = ?", (one, tenant))
        had += bool(rows and rows[0][0])
        db.ask(
            "INSERT INTO contents (id, tenant, sealed) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET sealed = excluded.sealed WHERE contents.tenant = excluded.tenant",
            (one, tenant, nothing),
        )
    return had


def lapse(db: Ask, now_ns: int, before_ns: int, most: int, is_of_session: str) -> int:
    """`is_of_session`: condition on `receipts` and `hold.session`."""
    before = first_id(before_ns // 1_000_000) if before_ns else ""
    rows = db.ask(
        "SELECT id FROM contents WHERE ((until_ns > 0 AND until_ns <= ?) OR id < ?)"  # noqa: S608
        f" AND NOT {_HELD.format(is_of_session)} LIMIT ?",
        (now_ns, before, most),
    )
    db.many("DELETE FROM contents WHERE id = ?", ((row[0],) for row in rows))
    return len(rows)


def hold(db: Ask, one: Hold) -> None:
    values = one.id, one.tenant, one.owner, one.receipt, one.session, one.by, one.at_ns, one.note
    db.ask(f"INSERT INTO legal_holds ({_HOLD}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608


def lift(db: Ask, hold_id: str) -> Hold | None:
    rows = db.ask(f"SELECT {_HOLD} FROM legal_holds WHERE id = ?", (hold_id,))  # noqa: S608
    db.ask("DELETE FROM legal_holds WHERE id = ?", (hold_id,))
    return _hold(rows[0]) if rows else None


def holds(db: Ask, tenant: str | None) -> list[Hold]:
    where, values = ("", ()) if tenant is None else (" WHERE tenant = ?", (tenant,))
    return [_hold(row) for row in db.ask(f"SELECT {_HOLD} FROM legal_holds{where} ORDER BY at_ns, id", values)]  # noqa: S608


def _tenant_key(row: Any) -> TenantKey:
    return TenantKey(tenant=row[0], scope=row[1], wrapped=bytes(row[2]), wrapper=row[3], at_ns=row[4])


def _hold(row: Any) -> Hold:
    tenant, owner, receipt, session, by, at_ns, note = row[1:]
    return Hold(id=row[0], tenant=tenant, owner=owner, receipt=receipt, session=session, by=by, at_ns=at_ns, note=note)
