"""Requests that limits count, for tests."""

from antiphon.core.deployment import Deployment
from antiphon.core.limit import Limit
from antiphon.core.principal import Principal
from antiphon.core.request import Lineage
from antiphon.core.ticket import Bound, Whose

MS = 1_000_000
SECOND = 1_000_000_000
TEAM = Principal(tenant="acme", key="alice", user="ann", team="support", department="care", tags=("a", "b"))
SMALL = Deployment(name="small-eu", provider="lab", model="small", tier="fast")
OTHER = Deployment(name="large-eu", provider="lab", model="large", tier="premium")


class Time:
    """Nanoseconds that pass when a test says so."""

    def __init__(self) -> None:
        self.ns = 1_000 * SECOND

    def __call__(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += round(seconds * SECOND)


def whose(principal: Principal = TEAM, *, model: str = "fast", end_user: str = "", run: str = "") -> Whose:
    return Whose(principal=principal, model=model, route=model, end_user=end_user, lineage=Lineage(run=run))


def bound(input_tokens: int = 0, output_tokens: int = 0) -> Bound:
    return Bound(money_nano_usd=None, tokens=None, likely_input_tokens=input_tokens, likely_output_tokens=output_tokens)


def requests(number: int = 10, *, burst: int = 0, **more: object) -> Limit:
    return Limit(name="rate", kind="requests", number=number, burst=burst, per="second", **more)  # pyright: ignore[reportArgumentType]


def most_over(passes: list[tuple[int, int]], most: int, each_ns: int) -> int:
    """By how much units that passed, as (time, units) in order, are over what any window allows; at most 0: nowhere."""
    worst = -most
    for start in range(len(passes)):
        total = 0
        for at_ns, units in passes[start:]:
            total += units
            worst = max(worst, total - most - (at_ns - passes[start][0]) // each_ns)
    return worst
