"""The statements on the tables of approvals, which SQLite and Postgres have in common. `?` marks a value."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from antiphon.core.approval import Approval, ApprovalState, Vote, Wish
from antiphon.core.approval_store import Change, Changed, Message
from antiphon.core.error import OverLimit
from antiphon.store import audit
from antiphon.store.audit import Ask

_COLUMNS = 'id, tenant, "by", digest, state, at_ns, expires_ns, escalates_ns, settled_ns, escalated, used, wish, votes, shown, instead'
_MESSAGE = "number, approval, tenant, event, hook, tries, due_ns, reason, dead"
_wish = msgspec.msgpack.Decoder(Wish)
_votes = msgspec.msgpack.Decoder(tuple[Vote, ...])
_pack = msgspec.msgpack.encode


def put(db: Ask, first: Changed, most_waiting: int, now_ns: int) -> Approval:
    """Raises: OverLimit."""
    one = first.approval
    wish = one.wish
    found = db.ask(
        f'SELECT {_COLUMNS} FROM approvals WHERE tenant = ? AND "by" = ? AND digest = ? AND state = ? AND expires_ns > ?'  # noqa: S608 - the names of the columns alone, here and below
        " ORDER BY id DESC LIMIT 1",
        (wish.tenant, wish.by, wish.digest, "waiting", now_ns),
    )
    if found:
        same = _approval(found[0])
        if (same.wish.needed, same.wish.approvers) == (wish.needed, wish.approvers):
            return same
    [(count,)] = db.ask("SELECT count(*) FROM approvals WHERE tenant = ? AND state = ?", (wish.tenant, "waiting"))
    if count >= most_waiting:
        raise OverLimit(f"{count} approvals wait for people already, and no more may", retry_after_s=60)
    marks = ", ".join("?" * 15)
    db.many(f"INSERT INTO approvals ({_COLUMNS}) VALUES ({marks})", [_row(one)])  # noqa: S608
    _beside(db, first)
    return one


def one(db: Ask, approval_id: str, tenant: str | None) -> Approval | None:
    text, values = f"SELECT {_COLUMNS} FROM approvals WHERE id = ?", [approval_id]  # noqa: S608
    if tenant is not None:
        text, values = f"{text} AND tenant = ?", [approval_id, tenant]
    found = db.ask(text, values)
    return _approval(found[0]) if found else None


def page(db: Ask, tenant: str | None, states: Sequence[ApprovalState], before: str, most: int) -> list[Approval]:
    wheres: list[str] = []
    values: list[object] = []
    if tenant is not None:
        wheres.append("tenant = ?")
        values.append(tenant)
    if states:
        wheres.append(f"state IN ({', '.join('?' * len(states))})")
        values += states
    if before:
        wheres.append("id < ?")
        values.append(before)
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    text = f"SELECT {_COLUMNS} FROM approvals{where} ORDER BY id DESC LIMIT ?"  # noqa: S608
    return [_approval(row) for row in db.ask(text, (*values, most))]


def change(db: Ask, approval_id: str, work: Change) -> Approval | None:
    """Within a transaction that no other change crosses. Raises: what `work` raises."""
    found = one(db, approval_id, None)
    if found is None:
        return None
    changed = work(found)
    row = _row(changed.approval)
    names = ("state", "escalates_ns", "settled_ns", "escalated", "used", "votes", "instead")
    places = [_COLUMNS.split(", ").index(name) for name in names]
    sets = ", ".join(f"{name} = ?" for name in names)
    db.many(f"UPDATE approvals SET {sets} WHERE id = ?", [(*(row[at] for at in places), approval_id)])  # noqa: S608
    _beside(db, changed)
    return changed.approval


def due(db: Ask, now_ns: int, most: int) -> list[str]:
    rows = db.ask(
        "SELECT id FROM approvals WHERE state = ? AND (expires_ns <= ? OR (escalates_ns > 0 AND escalates_ns <= ?))"
        " ORDER BY id LIMIT ?",
        ("waiting", now_ns, now_ns, most),
    )
    return [row[0] for row in rows]


def purge(db: Ask, before_ns: int, most: int) -> int:
    rows = db.ask(
        "SELECT id FROM approvals WHERE settled_ns > 0 AND settled_ns < ? ORDER BY settled_ns LIMIT ?",
        (before_ns, most),
    )
    db.many("DELETE FROM approval_messages WHERE approval = ?", rows)
    db.many("DELETE FROM approvals WHERE id = ?", rows)
    return len(rows)


def claim(db: Ask, now_ns: int, until_ns: int, most: int) -> list[Message]:
    rows = db.ask(
        f"SELECT {_MESSAGE} FROM approval_messages WHERE dead = 0 AND due_ns <= ? ORDER BY due_ns, number LIMIT ?",  # noqa: S608
        (now_ns, most),
    )
    db.many("UPDATE approval_messages SET due_ns = ? WHERE number = ?", [(until_ns, row[0]) for row in rows])
    return [_message(row) for row in rows]


def sent(db: Ask, number: int) -> None:
    db.many("DELETE FROM approval_messages WHERE number = ?", [(number,)])


def unsent(db: Ask, message: Message) -> None:
    values = (message.tries, message.due_ns, message.reason, int(message.dead), message.number)
    db.many("UPDATE approval_messages SET tries = ?, due_ns = ?, reason = ?, dead = ? WHERE number = ?", [values])


def dead(db: Ask, approval_id: str) -> list[Message]:
    text = f"SELECT {_MESSAGE} FROM approval_messages WHERE approval = ? AND dead = 1 ORDER BY number"  # noqa: S608
    return [_message(row) for row in db.ask(text, (approval_id,))]


def _beside(db: Ask, changed: Changed) -> None:
    """What is written with a change."""
    db.many(audit.NOTE, [audit.noted(event) for event in changed.events])
    db.many(
        "INSERT INTO approval_messages (approval, tenant, event, hook, tries, due_ns, reason, dead)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (it.approval, it.tenant, it.event, it.hook, it.tries, it.due_ns, it.reason, int(it.dead))
            for it in changed.messages
        ],
    )


def _row(it: Approval) -> tuple[object, ...]:
    wish = it.wish
    bare = structs.replace(wish, shown=b"")
    waits = wish.escalates_ns if not it.escalated and it.state == "waiting" else 0
    return (
        it.id,
        wish.tenant,
        wish.by,
        wish.digest,
        it.state,
        it.at_ns,
        wish.expires_ns,
        waits,
        it.settled_ns,
        int(it.escalated),
        int(it.used),
        _pack(bare),
        _pack(it.votes),
        wish.shown,
        it.instead,
    )


def _approval(row: Sequence[Any]) -> Approval:
    wish = structs.replace(_wish.decode(row[11]), shown=bytes(row[13]))
    return Approval(
        id=row[0],
        at_ns=row[5],
        wish=wish,
        state=row[4],
        votes=_votes.decode(row[12]),
        escalated=bool(row[9]),
        instead=bytes(row[14]),
        settled_ns=row[8],
        used=bool(row[10]),
    )


def _message(row: Sequence[Any]) -> Message:
    number, approval, tenant, event, hook, tries, due_ns, reason, is_dead = row
    return Message(
        number=number,
        approval=approval,
        tenant=tenant,
        event=event,
        hook=hook,
        tries=tries,
        due_ns=due_ns,
        reason=reason,
        dead=bool(is_dead),
    )
