"""The statements on what is kept beside runs: memories, skills, switches and small values. `?` marks a value."""

from collections.abc import Sequence

import msgspec
from msgspec import structs

from antiphon.core.error import VersionConflict
from antiphon.core.run import Barred, Memory, Skill
from antiphon.store.asking import Ask
from antiphon.store.runs_there import CONTEXT, kept

_MEMORY = "id, tenant, agent, scope, owner, subject, created_ns, expires_ns, body, text"
_SKILL = "tenant, agent, skill, good, bad, cost_nano_usd, took_us, runs"
_BARRED = 'kind, name, tenant, how, "by", at_ns, why'
_memory = msgspec.msgpack.Decoder(Memory)
_pack = msgspec.msgpack.encode


# --- memories


def remember(db: Ask, it: Memory) -> None:
    body = _pack(structs.replace(it, text=b""))
    db.ask(
        f"INSERT INTO run_memories ({_MEMORY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"  # noqa: S608 - the names of the columns alone, here and below
        " agent = excluded.agent, scope = excluded.scope, owner = excluded.owner, created_ns = excluded.created_ns,"
        " expires_ns = excluded.expires_ns, body = excluded.body, text = excluded.text"
        " WHERE run_memories.tenant = excluded.tenant",
        (
            it.id,
            it.tenant,
            it.agent,
            it.scope,
            it.owner,
            it.subject,
            it.created_ns,
            it.expires_ns,
            body,
            it.text,
        ),
    )


def memories(db: Ask, tenant: str, agent: str, owners: Sequence[tuple[str, str]], now_ns: int) -> list[Memory]:
    if not owners:
        return []
    wheres = " OR ".join(["(scope = ? AND owner = ?)"] * len(owners))
    rows = db.ask(
        f"SELECT body, text FROM run_memories WHERE tenant = ? AND agent = ? AND ({wheres})"  # noqa: S608
        " AND (expires_ns = 0 OR expires_ns > ?) ORDER BY created_ns DESC, id DESC",
        (tenant, agent, *(value for pair in owners for value in pair), now_ns),
    )
    return [structs.replace(_memory.decode(body), text=bytes(text)) for body, text in rows]


def forget(db: Ask, tenant: str, memory: str, scope: str, owner: str) -> int:
    wheres, values = ["tenant = ?"], [tenant]
    for column, value in (("id", memory), ("scope", scope), ("owner", owner)):
        if value:
            wheres.append(f"{column} = ?")
            values.append(value)
    return len(db.ask(f"DELETE FROM run_memories WHERE {' AND '.join(wheres)} RETURNING 1", values))  # noqa: S608


# --- skills


def score(db: Ask, it: Skill) -> None:
    counted = ("good", "bad", "cost_nano_usd", "took_us", "runs")
    adds = ", ".join(f"{name} = run_skills.{name} + excluded.{name}" for name in counted)
    db.ask(
        f"INSERT INTO run_skills ({_SKILL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        f" ON CONFLICT (tenant, agent, skill) DO UPDATE SET {adds}",
        structs.astuple(it),
    )


def skills(db: Ask, tenant: str | None) -> list[Skill]:
    where, values = ("", ()) if tenant is None else (" WHERE tenant = ?", (tenant,))
    rows = db.ask(f"SELECT {_SKILL} FROM run_skills{where} ORDER BY tenant, agent, skill", values)  # noqa: S608
    names = _SKILL.split(", ")
    return [Skill(**dict(zip(names, row, strict=True))) for row in rows]


# --- switches


def bar(db: Ask, it: Barred) -> None:
    db.ask(
        f"INSERT INTO run_barred ({_BARRED}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, name, tenant) DO UPDATE SET"  # noqa: S608
        ' how = excluded.how, "by" = excluded."by", at_ns = excluded.at_ns, why = excluded.why',
        structs.astuple(it),
    )


def unbar(db: Ask, kind: str, name: str, tenant: str) -> bool:
    text = "DELETE FROM run_barred WHERE kind = ? AND name = ? AND tenant = ? RETURNING 1"
    return bool(db.ask(text, (kind, name, tenant)))


def barred(db: Ask) -> list[Barred]:
    rows = db.ask(f"SELECT {_BARRED} FROM run_barred ORDER BY kind, name, tenant")  # noqa: S608
    names = _BARRED.replace('"', "").split(", ")
    return [Barred(**dict(zip(names, row, strict=True))) for row in rows]


# --- values


def put(db: Ask, tenant: str, space: str, key: str, value: bytes, expects: int | None, until_ns: int) -> int:
    """Returns: its version; 0: it belongs to a run that is gone, and nothing was kept. Raises: VersionConflict."""
    if space.startswith(CONTEXT) and not kept(db, space.removeprefix(CONTEXT)):
        return 0
    name = (tenant, space, key)
    if not expects:
        made = db.ask(
            "INSERT INTO run_values (tenant, space, key, value, version, until_ns) VALUES (?, ?, ?, ?, 1, ?)"
            " ON CONFLICT (tenant, space, key) DO NOTHING RETURNING version",
            (*name, value, until_ns),
        )
        if made:
            return 1
        if expects == 0:
            raise VersionConflict(f"{key[:64]!r} is there already in {space[:64]!r}; ask for it, and name its version")
    wanted, values = ("", ()) if expects is None else (" AND version = ?", (expects,))
    rows = db.ask(
        "UPDATE run_values SET value = ?, until_ns = ?, version = version + 1"  # noqa: S608
        f" WHERE tenant = ? AND space = ? AND key = ?{wanted} RETURNING version",
        (value, until_ns, *name, *values),
    )
    if not rows and expects is None:  # dropped meanwhile
        return put(db, tenant, space, key, value, None, until_ns)
    if not rows:
        raise VersionConflict(f"{key[:64]!r} in {space[:64]!r} has no version {expects} any more; ask for it again")
    return rows[0][0]


def value(db: Ask, tenant: str, space: str, key: str, now_ns: int) -> tuple[bytes, int] | None:
    rows = db.ask(
        "SELECT value, version FROM run_values WHERE tenant = ? AND space = ? AND key = ?"
        " AND (until_ns = 0 OR until_ns > ?)",
        (tenant, space, key, now_ns),
    )
    return (bytes(rows[0][0]), rows[0][1]) if rows else None


def values(db: Ask, tenant: str, space: str, now_ns: int, prefix: str) -> list[tuple[str, bytes, int]]:
    rows = db.ask(
        "SELECT key, value, version FROM run_values WHERE tenant = ? AND space = ? AND (until_ns = 0 OR until_ns > ?)"
        " AND substr(key, 1, ?) = ?",
        (tenant, space, now_ns, len(prefix), prefix),
    )
    return sorted((key, bytes(found), version) for key, found, version in rows)


def first(db: Ask, tenant: str, space: str, now_ns: int, most: int, until: str) -> list[tuple[str, bytes, int]]:
    before, named = (" AND key < ?", (until,)) if until else ("", ())
    rows = db.ask(
        "SELECT key, value, version FROM run_values WHERE tenant = ? AND space = ? AND (until_ns = 0 OR until_ns > ?)"  # noqa: S608
        f"{before} ORDER BY key LIMIT ?",
        (tenant, space, now_ns, *named, most),
    )
    return [(key, bytes(found), version) for key, found, version in rows]


def count(db: Ask, tenant: str, space: str) -> int:
    [(found,)] = db.ask("SELECT count(*) FROM run_values WHERE tenant = ? AND space = ?", (tenant, space))
    return found


def drop(db: Ask, tenant: str, space: str, key: str) -> bool:
    text = "DELETE FROM run_values WHERE tenant = ? AND space = ? AND key = ? RETURNING 1"
    return bool(db.ask(text, (tenant, space, key)))
