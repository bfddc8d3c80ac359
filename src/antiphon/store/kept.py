"""The table of what callers left to be kept. What was deleted leaves its key behind until its time is over, so that a
record of it which comes later, from another worker's journal, does not bring it back.
"""

import sqlite3
from collections.abc import Iterator, Sequence

from antiphon.core.kept import Entry

_FIELDS = "key, tenant, part_of, at_ns, place, until_ns, sealed"
_PUT = f"""
    INSERT INTO kept ({_FIELDS})
    SELECT :key, :tenant, :part_of, :at_ns, :place, :until_ns, :sealed
    WHERE NOT EXISTS (SELECT 1 FROM kept AS whole WHERE whole.key = :part_of AND length(whole.sealed) = 0)
    ON CONFLICT (key) DO UPDATE SET at_ns = excluded.at_ns, place = excluded.place, until_ns = excluded.until_ns,
        sealed = excluded.sealed
    WHERE (length(excluded.sealed) = 0, excluded.at_ns, excluded.until_ns)
        > (length(kept.sealed) = 0, kept.at_ns, kept.until_ns)
"""  # noqa: S608 - the names of the columns alone
KEYS_AT_ONCE = 500
"""Of one question; SQLite takes 999 at the least."""


def put(database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Write entries within the transaction that is open; the bytes of what they take the place of are overwritten."""
    database.execute("PRAGMA secure_delete = ON")
    for entry in entries:
        database.execute(
            _PUT,
            {
                "key": entry.key,
                "tenant": entry.tenant,
                "part_of": entry.part_of,
                "at_ns": entry.at_ns,
                "place": entry.place,
                "until_ns": entry.until_ns,
                "sealed": entry.sealed,
            },
        )
        if entry.gone and not entry.part_of:
            database.execute("DELETE FROM kept WHERE part_of = ?", (entry.key,))


def purge(database: sqlite3.Connection, now_ns: int) -> int:
    """Drop entries whose time is over, and empty the write-ahead log of them. Returns: how many."""
    database.execute("PRAGMA secure_delete = ON")
    wholes = database.execute("DELETE FROM kept WHERE until_ns <= ? AND part_of = ''", (now_ns,))
    parts = database.execute(
        "DELETE FROM kept WHERE until_ns <= ? AND part_of <> ''"
        " AND part_of NOT IN (SELECT key FROM kept AS whole WHERE whole.part_of = '')",
        (now_ns,),
    )
    return wholes.rowcount + parts.rowcount


def find(database: sqlite3.Connection, keys: Sequence[str]) -> list[Entry]:
    """Entries by their keys, also those that are gone."""
    return list(_found(database, keys))


def _found(database: sqlite3.Connection, keys: Sequence[str]) -> Iterator[Entry]:
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = database.execute(f"SELECT {_FIELDS} FROM kept WHERE key IN ({marks})", some)  # noqa: S608 - marks alone
        yield from map(_entry, rows)


def parts(database: sqlite3.Connection, key: str) -> list[Entry]:
    """The parts of a whole, also those that are gone."""
    rows = database.execute(f"SELECT {_FIELDS} FROM kept WHERE part_of = ?", (key,))  # noqa: S608 - the same
    return [_entry(row) for row in rows]


def _entry(row: tuple[str, str, str, int, int, int, bytes]) -> Entry:
    key, tenant, part_of, at_ns, place, until_ns, sealed = row
    return Entry(key=key, tenant=tenant, part_of=part_of, at_ns=at_ns, place=place, until_ns=until_ns, sealed=sealed)
