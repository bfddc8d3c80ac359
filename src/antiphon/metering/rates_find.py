"""Which limits a request falls under: found once for all requests of a caller that ask for the same."""

from collections.abc import Callable, Mapping, Sequence

from antiphon.core.budget import Budget, Scope, Window
from antiphon.core.deployment import Deployment
from antiphon.core.limit import OF_TOKENS, Limit
from antiphon.core.principal import Principal
from antiphon.core.ticket import Whose
from antiphon.metering.matching import Rule, Values, passing, standing
from antiphon.metering.rates_lines import Lines
from antiphon.metering.rates_meter import Meter

MOST_PLANS = 10_000
"""Callers, times what they ask for, that are remembered."""
_ALL_TIME = Window(period="total")
Find = Callable[[str, Limit], Meter]
"""The meter of a key, one object for each."""


class LimitRule:
    """A limit, made ready to find its keys. They are found as a budget's are."""

    __slots__ = ("limit", "of_attempts", "of_requests", "rule")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        budget = Budget(
            name=limit.name,
            measure="requests",
            limit=limit.number,
            window=_ALL_TIME,
            scopes=limit.scopes,
            only=limit.only,
            shared=limit.shared,
        )
        self.rule = Rule(budget)
        self.of_attempts = limit.kind in OF_TOKENS or self.rule.of_attempts
        """It is taken for each attempt, once it is known who will be asked."""
        self.of_requests = self.rule.of_requests

    def meters(self, tenant: str, values: Mapping[Scope, Values], find: Find) -> list[Meter]:
        """One for each combination of values. Raises: BadRequest, when there are too many."""
        limit = self.limit
        return [find(f"{limit.kind}|{key}", limit) for key in self.rule.keys(tenant, values)]


class Part:
    """Limits that one moment of a request falls under: of what is known of the caller, and of what each request says."""

    __slots__ = ("known", "passing", "plain", "standing", "tenant")

    def __init__(self, rules: Sequence[LimitRule], tenant: str, standing: Mapping[Scope, Values], find: Find) -> None:
        self.tenant, self.standing = tenant, standing
        mine = [rule for rule in rules if rule.rule.may_count(standing)]
        self.passing = tuple(rule for rule in mine if rule.of_requests)
        self.known = tuple(
            meter for rule in mine if not rule.of_requests for meter in rule.meters(tenant, standing, find)
        )
        self.plain = tuple(meter for meter in self.known if meter.limit.kind != "concurrent_streams")

    def meters(self, whose: Whose, find: Find, *, stream: bool) -> tuple[Meter, ...]:
        """All that count this request. Raises: BadRequest."""
        found = self.known if stream else self.plain
        if not self.passing:
            return found
        values: dict[Scope, Values] = {**self.standing, **passing(whose)}
        more = (meter for rule in self.passing for meter in rule.meters(self.tenant, values, find))
        return (*found, *(meter for meter in more if stream or meter.limit.kind != "concurrent_streams"))


class Plan:
    """The limits of one caller who asks for one model on one route."""

    __slots__ = ("_attempts", "_model", "_route", "_rules", "arrival", "lines", "principal")

    def __init__(self, rules: Sequence[LimitRule], principal: Principal, model: str, route: str, find: Find) -> None:
        self.principal, self._model, self._route = principal, model, route
        known = standing(principal, model, route, None)
        early = [rule for rule in rules if not rule.of_attempts]
        self._rules = [rule for rule in rules if rule.of_attempts]
        self.arrival = Part(early, principal.tenant, known, find)
        self._attempts: dict[str, Part] = {}
        self.lines = Lines()

    def attempt(self, deployment: Deployment, find: Find) -> Part:
        """Limits that an attempt at a deployment falls under."""
        part = self._attempts.get(deployment.name)
        if part is None:
            values = standing(self.principal, self._model, self._route, deployment)
            part = Part(self._rules, self.principal.tenant, values, find)
            self._attempts[deployment.name] = part
        return part


class Plans:
    """The plans of a revision's limits."""

    def __init__(self, limits: Sequence[Limit], find: Find) -> None:
        self._rules = [LimitRule(limit) for limit in limits]
        self._find = find
        self._plans: dict[tuple[int, str, str], Plan] = {}

    def of(self, whose: Whose) -> Plan:
        principal = whose.principal
        key = (id(principal), whose.model, whose.route)
        plan = self._plans.get(key)
        if plan is not None and plan.principal is principal:
            return plan
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        plan = self._plans[key] = Plan(self._rules, principal, whose.model, whose.route, self._find)
        return plan
