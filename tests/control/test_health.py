from pathlib import Path

import msgspec
from fakes.house import KEY, House, deployed

from antiphon.calls.settings import CallsSettings
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.control.health import DeploymentHealth, deployments

OPENS = CallsSettings(breaker=BreakerSettings(consecutive_failures=1))


def seen(house: House, now_s: float) -> dict[str, DeploymentHealth]:
    page = deployments(house.caller.fleet, 3, now_s)
    assert page.worker == 3
    return {one.name: one for one in page.deployments}


def test_a_deployment_that_is_well_has_nothing_to_tell(tmp_path: Path) -> None:
    house = House(tmp_path, deployment=deployed(concurrency=7))

    (one,) = seen(house, house.caller.now()).values()

    assert (one.usable, one.in_flight, one.limit, one.waiting, one.headroom, one.trouble) == (True, 0, 7, 0, 1.0, "")
    assert one.breaker.state == "closed"
    assert one.breaker.retry_in_s is None
    assert (one.latency.first_token_p50_s, one.latency.whole_p95_s, one.cooling_s) == (None, None, None)
    assert [(key.name, key.state, key.headroom) for key in one.keys] == [("key 1", "alive", 1.0)]


def test_one_that_failed_says_why_and_when_it_may_be_asked_again(tmp_path: Path) -> None:
    house = House(tmp_path, deployments=[deployed(), deployed("big")], calls=OPENS)
    member, now_s = house.caller.fleet["small"], house.caller.now()
    member.breaker.failed(member.breaker.admit(now_s), now_s, "broken")

    told = seen(house, now_s)

    assert (told["small"].usable, told["big"].usable) == (False, True)
    breaker = told["small"].breaker
    assert (breaker.state, breaker.openings) == ("open", 1)
    assert "broken" in breaker.reason
    assert breaker.retry_in_s is not None
    assert 0 < breaker.retry_in_s <= 5


def test_one_that_asked_to_be_left_alone_says_how_long_yet(tmp_path: Path) -> None:
    house = House(tmp_path)
    now_s = house.caller.now()
    house.caller.fleet["small"].cool(now_s + 9, "overloaded")

    one = seen(house, now_s + 1)["small"]

    assert (one.usable, one.cooling_s) == (False, 8)
    assert one.trouble == "cooling for 8 s (overloaded)"


def test_a_key_says_how_it_is_and_never_what_it_is(tmp_path: Path) -> None:
    house = House(tmp_path, keys=(KEY, "sk-two-000000", "sk-three-0000", "sk-four-0000"))
    member, now_s = house.caller.fleet["small"], house.caller.now()
    assert member.pool is not None
    member.pool.keys[1].mark("cooling", "rate_limited", now_s, now_s + 5)
    member.pool.keys[2].mark("dead", "auth", now_s)
    member.refused_keys["key 4"] = now_s + 7

    page = deployments(house.caller.fleet, 0, now_s)

    told = [(key.name, key.state, key.back_in_s, key.reason) for key in page.deployments[0].keys]
    assert told == [
        ("key 1", "alive", None, ""),
        ("key 2", "cooling", 5, "rate_limited"),
        ("key 3", "dead", None, "auth"),
        ("key 4", "dead", 7, "refused for this deployment"),
    ]
    assert b"sk-" not in msgspec.json.encode(page)


def test_what_runs_and_waits_is_counted(tmp_path: Path) -> None:
    house = House(tmp_path, deployment=deployed(concurrency=1))
    member, now_s = house.caller.fleet["small"], house.caller.now()
    assert member.gate.try_enter("acme")

    one = seen(house, now_s)["small"]

    assert (one.usable, one.in_flight, one.limit, one.trouble) == (False, 1, 1, "full")
