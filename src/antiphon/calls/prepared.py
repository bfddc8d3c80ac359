"""A plan's step made ready for calling, once for all requests of its kind."""

from collections.abc import Mapping

from antiphon.calls.choice import Contender, Group, group
from antiphon.calls.coalesce import Coalescer
from antiphon.calls.fleet import Fleet
from antiphon.calls.hedge import Hedging
from antiphon.calls.member import Member
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.core.deployment import Deployment
from antiphon.core.plan import FallbackKind, Step
from antiphon.core.ports import Served
from antiphon.providers.target import Target


class Policy:
    """How the calls of one route are made, under one revision."""

    __slots__ = ("balance", "calls", "coalesce", "coalescer", "hedging", "name", "sticky")

    def __init__(self, name: str, route: RouteSettings, calls: CallsSettings) -> None:
        self.name = name
        self.calls = calls
        self.balance = route.balance
        self.sticky = route.sticky
        self.coalesce = route.coalesce
        self.coalescer = Coalescer[Served](route.coalesce) if route.coalesce.enabled else None
        self.hedging = Hedging(route.hedge) if route.hedge.enabled else None


class Rank:
    """Deployments that stand equal: those of the step itself, or those of one fallback."""

    __slots__ = ("group", "members", "on", "targets")

    def __init__(
        self, on: FallbackKind | None, names: tuple[str, ...], fleet: Fleet, told: Mapping[str, Target], region: str
    ) -> None:
        self.on = on
        """What it takes over after; None for the step's own."""
        self.members: dict[str, Member] = {name: fleet[name] for name in names}
        self.targets: dict[str, Target] = {name: told[name] for name in names}
        self.group: Group = _group([target.deployment for target in self.targets.values()], self.members, region)


class Prepared:
    """A step, and everybody who may take a part in it."""

    __slots__ = ("draws", "policy", "ranks", "step", "turn")

    def __init__(self, step: Step, policy: Policy, fleet: Fleet, targets: Mapping[str, Target]) -> None:
        region = policy.balance.region
        self.step = step
        self.policy = policy
        self.turn = 0
        """Requests so far: what `round_robin` goes by."""
        self.ranks = (
            Rank(None, step.deployments, fleet, targets, region),
            *(Rank(one.on, one.deployments, fleet, targets, region) for one in step.fallbacks),
        )
        self.draws = len(self.ranks) > 1 or len(step.deployments) > 1
        """Chance has a say in who answers."""


def _group(deployments: list[Deployment], members: Mapping[str, Member], region: str) -> Group:
    weightless = not any(one.weight for one in deployments)
    return group(
        [
            Contender(
                deployment=one.name,
                live=members[one.name].live,
                weight=1.0 if weightless else one.weight,
                priority=one.priority,
                region=one.region,
                price_pico_usd=None if one.price is None else one.price.input * 3 + one.price.output,
            )
            for one in deployments
        ],
        region,
    )
