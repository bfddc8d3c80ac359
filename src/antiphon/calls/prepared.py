"""A plan's step made ready for calling, once for all requests of its kind."""

from collections.abc import Mapping
from math import inf
from typing import Protocol

from msgspec.structs import replace

from antiphon.calls.attempt import Spot
from antiphon.calls.cache_key import answerers
from antiphon.calls.choice import Contender, Group, group
from antiphon.calls.coalesce import Coalescer
from antiphon.calls.fleet import Fleet
from antiphon.calls.hedge import Hedging
from antiphon.calls.member import Member
from antiphon.calls.settings import CallsSettings, RouteSettings, RouteTimeoutSettings
from antiphon.calls.settings_balance import BalanceSettings
from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.plan import FallbackKind, Step
from antiphon.core.ports import Served
from antiphon.providers.target import Target
from antiphon.routing.settings import OnLoss


class Policy:
    """How the calls of one route are made, under one revision."""

    __slots__ = (
        "balance",
        "cache",
        "calls",
        "coalesce",
        "coalescer",
        "context",
        "hedging",
        "lower_max_tokens",
        "name",
        "on_loss",
        "sticky",
        "timeouts",
        "turn",
    )

    def __init__(self, name: str, route: RouteSettings, calls: CallsSettings) -> None:
        self.name = name
        self.calls = calls
        self.balance = route.balance
        self.sticky = route.sticky
        self.timeouts = route.timeouts
        self.on_loss: OnLoss = route.on_loss
        self.lower_max_tokens = route.lower_max_tokens
        limits = route.context
        self.context = limits if limits.most_tokens is not None or limits.steps else None
        self.turn = 0
        """Requests of the route so far: what `round_robin` goes by."""
        self.coalesce = route.coalesce
        self.coalescer = Coalescer[Served](route.coalesce) if route.coalesce.enabled else None
        self.cache = route.cache
        self.hedging = Hedging(route.hedge) if route.hedge.enabled else None


def unnamed(name: str, calls: CallsSettings, *, probes: bool) -> Policy:
    """How calls are made that no route is written for. A probe's time bounds its attempt, so that it can fail by it."""
    most_s = calls.probes.timeout_s if probes else None
    return Policy(name, RouteSettings(timeouts=RouteTimeoutSettings(first_byte_s=most_s, total_s=most_s)), calls)


class Rank:
    """Deployments that stand equal: those of the step itself, or those of one fallback."""

    __slots__ = ("group", "members", "on", "targets")

    def __init__(
        self,
        on: FallbackKind | None,
        names: tuple[str, ...],
        fleet: Fleet,
        targets: Mapping[str, Target],
        policy: "Policy",
    ) -> None:
        self.on = on
        """What it takes over after; None for the step's own."""
        self.members: dict[str, Member] = {name: fleet[name] for name in names}
        self.targets: dict[str, Target] = {name: narrowed(targets[name], policy.timeouts) for name in names}
        deployments = [target.deployment for target in self.targets.values()]
        self.group: Group = _group(deployments, self.members, policy.balance)


def narrowed(target: Target, limits: RouteTimeoutSettings) -> Target:
    """A target under a route's deadlines of one attempt, where these are shorter than its own."""
    own = target.deployment.timeouts
    shorter = Timeouts(
        connect_s=min(own.connect_s, limits.connect_s or inf),
        first_byte_s=min(own.first_byte_s, limits.first_byte_s or inf),
        between_bytes_s=min(own.between_bytes_s, limits.between_bytes_s or inf),
        total_s=min(own.total_s, limits.total_s or inf),
    )
    return target if shorter == own else replace(target, deployment=replace(target.deployment, timeouts=shorter))


class Prepared:
    """A step, and everybody who may take a part in it."""

    __slots__ = ("answerers", "draws", "policy", "ranks", "sole", "step")

    def __init__(self, step: Step, policy: Policy, fleet: Fleet, targets: Mapping[str, Target]) -> None:
        self.step = step
        self.policy = policy
        self.ranks = (
            Rank(None, step.deployments, fleet, targets, policy),
            *(Rank(one.on, one.deployments, fleet, targets, policy) for one in step.fallbacks),
        )
        alone = len(self.ranks) == 1 and len(step.deployments) == 1
        pools = [member.pool for rank in self.ranks for member in rank.members.values() if member.pool is not None]
        self.draws = not alone or any(len(pool.keys) > 1 for pool in pools)
        """Chance has a say in who answers, or with which key."""
        self.sole = self._sole() if alone else None
        """Where there is only one: the ordinary first attempt on it, the same each time."""
        self.answerers = answerers(policy.name, policy.on_loss, self.ranks) if policy.cache.enabled else b""
        """What the cache knows them by."""

    @property
    def first(self) -> tuple[Deployment, ...]:
        """The step's own deployments, without fallbacks."""
        return tuple(target.deployment for target in self.ranks[0].targets.values())

    def _sole(self) -> Spot:
        rank, (name,) = self.ranks[0], self.step.deployments
        return Spot(rank.members[name], rank.targets[name], 0, choice=rank.group.sole)


class Preparer(Protocol):
    """Makes a plan's steps ready for calling."""

    def prepare(self, step: Step, policy: Policy, targets: Mapping[str, Target]) -> Prepared:
        """Once for all requests of a kind."""
        ...


def _group(deployments: list[Deployment], members: Mapping[str, Member], balance: BalanceSettings) -> Group:
    weightless = not any(one.weight for one in deployments)
    return group(
        [
            Contender(
                deployment=one.name,
                live=members[one.name].live,
                weight=1.0 if weightless else one.weight,
                priority=one.priority,
                region=one.region,
                zone=one.zone,
                price_pico_usd=None if one.price is None else one.price.input * 3 + one.price.output,
            )
            for one in deployments
        ],
        balance.region,
        balance.zone or "",
    )
