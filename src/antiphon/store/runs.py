"""The statements on the tables of runs and their mail, which SQLite and Postgres have in common. `?` marks a value.

`ready` says whether a run is due: 2, where somebody has said what it must heed in whatever state; 1, where it is queued,
and not in the durable engine's queue, or what it waits for was said. Whoever changes a run or its mail locks the run's row
first, so that neither misses the other.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import structs

from antiphon.core.error import NotFound, OverLimit
from antiphon.core.run import Mail, Run, RunStatus, Use
from antiphon.core.run_store import Asked
from antiphon.store import runs_there, runs_use
from antiphon.store.asking import Ask

LOCK = 0x72756E73
"""Names, among locks of the database, those that whoever begins runs of a tenant holds."""
CALLED, READY = 2, 1
MOST_MESSAGES = 200
"""To a run, not read yet."""
_CONTROL = "('cancel', 'kill', 'pause', 'resume')"
_ENDED = "('done', 'failed', 'cancelled')"
_COLUMNS = (
    'id, tenant, agent, subject, "user", session, parent, root, once, status, segment, priority, wait_key, wake_ns, ready,'
    " ended_ns, body, input, state, result"
)
_FOUND = (
    f"body, input, state, result, {', '.join(f'used_{name}' for name in runs_use.USED)}"
    " FROM runs LEFT JOIN run_envelopes ON run_envelopes.run = runs.id"
)
_MAIL = 'id, run, tenant, kind, at_ns, "by", key, body'
_READY = (
    f"UPDATE runs SET ready = CASE WHEN status IN {_ENDED} THEN 0"  # noqa: S608 - fixed words
    f" WHEN EXISTS (SELECT 1 FROM run_mail WHERE run = runs.id AND taken = 0 AND kind IN {_CONTROL}) THEN 2"
    " WHEN status = 'queued' THEN 1"
    " WHEN status = 'waiting' AND EXISTS (SELECT 1 FROM run_mail WHERE run = runs.id AND taken = 0 AND key <> ''"
    " AND key = runs.wait_key) THEN 1 ELSE 0 END WHERE id = ?"
)
_CALLED = "SELECT id, tenant, priority FROM runs WHERE ready = 2 ORDER BY priority, id LIMIT ?"
_TENANTS = (
    "WITH RECURSIVE tenants (name) AS (SELECT min(tenant) FROM runs WHERE ready = 1 UNION ALL"
    " SELECT (SELECT min(tenant) FROM runs WHERE ready = 1 AND tenant > name) FROM tenants WHERE name IS NOT NULL)"
    " SELECT name FROM tenants WHERE name IS NOT NULL"
)
_NEXT = (
    "SELECT * FROM (SELECT id, tenant, priority FROM runs WHERE tenant = ? AND ready = 1 ORDER BY priority, id LIMIT ?)"
    " AS found"
)
TENANTS = 100
"""Tenants whose runs one look for due ones takes; others have their turn with the next."""
_WOKEN = (
    "SELECT id, tenant, priority FROM runs WHERE wake_ns > 0 AND wake_ns <= ? AND status = 'waiting' AND ready = 0"
    " ORDER BY wake_ns LIMIT ?"
)
_run = msgspec.msgpack.Decoder(Run)
_pack = msgspec.msgpack.encode


def lock_of(tenant: str) -> int:
    """Names the lock of those who begin runs of a tenant."""
    return LOCK << 32 | zlib.crc32(tenant.encode("utf-8", "surrogatepass"))


# --- runs


def begin(db: Ask, run: Run, most_queued: int) -> Run:
    """Raises: OverLimit, NotFound."""
    found = one(db, run.id, None)
    if found is None and run.once:
        text = f"SELECT {_FOUND} WHERE tenant = ? AND agent = ? AND once = ?"  # noqa: S608 - the names of the columns alone, here and below
        rows = db.ask(text, (run.tenant, run.agent, run.once))
        found = _read(rows[0]) if rows else None
    if found is not None:
        return found
    if run.status == "queued":
        [(count,)] = db.ask("SELECT count(*) FROM runs WHERE tenant = ? AND status = 'queued'", (run.tenant,))
        if count >= most_queued:
            raise OverLimit(
                f"{count} runs of {run.tenant} wait in the queue already, and no more may; see agents.most_queued",
                retry_after_s=10,
            )
    run = structs.replace(run, root=run.root or run.id)
    if run.parent and not (runs_there.kept(db, run.root) and runs_there.kept(db, run.parent)):
        raise NotFound(f"the run {run.parent} is gone, and begins no children", param="parent")
    db.many(f"INSERT INTO runs ({_COLUMNS}) VALUES ({', '.join('?' * 20)})", [_row(run)])  # noqa: S608
    runs_use.open_envelope(db, run)
    db.ask(_READY, (run.id,))
    return run


def one(db: Ask, run: str, tenant: str | None) -> Run | None:
    where, values = ("id = ?", (run,)) if tenant is None else ("id = ? AND tenant = ?", (run, tenant))
    rows = db.ask(f"SELECT {_FOUND} WHERE {where}", values)  # noqa: S608
    return _read(rows[0]) if rows else None


def page(db: Ask, asked: Asked) -> list[Run]:
    named = {
        "tenant": asked.tenant,
        "agent": asked.agent or None,
        "session": asked.session or None,
        "parent": asked.parent or None,
        "root": asked.root or None,
        '"user"': asked.user or None,
    }
    wheres = [f"runs.{name} = ?" for name, value in named.items() if value is not None]
    values: list[object] = [value for value in named.values() if value is not None]
    if asked.statuses:
        wheres.append(f"status IN ({', '.join('?' * len(asked.statuses))})")
        values += asked.statuses
        if not set(asked.statuses) & {"done", "failed", "cancelled"}:
            wheres.append("ended_ns = 0")
    if asked.before:
        wheres.append("id < ?")
        values.append(asked.before)
    where = f" WHERE {' AND '.join(wheres)}" if wheres else ""
    rows = db.ask(f"SELECT {_FOUND}{where} ORDER BY id DESC LIMIT ?", (*values, asked.most))  # noqa: S608
    return [_read(row) for row in rows]


def save(db: Ask, run: Run, expects_segment: int, statuses: Sequence[RunStatus]) -> bool:
    found = db.ask(f"SELECT segment, status FROM runs WHERE id = ?{db.row_lock}", (run.id,))  # noqa: S608
    if not found or found[0][0] != expects_segment or found[0][1] not in statuses:
        return False
    row = _row(run)
    sets = ("status", "segment", "priority", "wait_key", "wake_ns", "ended_ns", "body", "input", "state", "result")
    places = [_COLUMNS.replace('"', "").split(", ").index(name) for name in sets]
    text = f"UPDATE runs SET {', '.join(f'{name} = ?' for name in sets)} WHERE id = ?"  # noqa: S608
    db.ask(text, (*(row[at] for at in places), run.id))
    db.ask(_READY, (run.id,))
    if run.status == "queued" and run.owner:
        db.ask("UPDATE runs SET ready = 0 WHERE id = ? AND ready = 1", (run.id,))
    return True


def due(db: Ask, now_ns: int, most: int) -> list[Run]:
    """Those that were called first; then, of each priority, each tenant's first before any tenant's second. What one tenant
    has more than half of what is asked for comes last: so one whose runs can't begin yet does not hide those of others.
    """
    called = db.ask(_CALLED, (most,))
    share = max(1, most // 2)
    others = [*_next(db, now_ns, most), *db.ask(_WOKEN, (now_ns, most))]
    ids = [*(row[0] for row in called), *_fairly(others, share)][:most]
    if not ids:
        return []
    text = f"SELECT {_FOUND} WHERE id IN ({', '.join('?' * len(ids))})"  # noqa: S608
    found = {run.id: run for run in map(_read, db.ask(text, ids))}
    return [found[one_id] for one_id in ids if one_id in found]


def _next(db: Ask, now_ns: int, most: int) -> list[Any]:
    tenants = [name for (name,) in db.ask(_TENANTS)]
    if len(tenants) > TENANTS:
        start = now_ns // 1000 % len(tenants)
        tenants = (tenants[start:] + tenants[:start])[:TENANTS]
    if not tenants:
        return []
    return db.ask(" UNION ALL ".join([_NEXT] * len(tenants)), [value for name in tenants for value in (name, most)])


def _fairly(rows: Iterable[Sequence[Any]], share: int) -> list[str]:
    """Ids of (id, tenant, priority) by priority, then by their rank within their tenant; what is above the share last."""
    counts: dict[str, int] = {}
    ranked: list[tuple[bool, int, int, str]] = []
    for run_id, tenant, priority in sorted(rows, key=lambda row: (row[2], row[0])):
        rank = counts[tenant] = counts.get(tenant, 0) + 1
        ranked.append((rank > share, priority, rank, run_id))
    return [run_id for *_, run_id in sorted(ranked)]


def counts(db: Ask, tenant: str | None) -> dict[tuple[str, RunStatus], int]:
    where, values = ("", ()) if tenant is None else (" WHERE tenant = ?", (tenant,))
    rows = db.ask(f"SELECT agent, status, count(*) FROM runs{where} GROUP BY agent, status", values)  # noqa: S608
    return {(agent, status): count for agent, status, count in rows}


# --- mail


def post(db: Ask, mail: Mail) -> bool:
    """Raises: OverLimit."""
    if not db.ask("SELECT 1 FROM runs WHERE id = ? AND tenant = ?", (mail.run, mail.tenant)):
        return False
    if mail.kind == "message":
        text = "SELECT count(*) FROM run_mail WHERE run = ? AND taken = 0 AND kind = 'message'"
        [(count,)] = db.ask(text, (mail.run,))
        if count >= MOST_MESSAGES:
            raise OverLimit(
                f"{count} messages to the run {mail.run} are not read yet, and no more may be", retry_after_s=10
            )
    values = (mail.id, mail.run, mail.tenant, mail.kind, mail.at_ns, mail.by, mail.key, mail.body)
    made = db.ask(
        f"INSERT INTO run_mail ({_MAIL}, taken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (run, id) DO NOTHING"  # noqa: S608
        " RETURNING 1",
        values,
    )
    if made:
        _readied(db, mail.run)
    return bool(made)


def mail(db: Ask, run: str) -> list[Mail]:
    text = f"SELECT {_MAIL} FROM run_mail WHERE run = ? AND taken = 0 ORDER BY number"  # noqa: S608
    return [_mail(row) for row in db.ask(text, (run,))]


def take(db: Ask, run: str, ids: Sequence[str]) -> None:
    db.many("UPDATE run_mail SET taken = 1 WHERE run = ? AND id = ?", [(run, one_id) for one_id in ids])
    _readied(db, run)


def _readied(db: Ask, run: str) -> None:
    """Say whether a run is due, after its mail changed. The lock comes first: what it waited for is seen behind it."""
    db.ask(f"SELECT 1 FROM runs WHERE id = ?{db.row_lock}", (run,))  # noqa: S608
    db.ask(_READY, (run,))


def subject_of(run: Run) -> str:
    """Whose data a run is."""
    return run.principal.subject(session=run.session)


def _row(run: Run) -> tuple[object, ...]:
    wait_key = run.wait.key if run.wait is not None else ""
    body = structs.replace(run, input=b"", state=b"", result=b"", used=Use())
    return (
        run.id,
        run.tenant,
        run.agent,
        subject_of(run),
        run.principal.user,
        run.session,
        run.parent,
        run.root or run.id,
        run.once,
        run.status,
        run.segment,
        run.priority,
        wait_key,
        run.wake_ns if run.status == "waiting" else 0,
        0,
        (run.ended_ns or run.updated_ns or run.created_ns) if run.ended else 0,
        _pack(body),
        run.input,
        run.state,
        run.result,
    )


def _read(row: Sequence[Any]) -> Run:
    body, given, state, result, *used = row
    return structs.replace(
        _run.decode(body), input=bytes(given), state=bytes(state), result=bytes(result), used=runs_use.use_of(used)
    )


def _mail(row: Sequence[Any]) -> Mail:
    mail_id, run, tenant, kind, at_ns, by, key, body = row
    return Mail(id=mail_id, run=run, tenant=tenant, kind=kind, at_ns=at_ns, by=by, key=key, body=bytes(body))
