"""Scores and their tallies in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from antiphon.core.score import Forgetting, Id, Score, Tally
from antiphon.store.database import MOST_TALLIES
from antiphon.store.tallying import NOTHING, SCORES, TALLIES, by_name, counted, fresh, row

_FIND = f'SELECT {SCORES} FROM scores WHERE receipt = ? AND source = ? AND "by" = ?'  # noqa: S608 - names of columns alone
_OF = f'SELECT {SCORES} FROM scores WHERE receipt = ? ORDER BY source, "by"'  # noqa: S608 - the same
_PUT = f"INSERT OR REPLACE INTO scores ({SCORES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - the same
_NAMED = "WHERE tenant = ? AND deployment = ? AND route = ? AND task = ? AND source = ?"
_TALLY = f"SELECT at_ns, count, total FROM tallies {_NAMED}"  # noqa: S608 - the same
_COUNT = f"INSERT OR REPLACE INTO tallies ({TALLIES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - the same
_TALLIES = f"SELECT {TALLIES} FROM tallies WHERE tenant = ? ORDER BY at_ns DESC LIMIT {MOST_TALLIES}"  # noqa: S608 - the same


def put(database: sqlite3.Connection, scores: Sequence[Score], forgetting: Forgetting) -> None:
    """Write scores, and count them, within the transaction that is open."""
    found: dict[Id, Score] = {}
    for one in {score.id for score in scores}:
        known = database.execute(_FIND, one).fetchone()
        if known is not None:
            found[one] = scored(known)
    taken, added = fresh(scores, found)
    database.executemany(_PUT, map(row, taken))
    for name, some in by_name(added).items():
        before = database.execute(_TALLY, name).fetchone() or NOTHING
        database.execute(_COUNT, (*name, *counted(before, some, forgetting)))


def of(database: sqlite3.Connection, receipt_id: str) -> list[Score]:
    """Scores of one answer."""
    return [scored(one) for one in database.execute(_OF, (receipt_id,))]


def tallies(database: sqlite3.Connection, tenant: str) -> list[Tally]:
    """What a tenant's scores come to; empty: everybody's."""
    return [tally(one) for one in database.execute(_TALLIES, (tenant,))]


def lapse(database: sqlite3.Connection, until_ns: int, most: int) -> int:
    """Drop scores that are older than a time; what they came to stays. Returns: how many."""
    return database.execute(
        'DELETE FROM scores WHERE (receipt, source, "by") IN'
        ' (SELECT receipt, source, "by" FROM scores WHERE at_ns < ? ORDER BY at_ns LIMIT ?)',
        (until_ns, most),
    ).rowcount


def scored(found: Any) -> Score:
    """A row in the order of `SCORES`."""
    receipt, source, by, tenant, deployment, route, task, score, at_ns, sealed = found
    return Score(
        receipt=receipt,
        tenant=tenant,
        deployment=deployment,
        route=route,
        task=task,
        source=source,
        score=score,
        at_ns=at_ns,
        by=by,
        sealed=sealed,
    )


def tally(found: Any) -> Tally:
    """A row in the order of `TALLIES`."""
    _, deployment, route, task, source, at_ns, count, total = found
    return Tally(deployment=deployment, route=route, task=task, source=source, at_ns=at_ns, count=count, total=total)
