"""A deployment as one worker knows it."""

from collections.abc import Sequence

import pytest
from fakes.house import aimed, deployed

from antiphon.calls.fleet import Fleet
from antiphon.calls.keypool import Key, NoKey
from antiphon.calls.member import FULL, NO_ROOM, Member
from antiphon.calls.settings import CallsSettings
from antiphon.core.deployment import Deployment
from antiphon.core.secret import Secret
from antiphon.providers.credentials import ProviderKeySettings

ONE, TWO = "sk-one-000000", "sk-two-000000"


def member_of(deployment: Deployment | None = None, *, keys: Sequence[str] = (ONE,)) -> Member:
    one, fleet = deployment or deployed(), Fleet()
    told = {"openai": [ProviderKeySettings(key=Secret(key)) for key in keys]} if keys else {}
    fleet.arrange(CallsSettings(), {one.name: aimed(one, "openai", *keys)}, told, 0.0)
    return fleet[one.name]


def enter(member: Member) -> None:
    assert member.gate.try_enter("acme")


def test_one_that_nothing_is_wrong_with_is_ready() -> None:
    for member in (member_of(), member_of(keys=())):
        assert (member.ready(0.0), member.trouble(0.0)) == (True, "")


def test_one_that_asked_to_be_left_alone_is_not_ready_before_its_time() -> None:
    member = member_of()

    member.cool(9.0, "overloaded")
    member.cool(5.0, "a shorter time")

    assert (member.ready(8.9), member.trouble(1.0)) == (False, "cooling for 8 s (overloaded)")
    assert (member.ready(9.0), member.trouble(9.0)) == (True, "")


def test_a_full_one_is_not_ready_until_it_has_room() -> None:
    member = member_of(deployed(concurrency=1))
    enter(member)

    assert (member.ready(0.0), member.trouble(0.0)) == (False, FULL)
    member.gate.leave("acme")
    assert (member.ready(0.0), member.trouble(0.0)) == (True, "")


def test_one_at_its_rate_limit_is_not_ready() -> None:
    member = member_of(deployed(requests_per_minute=1))
    member.live.began(0.0)

    assert (member.ready(1.0), member.trouble(1.0)) == (False, NO_ROOM)
    assert member.ready(120.0)


def test_one_whose_keys_all_rest_is_not_ready_and_says_how_each_is() -> None:
    member = member_of(keys=(ONE, TWO))
    assert member.pool is not None
    member.pool.keys[0].mark("dead", "auth", 0.0)
    assert member.ready(0.0)

    member.pool.keys[1].mark("cooling", "rate_limited", 0.0, 5.0)

    assert not member.ready(0.0)
    assert member.trouble(0.0) == "no key: key 1: dead (auth); key 2: cooling for 5 s (rate_limited)"
    assert member.ready(5.0)


def test_one_whose_breaker_is_open_is_not_ready() -> None:
    member = member_of()
    for _ in range(5):
        member.breaker.failed(member.breaker.admit(0.0), 0.0, "broken")

    assert (member.ready(0.0), member.trouble(0.0)) == (False, ""), "that is not for `trouble` to say"


@pytest.mark.parametrize("keys", [(ONE,), (ONE, TWO)])
def test_a_key_that_may_not_use_a_deployment_is_not_taken_for_it_until_its_time(keys: Sequence[str]) -> None:
    member = member_of(keys=keys)

    member.refused_keys["key 1"] = 5.0

    picked = {
        found.name if isinstance(found := member.key(0.0, seed), Key) else None for seed in range(0, 2**32, 2**28)
    }
    assert picked == ({None} if len(keys) == 1 else {"key 2"})
    later = {found.name for seed in range(0, 2**32, 2**28) if isinstance(found := member.key(5.0, seed), Key)}
    assert "key 1" in later
    assert member.refused_keys == {}


def test_a_key_that_a_request_can_not_use_is_left_out() -> None:
    member = member_of(keys=(ONE, TWO))

    found = member.key(0.0, 0, without={"key 1"})
    none = member.key(0.0, 0, without={"key 1", "key 2"})

    assert isinstance(found, Key)
    assert found.name == "key 2"
    assert isinstance(none, NoKey)
    assert member_of(keys=()).key(0.0, 0) is None
