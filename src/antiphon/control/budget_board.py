"""How budgets stand, for somebody to look at: each with its fullest accounts in the window that runs now."""

from collections.abc import Iterable
from urllib.parse import unquote

from msgspec import Struct

from antiphon.control.sight import Sight
from antiphon.core.bank import Bank
from antiphon.core.budget import Budget
from antiphon.core.ledger import Balance
from antiphon.metering.windows import span_at

MOST_BUDGETS = 100
MOST_ACCOUNTS = 10
"""That are shown of one budget."""
MOST_LOOKED_AT = 1_000
"""Accounts of one budget that are looked at."""


class Standing(Struct, frozen=True, kw_only=True):
    """One account."""

    values: tuple[str, ...]
    """Of what the budget is counted by, in its order."""
    spent: int
    """In the budget's measure."""
    held: int
    """Leased to workers, and not booked yet."""
    permille: int
    """Spent and held, of the limit."""


class Shown(Struct, frozen=True, kw_only=True):
    """One budget."""

    budget: Budget
    limit: int
    """With the raises that hold now."""
    ends_ns: int
    """When the window that runs now is over; 0: it has no end."""
    fullest: tuple[Standing, ...]
    accounts: int
    """That were looked at, and are theirs to see."""
    cut: bool
    """There are more than were looked at."""


class Budgets(Struct, frozen=True, kw_only=True):
    """All that are theirs to see, the fullest first."""

    shown: tuple[Shown, ...]
    cut: bool


def board(budgets: Iterable[Budget], bank: Bank, sight: Sight, now_ns: int) -> Budgets:
    """Blocks on the store. Raises: NotAllowed, StoreError."""
    sight.need("read")
    theirs = [one for one in budgets if _theirs(one, sight)]
    shown = [_shown(one, bank, sight, now_ns) for one in theirs[:MOST_BUDGETS]]
    shown.sort(key=lambda one: (-max((each.permille for each in one.fullest), default=-1), one.budget.name))
    return Budgets(shown=tuple(shown), cut=len(theirs) > MOST_BUDGETS)


def _theirs(one: Budget, sight: Sight) -> bool:
    """Whether any account of it can be theirs."""
    if sight.tenant is None:
        return True
    if one.shared or not _takes(one, "tenant", sight.tenant):
        return False
    return sight.team is None or ("team" in one.scopes and _takes(one, "team", sight.team))


def _takes(one: Budget, scope: str, value: str) -> bool:
    for name, values in one.only.items():
        if name == scope:
            return any(value.startswith(each[:-1]) if each.endswith("*") else value == each for each in values)
    return True


def _shown(one: Budget, bank: Bank, sight: Sight, now_ns: int) -> Shown:
    keys = bank.accounts(one.name, "", MOST_LOOKED_AT + 1)
    limit = one.limit_at(now_ns)
    theirs = [each for each in bank.balances(keys[:MOST_LOOKED_AT], now_ns) if _sees(one, each, sight)]
    stand = sorted((_standing(each, limit) for each in theirs), key=lambda each: -each.permille)
    span = span_at(one.window, now_ns)
    return Shown(
        budget=one,
        limit=limit,
        ends_ns=0 if one.window.period in ("total", "rolling") else span.end_ns,
        fullest=tuple(stand[:MOST_ACCOUNTS]),
        accounts=len(stand),
        cut=len(keys) > MOST_LOOKED_AT,
    )


def _sees(one: Budget, balance: Balance, sight: Sight) -> bool:
    if sight.tenant is None:
        return True
    if balance.tenant != sight.tenant:
        return False
    return sight.team is None or dict(zip(one.scopes, _values(balance), strict=False)).get("team") == sight.team


def _values(balance: Balance) -> tuple[str, ...]:
    """In the order of the budget's scopes."""
    return tuple(unquote(value) for value in balance.account.split("|")[2:])


def _standing(balance: Balance, limit: int) -> Standing:
    used = balance.spent + balance.held
    return Standing(
        values=tuple(value for value in _values(balance) if value),
        spent=balance.spent,
        held=balance.held,
        permille=1000 * used // limit if limit else 1000,
    )
