"""A step made ready for calling."""

from typing import Any

from fakes.house import aimed, deployed

from antiphon.calls.fleet import Fleet
from antiphon.calls.pick import pick
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_flow import CoalesceSettings, HedgeSettings
from antiphon.core.deployment import Price
from antiphon.core.plan import Envelope, Fallback, Step


def prepared(names: str, fallback: str = "", **fields: Any) -> Prepared:
    fleet = Fleet()
    targets = {name: aimed(deployed(name, **fields)) for name in names + fallback}
    fleet.arrange(CallsSettings(), targets, {}, 0.0)
    fallbacks = (Fallback(on="any", deployments=tuple(fallback)),) if fallback else ()
    step = Step(name="answer", deployments=tuple(names), envelope=Envelope(), fallbacks=fallbacks)
    return Prepared(step, Policy("r", RouteSettings(), CallsSettings()), fleet, targets)


def test_a_steps_own_deployments_are_the_first_rank_and_each_fallback_one_more() -> None:
    made = prepared("ab", "cd")

    assert [(rank.on, list(rank.members), list(rank.targets)) for rank in made.ranks] == [
        (None, ["a", "b"], ["a", "b"]),
        ("any", ["c", "d"], ["c", "d"]),
    ]


def test_weights_that_are_all_0_leave_everyone_equal() -> None:
    made = prepared("ab", weight=0.0)

    spots = [pick(made, 0, seed=seed, now_s=0.0) for seed in range(0, 2**32, 2**27)]

    assert {spot.member.name for spot in spots if spot} == {"a", "b"}


def test_prices_are_those_of_a_usual_mix_and_unknown_where_there_is_none() -> None:
    priced, free = prepared("a", price=Price(input=2, output=10)), prepared("a", price=None)

    def price_of(made: Prepared) -> int | None:
        return made.ranks[0].group.levels[0].contenders[0].price_pico_usd

    assert (price_of(priced), price_of(free)) == (16, None)


def test_a_policy_hedges_and_shares_only_where_it_is_told_to() -> None:
    plain = Policy("r", RouteSettings(), CallsSettings())
    told = RouteSettings(hedge=HedgeSettings(enabled=True), coalesce=CoalesceSettings(enabled=True))
    bold = Policy("r", told, CallsSettings())

    assert (plain.hedging, plain.coalescer) == (None, None)
    assert bold.hedging is not None
    assert bold.coalescer is not None
