from collections import Counter
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.calls.chance import SEEDS
from antiphon.calls.keypool import LONGEST_S, Key, KeyPool, NoKey, Rest
from antiphon.core.secret import Secret
from antiphon.providers.credentials import ProviderKeySettings, check_keys

MARKER = "sk-marker-0123456789"


def key(name: str = "", **more: int | None) -> ProviderKeySettings:
    limits = {"requests_per_minute": None, "tokens_per_minute": None, "concurrency": None} | more
    return ProviderKeySettings(
        key=Secret(MARKER + name),
        name=name,
        requests_per_minute=limits["requests_per_minute"],
        tokens_per_minute=limits["tokens_per_minute"],
        concurrency=limits["concurrency"],
    )


def taken(picked: Key | NoKey) -> Key:
    assert isinstance(picked, Key)
    return picked


def none(picked: Key | NoKey) -> NoKey:
    assert isinstance(picked, NoKey)
    return picked


def shares(pool: KeyPool, count: int = 4_000, now_s: float = 0.0) -> dict[str, float]:
    names = Counter(taken(pool.pick(now_s, seed * (SEEDS // count))).name for seed in range(count))
    return {name: number / count for name, number in names.items()}


def test_keys_are_named_by_their_name_or_their_position() -> None:
    pool = KeyPool([key("billing"), key()])

    assert [one.name for one in pool.keys] == ["billing", "key 2"]


@pytest.mark.parametrize("settings", [[], [key("a"), key("a")], [key("key 2"), key()]])
def test_a_pool_has_keys_and_each_its_own_name(settings: list[ProviderKeySettings]) -> None:
    with pytest.raises(ValueError, match="its own name"):
        KeyPool(settings)


def test_mistakes_in_names_are_told_with_a_remedy() -> None:
    mistakes = check_keys([key("a"), key("a"), ProviderKeySettings(key=Secret(MARKER), name="marker")])

    assert mistakes == [
        ("1.name", "two keys are called 'a'", "give each its own name"),
        ("2.name", "the name is a part of the key", "give it a name that tells nothing"),
    ]


def test_keys_are_shared_by_weight() -> None:
    pool = KeyPool(
        [ProviderKeySettings(key=Secret(str(at)), weight=weight) for at, weight in enumerate((1.0, 2.0, 5.0))]
    )

    assert shares(pool) == pytest.approx({"key 1": 1 / 8, "key 2": 2 / 8, "key 3": 5 / 8}, abs=0.02)


def test_a_key_does_not_follow_the_deployment_that_the_same_seed_chose() -> None:
    """Seeds of the lower half all chose one deployment: its keys are still shared."""
    pool = KeyPool([key("a"), key("b")])

    names = Counter(taken(pool.pick(0.0, seed * (SEEDS // 8_000))).name for seed in range(4_000))

    assert names["a"] / 4_000 == pytest.approx(0.5, abs=0.03)


def test_a_key_near_its_limit_gets_less() -> None:
    pool = KeyPool([key("a", requests_per_minute=100), key("b", requests_per_minute=100)])
    for _ in range(75):
        pool.keys[0].began(0.0)

    assert shares(pool) == pytest.approx({"a": 0.2, "b": 0.8}, abs=0.02)


def test_the_same_arguments_give_the_same_key() -> None:
    first, second = (KeyPool([key("a"), key("b"), key("c")]) for _ in range(2))

    assert [taken(first.pick(0.0, seed)).name for seed in range(50)] == [
        taken(second.pick(0.0, seed)).name for seed in range(50)
    ]


@pytest.mark.parametrize("others", [[], [key("b")]])
def test_a_cooling_key_rests_until_its_time(others: list[ProviderKeySettings]) -> None:
    pool = KeyPool([key("a"), *others])

    pool.keys[0].mark("cooling", "429", 0.0, until_s=30.0)

    assert pool.keys[0].health(29.9) == "cooling"
    if others:
        assert shares(pool, 100, 29.9) == {"b": 1}
    else:
        assert none(pool.pick(29.9, 1)).soonest_s == 30
    assert shares(pool, 100, 30.0).keys() >= {"a"}


def test_a_shorter_cooling_does_not_end_a_longer_one() -> None:
    pool = KeyPool([key("a")])
    pool.keys[0].mark("cooling", "429", 0.0, until_s=30.0)

    pool.keys[0].mark("cooling", "529", 1.0, until_s=5.0)
    assert none(pool.pick(10.0, 1)) == NoKey(30.0, "a: cooling for 20 s (429)")


@pytest.mark.parametrize("until_s", [inf, 1e12])
def test_no_cooling_lasts_for_ever(until_s: float) -> None:
    pool = KeyPool([key("a")])

    pool.keys[0].mark("cooling", "429", 5.0, until_s=until_s)

    assert none(pool.pick(5.0, 1)).soonest_s == 5 + LONGEST_S


def test_when_all_are_cooling_it_says_the_soonest_time() -> None:
    pool = KeyPool([key("a"), key("b"), key("c")])
    pool.keys[0].mark("cooling", "429", 0.0, until_s=30.0)
    pool.keys[1].mark("cooling", "529", 0.0, until_s=20.0)
    pool.keys[2].mark("dead", "401", 0.0)

    assert none(pool.pick(10.0, 1)) == NoKey(
        20.0, "a: cooling for 20 s (429); b: cooling for 10 s (529); c: dead (401)"
    )


def test_when_all_are_dead_it_says_so() -> None:
    pool = KeyPool([key("a"), key()])
    pool.keys[0].mark("dead", "401", 0.0)
    pool.keys[1].mark("dead", "out of credit", 0.0)

    assert none(pool.pick(1e9, 1)) == NoKey(None, "a: dead (401); key 2: dead (out of credit)")


def test_a_dead_key_stays_dead() -> None:
    pool = KeyPool([key("a")])
    pool.keys[0].mark("dead", "401", 0.0)

    pool.keys[0].mark("cooling", "again", 1.0, until_s=2.0)

    assert none(pool.pick(1e9, 1)).soonest_s is None


def test_a_reload_keeps_what_is_known_of_a_key_and_tries_dead_ones_again() -> None:
    before = KeyPool([key("a", concurrency=1), key("b"), key("c")])
    before.keys[0].began(0.0)
    before.keys[1].mark("cooling", "429", 0.0, until_s=30.0)
    before.keys[2].mark("dead", "401", 0.0)

    renamed = ProviderKeySettings(key=Secret(MARKER + "a"), name="first", concurrency=2)
    after = KeyPool([key("c"), key("b"), renamed], before)

    assert [one.health(1.0) for one in after.keys] == ["alive", "cooling", "alive"]
    assert [one.name for one in after.keys] == ["c", "b", "first"]
    assert after.keys[2].headroom(1.0) == 0.5
    before.keys[0].ended(2.0)
    assert after.keys[2].headroom(2.0) == 1


def test_a_full_key_is_free_when_its_minute_is_over() -> None:
    pool = KeyPool([key("a", requests_per_minute=2)])
    for at_s in (1.0, 6.0):
        taken(pool.pick(at_s, 1)).began(at_s)

    refused = none(pool.pick(7.0, 1))

    assert refused == NoKey(65.0, "a: at its limit")
    assert taken(pool.pick(65.0, 1)).name == "a"


def test_tokens_have_room_or_wait() -> None:
    pool = KeyPool([key("a", tokens_per_minute=1000)])
    one = taken(pool.pick(0.0, 1))
    one.began(0.0, 1000)
    assert none(pool.pick(1.0, 1)).soonest_s == 65

    one.ended(1.0, -500)

    assert taken(pool.pick(1.0, 1)).name == "a"


def test_a_request_larger_than_the_limit_goes_out_when_nothing_else_does() -> None:
    pool = KeyPool([key("a", tokens_per_minute=1000)])
    taken(pool.pick(0.0, 1)).began(0.0, 5000)

    assert none(pool.pick(1.0, 1)).soonest_s == 65
    assert taken(pool.pick(65.0, 1)).name == "a"


def test_a_request_that_never_began_does_not_end() -> None:
    with pytest.raises(ValueError, match="key 1: a request ended"):
        KeyPool([key()]).keys[0].ended(0.0)


@given(st.lists(st.sampled_from(["cooling", "dead"]), max_size=6), st.booleans())
def test_nothing_that_is_told_holds_a_part_of_a_secret(marks: list[Rest], limited: bool) -> None:
    pool = KeyPool([key(requests_per_minute=1 if limited else None), key()])
    told: list[str] = []
    for at, mark in enumerate(marks):
        pool.keys[at % 2].mark(mark, "why", 0.0, until_s=9.0)
        told.append(repr(pool.pick(0.0, at)))
        told.extend(one.state(0.0) for one in pool.keys)

    text = " ".join(told)
    assert not any(MARKER[at : at + 4] in text for at in range(len(MARKER) - 3))


class Hours(RuleBasedStateMachine):
    """Long hours of an account on a virtual clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.pool = KeyPool([key("a", requests_per_minute=3), key("b", concurrency=2), key("c", tokens_per_minute=100)])
        self.dead: set[str] = set()
        self.rests: dict[str, float] = {}
        self.sent: dict[str, list[float]] = {"a": [], "b": [], "c": []}
        self.open: list[Key] = []

    @rule(wait_s=st.floats(0, 90))
    def waits(self, wait_s: float) -> None:
        self.now_s += wait_s

    @rule(seed=st.integers(0, SEEDS - 1), tokens=st.integers(0, 60))
    def calls(self, seed: int, tokens: int) -> None:
        picked = self.pool.pick(self.now_s, seed)
        if isinstance(picked, NoKey):
            assert (picked.soonest_s is None) == (len(self.dead) == 3)
            assert picked.soonest_s is None or picked.soonest_s >= self.now_s
            return
        assert picked.name not in self.dead
        assert self.rests.get(picked.name, 0.0) <= self.now_s
        picked.began(self.now_s, tokens)
        self.sent[picked.name].append(self.now_s)
        self.open.append(picked)

    @precondition(lambda self: self.open)
    @rule()
    def ends(self) -> None:
        self.open.pop(0).ended(self.now_s)

    @rule(name=st.sampled_from("abc"), wait_s=st.floats(0, 300))
    def cools(self, name: str, wait_s: float) -> None:
        self.pool.keys["abc".index(name)].mark("cooling", "429", self.now_s, self.now_s + wait_s)
        self.rests[name] = max(self.rests.get(name, 0.0), self.now_s + wait_s)

    @rule(name=st.sampled_from("abc"))
    def dies(self, name: str) -> None:
        self.pool.keys["abc".index(name)].mark("dead", "401", self.now_s)
        self.dead.add(name)

    @invariant()
    def limits_are_held(self) -> None:
        assert sum(self.now_s - at_s < 60 for at_s in self.sent["a"]) <= 3
        assert self.pool.keys[1].in_flight <= 2
        assert {one.name for one in self.pool.keys if one.health(self.now_s) == "dead"} == self.dead


TestHours = Hours.TestCase
