"""The purses that a ticket holds on, found once for all tickets that are alike."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from msgspec import json

from antiphon.core.budget import NO_END_NS, Budget
from antiphon.core.deployment import Deployment
from antiphon.core.ledger import Holds
from antiphon.core.principal import Principal
from antiphon.core.ticket import Whose
from antiphon.metering.matching import Rule, Scopes, passing, standing
from antiphon.metering.purse import Purse

MOST = 20_000
"""Covers, and groups, that are kept. The oldest go first."""
ID_CHARACTERS = 36
HARD_MONEY, SOFT_MONEY, HARD_TOKENS, SOFT_TOKENS, REQUESTS = range(5)
"""Places in what a ticket holds: a proven bound on hard budgets, an estimate on the others."""
Held = tuple[int, int, int, int, int]
"""What a ticket holds, by these places."""
Line = tuple[Purse, int]
"""A purse, and the place of what is held on it."""
Finder = Callable[[Budget, str, str], Purse]
"""The purse of a budget's account, by key and tenant."""
Known = tuple[str, str, str, str, str]
"""Tenant, key, model, route and deployment."""
Single = tuple["Cover", str, str, str, str, str]
"""A cover with end user, session, run, step and parent."""


def place(budget: Budget) -> int:
    match budget.measure:
        case "money":
            return HARD_MONEY if budget.hard else SOFT_MONEY
        case "tokens":
            return HARD_TOKENS if budget.hard else SOFT_TOKENS
        case "requests":
            return REQUESTS


class Group:
    """Purses that are held on together, for as long as their windows last."""

    __slots__ = ("counts_tokens", "hard_money", "holds", "lines", "soft", "strict", "until_ns")

    def __init__(self, purses: Iterable[Purse]) -> None:
        whole = tuple(purses)
        budgets = [purse.budget for purse in whole]
        self.lines: tuple[Line, ...] = tuple((purse, place(purse.budget)) for purse in whole)
        self.until_ns = min((purse.account.span.end_ns for purse in whole), default=NO_END_NS)
        self.soft = tuple(purse for purse in whole if purse.budget.at_cap in {"throttle", "shadow"})
        """Those that have something to say when a ticket is taken."""
        hard = [one for one in budgets if one.hard]
        self.hard_money = any(one.measure == "money" for one in hard)
        self.strict = next((one.name for one in hard if one.measure == "money" and one.unpriced == "refuse"), "")
        """A budget that takes no ticket whose most cost isn't known."""
        self.counts_tokens = next((one.name for one in hard if one.measure == "tokens"), "")
        """The same of tokens."""
        self.holds = _holds(whole) if whole else None


def _holds(purses: tuple[Purse, ...]) -> Holds:
    accounts = tuple(sorted((purse.account.key, purse.account.span.start_ns) for purse in purses))
    return Holds(id=sha256(json.encode(accounts)).hexdigest()[:ID_CHARACTERS], accounts=accounts)


class Cover:
    """What the standing values of a use lead to: rules that count it."""

    __slots__ = ("deployment", "group", "passing", "principal", "rules", "tenant", "values")

    def __init__(self, rules: Iterable[Rule], whose: Whose, deployment: Deployment | None) -> None:
        self.principal: Principal = whose.principal
        self.deployment = deployment
        self.tenant = whose.principal.tenant
        self.values = standing(whose.principal, whose.model, whose.route, deployment)
        self.rules = tuple(
            rule for rule in rules if (deployment or not rule.of_attempts) and rule.may_count(self.values)
        )
        self.passing = any(rule.of_requests for rule in self.rules)
        """Some accounts depend on the single request."""
        self.group: Group | None = None
        """Where none does."""

    def gather(self, whose: Whose, find: Finder) -> Group:
        """The purses of one request. Raises: BadRequest, when there are too many."""
        values: Scopes = {**self.values, **passing(whose)} if self.passing else self.values
        return Group(
            find(rule.budget, key, self.tenant) for rule in self.rules for key in rule.keys(self.tenant, values)
        )


class Covers:
    """Covers and groups that were found, by what leads to them."""

    def __init__(self) -> None:
        self.found: dict[Known, Cover] = {}
        self.groups: dict[Single, Group] = {}

    def clear(self) -> None:
        """Other definitions hold."""
        self.found.clear()
        self.groups.clear()

    def keep(self, whose: Whose, deployment: Deployment | None, cover: Cover) -> None:
        name = deployment.name if deployment else ""
        principal = whose.principal
        _bound(self.found)
        self.found[principal.tenant, principal.key, whose.model, whose.route, name] = cover

    def keep_group(self, key: Single, group: Group) -> None:
        _bound(self.groups)
        self.groups[key] = group


def _bound(table: dict[Any, Any]) -> None:
    if len(table) >= MOST:
        del table[next(iter(table))]
