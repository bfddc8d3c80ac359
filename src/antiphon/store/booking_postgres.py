"""Booking in Postgres: the ledger's entries, and what they come to on accounts and leases."""

import time
from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import astuple

from antiphon.core.ledger import Posting
from antiphon.store.database import AlreadyBooked, Batch, Known, Use
from antiphon.store.postgres_link import Database

FIELDS = (
    "id, at_ns, kind, tenant, receipt, holds, debit, credit, money_nano_usd, tokens, requests, overrun_nano_usd,"
    " price, corrects, note"
)
"""Of `Posting`, in its order."""
_TYPES = ["text", "int8", *["text"] * 6, *["int8"] * 4, *["text"] * 3]
_INCOMING = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_entries (LIKE ledger) ON COMMIT DELETE ROWS"
_ENTER = f"INSERT INTO ledger ({FIELDS}) SELECT {FIELDS} FROM incoming_entries ON CONFLICT DO NOTHING"  # noqa: S608
LOCK_ACCOUNTS = """
    SELECT 1 FROM accounts WHERE (key, start_ns) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
    ORDER BY key, start_ns FOR UPDATE
"""
"""Whoever changes accounts or leases locks the accounts first, in this order, so that nobody waits in a circle."""
_SLOTS = """
    INSERT INTO slots (key, slot_ns, length_ns, tenant, spent)
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[])
    ON CONFLICT (key, slot_ns, length_ns) DO UPDATE SET spent = slots.spent + excluded.spent
"""
_DRAW = """
    WITH uses AS (SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
            AS uses (holder, key, start_ns, amount)),
        drawn AS (UPDATE leases SET used = used + amount FROM uses
            WHERE leases.holder = uses.holder AND leases.key = uses.key AND leases.start_ns = uses.start_ns
            RETURNING leases.holder, leases.key, leases.start_ns,
                greatest(granted - (used - amount), 0) - greatest(granted - used, 0) AS freed),
        sums AS (SELECT key, start_ns, sum(amount)::bigint AS amount, coalesce(sum(freed), 0)::bigint AS freed
            FROM uses LEFT JOIN drawn USING (holder, key, start_ns) GROUP BY key, start_ns)
    UPDATE accounts SET spent = spent + sums.amount, held = held - sums.freed FROM sums
    WHERE accounts.key = sums.key AND accounts.start_ns = sums.start_ns
"""
_DONE = """
    DELETE FROM leases WHERE holder = ANY(%s) AND ended > 0 AND ended = granted AND granted <= used
        AND (key, start_ns) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
"""
_RELEASE = """
    WITH freed AS (DELETE FROM leases WHERE holder = ANY(%s)
            RETURNING key, start_ns, greatest(granted - used, 0) AS amount),
        sums AS (SELECT key, start_ns, sum(amount)::bigint AS amount FROM freed GROUP BY key, start_ns)
    UPDATE accounts SET held = held - sums.amount FROM sums
    WHERE accounts.key = sums.key AND accounts.start_ns = sums.start_ns
"""


def book(database: Database, batch: Batch) -> None:
    """Write the money of a batch within the transaction that is open. Raises: AlreadyBooked, with no ids."""
    if batch.holds:
        ids, tenants, packed = zip(*sorted({one[0]: one for one in batch.holds}.values()), strict=True)
        database.execute(
            "INSERT INTO holds (id, tenant, accounts, seen_ns)"
            " SELECT *, %s FROM unnest(%s::text[], %s::text[], %s::bytea[])"
            " ON CONFLICT (id) DO UPDATE SET seen_ns = excluded.seen_ns",
            (time.time_ns(), list(ids), list(tenants), list(packed)),
        )
    if batch.postings:
        _enter(database, batch.postings)
    if batch.uses or batch.released:
        _lock(database, batch)
    if batch.uses:
        _use(database, batch.uses)
    if batch.released:
        database.execute(_RELEASE, (batch.released,))
        database.execute("DELETE FROM holders WHERE holder = ANY(%s)", (batch.released,))


def _enter(database: Database, postings: Sequence[Posting]) -> None:
    database.execute(_INCOMING)
    cursor = database.cursor()
    with cursor.copy("COPY incoming_entries FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(_TYPES)
        for one in postings:
            copy.write_row(astuple(one))
    if database.execute(_ENTER.encode()).rowcount != len(postings):
        raise AlreadyBooked(set())


def entered(database: Database, postings: Sequence[Posting]) -> set[str]:
    """Ids of those that are in the ledger."""
    ids = [one.id for one in postings]
    return {row[0] for row in database.execute("SELECT id FROM ledger WHERE id = ANY(%s)", (ids,))}


def _lock(database: Database, batch: Batch) -> None:
    names = {(use.key, use.start_ns) for use in batch.uses}
    if batch.released:
        names |= set(database.execute("SELECT key, start_ns FROM leases WHERE holder = ANY(%s)", (batch.released,)))
    database.execute(LOCK_ACCOUNTS, ([key for key, _ in names], [start_ns for _, start_ns in names]))


def _use(database: Database, uses: Sequence[Use]) -> None:
    leased: dict[tuple[str, str, int], int] = defaultdict(int)
    slots: dict[tuple[str, int, int, str], int] = defaultdict(int)
    for use in uses:
        leased[use.holder, use.key, use.start_ns] += use.amount
        if use.length_ns:
            slots[use.key, use.slot_ns, use.length_ns, use.tenant] += use.amount
    if slots:
        ordered = sorted((*name, amount) for name, amount in slots.items())
        database.execute(_SLOTS, tuple(map(list, zip(*ordered, strict=True))))
    holders, keys, starts = (list(column) for column in zip(*leased, strict=True))
    database.execute(_DRAW, (holders, keys, starts, list(leased.values())))
    database.execute(_DONE, (list(set(holders)), keys, starts))


def known(database: Database, names: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Known]:
    """Accounts by (key, window start)."""
    rows = database.execute(
        "SELECT key, start_ns, tenant, measure, rolling_ns FROM accounts"
        " WHERE (key, start_ns) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))",
        ([key for key, _ in names], [start_ns for _, start_ns in names]),
    )
    return {(key, start_ns): Known(*rest) for key, start_ns, *rest in rows}


def accounts_of(database: Database, ids: Sequence[str]) -> dict[str, bytes]:
    """Accounts of holds, as MessagePack, by id."""
    return dict(database.execute("SELECT id, accounts FROM holds WHERE id = ANY(%s)", (list(ids),)).fetchall())


def posting(database: Database, entry_id: str) -> Posting | None:
    """An entry of the ledger."""
    row = database.execute(f"SELECT {FIELDS} FROM ledger WHERE id = %s".encode(), (entry_id,)).fetchone()  # noqa: S608
    return None if row is None else Posting(**dict(zip(Posting.__struct_fields__, row, strict=True)))
