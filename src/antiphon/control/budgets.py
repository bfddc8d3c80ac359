"""Budgets that come with keys, and raises of budgets for a while."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from antiphon.control.settings import KeyForm
from antiphon.core.budget import Budget
from antiphon.metering.definitions import budget as defined
from antiphon.metering.settings import BudgetSettings

OF_KEYS = "key/"
"""What the names of budgets that come with keys begin with; no budget of its own can be called so."""


def of_key(form: KeyForm, owner: str) -> Budget | None:
    """The budget that a checked key brings with it; None: it has none."""
    short = form.budget
    if short is None:
        return None
    written = BudgetSettings(
        name=f"{OF_KEYS}{form.name}",
        on=["tenant", "key"],
        only={"tenant": [form.tenant], "key": [form.name]},
        usd=short.usd,
        tokens=short.tokens,
        requests=short.requests,
        window=short.window,
    )
    return replace(defined(written), owner="api" if owner == "api" else "yaml")


def of_keys(forms: Iterable[KeyForm]) -> Iterator[Budget]:
    """Those of the configuration file's keys."""
    for form in forms:
        found = of_key(form, "yaml")
        if found is not None:
            yield found


def why_not(form: KeyForm) -> str:
    """What is wrong with a key's budget across its fields; empty: nothing."""
    short = form.budget
    if short is None:
        return ""
    if sum(one is not None for one in (short.usd, short.tokens, short.requests)) != 1:
        return "has not exactly one of `usd`, `tokens` and `requests`"
    try:
        of_key(form, "yaml")
    except ValueError as error:
        return str(error)
    return ""
