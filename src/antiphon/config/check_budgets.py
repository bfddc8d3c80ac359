"""Mistakes among budgets."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from antiphon.config.descent import descend
from antiphon.config.written import Written, choose
from antiphon.core.budget import SCOPES
from antiphon.core.error import Problem
from antiphon.metering.definitions import MEASURES, MOST_DECIMALS, MOST_DIGITS, measure_of, nano_usd, seconds, time_ns
from antiphon.metering.matching import fits
from antiphon.metering.settings import BudgetSettings, RaiseSettings
from antiphon.wire.yaml_node import Path, Scalar, find

MOST_ROLLING_S = 400 * 86_400
LEADING = ("model", "route", "tier")
"""Scopes whose values can be the target of a downgrade."""


def check_budgets(
    budgets: Sequence[BudgetSettings], written: Written, *, tiers: Collection[str], names: Collection[str]
) -> Iterator[Problem]:
    """Names that are there twice, limits that say nothing or too much, windows without end, downgrades that lead nowhere.

    Args:
        tiers: Every tier that a model has.
        names: Every public model name.
    """
    targets = (*names, *tiers)
    seen: set[str] = set()
    for at, budget in zip(written.kept(("budgets",)), budgets, strict=True):
        path: Path = ("budgets", at)
        if budget.name in seen:
            yield written.problem((*path, "name"), f"another budget is called {budget.name}", "give each its own name")
        seen.add(budget.name)
        yield from _limit(budget, path, written)
        yield from _window(budget, path, written)
        yield from _scopes(budget, path, written)
        yield from _at_cap(budget, path, written)
        if budget.downgrade_to is not None and written.sound(("models",), ("routes",)):
            yield from _target(budget.downgrade_to, targets, (*path, "downgrade_to"), written)
        for number, one in enumerate(budget.raises):
            if written.sound((*path, "raises", number)):
                yield from _raise(one, budget, (*path, "raises", number), written)
    yield from _loops(budgets, targets, written)


def past_raises(budgets: Sequence[BudgetSettings], now_ns: int) -> list[str]:
    """What to warn of: raises that are over, which have no effect any more."""
    return [
        f"the budget {budget.name} has a raise until {one.until}, which is over"
        for budget in budgets
        for one in budget.raises
        if _time(one.until) is not None and time_ns(one.until) <= now_ns
    ]


def _limit(budget: BudgetSettings, path: Path, written: Written) -> Iterator[Problem]:
    yield from _one_measure(budget, path, written)
    yield from _exact(budget.usd, (*path, "usd"), written)
    if any(later <= before for before, later in zip(budget.alerts, budget.alerts[1:], strict=False)):
        yield written.problem(
            (*path, "alerts"), "they don't rise", "write each fraction once, from the lowest to the highest"
        )


def _one_measure(one: BudgetSettings | RaiseSettings, path: Path, written: Written) -> Iterator[Problem]:
    have = [name for name in MEASURES if getattr(one, name) is not None]
    if not written.sound(*((*path, name) for name in MEASURES)):
        return
    if not have:
        yield written.problem(path, "has no limit", "write one of `usd:`, `tokens:` and `requests:`")
    elif len(have) > 1:
        wrong = f"has {' and '.join(f'`{name}`' for name in have)}, and only one is possible"
        yield written.problem((*path, have[1]), wrong, "leave out all but one, or write a second budget")


def _exact(usd: float | None, path: Path, written: Written) -> Iterator[Problem]:
    """An amount is taken to the nano-dollar as it is written, or not at all."""
    if usd is None:
        return
    node = find(written.tree, path)
    digits = node.digits if isinstance(node, Scalar) else ""
    try:
        kept = not digits or Decimal(digits) == Decimal(repr(usd))
        nano_usd(usd)
    except ValueError:
        kept = False
    if not kept:
        wrong = f"{digits or usd} can't be kept exactly"
        yield written.problem(path, wrong, f"write at most {MOST_DECIMALS} decimals, and {MOST_DIGITS} digits in all")


def _window(budget: BudgetSettings, path: Path, written: Written) -> Iterator[Problem]:
    at = (*path, "rolling")
    if budget.rolling is not None:
        length_s = seconds(budget.rolling)
        if not 0 < length_s <= MOST_ROLLING_S:
            wrong = "takes no time" if length_s == 0 else "is longer than 400 days"
            yield written.problem(at, f"{budget.rolling} {wrong}", "write 1s to 400d, or `window: total`")
        if written.has((*path, "window")):
            wrong = "has no effect beside `rolling`"
            yield written.problem((*path, "window"), wrong, "leave out one or the other")
    where = (*path, "timezone")
    try:
        ZoneInfo(budget.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield written.problem(where, f"there is no time zone {budget.timezone}", "write one like Europe/Berlin, or UTC")
    if budget.timezone != "UTC" and (budget.rolling is not None or budget.window == "total"):
        yield written.problem(where, "has no effect on a window that never begins anew", "leave it out")


def _scopes(budget: BudgetSettings, path: Path, written: Written) -> Iterator[Problem]:
    on = budget.on if budget.on is not None else [] if budget.shared else ["tenant"]
    twice = [scope for scope, count in Counter(on).items() if count > 1]
    if twice:
        yield written.problem((*path, "on"), f"{twice[0]} is there twice", "write it once")
    if not written.sound((*path, "on")):
        return
    for scope, values in budget.only.items():
        where = (*path, "only", scope)
        if scope not in SCOPES:
            yield written.problem(where, f"nothing is counted by {scope}", choose(scope, SCOPES, "scopes"))
        if not values and written.sound(where):
            yield written.problem(where, "names no value, so nothing is counted", "name one, or leave it out")


def _at_cap(budget: BudgetSettings, path: Path, written: Written) -> Iterator[Problem]:
    """What belongs to one way of acting at the cap, missing there or written elsewhere."""
    needs = {"downgrade": "downgrade_to", "throttle": "throttle_per_minute"}
    if not written.sound((*path, "at_cap")):
        return
    for at_cap, name in needs.items():
        where, there = (*path, name), getattr(budget, name) is not None
        if there and budget.at_cap != at_cap:
            wrong = f"has no effect with `at_cap: {budget.at_cap}`"
            yield written.problem(where, wrong, f"write `at_cap: {at_cap}`, or leave it out")
        elif not there and budget.at_cap == at_cap and written.sound(where):
            yield written.problem(where, "is missing", f"write it, as `at_cap: {at_cap}` needs it")
    if budget.unpriced == "allow" and (budget.at_cap != "refuse" or "money" not in measure_of(budget)):
        wrong = "has no effect but for `usd` with `at_cap: refuse`"
        yield written.problem((*path, "unpriced"), wrong, "leave it out")


def _target(target: str, targets: Collection[str], path: Path, written: Written) -> Iterator[Problem]:
    if target not in targets:
        wrong = f"{target} is neither a tier nor a public model name"
        yield written.problem(path, wrong, choose(target, tuple(targets), "tiers and models"))


def _raise(one: RaiseSettings, budget: BudgetSettings, path: Path, written: Written) -> Iterator[Problem]:
    wrong = list(_one_measure(one, path, written))
    yield from wrong
    yield from _exact(one.usd, (*path, "usd"), written)
    if _time(one.until) is None:
        yield written.problem((*path, "until"), f"there is no time {one.until}", "write one like 2026-12-01T00:00:00Z")
    have, of_all = measure_of(one), measure_of(budget)
    if not wrong and len(of_all) == 1 and have != of_all:
        measures = {measure: name for name, measure in MEASURES.items()}
        mine, other = measures[of_all[0]], measures[have[0]]
        yield written.problem((*path, other), f"the budget is in {mine}", f"write `{mine}:`")


def _time(until: str) -> int | None:
    try:
        return time_ns(until)
    except (ValueError, OverflowError):
        return None


def _loops(budgets: Sequence[BudgetSettings], targets: Collection[str], written: Written) -> Iterator[Problem]:
    """Downgrades of models, routes or tiers that lead back to where they began."""
    graph = _leads(budgets, targets)
    kept = written.kept(("budgets",))
    for loop in descend(graph).loops:
        last = loop[-2]
        at = next(
            at
            for at, budget in zip(kept, budgets, strict=True)
            if budget.downgrade_to == loop[-1] and last in _sources(budget, targets)
        )
        wrong = f"downgrades lead back to where they began: {' -> '.join(loop)}"
        yield written.problem(("budgets", at, "downgrade_to"), wrong, "let one of them lead elsewhere")


def _leads(budgets: Sequence[BudgetSettings], targets: Collection[str]) -> Mapping[str, list[str]]:
    graph: dict[str, list[str]] = {target: [] for target in targets}
    for budget in budgets:
        if budget.downgrade_to in graph and budget.at_cap == "downgrade":
            for source in _sources(budget, targets):
                graph[source].append(budget.downgrade_to)
    return graph


def _sources(budget: BudgetSettings, targets: Collection[str]) -> list[str]:
    """What a budget that is for some models, routes or tiers leads away from."""
    patterns = tuple(value for scope in LEADING for value in budget.only.get(scope, ()))
    return [target for target in targets if target != budget.downgrade_to and fits(patterns, target)]
