import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.breaker import BreakerState, State
from antiphon.calls.ejection import Ejected, Pool, eject
from antiphon.calls.settings_failure import EjectionSettings

HALF = EjectionSettings(max_ejected_fraction=0.5)


def member(
    name: str, state: State = "closed", retry_at_s: float = 20.0, *, failing: float = 1.0, probing: bool = False
) -> BreakerState:
    sound = state == "closed"
    return BreakerState(
        name=name,
        state=state,
        since_s=0,
        volume=10,
        failure_fraction=0 if sound else failing,
        slow_fraction=0,
        retry_at_s=None if sound else retry_at_s,
        probing=probing,
        reason="" if sound else "5 failures in a row",
    )


@st.composite
def pools(draw: st.DrawFn) -> list[BreakerState]:
    kinds = draw(st.lists(st.sampled_from(get_args(State)), min_size=1, max_size=12))
    return [
        member(
            f"m{number}",
            kind,
            draw(st.floats(0, 100)),
            failing=draw(st.floats(0, 1)),
            probing=kind == "half_open" and draw(st.booleans()),
        )
        for number, kind in enumerate(kinds)
    ]


@given(pools(), st.floats(0, 1))
def test_a_pool_is_never_empty_and_never_loses_more_than_its_share(states: list[BreakerState], share: float) -> None:
    pool = eject(states, EjectionSettings(max_ejected_fraction=share))

    assert pool.members or pool.probes or pool.forced
    assert len(pool.ejected) <= share * len(states) + 1e-6
    assert pool.members == tuple(one.name for one in states if one.state == "closed")
    named = [*pool.members, *pool.probes, *pool.forced, *(one.name for one in pool.ejected)]
    assert sorted(named) == sorted(one.name for one in states)


@given(pools(), st.randoms(use_true_random=False))
def test_who_is_ejected_does_not_depend_on_the_order(states: list[BreakerState], chance: random.Random) -> None:
    one, other = eject(states, HALF), eject(chance.sample(states, len(states)), HALF)

    assert set(one.forced) == set(other.forced)
    assert set(one.probes) == set(other.probes)


@given(pools())
def test_nobody_is_forced_while_a_smaller_part_than_the_share_is_out(states: list[BreakerState]) -> None:
    out = sum(one.state != "closed" for one in states)

    pool = eject(states, HALF)

    assert bool(pool.forced) is (out > len(states) // 2)
    assert not set(pool.probes) & {one.name for one in states if one.probing}


def test_an_open_member_is_left_out_and_the_receipt_can_say_why() -> None:
    pool = eject([member("a"), member("b", "open", 33.0)], HALF)

    assert pool == Pool(
        members=("a",),
        probes=(),
        forced=(),
        ejected=(Ejected(name="b", retry_at_s=33.0, reason="5 failures in a row"),),
    )


def test_a_half_open_member_takes_one_probe() -> None:
    assert eject([member("a"), member("b", "half_open")], HALF).probes == ("b",)
    waits = eject([member("a"), member("b", "half_open", probing=True)], HALF)
    assert (waits.members, waits.probes, waits.forced) == (("a",), (), ())


def test_a_pool_of_one_is_asked_whatever_its_breaker_says() -> None:
    pool = eject([member("a", "open")], EjectionSettings(max_ejected_fraction=1))

    assert pool.forced == ("a",)


def test_when_all_are_open_those_nearest_to_being_back_are_let_through() -> None:
    states = [member("a", "open", 50), member("b", "open", 20), member("c", "half_open", 9), member("d", "open", 70)]

    pool = eject(states, HALF)

    assert pool.forced == ("b", "c")
    assert [one.name for one in pool.ejected] == ["a", "d"]


def test_of_two_that_come_back_together_the_one_that_failed_less_is_let_through() -> None:
    states = [member("a", "open", 20, failing=0.9), member("b", "open", 20, failing=0.6)]

    assert eject(states, HALF).forced == ("b",)


def test_a_share_is_met_exactly() -> None:
    states = [member(f"m{number}", "open" if number < 29 else "closed") for number in range(100)]

    assert len(eject(states, EjectionSettings(max_ejected_fraction=0.29)).ejected) == 29


def test_a_pool_without_members_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="one member"):
        eject([], HALF)
