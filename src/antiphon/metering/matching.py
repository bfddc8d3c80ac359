"""Which accounts a request's use falls under.

Most scopes are the same for many requests: the principal, the model, the route, the deployment. The others (end user,
session, run, step) come with the single request. Whoever has no value for one of a budget's scopes isn't counted by it.
"""

import re
from collections.abc import Mapping
from itertools import product
from urllib.parse import quote

from antiphon.core.budget import OF_ATTEMPTS, OF_REQUESTS, Budget, Scope
from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.ticket import Whose

MOST_DEEP = 32
"""Levels of a run's path that have accounts of their own. What is deeper counts under these."""
MOST_KEYS = 256
"""Accounts of one budget that one request may fall under: tags times levels."""
LONGEST_KEY_BYTES = 2_000
"""In UTF-8. An index of Postgres takes rows of up to 2,704 bytes, and the longest has a holder and a window's start too."""
_APART = re.compile(r"[%|\x00-\x1f\x7f-\x9f]")
"""What stands between values, what escapes begin with, and control characters: Postgres takes no NUL."""
Values = tuple[str, ...]
Scopes = Mapping[Scope, Values]


def escaped(value: str) -> str:
    """A value as an account's key has it; `urllib.parse.unquote` gives it back."""
    return _APART.sub(lambda found: quote(found[0]), value)


def paths(run: str, parent: str) -> Values:
    """A run and all that it is part of: `a/b/c` is under `a`, `a/b` and `a/b/c`.

    A parent that the run's path doesn't begin with is taken as what stands before it.
    """
    steps = [step for step in run.split("/") if step]
    above = [step for step in parent.split("/") if step]
    if above and steps[: len(above)] != above:
        steps = [*above, *steps]
    found: list[str] = []
    whole = ""
    for step in steps[:MOST_DEEP]:
        whole = f"{whole}/{step}" if whole else step
        found.append(whole)
    return tuple(found)


def fits(patterns: Values, value: str) -> bool:
    """Whether a value is one of these, or begins as one that ends in `*`."""
    return any(value.startswith(one[:-1]) if one.endswith("*") else value == one for one in patterns)


def _one(value: str) -> Values:
    return (value,) if value else ()


def standing(principal: Principal, model: str, route: str, deployment: Deployment | None) -> dict[Scope, Values]:
    """Values that don't change from request to request; of attempts none while nobody was chosen."""
    found: dict[Scope, Values] = {
        "tenant": _one(principal.tenant),
        "team": _one(principal.team),
        "department": _one(principal.department),
        "user": _one(principal.user),
        "key": _one(principal.key),
        "tag": tuple(dict.fromkeys(tag for tag in principal.tags if tag)),
        "model": _one(model),
        "route": _one(route),
    }
    if deployment is not None:
        found["tier"] = _one(deployment.tier)
        found["provider"] = _one(deployment.provider)
        found["deployment"] = _one(deployment.name)
    return found


def passing(whose: Whose) -> dict[Scope, Values]:
    """Values that come with the single request."""
    lineage = whose.lineage
    return {
        "end_user": _one(whose.end_user),
        "session": _one(lineage.session),
        "run": paths(lineage.run, lineage.parent),
        "step": _one(lineage.step),
    }


class Rule:
    """A budget, made ready to find its accounts."""

    __slots__ = ("budget", "of_attempts", "of_requests")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        named = {*budget.scopes, *budget.only}
        self.of_attempts = bool(named & OF_ATTEMPTS)
        """It can't be told before it is known who will be asked."""
        self.of_requests = bool(named & OF_REQUESTS)

    def may_count(self, standing: Scopes) -> bool:
        """Whether the use may fall under it, as far as the standing values say."""
        scopes = (*self.budget.scopes, *self.budget.only)
        return all(self._left(scope, standing) for scope in scopes if scope not in OF_REQUESTS)

    def keys(self, tenant: str, values: Scopes) -> list[str]:
        """Keys of the accounts that the use falls under.

        Raises: BadRequest, when there are too many, or one is too long.
        """
        budget = self.budget
        each = [self._left(scope, values) for scope in budget.scopes]
        if not all(each) or not all(self._left(scope, values) for scope in budget.only if scope not in budget.scopes):
            return []
        head = f"{escaped(budget.name)}|{'' if budget.shared else escaped(tenant)}"
        found: list[str] = []
        for values_of_one in product(*each):
            if len(found) == MOST_KEYS:
                raise BadRequest(
                    f"more than {MOST_KEYS} accounts of the budget {budget.name}: name a run with a shorter path"
                )
            found.append(_short("|".join([head, *map(escaped, values_of_one)]), budget))
        return found

    def _left(self, scope: Scope, values: Scopes) -> Values:
        """Values of a scope that the budget is for."""
        have, only = values.get(scope, ()), self.budget.only.get(scope)
        return have if only is None else tuple(value for value in have if fits(only, value))


def _short(key: str, budget: Budget) -> str:
    """The key of an account. Raises: BadRequest, where no store can keep it."""
    if len(key) * 4 > LONGEST_KEY_BYTES and len(key.encode()) > LONGEST_KEY_BYTES:
        counted = ", ".join(budget.scopes)
        raise BadRequest(
            f"{budget.name} counts by {counted}, and their names are together longer than {LONGEST_KEY_BYTES} bytes:"
            " send shorter ones"
        )
    return key
