import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.chance import Previous
from antiphon.core.deployment import Price
from antiphon.core.plan import Predicted
from antiphon.routing.settings_rules import SwitchSettings
from antiphon.routing.switching import Stay, cache_loss, settle, switch

S = 1_000_000_000
PRICE = Price(input=3_000_000, output=15_000_000, cached_input=300_000)
"""3, 15 and 0.3 US dollars a million."""
MINE = Predicted(deployment="mine", cost_nano_usd=100_000, quality=0.8)
OTHER = Predicted(deployment="other", cost_nano_usd=40_000, quality=0.8)
BETTER = Predicted(deployment="better", cost_nano_usd=100_000, quality=0.9)


def decided(
    *ready: Predicted, cached: int = 0, waited_s: int = 0, price: Price | None = PRICE, **settings: float
) -> Stay:
    previous = Previous(deployment="mine", cached_tokens=cached, at_ns=1_000 * S)
    return settle(switch(SwitchSettings(**settings)), ready, previous, price, (1_000 + waited_s) * S)


def test_a_prompt_cache_is_worth_what_its_tokens_are_cheaper_by() -> None:
    assert cache_loss(PRICE, 1_000) == 1_000 * (3_000 - 300)
    assert cache_loss(PRICE, 0) == 0


def test_no_cache_is_lost_where_cached_tokens_have_no_price_of_their_own() -> None:
    assert cache_loss(None, 1_000) == 0
    assert cache_loss(Price(input=3_000_000, output=1), 1_000) == 0
    assert cache_loss(Price(input=1, output=1, cached_input=2), 1_000) == 0


def test_a_session_leaves_for_a_gain_above_the_cache_that_it_loses() -> None:
    assert decided(OTHER, MINE, cached=22) == Stay(
        previous="mine", outcome="switched", gain_nano_usd=60_000, loss_nano_usd=59_400
    )


def test_a_session_stays_where_its_cache_is_worth_more() -> None:
    assert decided(OTHER, MINE, cached=23) == Stay(
        previous="mine", outcome="stayed", gain_nano_usd=60_000, loss_nano_usd=62_100
    )


def test_a_gain_that_is_no_more_than_what_is_lost_is_none() -> None:
    assert decided(MINE, OTHER).outcome == "stayed"
    same = Predicted(deployment="same", cost_nano_usd=100_000)
    assert decided(same, MINE).outcome == "stayed"


@pytest.mark.parametrize(("least", "outcome"), [(0.00005, "switched"), (0.00006, "stayed")])
def test_a_switch_gains_at_least_what_is_stated(least: float, outcome: str) -> None:
    assert decided(OTHER, MINE, least_gain_usd=least).outcome == outcome


@pytest.mark.parametrize(("worth", "outcome"), [(0.001, "switched"), (0.0005, "stayed")])
def test_quality_counts_by_its_worth(worth: float, outcome: str) -> None:
    assert decided(BETTER, MINE, cached=20, worth_usd=worth).outcome == outcome


def test_quality_without_a_worth_is_no_gain() -> None:
    assert decided(BETTER, MINE).outcome == "stayed"


def test_worse_answers_are_a_loss_that_cheaper_ones_must_make_up_for() -> None:
    worse = Predicted(deployment="worse", cost_nano_usd=40_000, quality=0.7)

    assert decided(worse, MINE, worth_usd=0.0005).outcome == "switched"
    assert decided(worse, MINE, worth_usd=0.0007).outcome == "stayed"


def test_a_gain_that_is_unknown_is_no_reason_to_leave() -> None:
    unknown = Predicted(deployment="unknown")

    assert decided(unknown, MINE, worth_usd=1) == Stay(previous="mine", outcome="stayed")


def test_a_session_that_waited_too_long_is_free() -> None:
    assert decided(OTHER, MINE, cached=1_000_000, waited_s=300).outcome == "stayed"
    assert decided(OTHER, MINE, cached=1_000_000, waited_s=301).outcome == "idle"
    assert decided(OTHER, MINE, cached=1_000_000, waited_s=11, idle_s=10).outcome == "idle"


def test_whoever_is_no_candidate_any_more_is_left() -> None:
    assert decided(OTHER, cached=1_000_000).outcome == "gone"


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 10**6),
    st.integers(1, 9),
)
def test_more_cache_never_makes_a_session_leave(
    mine: int, other: int, good: float, better: float, cached: int, more: int
) -> None:
    two = (
        Predicted(deployment="other", cost_nano_usd=other, quality=better),
        Predicted(deployment="mine", cost_nano_usd=mine, quality=good),
    )
    before, after = (decided(*two, cached=tokens, worth_usd=0.01).outcome for tokens in (cached, cached * more))

    assert (before, after) != ("stayed", "switched")
