"""What `kept` does, in Postgres. Bytes of what was deleted are gone once the server has vacuumed."""

from collections.abc import Sequence

from antiphon.core.kept import Entry
from antiphon.store.postgres_link import Database

_FIELDS = "key, tenant, part_of, at_ns, place, until_ns, sealed"
_PUT = f"""
    INSERT INTO kept ({_FIELDS})
    SELECT %(key)s, %(tenant)s, %(part_of)s, %(at_ns)s::bigint, %(place)s::integer, %(until_ns)s::bigint, %(sealed)s::bytea
    WHERE NOT EXISTS (SELECT 1 FROM kept AS whole WHERE whole.key = %(part_of)s AND length(whole.sealed) = 0)
    ON CONFLICT (key) DO UPDATE SET at_ns = excluded.at_ns, place = excluded.place, until_ns = excluded.until_ns,
        sealed = excluded.sealed
    WHERE (length(excluded.sealed) = 0, excluded.at_ns, excluded.until_ns)
        > (length(kept.sealed) = 0, kept.at_ns, kept.until_ns)
""".encode()  # noqa: S608 - the names of the columns alone
_FIND = f"SELECT {_FIELDS} FROM kept WHERE key = ANY(%s)".encode()  # noqa: S608 - the same
_PARTS = f"SELECT {_FIELDS} FROM kept WHERE part_of = %s".encode()  # noqa: S608 - the same


def put(database: Database, entries: Sequence[Entry]) -> None:
    """Write entries within the transaction that is open."""
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
            database.execute("DELETE FROM kept WHERE part_of = %s", (entry.key,))


def purge(database: Database, now_ns: int) -> int:
    """Drop entries whose time is over. Returns: how many."""
    wholes = database.execute("DELETE FROM kept WHERE until_ns <= %s AND part_of = ''", (now_ns,))
    parts = database.execute(
        "DELETE FROM kept WHERE until_ns <= %s AND part_of <> ''"
        " AND NOT EXISTS (SELECT 1 FROM kept AS whole WHERE whole.key = kept.part_of AND whole.part_of = '')",
        (now_ns,),
    )
    return wholes.rowcount + parts.rowcount


def find(database: Database, keys: Sequence[str]) -> list[Entry]:
    """Entries by their keys, also those that are gone."""
    return [_entry(row) for row in database.execute(_FIND, (list(keys),))]


def parts(database: Database, key: str) -> list[Entry]:
    """The parts of a whole, also those that are gone."""
    return [_entry(row) for row in database.execute(_PARTS, (key,))]


def _entry(row: tuple[str, str, str, int, int, int, bytes]) -> Entry:
    key, tenant, part_of, at_ns, place, until_ns, sealed = row
    return Entry(key=key, tenant=tenant, part_of=part_of, at_ns=at_ns, place=place, until_ns=until_ns, sealed=sealed)
