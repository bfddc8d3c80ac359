"""The statements that drop runs and what belongs to them, for their age or by erasure. `?` marks a value."""

from collections.abc import Sequence

import msgspec

from antiphon.core.run import Run
from antiphon.store.asking import Ask

_run = msgspec.msgpack.Decoder(Run)
_OF_RUN = ("run_mail", "run_events", "run_intents", "run_envelopes")


def old(db: Ask, before_ns: int, most: int, after: str) -> list[Run]:
    rows = db.ask(
        "SELECT body FROM runs WHERE ended_ns > 0 AND ended_ns < ? AND parent = '' AND root = id AND id > ?"
        " AND NOT EXISTS (SELECT 1 FROM runs AS child WHERE child.root = runs.id AND child.ended_ns = 0)"
        " ORDER BY id LIMIT ?",
        (before_ns, after, most),
    )
    return [_run.decode(body) for (body,) in rows]


def discard(db: Ask, roots: Sequence[str]) -> None:
    named = [(root,) for root in roots]
    for root in named if db.row_lock else ():
        db.ask(f"SELECT 1 FROM runs WHERE root = ?{db.row_lock}", root)  # noqa: S608 - whoever adds to one waits, and finds it gone
    for table in _OF_RUN:
        db.many(f"DELETE FROM {table} WHERE run IN (SELECT id FROM runs WHERE root = ?)", named)  # noqa: S608 - fixed names
    db.many("DELETE FROM run_holds WHERE root = ?", named)
    db.many(
        "DELETE FROM run_values WHERE tenant = (SELECT tenant FROM runs WHERE id = ?) AND space = ?",
        [(root, f"context/{root}") for root in roots],
    )
    db.many("DELETE FROM runs WHERE root = ?", named)


def lapse(db: Ask, now_ns: int) -> int:
    gone = db.ask("DELETE FROM run_values WHERE until_ns > 0 AND until_ns <= ? RETURNING 1", (now_ns,))
    gone += db.ask("DELETE FROM run_memories WHERE expires_ns > 0 AND expires_ns <= ? RETURNING 1", (now_ns,))
    return len(gone)


def erase(db: Ask, tenant: str, subject: str) -> list[str]:
    if not subject:
        roots = db.ask("SELECT DISTINCT root FROM runs WHERE tenant = ?", (tenant,))
        for table in ("run_memories", "run_values"):
            db.ask(f"DELETE FROM {table} WHERE tenant = ?", (tenant,))  # noqa: S608 - fixed names
    else:
        roots = db.ask("SELECT DISTINCT root FROM runs WHERE tenant = ? AND subject = ?", (tenant, subject))
        scope, _, owner = subject.partition("/")
        text = "DELETE FROM run_memories WHERE tenant = ? AND (subject = ? OR (scope = ? AND owner = ?))"
        db.ask(text, (tenant, subject, scope, owner))
    found = sorted(root for (root,) in roots)
    discard(db, found)
    return found
