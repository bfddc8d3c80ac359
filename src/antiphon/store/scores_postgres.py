"""What `scores_sqlite` does, in Postgres, where several gateways count in the same tallies."""

from collections.abc import Sequence

from antiphon.core.score import Forgetting, Score, Tally
from antiphon.store.database import MOST_TALLIES
from antiphon.store.postgres_link import Database
from antiphon.store.scores_sqlite import scored, tally
from antiphon.store.tallying import NOTHING, SCORES, TALLIES, by_name, counted, fresh, row

LOCK = 0x73636F72
"""Whoever writes scores holds it until its transaction ends: none is counted twice, and nobody waits in a circle."""
_FIND = f"""
    SELECT {SCORES} FROM scores
    WHERE (receipt, source, "by") IN (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]))
""".encode()  # noqa: S608 - names of columns alone
_OF = f'SELECT {SCORES} FROM scores WHERE receipt = %s ORDER BY source, "by"'.encode()  # noqa: S608 - the same
_PUT = f"""
    INSERT INTO scores ({SCORES}) SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::float8[], %s::int8[], %s::bytea[])
    ON CONFLICT (receipt, source, "by") DO UPDATE SET tenant = excluded.tenant, deployment = excluded.deployment,
        route = excluded.route, task = excluded.task, score = excluded.score, at_ns = excluded.at_ns,
        sealed = excluded.sealed
""".encode()  # noqa: S608 - the same
_FOUND = f"""
    SELECT {TALLIES} FROM tallies WHERE (tenant, deployment, route, task, source) IN
        (SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]))
""".encode()  # noqa: S608 - the same
_COUNT = f"""
    INSERT INTO tallies ({TALLIES}) SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::int8[], %s::float8[], %s::float8[])
    ON CONFLICT (tenant, deployment, route, task, source) DO UPDATE SET at_ns = excluded.at_ns,
        count = excluded.count, total = excluded.total
""".encode()  # noqa: S608 - the same
_TALLIES = f"SELECT {TALLIES} FROM tallies WHERE tenant = %s ORDER BY at_ns DESC LIMIT {MOST_TALLIES}".encode()  # noqa: S608 - the same


def put(database: Database, scores: Sequence[Score], forgetting: Forgetting) -> None:
    """Write scores, and count them, within the transaction that is open."""
    database.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    ids = sorted({score.id for score in scores})
    found = [scored(one) for one in database.execute(_FIND, _columns(ids))]
    taken, added = fresh(scores, {one.id: one for one in found})
    if not taken:
        return
    database.execute(_PUT, _columns([row(score) for score in taken]))
    named = by_name(added)
    before = {one[:5]: one[5:] for one in database.execute(_FOUND, _columns(list(named)))}
    rows = [(*name, *counted(before.get(name, NOTHING), some, forgetting)) for name, some in named.items()]
    database.execute(_COUNT, _columns(rows))


def _columns(rows: Sequence[tuple[object, ...]]) -> tuple[list[object], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def of(database: Database, receipt_id: str) -> list[Score]:
    """Scores of one answer."""
    return [scored(one) for one in database.execute(_OF, (receipt_id,))]


def tallies(database: Database, tenant: str) -> list[Tally]:
    """What a tenant's scores come to; empty: everybody's."""
    return [tally(one) for one in database.execute(_TALLIES, (tenant,))]


def lapse(database: Database, until_ns: int, most: int) -> int:
    """Drop scores that are older than a time; what they came to stays. Returns: how many."""
    return database.execute(
        'DELETE FROM scores WHERE (receipt, source, "by") IN (SELECT receipt, source, "by" FROM scores'
        " WHERE at_ns < %s ORDER BY at_ns LIMIT %s FOR UPDATE SKIP LOCKED)",
        (until_ns, most),
    ).rowcount
