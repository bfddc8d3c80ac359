"""The questions of an audit, which SQLite and Postgres have in common."""

from collections.abc import Callable
from typing import Any

from antiphon.store.upkeep import Audit, Home, Lease, Standing

SUMS = """
    SELECT holds, CAST(coalesce(sum(money_nano_usd), 0) AS BIGINT), CAST(sum(tokens) AS BIGINT), CAST(sum(requests) AS BIGINT)
    FROM ledger WHERE holds <> '' GROUP BY holds
"""
SIDES = """
    SELECT count(*), CAST(coalesce(sum(CASE WHEN debit LIKE 'tenant/%' THEN money_nano_usd END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN credit LIKE 'provider/%' THEN money_nano_usd END), 0) AS BIGINT)
    FROM ledger
"""
STRAY = """
    SELECT id FROM ledger AS correction WHERE corrects <> ''
        AND NOT EXISTS (SELECT 1 FROM ledger WHERE ledger.id = correction.corrects)
"""
HOLDS = "SELECT id, accounts FROM holds"
ACCOUNTS = "SELECT key, start_ns, tenant, measure, spent, held FROM accounts"
LEASED = """
    SELECT key, start_ns, CAST(sum(CASE WHEN granted > used THEN granted - used ELSE 0 END) AS BIGINT)
    FROM leases GROUP BY key, start_ns
"""
HOLDERS = "SELECT holder, home FROM holders"
UNNAMED = "SELECT DISTINCT holder FROM leases WHERE holder NOT IN (SELECT holder FROM holders)"
HOMES = """
    SELECT home, count(DISTINCT holder), count(DISTINCT CASE WHEN granted > used THEN key END)
    FROM holders LEFT JOIN leases USING (holder) GROUP BY home
"""
LEASES = """
    SELECT holder, key, start_ns, accounts.tenant, measure, rolling_ns, granted - used
    FROM holders JOIN leases USING (holder) JOIN accounts USING (key, start_ns)
    WHERE granted > used AND home = {} ORDER BY holder, key, start_ns
"""
"""Its value is the gateway's name."""


def audit(ask: Callable[[str], list[Any]], damage: tuple[str, ...]) -> Audit:
    """Ask within one transaction, so that all answers are of the same moment."""
    ((entries, debited, credited),) = ask(SIDES)
    return Audit(
        damage=damage,
        entries=entries,
        debits=debited,
        credits=credited,
        stray=tuple(row[0] for row in ask(STRAY)),
        sums=tuple((row[0], row[1], row[2], row[3]) for row in ask(SUMS)),
        holds={row[0]: row[1] for row in ask(HOLDS)},
        accounts=tuple(
            Standing(key=row[0], start_ns=row[1], tenant=row[2], measure=row[3], spent=row[4], held=row[5])
            for row in ask(ACCOUNTS)
        ),
        leased={(row[0], row[1]): row[2] for row in ask(LEASED)},
        holders={row[0]: row[1] for row in ask(HOLDERS)},
        unnamed=tuple(row[0] for row in ask(UNNAMED)),
    )


def homes(held: list[Any], running: dict[str, int], connected: set[str]) -> tuple[Home, ...]:
    """Gateways by what `HOMES` gave, how many requests of each run, and who is connected."""
    found = {name: (holders, accounts) for name, holders, accounts in held}
    return tuple(
        Home(
            name=name,
            connected=name in connected,
            holders=found.get(name, (0, 0))[0],
            accounts=found.get(name, (0, 0))[1],
            running=running.get(name, 0),
        )
        for name in sorted({*found, *running})
    )


def leases(rows: list[Any]) -> tuple[Lease, ...]:
    """Rows of `LEASES`."""
    return tuple(
        Lease(holder=row[0], key=row[1], start_ns=row[2], tenant=row[3], measure=row[4], rolling_ns=row[5], held=row[6])
        for row in rows
    )
