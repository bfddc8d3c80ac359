from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.plan import Predicted
from antiphon.routing.objective import Guard, Ordered, nano_usd, objective, order
from antiphon.routing.settings_rules import Goal, ObjectiveSettings

CHEAP = Predicted(
    deployment="cheap", cost_nano_usd=1_000, quality=0.6, total_s=3.0, total_p95_s=6.0, first_token_p95_s=0.4
)
MIDDLE = Predicted(
    deployment="middle", cost_nano_usd=5_000, quality=0.8, total_s=2.0, total_p95_s=4.0, first_token_p95_s=0.8
)
DEAR = Predicted(
    deployment="dear", cost_nano_usd=90_000, quality=0.9, total_s=9.0, total_p95_s=20.0, first_token_p95_s=2.0
)
UNKNOWN = Predicted(deployment="unknown")
ALL = (UNKNOWN, CHEAP, MIDDLE, DEAR)


def ordered(*every: Predicted, down: tuple[str, ...] = (), guard: Guard | None = None, **settings: Any) -> Ordered:
    return order(objective(ObjectiveSettings(**settings)), every, frozenset(down), guard)


def names(found: Ordered) -> list[str]:
    return [one.deployment for one in found.order]


def lost(found: Ordered) -> dict[str, str]:
    return {one.deployment: one.lost for one in found.lost}


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("cheapest", ["cheap", "middle", "dear", "unknown"]),
        ("best", ["dear", "middle", "cheap", "unknown"]),
        ("fastest", ["middle", "cheap", "dear", "unknown"]),
    ],
)
def test_a_goal_orders_candidates_and_whoever_is_unknown_goes_last(goal: Goal, expected: list[str]) -> None:
    assert names(ordered(*ALL, goal=goal)) == expected


def test_equals_stand_as_they_are_configured() -> None:
    other = Predicted(deployment="other", cost_nano_usd=1_000, quality=0.6)

    assert names(ordered(other, CHEAP)) == ["other", "cheap"]
    assert names(ordered(CHEAP, other)) == ["cheap", "other"]


def test_of_two_that_cost_the_same_the_better_one_goes_first() -> None:
    better = Predicted(deployment="better", cost_nano_usd=1_000, quality=0.7)

    assert names(ordered(CHEAP, better)) == ["better", "cheap"]


def test_of_two_that_are_as_good_the_cheaper_one_goes_first() -> None:
    cheaper = Predicted(deployment="cheaper", cost_nano_usd=4_000, quality=0.8)

    assert names(ordered(MIDDLE, cheaper, goal="best")) == ["cheaper", "middle"]


@pytest.mark.parametrize(
    ("bound", "first", "why"),
    [
        ({"quality_at_least": 0.7}, "middle", {"cheap": "quality below 0.7", "unknown": "quality unknown"}),
        ({"goal": "best", "cost_at_most_usd": 0.00001}, "middle", {"dear": "likely cost above 0.00001 US dollars"}),
        ({"goal": "best", "total_p95_s": 5}, "middle", {"dear": "total p95 above 5 s", "cheap": "total p95 above 5 s"}),
        ({"goal": "best", "first_token_p95_s": 1}, "middle", {"dear": "first token p95 above 1 s"}),
    ],
)
def test_whoever_breaks_a_bound_loses_and_is_told_why(bound: dict[str, Any], first: str, why: dict[str, str]) -> None:
    found = ordered(*ALL, **bound)

    assert names(found)[0] == first
    assert lost(found).items() >= why.items()
    assert found.relaxed == ()


@pytest.mark.parametrize("bound", ["quality_at_least", "cost_at_most_usd", "first_token_p95_s", "total_p95_s"])
def test_what_is_unknown_keeps_no_bound_unless_that_is_allowed(bound: str) -> None:
    limit = {bound: 0.5 if bound == "quality_at_least" else 100}

    assert "unknown" in lost(ordered(*ALL, **limit))
    allowed = ordered(*ALL, **limit, unknown="allow")
    assert names(allowed)[-1] == "unknown"
    assert "unknown" not in lost(allowed)


def test_a_bound_is_kept_at_its_limit() -> None:
    found = ordered(MIDDLE, quality_at_least=0.8, cost_at_most_usd=0.000005, first_token_p95_s=0.8, total_p95_s=4)

    assert (names(found), found.relaxed) == (["middle"], ())


def test_latency_is_given_up_first_then_cost_and_the_floor_is_held() -> None:
    found = ordered(*ALL, quality_at_least=0.85, cost_at_most_usd=0.00001, total_p95_s=10)

    assert names(found) == ["dear"]
    assert found.relaxed == ("total_p95_s", "cost_at_most_usd")
    assert lost(found)["middle"] == "quality below 0.85"


def test_under_best_the_cap_is_held_and_the_floor_is_given_up() -> None:
    found = ordered(*ALL, goal="best", quality_at_least=0.85, cost_at_most_usd=0.00001)

    assert names(found) == ["middle", "cheap"]
    assert found.relaxed == ("quality_at_least",)


def test_the_order_in_which_bounds_are_given_up_can_be_stated() -> None:
    found = ordered(*ALL, quality_at_least=0.85, cost_at_most_usd=0.00001, relax=["quality_at_least"])

    assert names(found) == ["middle", "cheap"]
    assert found.relaxed == ("quality_at_least",)


def test_whoever_is_nearest_to_a_bound_that_was_given_up_goes_first() -> None:
    found = ordered(*ALL, quality_at_least=0.95)

    assert names(found) == ["dear", "middle", "cheap", "unknown"]
    assert found.relaxed == ("quality_at_least",)


def test_where_nothing_at_all_is_known_of_quality_candidates_stand_as_they_are_configured() -> None:
    first, second = (
        Predicted(deployment="first", cost_nano_usd=9_000),
        Predicted(deployment="second", cost_nano_usd=10),
    )

    found = ordered(first, second, quality_at_least=0.8)

    assert names(found) == ["first", "second"]
    assert found.relaxed == ("quality_at_least",)


def test_whoever_is_not_ready_goes_last_and_its_bound_counts_for_the_others() -> None:
    found = ordered(*ALL, down=("middle",), quality_at_least=0.7)

    assert names(found) == ["dear", "middle"]
    assert found.relaxed == ()


def test_a_bound_that_only_somebody_who_is_not_ready_keeps_is_given_up() -> None:
    found = ordered(CHEAP, MIDDLE, down=("middle",), quality_at_least=0.7)

    assert names(found) == ["cheap", "middle"]
    assert found.relaxed == ("quality_at_least",)


def test_where_nobody_is_ready_that_makes_no_difference() -> None:
    assert names(ordered(CHEAP, MIDDLE, down=("cheap", "middle"))) == ["cheap", "middle"]


def test_best_weighs_quality_against_cost_where_a_right_answer_has_a_worth() -> None:
    dearly, cheaply = (
        ordered(*ALL, goal="best", worth_usd=0.01),
        ordered(*ALL, goal="best", worth_usd=0.000001),
    )

    assert names(dearly) == ["dear", "middle", "cheap", "unknown"]
    assert names(cheaply) == ["cheap", "middle", "dear", "unknown"]


def test_a_caller_asks_for_another_goal_within_the_same_bounds() -> None:
    stated = objective(ObjectiveSettings(quality_at_least=0.7, cost_at_most_usd=0.00001))

    found = order(stated.asked["best"], ALL, frozenset(), None)

    assert names(found) == ["middle"]
    assert lost(found) == {
        "unknown": "quality unknown",
        "cheap": "quality below 0.7",
        "dear": "likely cost above 0.00001 US dollars",
    }


def chance(name: str, quality: float | None, cost: int = 1_000) -> Predicted:
    return Predicted(deployment=name, quality=quality, cost_nano_usd=cost)


@pytest.mark.parametrize(("other", "first"), [(0.86, "other"), (0.82, "single"), (0.7, "single")])
def test_the_best_single_model_is_left_for_a_gain_above_the_margin(other: float, first: str) -> None:
    found = ordered(chance("single", 0.8), chance("other", other), goal="best", guard=Guard(best="single", margin=0.05))

    assert names(found)[0] == first
    assert bool(found.guarded) == (other == 0.82)


@pytest.mark.parametrize(("other", "first"), [(0.79, "other"), (0.76, "other"), (0.70, "single")])
def test_a_cheaper_one_may_be_worse_than_the_best_single_model_by_the_margin(other: float, first: str) -> None:
    found = ordered(chance("single", 0.8, 9_000), chance("other", other), guard=Guard(best="single", margin=0.05))

    assert names(found)[0] == first
    assert set(names(found)) == {"single", "other"}
    assert bool(found.guarded) == (first == "single")


def test_a_gain_of_just_the_margin_is_too_small_and_a_loss_of_it_small_enough() -> None:
    guard = Guard(best="single", margin=0.25)

    assert names(ordered(chance("single", 0.5), chance("other", 0.75), goal="best", guard=guard))[0] == "single"
    assert names(ordered(chance("single", 0.75, 9), chance("other", 0.5, 1), guard=guard))[0] == "other"


def test_a_gain_that_is_unknown_is_no_gain() -> None:
    guard = Guard(best="single", margin=0.0)

    assert names(ordered(chance("other", 0.9), chance("single", None), goal="best", guard=guard))[0] == "single"
    assert names(ordered(chance("other", None, 1), chance("single", 0.5, 9), guard=guard))[0] == "single"


def test_a_gain_counts_less_what_it_costs_where_a_right_answer_has_a_worth() -> None:
    guard = Guard(best="single", margin=0.05)
    two = (chance("single", 0.8, 0), chance("other", 0.9, 60_000))

    assert names(ordered(*two, goal="best", guard=guard))[0] == "other"
    assert names(ordered(*two, goal="best", worth_usd=0.001, guard=guard))[0] == "single"
    assert names(ordered(*two, goal="best", worth_usd=0.01, guard=guard))[0] == "other"


def test_a_guard_keeps_nobody_who_breaks_a_bound() -> None:
    guard = Guard(best="dear", margin=0.5)

    assert names(ordered(*ALL, goal="best", cost_at_most_usd=0.00001, guard=guard)) == ["middle", "cheap"]


def test_amounts_are_taken_as_they_are_written() -> None:
    assert nano_usd(0.000000001) == 1
    assert nano_usd(0.1) == 100_000_000
    assert nano_usd(999_999.999999999) == 999_999_999_999_999


maybe = st.none() | st.floats(0, 1)
candidates = st.lists(
    st.builds(
        Predicted,
        deployment=st.sampled_from("abcdefgh"),
        cost_nano_usd=st.none() | st.integers(0, 1_000_000),
        quality=maybe,
        total_s=maybe,
        total_p95_s=maybe,
        first_token_p95_s=maybe,
    ),
    min_size=1,
    unique_by=lambda one: one.deployment,
)
aims = st.builds(
    ObjectiveSettings,
    goal=st.sampled_from(["cheapest", "best", "fastest"]),
    quality_at_least=maybe,
    cost_at_most_usd=st.none() | st.floats(0.00000001, 0.001),
    first_token_p95_s=maybe,
    total_p95_s=maybe,
    unknown=st.sampled_from(["refuse", "allow"]),
    worth_usd=st.none() | st.floats(0.000001, 1),
    relax=st.lists(st.sampled_from(["quality_at_least", "cost_at_most_usd", "total_p95_s"]), unique=True),
)
guards = st.none() | st.builds(Guard, best=st.sampled_from("abcdefgh"), margin=st.floats(0, 0.5))


@given(candidates, aims, st.sets(st.sampled_from("abcdefgh")), guards)
def test_somebody_always_goes_first_and_everybody_is_accounted_for_once(
    every: list[Predicted], aim: ObjectiveSettings, down: set[str], guard: Guard | None
) -> None:
    found = order(objective(aim), every, frozenset(down), guard)

    assert found.order
    assert sorted([*names(found), *lost(found)]) == sorted(one.deployment for one in every)
    assert all(lost(found).values())
    ready = {one.deployment for one in every} - down
    assert names(found)[0] in ready or not ready


@given(candidates, aims, guards)
def test_the_order_depends_on_values_alone(every: list[Predicted], aim: ObjectiveSettings, guard: Guard | None) -> None:
    assert order(objective(aim), every, frozenset(), guard) == order(objective(aim), every, frozenset(), guard)
