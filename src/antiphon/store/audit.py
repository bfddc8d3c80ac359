"""The statements on the tables of audit, which SQLite and Postgres have in common. `?` marks a value.

What happens is noted first and chained later. One transaction takes notes and makes links of them, so each becomes one
event once, in the order of the notes.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from antiphon.core.audit import Event
from antiphon.core.audit_store import Chain, Checkpoint, Head, Link, Pending, Stored
from antiphon.store import objects
from antiphon.store.database import Noted, joined

RECEIPT = "receipt"
CHANGES = "changes"
"""Names the record of changes among what is read by position."""
NOTE = "INSERT INTO audit_notes (tenant, kind, about, event) VALUES (?, ?, ?, ?)"
_event = msgspec.msgpack.Decoder(Event)
_BODIES = (
    "SELECT receipts.id, body, basis, tail FROM receipts LEFT JOIN bases ON bases.id = receipts.basis"
    " WHERE receipts.id IN ({})"
)
AT_ONCE = 500
"""Ids of one question; SQLite takes 999 values at the least."""
_LINK = "tenant, seq, kind, about, body"
_POINT = "tenant, size, at_ns, note, exported"
_CHANGED = (
    'SELECT version, at_ns, kind, name, tenant, action, "by", before, after FROM changes WHERE version > ?'
    " ORDER BY version LIMIT ?"
)


class Ask(Protocol):
    """A transaction that is open."""

    def ask(self, text: str, values: Sequence[object] = ()) -> list[Any]: ...

    def many(self, text: str, rows: Iterable[Sequence[object]]) -> None: ...


def noted(event: Event) -> Noted:
    """The values of `NOTE`."""
    return event.tenant, event.kind, event.about, msgspec.msgpack.encode(event)


def grow(db: Ask, chain: Chain, most: int) -> int:
    """Chain what waits within the transaction, which no other of its kind crosses."""
    changes = [objects.change_of(row) for row in db.ask(_CHANGED, (_position(db), most))]
    notes = db.ask("SELECT id, tenant, kind, about, event FROM audit_notes ORDER BY id LIMIT ?", (most,))
    if not changes and not notes:
        return 0
    pending = [*changes, *_pending(db, notes)]
    tenants = list({one.tenant for one in pending})
    grown = chain(pending, {one.tenant: one for one in _heads(db, tenants)})
    db.many(
        f"INSERT INTO audit ({_LINK}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 - the names of the columns alone, here and below
        ((one.tenant, one.seq, one.kind, one.about, one.body) for one in grown.links),
    )
    db.many(
        "INSERT INTO audit_heads (tenant, size, head, frontier) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (tenant) DO UPDATE SET size = excluded.size, head = excluded.head, frontier = excluded.frontier",
        ((one.tenant, one.size, one.head, one.frontier) for one in grown.heads),
    )
    db.many("INSERT INTO audit_batches (tenant, number, root) VALUES (?, ?, ?)", grown.batches)
    if changes:
        db.ask(
            "INSERT INTO audit_sources (source, position) VALUES (?, ?)"
            " ON CONFLICT (source) DO UPDATE SET position = excluded.position",
            (CHANGES, changes[-1].version),
        )
    db.many("DELETE FROM audit_notes WHERE id = ?", ((row[0],) for row in notes))
    return len(grown.links)


def _position(db: Ask) -> int:
    rows = db.ask("SELECT position FROM audit_sources WHERE source = ?", (CHANGES,))
    return rows[0][0] if rows else 0


def _pending(db: Ask, notes: Sequence[Any]) -> Iterable[Pending]:
    """Notes as what they tell of; a receipt that is chained already is passed over, as one shipped twice after a restore."""
    ids = [about for _, _, kind, about, _ in notes if kind == RECEIPT]
    known = {row[0] for row in _several(db, "SELECT about FROM audit WHERE kind = 'receipt' AND about IN ({})", ids)}
    bodies = {row[0]: joined(row[1:]) for row in _several(db, _BODIES, ids)}
    for _, tenant, kind, about, event in notes:
        if kind != RECEIPT:
            yield _event.decode(event)
        elif about not in known:
            known.add(about)
            yield Stored(id=about, tenant=tenant, body=bodies.get(about))


def _several(db: Ask, text: str, ids: Sequence[str]) -> Iterable[Any]:
    """Rows of many ids."""
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        yield from db.ask(text.format(", ".join("?" * len(some))), some)


def _heads(db: Ask, tenants: Sequence[str]) -> list[Head]:
    found = (db.ask("SELECT tenant, size, head, frontier FROM audit_heads WHERE tenant = ?", (one,)) for one in tenants)
    return [_head(rows[0]) for rows in found if rows]


def heads(db: Ask) -> list[Head]:
    return [_head(row) for row in db.ask("SELECT tenant, size, head, frontier FROM audit_heads ORDER BY tenant")]


def links(db: Ask, tenant: str, first: int, most: int) -> list[Link]:
    text = f"SELECT {_LINK} FROM audit WHERE tenant = ? AND seq >= ? ORDER BY seq LIMIT ?"  # noqa: S608
    return [_link(row) for row in db.ask(text, (tenant, first, most))]


def about(db: Ask, what: str, most: int) -> list[Link]:
    text = (
        f"SELECT * FROM (SELECT {_LINK} FROM audit WHERE about = ? AND kind = 'receipt'"  # noqa: S608
        f" UNION ALL SELECT {_LINK} FROM audit WHERE about = ? AND kind <> 'receipt' AND about <> '') AS found"
        " ORDER BY tenant, seq LIMIT ?"
    )
    return [_link(row) for row in db.ask(text, (what, what, most))]


def batches(db: Ask, tenant: str) -> list[bytes]:
    rows = db.ask("SELECT root FROM audit_batches WHERE tenant = ? ORDER BY number", (tenant,))
    return [bytes(row[0]) for row in rows]


def put_checkpoint(db: Ask, one: Checkpoint) -> None:
    db.ask(
        f"INSERT INTO audit_checkpoints ({_POINT}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
        " ON CONFLICT (tenant, size) DO UPDATE SET"
        " exported = CASE WHEN excluded.exported > audit_checkpoints.exported THEN 1 ELSE audit_checkpoints.exported END",
        (one.tenant, one.size, one.at_ns, one.note, int(one.exported)),
    )


def checkpoints(db: Ask, tenant: str, most: int) -> list[Checkpoint]:
    text = f"SELECT {_POINT} FROM audit_checkpoints WHERE tenant = ? ORDER BY size DESC LIMIT ?"  # noqa: S608
    return [_checkpoint(row) for row in db.ask(text, (tenant, most))]


def unexported(db: Ask, most: int) -> list[Checkpoint]:
    text = f"SELECT {_POINT} FROM audit_checkpoints WHERE exported = 0 ORDER BY at_ns, tenant LIMIT ?"  # noqa: S608
    return [_checkpoint(row) for row in db.ask(text, (most,))]


def _head(row: Any) -> Head:
    tenant, size, head, frontier = row
    return Head(tenant=tenant, size=size, head=bytes(head), frontier=bytes(frontier))


def _link(row: Any) -> Link:
    tenant, seq, kind, what, body = row
    return Link(tenant=tenant, seq=seq, kind=kind, about=what, body=bytes(body))


def _checkpoint(row: Any) -> Checkpoint:
    tenant, size, at_ns, note, exported = row
    return Checkpoint(tenant=tenant, size=size, at_ns=at_ns, note=bytes(note), exported=bool(exported))
