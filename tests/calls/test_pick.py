from collections import Counter
from typing import Any

import pytest
from fakes.fleets import Worker, post, virtually
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.attempt import Spot
from antiphon.calls.chance import SEEDS
from antiphon.calls.pick import NOT_OURS, pick, usable
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_balance import StickySettings
from antiphon.calls.settings_failure import BreakerSettings, EjectionSettings
from antiphon.calls.settings_flow import ProbeSettings

NOW_S = 100.0
THREE = ("one", "two", "three")


def opened(worker: Worker, *names: str, at_s: float = NOW_S) -> None:
    """Have breakers open."""
    for name in names:
        breaker = worker.member(name).breaker
        while breaker.closed:
            breaker.failed(breaker.admit(at_s), at_s, "server_error")


def picks(worker: Worker, *, now_s: float = NOW_S, **how: Any) -> list[Spot | None]:
    """What many requests get."""
    return [pick(worker.prepared, 0, seed=place * (SEEDS // 64), now_s=now_s, **how) for place in range(64)]


def names(spots: list[Spot | None]) -> set[str]:
    return {spot.member.name for spot in spots if spot is not None}


def why(spot: Spot | None) -> dict[str, str]:
    """Why the others were not picked."""
    assert spot is not None
    assert spot.choice is not None
    return {one.deployment: one.lost for one in spot.choice.telling()}


@virtually
async def test_whoever_is_ready_has_a_share() -> None:
    spots = picks(Worker(THREE))

    counted = Counter(spot.member.name for spot in spots if spot is not None)
    assert counted.keys() == {*THREE}
    assert min(counted.values()) >= 20
    assert not any(spot is None or spot.forced for spot in spots)


@virtually
async def test_a_spot_knows_the_deployment_it_is_for() -> None:
    spot = pick(Worker(["one"]).prepared, 0, seed=0, now_s=NOW_S, reason="why")

    assert spot is not None
    assert (spot.member.name, spot.target.deployment.name, spot.rank, spot.reason) == ("one", "one", 0, "why")


@virtually
async def test_who_was_tried_is_not_picked() -> None:
    worker = Worker(THREE)

    spots = picks(worker, tried={"one": "failed: timeout", "three": "runs"})

    assert names(spots) == {"two"}
    assert why(spots[0]) == {"one": "failed: timeout", "three": "runs"}


@virtually
async def test_when_all_were_tried_nobody_is_picked() -> None:
    tried = dict.fromkeys(THREE, "failed")

    assert picks(Worker(THREE), tried=tried) == [None] * 64
    assert picks(Worker(THREE), tried=tried, strict=False) == [None] * 64


@virtually
async def test_who_is_left_alone_is_not_picked_and_the_reason_is_told() -> None:
    worker = Worker(THREE)
    opened(worker, "two")

    spots = picks(worker)

    assert names(spots) == {"one", "three"}
    assert why(spots[0])["two"] == "left alone: 5 failures in a row; the last: server_error"


@virtually
async def test_strictly_nobody_is_picked_while_all_are_left_alone() -> None:
    worker = Worker(THREE)
    opened(worker, *THREE)

    assert picks(worker) == [None] * 64


@virtually
async def test_who_is_nearest_to_being_back_is_forced_when_all_are_left_alone() -> None:
    worker = Worker(THREE)
    opened(worker, "two", at_s=NOW_S - 2)
    opened(worker, "one", "three")

    assert picks(worker, now_s=NOW_S, strict=True) == [None] * 64
    forced = picks(worker, now_s=NOW_S, strict=False)

    assert names(forced) == {"two"}
    assert all(spot is not None and spot.forced for spot in forced)


@virtually
async def test_whose_time_is_over_has_its_probe_while_the_others_are_left_alone() -> None:
    worker = Worker(THREE)
    opened(worker, "two", at_s=NOW_S - 10)
    opened(worker, "one", "three")

    spots = picks(worker)
    worker.member("two").breaker.admit(NOW_S)

    assert names(spots) == {"two"}
    assert not any(spot is None or spot.forced for spot in spots)
    assert picks(worker) == [None] * 64, "one probe at a time"


@virtually
async def test_no_more_are_left_out_than_may_be() -> None:
    half = CallsSettings(ejection=EjectionSettings(max_ejected_fraction=0.5))
    worker = Worker([*THREE, "four"], calls=half)
    opened(worker, *THREE)

    spots = picks(worker)

    assert "four" in names(spots)
    assert len(names(spots)) == 2
    forced = {spot.member.name for spot in spots if spot is not None and spot.forced}
    assert len(forced) == 1
    assert "four" not in forced


@virtually
async def test_a_request_is_the_probe_unless_probes_are_the_gateway_s_own() -> None:
    for enabled in (False, True):
        worker = Worker(["one", "two"], calls=CallsSettings(probes=ProbeSettings(enabled=enabled)))
        opened(worker, "two")

        spots = picks(worker, now_s=NOW_S + 6)

        assert names(spots) == ({"one"} if enabled else {"one", "two"})
        if enabled:
            assert why(spots[0]) == {"two": NOT_OURS}


@virtually
async def test_where_probes_are_the_gateway_s_own_somebody_is_asked_all_the_same_when_nobody_else_is_left() -> None:
    worker = Worker(["one"], calls=CallsSettings(probes=ProbeSettings(enabled=True)))
    opened(worker, "one")

    assert picks(worker, now_s=NOW_S + 6) == [None] * 64
    assert names(picks(worker, now_s=NOW_S + 6, strict=False)) == {"one"}


@virtually
async def test_who_cools_is_passed_over_and_asked_only_when_nobody_else_is_left() -> None:
    worker = Worker(["one", "two"])
    worker.member("one").cool(NOW_S + 5, "overloaded")

    spots = picks(worker)
    worker.member("two").cool(NOW_S + 9, "overloaded")

    assert names(spots) == {"two"}
    assert why(spots[0]) == {"one": "cooling for 5 s (overloaded)"}
    assert picks(worker) == [None] * 64
    assert names(picks(worker, strict=False)) == {"one", "two"}
    assert all(spot is not None and spot.forced for spot in picks(worker, strict=False))


@virtually
async def test_who_has_no_key_is_passed_over() -> None:
    worker = Worker(["one", "two"], keys={"one": 2})
    pool = worker.member("one").pool
    assert pool is not None
    for key in pool.keys:
        key.mark("cooling", "rate_limited", NOW_S, NOW_S + 5)

    spots = picks(worker)

    assert names(spots) == {"two"}
    assert why(spots[0])["one"].startswith("no key: key 1: cooling for 5 s (rate_limited)")
    assert names(picks(worker, tried={"two": "failed"}, strict=False)) == {"one"}


@virtually
async def test_who_has_only_dead_keys_is_never_picked() -> None:
    worker = Worker(["one"], keys={"one": 1})
    pool = worker.member("one").pool
    assert pool is not None
    pool.keys[0].mark("dead", "auth", NOW_S)

    assert picks(worker) == [None] * 64
    assert picks(worker, strict=False) == [None] * 64


@virtually
async def test_who_is_left_alone_is_asked_when_the_others_have_only_dead_keys() -> None:
    worker = Worker(["one", "two"], keys={"one": 1, "two": 1})
    opened(worker, "one")
    pool = worker.member("two").pool
    assert pool is not None
    pool.keys[0].mark("dead", "auth", NOW_S)

    spots = picks(worker, strict=False)

    assert names(spots) == {"one"}
    assert all(spot is not None and spot.forced for spot in spots)


@virtually
async def test_who_is_full_is_passed_over_and_waited_for_when_nobody_else_is_left() -> None:
    worker = Worker([post("one", concurrency=1), "two"])
    assert worker.member("one").gate.try_enter("acme")

    spots = picks(worker)

    assert names(spots) == {"two"}
    assert why(spots[0]) == {"one": "full"}
    assert names(picks(worker, tried={"two": "failed"}, strict=False)) == {"one"}


@virtually
async def test_who_is_at_its_rate_limit_is_passed_over() -> None:
    worker = Worker([post("one", requests_per_minute=2), "two"])
    for _ in range(2):
        worker.member("one").live.began(NOW_S)

    spots = picks(worker)

    assert names(spots) == {"two"}
    assert why(spots[0]) == {"one": "at its rate limit"}
    assert names(picks(worker, now_s=NOW_S + 66)) == {"one", "two"}


@virtually
async def test_a_lower_priority_is_used_only_when_the_higher_is_barred() -> None:
    worker = Worker(["one", post("two", priority=1)])

    assert names(picks(worker)) == {"one"}
    assert names(picks(worker, tried={"one": "failed"})) == {"two"}


@virtually
async def test_what_sticks_goes_home_while_home_is_ready() -> None:
    worker = Worker(THREE, route=RouteSettings(sticky=StickySettings(by="session")))

    home = names(picks(worker, key=12345))
    away = names(picks(worker, key=12345, tried=dict.fromkeys(home, "failed")))

    assert len(home) == len(away) == 1
    assert home != away


@virtually
async def test_usable_are_those_that_are_ready_and_were_not_tried() -> None:
    worker = Worker([*THREE, "four"])
    opened(worker, "two")
    worker.member("three").cool(NOW_S + 5, "overloaded")

    assert usable(worker.prepared, 0, now_s=NOW_S, tried={}) == 2
    assert usable(worker.prepared, 0, now_s=NOW_S, tried={"one": "failed"}) == 1


STATES = st.lists(
    st.sampled_from(["sound", "open", "half open", "cooling", "no key", "dead", "full"]), min_size=1, max_size=6
)


@given(STATES, st.sampled_from([0.0, 0.5, 0.75, 1.0]), st.booleans(), st.data())
def test_a_pool_is_never_emptied(states: list[str], most: float, own_probes: bool, data: st.DataObject) -> None:
    tried = data.draw(st.sets(st.integers(0, len(states) - 1)))

    @virtually
    async def story() -> None:
        posts = [post(f"d{place}", concurrency=1) for place in range(len(states))]
        calls = CallsSettings(
            breaker=BreakerSettings(probes_per_minute=1),
            ejection=EjectionSettings(max_ejected_fraction=most),
            probes=ProbeSettings(enabled=own_probes),
        )
        worker = Worker(posts, calls=calls, keys={one.name: 1 for one in posts})
        for one, state in zip(posts, states, strict=True):
            into(worker, one.name, state)
        left_out = {posts[place].name: "failed" for place in tried}
        able = [
            one.name for one, state in zip(posts, states, strict=True) if state != "dead" and one.name not in left_out
        ]
        sound = [
            one.name for one, state in zip(posts, states, strict=True) if state == "sound" and one.name not in left_out
        ]

        strict = names(picks(worker, tried=left_out))
        any_how = names(picks(worker, tried=left_out, strict=False))

        assert strict <= {*able}
        assert any_how <= {*able}
        assert not strict & left_out.keys()
        if sound:
            assert strict & {*sound}, "who is sound can be had"
        if not tried and able:
            assert any_how, "somebody can always be asked"

    story()


def into(worker: Worker, name: str, state: str) -> None:
    member = worker.member(name)
    assert member.pool is not None
    match state:
        case "open":
            opened(worker, name)
        case "half open":
            opened(worker, name, at_s=NOW_S - 61)
        case "cooling":
            member.cool(NOW_S + 5, "overloaded")
        case "no key":
            member.pool.keys[0].mark("cooling", "rate_limited", NOW_S, NOW_S + 5)
        case "dead":
            member.pool.keys[0].mark("dead", "auth", NOW_S)
        case "full":
            assert member.gate.try_enter("acme")
        case _:
            assert member.ready(NOW_S)


@pytest.mark.parametrize("strict", [True, False])
@virtually
async def test_the_same_arguments_give_the_same_pick(strict: bool) -> None:
    worker = Worker(THREE)
    opened(worker, "two")

    spots = [pick(worker.prepared, 0, seed=7, now_s=NOW_S, strict=strict) for _ in range(5)]

    assert len(names(spots)) == 1
