"""Tells a caller that a budget can't cover a request: which one, how it stands, and when it begins anew."""

from antiphon.core.budget import NO_END_NS, Budget
from antiphon.core.error import BudgetExceeded
from antiphon.core.money import NanoUsd, as_usd
from antiphon.core.ticket import Bound
from antiphon.metering.purse import Purse
from antiphon.metering.windows import as_time


def exceeded(purse: Purse, amount: int, now_ns: int) -> BudgetExceeded:
    """The error for an amount that a purse could not get."""
    budget, seen = purse.budget, purse.seen
    limit = budget.limit_at(now_ns)
    left = max(0, limit - purse.total)
    said = (
        f"the budget {budget.name}{_of(purse)} has {_amount(budget, left)} left of {_amount(budget, limit)} "
        f"{_window(purse)}, and this request may use {_amount(budget, amount)}; spent {_amount(budget, seen.spent)}, "
        f"leased to workers for requests {_amount(budget, max(0, purse.total - seen.spent))}; {_remedy(purse)}"
    )
    return BudgetExceeded(said, budget=budget.name, left_nano_usd=left if budget.measure == "money" else None)


def unbounded(budget: str, bound: Bound, deployment: str) -> BudgetExceeded:
    """The error for a hard budget that is asked to hold what nothing bounds."""
    if bound.money_nano_usd is None:
        why = f"the most that a request to {deployment} may cost is not known"
        remedy = (
            "give the deployment a price, send max_tokens where it has one, or write `unpriced: allow` at the budget"
        )
    else:
        why = f"the most tokens that a request to {deployment} may use are not known"
        remedy = "send max_tokens, or write the deployment's limits"
    return BudgetExceeded(f"the budget {budget} is hard, and {why}; {remedy}", code="budget_unbounded", budget=budget)


def _of(purse: Purse) -> str:
    """Whose account it is: ` (team support)`."""
    values = purse.account.key.split("|")[2:]
    named = [
        f"{scope} {value.replace('%7C', '|').replace('%25', '%')}"
        for scope, value in zip(purse.budget.scopes, values, strict=False)
    ]
    return f" ({', '.join(named)})" if named else ""


def _amount(budget: Budget, amount: int) -> str:
    if budget.measure != "money":
        return f"{amount} {budget.measure}"
    whole, _, decimals = as_usd(NanoUsd(amount)).partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}.{decimals} USD" if decimals else f"{whole} USD"


def _window(purse: Purse) -> str:
    window, span = purse.budget.window, purse.account.span
    match window.period:
        case "rolling":
            return f"for any {window.rolling_s} s"
        case "total":
            return "for all time"
        case _:
            return f"for this {window.period}, until {as_time(span.end_ns)}"


def _remedy(purse: Purse) -> str:
    if purse.account.span.end_ns < NO_END_NS:
        return "ask for less, or come back then"
    return "ask for less, or come back later" if purse.account.span.rolling_ns else "ask for less, or have it raised"
