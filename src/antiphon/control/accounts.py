"""How the accounts of a budget stand, for people. Blocks on the store."""

from urllib.parse import unquote

from msgspec import Struct

from antiphon.control.instants import said
from antiphon.core.bank import Bank
from antiphon.core.budget import Measure
from antiphon.core.clock import Clock
from antiphon.core.money import NanoUsd, as_usd


class AccountShown(Struct, frozen=True, kw_only=True):
    """One account in the window that runs now."""

    account: str
    """Its key: `BUDGET|TENANT|VALUE|…`."""
    tenant: str
    values: list[str]
    """Of what the budget is counted by, in its order."""
    window_start: str | None
    """None: a rolling window, or all time."""
    spent: str
    """Booked: US dollars as a decimal number, tokens or requests."""
    held: str
    """Leased to workers, and not booked yet."""


class Accounts(Struct, frozen=True, kw_only=True):
    """A page of them, in order of keys."""

    data: list[AccountShown]
    next: str | None
    """Key to go on after; None: that was the last page."""


def page(bank: Bank, clock: Clock, budget: str, measure: Measure, after: str, most: int) -> Accounts:
    """Those of a budget that anybody ever used; those that nobody used in this window are left out."""
    keys = bank.accounts(budget, after, most + 1)
    found = [
        AccountShown(
            account=one.account,
            tenant=one.tenant,
            values=[unquote(value) for value in one.account.split("|")[2:] if value],
            window_start=said(one.start_ns) if one.start_ns else None,
            spent=_amount(one.spent, measure),
            held=_amount(one.held, measure),
        )
        for one in bank.balances(keys[:most], clock.now_ns())
    ]
    return Accounts(data=found, next=keys[most - 1] if len(keys) > most else None)


def _amount(value: int, measure: Measure) -> str:
    return as_usd(NanoUsd(value)) if measure == "money" else str(value)
