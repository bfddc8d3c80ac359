"""What soft budgets want at their cap. They refuse nothing: they slow down, lead elsewhere, or only tell."""

from collections.abc import Iterable

from msgspec import Struct

from antiphon.core.budget import AtCap
from antiphon.core.error import OverLimit
from antiphon.core.ticket import Tab
from antiphon.metering.covers import Group, Held, place
from antiphon.metering.purse import Purse

MINUTE_S = 60.0


class Capped(Struct, frozen=True, kw_only=True):
    """A soft budget whose limit is reached, and what it wants."""

    budget: str
    account: str
    at_cap: AtCap
    downgrade_to: str = ""
    throttle_per_minute: int = 0


def capped(purses: Iterable[Purse], now_ns: int) -> tuple[Capped, ...]:
    """Of these the soft ones at their cap."""
    return tuple(
        Capped(
            budget=purse.budget.name,
            account=purse.account.key,
            at_cap=purse.budget.at_cap,
            downgrade_to=purse.budget.downgrade_to,
            throttle_per_minute=purse.budget.throttle_per_minute,
        )
        for purse in purses
        if not purse.budget.hard and purse.counted >= purse.budget.limit_at(now_ns)
    )


def soften(tab: Tab, group: Group, held: Held, now_ns: int, now_s: float) -> None:
    """Note what shadow budgets would have refused, and keep a request's first ticket to the pace of those that throttle.

    Raises: OverLimit, and then none of them counts it.
    """
    passed: list[Purse] = []
    for purse in group.soft:
        budget = purse.budget
        asked = held[place(budget)] if budget.at_cap == "shadow" else 1
        if purse.counted + asked <= budget.limit_at(now_ns):
            continue
        if budget.at_cap == "shadow":
            note = f"budget_shadow: {budget.name} would have refused it"
            if note not in tab.notes:
                tab.notes.append(note)
        elif not (tab.taken or tab.paced):
            _keep_pace(purse, now_s)
            passed.append(purse)
    for purse in passed:
        tab.paced = True
        purse.clears_s = max(purse.clears_s, now_s) + MINUTE_S / purse.budget.throttle_per_minute


def _keep_pace(purse: Purse, now_s: float) -> None:
    """GCRA without burst: requests come evenly spaced. Source: ITU-T I.371, annex A."""
    wait_s = purse.clears_s - now_s
    if wait_s > 0:
        raise OverLimit(
            f"the budget {purse.budget.name} is used up, and lets {purse.budget.throttle_per_minute} requests a minute "
            f"through; come back in {wait_s:.1f} s",
            code="budget_throttled",
            retry_after_s=wait_s,
        )
