"""Booking in SQLite: the ledger's entries, and what they come to on accounts and leases."""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter

from antiphon.core.ledger import Posting
from antiphon.store.database import AlreadyBooked, Batch, Known, Use

FIELDS = (
    "id, at_ns, kind, tenant, receipt, holds, debit, credit, money_nano_usd, tokens, requests, overrun_nano_usd,"
    " price, corrects, note"
)
"""Of `Posting`, in its order."""
_ENTER = """
    INSERT OR IGNORE INTO entries (terms, id, at_ns, receipt, money_nano_usd, tokens, requests) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
"""Most have no more; fewer columns are written faster."""
_ENTER_MORE = """
    INSERT OR IGNORE INTO entries
    (terms, id, at_ns, receipt, money_nano_usd, tokens, requests, overrun_nano_usd, corrects, note)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_common = attrgetter("kind", "tenant", "holds", "credit", "price")
"""What many entries have in common, in the order of the columns of `terms`."""
MAX_TERMS = 20_000
"""Whose number is remembered."""
Terms = dict[tuple[str, str, str, str, str], int]
_LEASE = "WHERE holder = ? AND key = ? AND start_ns = ?"
_AT_ONCE = 500


def book(database: sqlite3.Connection, batch: Batch, terms: Terms) -> None:
    """Write the money of a batch within the transaction that is open.

    Args:
        terms: Remembers numbers of terms. When the transaction comes to nothing, it has to be emptied.
    Raises: AlreadyBooked, sqlite3.Error.
    """
    if batch.holds:
        database.executemany(
            "INSERT INTO holds (id, tenant, accounts, seen_ns) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET seen_ns = excluded.seen_ns",
            ((*one, time.time_ns()) for one in batch.holds),
        )
    if batch.postings:
        entered = _enter(database, batch.postings, terms)
        if entered != len(batch.postings):
            raise AlreadyBooked(_not_of(database, batch.postings))
    if batch.uses:
        _use(database, batch.uses)
    for holder in batch.released:
        _release(database, holder)


def _enter(database: sqlite3.Connection, postings: Sequence[Posting], terms: Terms) -> int:
    """Returns: how many of them were not in the ledger yet."""
    few: list[tuple[object, ...]] = []
    more: list[tuple[object, ...]] = []
    for one in postings:
        common = _common(one)
        known = terms.get(common) or _know(database, common, terms)
        row = (known, one.id, one.at_ns, one.receipt, one.money_nano_usd, one.tokens, one.requests)
        if one.overrun_nano_usd or one.corrects or one.note:
            more.append((*row, one.overrun_nano_usd, one.corrects, one.note))
        else:
            few.append(row)
    entered = database.executemany(_ENTER, few).rowcount if few else 0
    return entered + (database.executemany(_ENTER_MORE, more).rowcount if more else 0)


def _know(database: sqlite3.Connection, common: tuple[str, str, str, str, str], terms: Terms) -> int:
    """The number of what entries have in common; written, when nothing had it before."""
    database.execute("INSERT OR IGNORE INTO terms (kind, tenant, holds, credit, price) VALUES (?, ?, ?, ?, ?)", common)
    (number,) = database.execute(
        "SELECT id FROM terms WHERE kind = ? AND tenant = ? AND holds = ? AND credit = ? AND price = ?", common
    ).fetchone()
    if len(terms) >= MAX_TERMS:
        terms.clear()
    terms[common] = number
    return number


def _not_of(database: sqlite3.Connection, postings: Sequence[Posting]) -> set[str]:
    """Ids that were in the ledger before this transaction; nothing of it stays."""
    database.execute("ROLLBACK")
    ids = [one.id for one in postings]
    return {
        entry
        for start in range(0, len(ids), _AT_ONCE)
        for (entry,) in database.execute(
            f"SELECT id FROM entries WHERE id IN ({', '.join('?' * len(ids[start : start + _AT_ONCE]))})",  # noqa: S608
            ids[start : start + _AT_ONCE],
        )
    }


def _use(database: sqlite3.Connection, uses: Sequence[Use]) -> None:
    leased: dict[tuple[str, str, int], int] = defaultdict(int)
    for use in uses:
        leased[use.holder, use.key, use.start_ns] += use.amount
        if use.length_ns:
            database.execute(
                "INSERT INTO slots (key, slot_ns, length_ns, tenant, spent) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (key, slot_ns, length_ns) DO UPDATE SET spent = spent + excluded.spent",
                (use.key, use.slot_ns, use.length_ns, use.tenant, use.amount),
            )
    for (holder, key, start_ns), amount in leased.items():
        freed = _draw(database, holder, key, start_ns, amount) if holder else 0
        database.execute(
            "UPDATE accounts SET spent = spent + ?, held = held - ? WHERE key = ? AND start_ns = ?",
            (amount, freed, key, start_ns),
        )


def _draw(database: sqlite3.Connection, holder: str, key: str, start_ns: int, amount: int) -> int:
    """Book use on a lease. Returns: how much less it holds."""
    lease = (holder, key, start_ns)
    found = database.execute(f"SELECT granted, ended, used FROM leases {_LEASE}", lease).fetchone()  # noqa: S608
    if found is None:
        return 0
    granted, ended, used = found
    after = used + amount
    if ended == granted <= after:
        database.execute(f"DELETE FROM leases {_LEASE}", lease)  # noqa: S608 - it ended, and all of it is booked
    else:
        database.execute(f"UPDATE leases SET used = ? {_LEASE}", (after, *lease))  # noqa: S608
    return max(granted - used, 0) - max(granted - after, 0)


def _release(database: sqlite3.Connection, holder: str) -> None:
    """Free what a dead holder's leases hold still."""
    leases = database.execute(
        "SELECT max(granted - used, 0), key, start_ns FROM leases WHERE holder = ?", (holder,)
    ).fetchall()
    database.executemany("UPDATE accounts SET held = held - ? WHERE key = ? AND start_ns = ?", leases)
    database.execute("DELETE FROM leases WHERE holder = ?", (holder,))
    database.execute("DELETE FROM holders WHERE holder = ?", (holder,))


def known(database: sqlite3.Connection, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Known]:
    """Accounts by (key, window start)."""
    found: dict[tuple[str, int], Known] = {}
    for name in names:
        row = database.execute(
            "SELECT tenant, measure, rolling_ns FROM accounts WHERE key = ? AND start_ns = ?", name
        ).fetchone()
        if row is not None:
            found[name] = Known(*row)
    return found


def accounts_of(database: sqlite3.Connection, ids: Sequence[str]) -> dict[str, bytes]:
    """Accounts of holds, as MessagePack, by id."""
    found: dict[str, bytes] = {}
    for one in ids:
        row = database.execute("SELECT accounts FROM holds WHERE id = ?", (one,)).fetchone()
        if row is not None:
            found[one] = row[0]
    return found


def posting(database: sqlite3.Connection, entry_id: str) -> Posting | None:
    """An entry of the ledger."""
    row = database.execute(f"SELECT {FIELDS} FROM ledger WHERE id = ?", (entry_id,)).fetchone()  # noqa: S608
    return None if row is None else Posting(**dict(zip(Posting.__struct_fields__, row, strict=True)))
