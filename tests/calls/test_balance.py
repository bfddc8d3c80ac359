from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.balance import choose
from antiphon.calls.chance import SEEDS, pair
from antiphon.calls.choice import NONE, Choice, Contender, Group, group
from antiphon.calls.live import Live
from antiphon.calls.settings_balance import BalanceSettings, LiveSettings, Strategy
from antiphon.core.plan import Candidate

COLD = LiveSettings(warmup_s=0, min_volume=1)
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
SEED = st.integers(0, SEEDS - 1)
MANY = 9_000


def live(in_flight: int = 0, latency_s: float | None = None, first_s: float | None = None, left: int = 100) -> Live:
    made = Live(COLD, 0.0)
    if latency_s is not None:
        made.began(0.0)
        made.ended(latency_s, 0.0)
    if first_s is not None:
        made.first_token(first_s, 0.0)
    for _ in range(in_flight):
        made.began(0.0)
    if left < 100:
        made.learn(
            {b"x-ratelimit-limit-tokens": b"100", b"x-ratelimit-remaining-tokens": b"%d" % left},
            lambda: 0.0,
            lambda: 0.0,
        )
    return made


def contender(
    name: str, weight: float = 1.0, *, live: Live | None = None, priority: int = 0, region: str = ""
) -> Contender:
    return Contender(deployment=name, live=live or Live(COLD, 0.0), weight=weight, priority=priority, region=region)


def shares(made: Group, strategy: Strategy, count: int = MANY, now_s: float = 0.0) -> dict[str, float]:
    """Of `count` seeds spread evenly: a fraction for each."""
    settings = BalanceSettings(strategy=strategy)
    step = 1 if strategy == "round_robin" else SEEDS // count
    names = Counter(name(choose(made, settings, seed * step, now_s)) for seed in range(count))
    return {one: number / count for one, number in names.items()}


def name(choice: Choice) -> str:
    assert choice.chosen is not None
    return choice.chosen.deployment


def in_turn(
    made: Group, strategy: Strategy, seed: int, barred: Mapping[str, str] = NONE
) -> tuple[list[Contender], Choice]:
    """Who is chosen, one after another, as each that was chosen is barred from then on; and the choice of nobody."""
    settings, told, out = BalanceSettings(strategy=strategy), list[Contender](), dict(barred)
    while (choice := choose(made, settings, seed, 0.0, out)).chosen is not None:
        told.append(choice.chosen)
        out[choice.chosen.deployment] = "tried"
    return told, choice


def lost(choice: Choice) -> dict[str, str]:
    return {one.deployment: one.lost for one in choice.candidates()}


@st.composite
def contenders(draw: st.DrawFn) -> list[Contender]:
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6, unique=True))
    return [
        Contender(
            deployment=each,
            live=live(
                draw(st.integers(0, 4)),
                draw(st.none() | st.floats(0.01, 60)),
                draw(st.none() | st.floats(0.01, 60)),
                draw(st.integers(0, 100)),
            ),
            weight=draw(st.sampled_from([0.5, 1.0, 1.0, 3.0])),
            priority=draw(st.integers(0, 1)),
            region=draw(st.sampled_from(["", "eu"])),
            price_pico_usd=draw(st.none() | st.integers(0, 3)),
        )
        for each in names
    ]


BARRED = st.dictionaries(st.sampled_from("abcdefgh"), st.just("breaker open"))


@given(contenders(), BARRED, st.sampled_from(STRATEGIES), st.sampled_from(["", "eu"]), SEED)
def test_everyone_usable_has_a_turn_and_nobody_else(
    some: list[Contender], barred: Mapping[str, str], strategy: Strategy, region: str, seed: int
) -> None:
    told, nobody = in_turn(group(some, region), strategy, seed, barred)

    assert sorted(one.deployment for one in told) == sorted({one.deployment for one in some} - barred.keys())
    assert all(one.lost for one in nobody.candidates())


@given(contenders(), BARRED, st.sampled_from(STRATEGIES), SEED)
def test_everyone_is_told_once_and_each_loser_has_a_reason(
    some: list[Contender], barred: Mapping[str, str], strategy: Strategy, seed: int
) -> None:
    choice = choose(group(some), BalanceSettings(strategy=strategy), seed, 0.0, barred)

    told = choice.candidates()
    assert sorted(one.deployment for one in told) == sorted(one.deployment for one in some)
    for one in told:
        assert bool(one.lost) == (choice.chosen is None or one.deployment != choice.chosen.deployment)
        assert (one.lost == "breaker open") == (one.deployment in barred)


@given(contenders(), BARRED, st.sampled_from(STRATEGIES), SEED, st.floats(0, 100))
def test_the_same_arguments_give_the_same_choice(
    some: list[Contender], barred: Mapping[str, str], strategy: Strategy, seed: int, now_s: float
) -> None:
    first, second = (
        choose(group(some), BalanceSettings(strategy=strategy), seed, now_s, dict(barred)) for _ in range(2)
    )

    assert first == second
    assert first.candidates() == second.candidates()


@given(contenders(), BARRED, st.sampled_from(STRATEGIES), SEED)
def test_a_lower_priority_number_goes_first(
    some: list[Contender], barred: Mapping[str, str], strategy: Strategy, seed: int
) -> None:
    told, _ = in_turn(group(some), strategy, seed, barred)

    assert all(one.priority <= after.priority for one, after in pairwise(told))


@given(contenders(), st.sampled_from(STRATEGIES), SEED)
def test_the_preferred_region_goes_first_within_a_priority(
    some: list[Contender], strategy: Strategy, seed: int
) -> None:
    told, _ = in_turn(group(some, "eu"), strategy, seed)

    order = [(one.priority, one.region != "eu") for one in told]
    assert order == sorted(order)


def test_a_level_that_was_not_needed_says_why() -> None:
    some = [contender("a", region="eu"), contender("b"), contender("c", priority=2)]

    assert lost(choose(group(some, "eu"), BalanceSettings(), 0, 0.0)) == {
        "a": "",
        "b": "priority 0, not in eu",
        "c": "priority 2, not in eu",
    }
    assert lost(choose(group(some, "eu"), BalanceSettings(), 0, 0.0, {"a": "429", "b": "open"})) == {
        "a": "429",
        "b": "open",
        "c": "",
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_alone_is_chosen_whatever_its_weight(strategy: Strategy) -> None:
    choice = choose(group([contender("a", 0.0)]), BalanceSettings(strategy=strategy), 1, 0.0)

    assert name(choice) == "a"
    assert choice.alone


def test_weight_0_among_others_is_never_chosen() -> None:
    made = group([contender("a", 0.0), contender("b")])

    choice = choose(made, BalanceSettings(), 1, 0.0)
    assert lost(choice) == {"a": "weight 0", "b": ""}
    assert choose(made, BalanceSettings(), 1, 0.0, {"b": "open"}).chosen is None


@pytest.mark.parametrize("some", [[], [contender("a"), contender("a")]])
def test_a_group_has_each_contender_once(some: list[Contender]) -> None:
    with pytest.raises(ValueError, match="one at least, each once"):
        group(some)


@given(st.lists(st.sampled_from([0.5, 1.0, 2.0, 10.0]), min_size=2, max_size=5), st.sampled_from(STRATEGIES))
def test_shares_converge_to_the_weights_where_nothing_else_tells(weights: Sequence[float], strategy: Strategy) -> None:
    if len(weights) > 2 and strategy in {"least_in_flight", "peak_ewma"}:
        weights = weights[:2]  # of more, the pair is drawn evenly
    made = group([contender(str(at), weight) for at, weight in enumerate(weights)])

    told = shares(made, strategy, 2_000)

    for at, weight in enumerate(weights):
        assert told.get(str(at), 0) == pytest.approx(weight / sum(weights), abs=0.04)


def test_the_weights_of_the_barred_fall_to_the_others() -> None:
    made = group([contender("a", 6.0), contender("b", 1.0), contender("c", 3.0)])

    names = Counter(
        name(choose(made, BalanceSettings(), seed * (SEEDS // MANY), 0.0, {"a": "open"})) for seed in range(MANY)
    )

    assert names["b"] / MANY == pytest.approx(0.25, abs=0.01)
    assert names["c"] / MANY == pytest.approx(0.75, abs=0.01)


@given(st.integers(2, 6), st.integers(0, SEEDS - 1))
def test_equal_weights_take_turns(count: int, turn: int) -> None:
    made = group([contender(str(at)) for at in range(count)])

    taken = [name(choose(made, BalanceSettings(strategy="round_robin"), turn + at, 0.0)) for at in range(count)]

    assert sorted(taken) == [str(at) for at in range(count)]


def test_turns_by_weight_are_spread_evenly() -> None:
    made = group([contender("a", 3.0), contender("b", 1.0)])

    taken = "".join(name(choose(made, BalanceSettings(strategy="round_robin"), turn, 0.0)) for turn in range(400))

    assert taken.count("b") == pytest.approx(100, abs=2)
    assert "bb" not in taken
    assert "a" * 6 not in taken


@given(contenders(), SEED, st.sampled_from(["least_in_flight", "peak_ewma"]))
def test_the_worse_of_two_is_never_picked(some: list[Contender], seed: int, strategy: Strategy) -> None:
    some = [Contender(deployment=one.deployment, live=one.live, weight=one.weight) for one in some]

    choice = choose(group(some), BalanceSettings(strategy=strategy), seed, 0.0)

    if len(some) == 1:
        return
    two = {some[at].deployment for at in pair(seed, len(some))}
    assert {one.deployment for one in choice.compared} == two
    load = {
        one.deployment: (one.live.load(0.0) if strategy == "peak_ewma" else one.live.in_flight) / one.weight
        for one in some
    }
    assert load[name(choice)] == min(load[one] for one in two)


def test_a_slow_one_gets_little_of_peak_ewma_and_nothing_for_ever() -> None:
    slow, quick = contender("slow", live=live(latency_s=30.0)), contender("quick", live=live(latency_s=1.0))

    assert shares(group([slow, quick]), "peak_ewma", 100) == {"quick": 1}
    quick.live.began(50.0)
    quick.live.ended(1.0, 50.0)
    assert shares(group([slow, quick]), "peak_ewma", 100, now_s=50.0) == {"slow": 1}


def test_the_less_busy_one_is_chosen_and_the_other_told_why() -> None:
    some = [contender("a", live=live(5)), contender("b", live=live(2))]

    choice = choose(group(some), BalanceSettings(strategy="least_in_flight"), 0, 0.0)

    assert lost(choice) == {"a": "in flight 5, not 2", "b": ""}
    assert choice.scores == (5, 2)


def test_who_was_not_drawn_is_told_so() -> None:
    some = [contender("a", live=live(5)), contender("b", live=live(2)), contender("c")]
    seed = next(seed for seed in range(9) if pair(seed, 3) == (0, 1))

    choice = choose(group(some), BalanceSettings(strategy="least_in_flight"), seed, 0.0)

    assert lost(choice) == {"a": "in flight 5, not 2", "b": "", "c": "not drawn"}


@given(contenders(), SEED)
def test_the_cheapest_is_chosen_and_the_unpriced_come_last(some: list[Contender], seed: int) -> None:
    some = [
        Contender(deployment=one.deployment, live=one.live, price_pico_usd=one.price_pico_usd, weight=one.weight)
        for one in some
    ]

    told, _ = in_turn(group(some), "cheapest", seed)

    prices = [float("inf") if one.price_pico_usd is None else one.price_pico_usd for one in told]
    assert prices == sorted(prices)


def test_the_fastest_share_within_a_tolerance_by_weight() -> None:
    some = [
        contender("a", 1.0, live=live(first_s=0.50)),
        contender("b", 3.0, live=live(first_s=0.51)),
        contender("c", 9.0, live=live(first_s=2.0)),
    ]

    assert shares(group(some), "fastest") == pytest.approx({"a": 0.25, "b": 0.75}, abs=0.01)
    choice = choose(group(some), BalanceSettings(strategy="fastest", fastest_within=0.0), 0, 0.0)
    assert lost(choice)["c"].startswith("first token 1.9")


def test_an_unmeasured_one_is_tried_by_one_request_at_a_time() -> None:
    known, fresh = contender("known", live=live(first_s=0.5)), contender("fresh")
    made, settings = group([known, fresh]), BalanceSettings(strategy="fastest")
    assert name(choose(made, settings, 1, 0.0)) == "fresh"

    fresh.live.began(0.0)

    assert name(choose(made, settings, 1, 0.0)) == "known"


def test_requests_go_where_there_is_headroom() -> None:
    some = [contender("a", live=live(left=10)), contender("b", live=live(left=90)), contender("c", live=live(left=0))]

    assert shares(group(some), "headroom") == pytest.approx({"a": 0.1, "b": 0.9}, abs=0.01)
    choice = choose(group(some), BalanceSettings(strategy="headroom"), SEEDS - 1, 0.0)
    assert lost(choice) == {"a": "headroom 0.1, not 0.9", "b": "", "c": "headroom 0, not 0.9"}
    told, _ = in_turn(group(some), "headroom", SEEDS - 1)
    assert [one.deployment for one in told] == ["b", "a", "c"]


def test_without_any_headroom_the_weights_decide() -> None:
    some = [contender("a", live=live(left=0)), contender("b", 3.0, live=live(left=0))]

    assert shares(group(some), "headroom") == pytest.approx({"a": 0.25, "b": 0.75}, abs=0.01)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_that_warms_up_takes_its_growing_share(strategy: Strategy) -> None:
    """Where nothing tells two apart but that one is new."""
    old, new = contender("old"), contender("new", live=Live(LiveSettings(warmup_s=100, warmup_floor=0.05), 0.0))
    made = group([old, new])

    grown = [shares(made, strategy, now_s=at_s).get("new", 0) for at_s in (0, 25, 50, 75, 100)]

    assert grown == sorted(grown)
    assert 0 < grown[0] < 0.1
    assert grown[-1] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_where_all_are_new_they_share_as_if_all_were_warm(strategy: Strategy) -> None:
    warming = LiveSettings(warmup_s=100)
    made = group([contender(each, live=Live(warming, 0.0)) for each in "ab"])

    assert shares(made, strategy) == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.02)


def test_nothing_barred_is_the_default() -> None:
    assert choose(group([contender("a")]), BalanceSettings(), 0, 0.0).barred is NONE


# --- what a receipt is told


def test_one_alone_has_nobody_to_be_told_of() -> None:
    choice = choose(group([contender("a")]), BalanceSettings(), 1, 0.0)

    assert (choice.alone, choice.plain, choice.telling()) == (True, True, ())


@pytest.mark.parametrize("strategy", ["weighted", "round_robin"])
def test_where_chance_or_turn_decided_there_is_nothing_to_tell(strategy: Strategy) -> None:
    choice = choose(group([contender("a"), contender("b")]), BalanceSettings(strategy=strategy), 1, 0.0)

    assert (choice.alone, choice.plain, choice.telling()) == (False, True, ())


def test_of_the_others_those_are_told_who_were_measured() -> None:
    some = [contender("a", live=live(5)), contender("b", live=live(2)), contender("c"), contender("d", priority=1)]
    seed = next(seed for seed in range(9) if pair(seed, 3) == (0, 1))

    choice = choose(group(some), BalanceSettings(strategy="least_in_flight"), seed, 0.0)

    assert not choice.plain
    assert choice.telling() == (Candidate(deployment="a", lost="in flight 5, not 2"),)


def test_of_the_others_those_are_told_who_were_barred() -> None:
    some = [contender("a"), contender("b"), contender("c", priority=1)]

    choice = choose(group(some), BalanceSettings(), 0, 0.0, {"a": "breaker open"})

    assert not choice.plain
    assert choice.telling() == (Candidate(deployment="a", lost="breaker open"),)


def test_one_who_is_left_by_himself_was_not_alone() -> None:
    assert not choose(group([contender("a"), contender("b", 0.0)]), BalanceSettings(), 0, 0.0).alone
    assert not choose(group([contender("a")]), BalanceSettings(), 0, 0.0, {"a": "open"}).alone
