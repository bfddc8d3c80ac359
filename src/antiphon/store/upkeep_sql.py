"""The questions of an audit, which SQLite and Postgres have in common."""

from collections.abc import Callable
from typing import Any

from antiphon.store.upkeep import Audit, Standing

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
