from collections import Counter
from collections.abc import Iterable
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.calls.choice import Contender, Group, group
from antiphon.calls.live import Live
from antiphon.calls.settings_balance import LiveSettings
from antiphon.calls.sticky import prefix_key, session_key, stick

KEYS = st.integers(0, 2**64 - 1)
NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=2, max_size=6, unique=True)
BOUND = 1.25
MANY = 4_000


def grouped(names: Iterable[str], **weights: float) -> Group:
    return group(
        Contender(deployment=name, live=Live(LiveSettings(), 0.0), weight=weights.get(name, 1.0)) for name in names
    )


def home(made: Group, key: int, *barred: str) -> str:
    chosen = stick(made, key, BOUND, dict.fromkeys(barred, "open")).chosen
    assert chosen is not None
    return chosen.deployment


@given(KEYS, NAMES)
def test_a_key_has_one_home_in_whatever_order_they_stand(key: int, names: list[str]) -> None:
    assert home(grouped(names), key) == home(grouped(reversed(names)), key)


@given(KEYS, NAMES, st.data())
def test_only_the_keys_of_one_that_goes_move(key: int, names: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(names))
    before = home(grouped(names), key)

    after = home(grouped(name for name in names if name != gone), key)

    assert before in {after, gone}


def test_one_that_comes_takes_its_share_of_the_keys() -> None:
    before, after = grouped("abc"), grouped("abcd")

    moved = [(home(before, key), home(after, key)) for key in range(MANY)]

    assert {new for old, new in moved if old != new} == {"d"}
    assert sum(old != new for old, new in moved) / MANY == pytest.approx(1 / 4, abs=0.03)


def test_keys_are_shared_by_weight() -> None:
    made = grouped("abc", a=1.0, b=2.0, c=5.0)

    told = Counter(home(made, key) for key in range(MANY))

    assert [told[name] / MANY for name in "abc"] == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.03)


@given(KEYS, NAMES)
def test_it_goes_on_to_the_next_and_returns_when_its_home_is_back(key: int, names: list[str]) -> None:
    made = grouped(names)
    first, following, *_ = (one.deployment for one in stick(made, key, BOUND).compared)

    assert home(made, key, first) == following
    assert home(made, key) == first


def test_a_full_home_is_told_so() -> None:
    made = grouped("ab")
    key = next(key for key in range(99) if home(made, key) == "a")
    for one in made.levels[0].contenders:
        if one.deployment == "a":
            for _ in range(5):
                one.live.began(0.0)

    choice = stick(made, key, BOUND)

    assert {one.deployment: one.lost for one in choice.candidates()} == {"a": "full", "b": ""}
    other = next(key for key in range(99) if stick(made, key, BOUND).compared[0].deployment == "b")
    assert {one.deployment: one.lost for one in stick(made, other, BOUND).candidates()} == {
        "a": "another's home",
        "b": "",
    }


def test_a_home_takes_its_fair_share_and_a_quarter_more() -> None:
    """Of one, two and three in flight between two: rounded up, 1, 2 and 2 may be its own."""
    made = grouped("ab")
    taken: list[str] = []

    for _ in range(3):
        choice = stick(made, 1, BOUND)
        assert choice.chosen is not None
        choice.chosen.live.began(0.0)
        taken.append(choice.chosen.deployment)

    first = taken[0]
    assert taken == [first, first, "a" if first == "b" else "b"]


def test_nobody_is_chosen_when_all_are_barred() -> None:
    choice = stick(grouped("ab"), 1, BOUND, {"a": "open", "b": "429"})

    assert choice.chosen is None
    assert {one.deployment: one.lost for one in choice.candidates()} == {"a": "open", "b": "429"}


def test_the_next_priority_is_used_when_the_first_is_barred() -> None:
    live = Live(LiveSettings(), 0.0)
    made = group([Contender(deployment=name, live=live, priority=at) for at, name in enumerate("ab")])

    assert {home(made, key) for key in range(20)} == {"a"}
    assert {home(made, key, "a") for key in range(20)} == {"b"}


def test_what_belongs_together_has_one_key_and_tenants_have_their_own() -> None:
    assert session_key("acme", "s-1") == session_key("acme", "s-1")
    assert prefix_key("acme", b"You are kind." + b"x" * 9, 13) == prefix_key("acme", b"You are kind.", 13)
    assert (
        len(
            {
                session_key("acme", "s-1"),
                session_key("acme", "s-2"),
                session_key("other", "s-1"),
                prefix_key("acme", b"s-1", 13),
                prefix_key("acme", b"You are kind.", 13),
            }
        )
        == 5
    )


class Hours(RuleBasedStateMachine):
    """Calls come and go, deployments fail and return: nobody is ever given more than its bound."""

    def __init__(self) -> None:
        super().__init__()
        self.made = grouped("abcd", c=3.0)
        self.barred: dict[str, str] = {}
        self.open: list[Contender] = []

    @rule(key=KEYS)
    def calls(self, key: int) -> None:
        choice = stick(self.made, key, BOUND, dict(self.barred))
        usable = [one for one in self.made.levels[0].contenders if one.deployment not in self.barred]
        if choice.chosen is None:
            assert not usable
            return
        assert choice.chosen in usable
        share = (sum(one.live.in_flight for one in usable) + 1) * choice.chosen.weight / sum(x.weight for x in usable)
        choice.chosen.live.began(0.0)
        assert choice.chosen.live.in_flight <= ceil(BOUND * share)
        self.open.append(choice.chosen)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def ends(self, data: st.DataObject) -> None:
        one = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        one.live.ended(None, 0.0)

    @rule(name=st.sampled_from("abcd"))
    def fails(self, name: str) -> None:
        self.barred[name] = "open"

    @rule(name=st.sampled_from("abcd"))
    def returns(self, name: str) -> None:
        self.barred.pop(name, None)

    @invariant()
    def counts_are_kept(self) -> None:
        assert sum(one.live.in_flight for one in self.made.levels[0].contenders) == len(self.open)


TestHours = Hours.TestCase
