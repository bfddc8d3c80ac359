from asyncio import Future
from collections import Counter
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.lanes import Lane, Room, Waiter
from antiphon.calls.settings_flow import AdmissionSettings

TURNS: dict[Lane, int] = {"high": 16, "normal": 4, "low": 1}
TENANTS = ["acme", "bolt", "core", "dune"]
NO_TURN = cast("Future[None]", None)


def room_of(size: int = 1000, weights: dict[str, float] | None = None, **backlog: int) -> Room:
    """A room where tenants wait in the normal lane, the largest backlog having come first."""
    room = Room(size, TURNS, weights or {})
    for tenant, count in sorted(backlog.items(), key=lambda pair: -pair[1]):
        for _ in range(count):
            room.add(waiter(tenant))
    return room


def waiter(tenant: str, lane: Lane = "normal") -> Waiter:
    return Waiter(tenant, lane, NO_TURN)


def turns(room: Room) -> list[str]:
    """Who goes, one after the other, when each ends before the next begins."""
    order: list[str] = []
    while (one := room.take({}, 1)) is not None:
        order.append(one.tenant)
    return order


@given(st.dictionaries(st.sampled_from(TENANTS), st.integers(1, 100), min_size=1))
def test_tenants_that_wait_take_turns_however_many_requests_each_has(backlog: dict[str, int]) -> None:
    order, had = turns(room_of(**backlog)), Counter[str]()

    assert Counter(order) == backlog
    for tenant in order:
        had[tenant] += 1
        behind = [had[one] for one in backlog if had[one] < backlog[one]]
        assert not behind or had[tenant] - min(behind) <= 1


@given(st.integers(1, 100), st.floats(0.5, 8))
def test_a_tenants_weight_is_its_share_of_turns(length: int, weight: float) -> None:
    order = turns(room_of(weights={"acme": weight}, acme=400, bolt=400))[:length]

    had = Counter(order)
    assert abs(had["acme"] / weight - had["bolt"]) <= 1 + 1 / weight


def test_who_holds_least_of_the_upstream_goes_first() -> None:
    room = room_of(acme=5, bolt=1)

    taken = room.take({"acme": 3, "bolt": 2}, 10)
    assert taken is not None
    assert taken.tenant == "bolt"
    assert room.take({"acme": 10}, 10) is None


@given(st.integers(21, 200))
def test_in_a_full_round_every_lane_has_its_turns(length: int) -> None:
    room = Room(1000, TURNS, {})
    for lane in TURNS:
        for _ in range(300):
            room.add(waiter("acme", lane))
    order = [one.lane for _ in range(length) if (one := room.take({}, 1)) is not None]

    for start in range(length - 20):
        had = Counter(order[start : start + 21])
        assert had["low"] >= 1
        assert had["high"] >= 15


def test_a_lane_that_was_empty_does_not_make_up_for_it() -> None:
    room = room_of(acme=100)
    for _ in range(50):
        room.take({}, 1)
    for _ in range(50):
        room.add(waiter("acme", "high"))

    order = [one.lane for _ in range(20) if (one := room.take({}, 1)) is not None]

    assert Counter(order) == {"high": 16, "normal": 4}


@given(st.lists(st.sampled_from([*["noisy"] * 20, "quiet", "calm"]), max_size=300))
def test_a_full_room_never_turns_away_a_tenant_within_its_share(arrivals: list[str]) -> None:
    room, refused = Room(12, TURNS, {}), Counter[str]()
    came: Counter[str] = Counter()
    for tenant in arrivals:
        came[tenant] += 1
        if room.count == room.size:
            other = room.gives_way(tenant, "normal")
            refused[tenant if other is None else other.tenant] += 1
            if other is None:
                continue
            assert room.remove(other)
        room.add(waiter(tenant))

    assert room.count <= 12
    assert all(not refused[tenant] for tenant in came if came[tenant] <= 4)


def test_a_full_room_gives_a_higher_lane_the_place_of_a_lower_one() -> None:
    room = Room(2, TURNS, {})
    low, normal = waiter("acme", "low"), waiter("bolt", "normal")
    room.add(low)
    room.add(normal)

    assert room.gives_way("acme", "high") is low
    assert room.gives_way("core", "high") in {low, normal}
    assert room.gives_way("core", "normal") is low
    assert room.gives_way("core", "low") is None


def test_a_room_that_is_full_takes_nobody_more() -> None:
    room = room_of(1, acme=1)

    with pytest.raises(ValueError, match="full"):
        room.add(waiter("bolt"))


def test_who_does_not_wait_cannot_be_forgotten() -> None:
    room, one = room_of(acme=1), waiter("acme")

    assert not room.remove(one)
    assert not room.remove(waiter("bolt"))


@given(st.dictionaries(st.sampled_from(TENANTS), st.integers(1, 30), min_size=1), st.sampled_from(TENANTS))
def test_the_estimate_of_a_newcomers_turn_is_about_right(backlog: dict[str, int], tenant: str) -> None:
    room = room_of(**backlog)
    expected = room.ahead(tenant, "normal")
    late = waiter(tenant)
    room.add(late)
    before = 0
    while room.take({}, 1) is not late:
        before += 1

    assert abs(before - expected) <= len(TENANTS)


def test_lanes_that_are_turned_around_are_a_mistake() -> None:
    assert AdmissionSettings().check() == []
    assert AdmissionSettings(low=5).check()[0][0] == "high"
