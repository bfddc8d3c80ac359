"""The statements on what runs tell and intend, and on the workers that run them. `?` marks a value."""

from collections.abc import Sequence

from antiphon.core.run import Beat, Intent, RunEvent
from antiphon.store import runs_there
from antiphon.store.asking import Ask

_EVENT = "run, seq, at_ns, kind, body"
_INTENT = "run, step, tool, digest, owner, at_ns, outcome, reviewed_by"
_BEAT = "worker, host, pid, started, at_ns, retired"


# --- events


def tell(db: Ask, events: Sequence[RunEvent]) -> None:
    """Those of runs that are there: nothing is told of one that was erased meanwhile."""
    there = {run for run in {one.run for one in events} if runs_there.kept(db, run)}
    db.many(
        f"INSERT INTO run_events ({_EVENT}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, seq) DO NOTHING",  # noqa: S608 - the names of the columns alone, here and below
        [(one.run, one.seq, one.at_ns, one.kind, one.body) for one in events if one.run in there],
    )


def told(db: Ask, run: str, after: int, most: int) -> list[RunEvent]:
    text = f"SELECT {_EVENT} FROM run_events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    return [
        RunEvent(run=name, seq=seq, at_ns=at_ns, kind=kind, body=bytes(body))
        for name, seq, at_ns, kind, body in db.ask(text, (run, after, most))
    ]


# --- at most once


def intend(db: Ask, intent: Intent) -> Intent:
    made = db.ask(
        f"INSERT INTO run_intents ({_INTENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, step) DO NOTHING"  # noqa: S608
        " RETURNING 1",
        (
            intent.run,
            intent.step,
            intent.tool,
            intent.digest,
            intent.owner,
            intent.at_ns,
            intent.outcome,
            intent.reviewed_by,
        ),
    )
    if made:
        return intent
    [row] = db.ask(f"SELECT {_INTENT} FROM run_intents WHERE run = ? AND step = ?", (intent.run, intent.step))  # noqa: S608
    run, step, tool, digest, owner, at_ns, outcome, reviewed_by = row
    return Intent(
        run=run,
        step=step,
        tool=tool,
        digest=digest,
        owner=owner,
        at_ns=at_ns,
        outcome=None if outcome is None else bytes(outcome),
        reviewed_by=reviewed_by,
    )


def came(db: Ask, run: str, step: str, outcome: bytes, owner: str) -> bool:
    text = "UPDATE run_intents SET outcome = ? WHERE run = ? AND step = ? AND owner = ? AND outcome IS NULL RETURNING 1"
    return bool(db.ask(text, (outcome, run, step, owner)))


def review(db: Ask, run: str, step: str, outcome: bytes | None, by: str, owner: str, was: str | None) -> bool:
    guard, owned = ("", ()) if was is None else (" AND owner = ?", (was,))
    text = (
        "UPDATE run_intents SET outcome = ?, reviewed_by = ?, owner = ? WHERE run = ? AND step = ?"  # noqa: S608
        f" AND outcome IS NULL{guard} RETURNING 1"
    )
    return bool(db.ask(text, (outcome, by, owner, run, step, *owned)))


# --- workers


def beat(db: Ask, one: Beat) -> bool:
    text = (
        f"INSERT INTO run_workers ({_BEAT}, gone) VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (worker) DO UPDATE"  # noqa: S608
        " SET at_ns = excluded.at_ns WHERE run_workers.retired = 0 RETURNING 1"
    )
    return bool(db.ask(text, (one.worker, one.host, one.pid, one.started, one.at_ns, 0)))


def beats(db: Ask) -> list[Beat]:
    rows = db.ask(f"SELECT {_BEAT} FROM run_workers WHERE gone = 0 ORDER BY worker")  # noqa: S608
    return [
        Beat(worker=worker, host=host, pid=pid, started=started, at_ns=at_ns, retired=bool(retired))
        for worker, host, pid, started, at_ns, retired in rows
    ]


def retire(db: Ask, worker: str, seen_ns: int) -> bool:
    text = "UPDATE run_workers SET retired = 1 WHERE worker = ? AND at_ns = ? AND retired = 0 RETURNING 1"
    return bool(db.ask(text, (worker, seen_ns)))


def forget_worker(db: Ask, worker: str) -> None:
    """One that was retired is not told of any more, and can't come back: its process may only have been stopped."""
    db.ask("UPDATE run_workers SET gone = 1 WHERE worker = ? AND retired = 1", (worker,))
    db.ask("DELETE FROM run_workers WHERE worker = ? AND retired = 0", (worker,))
