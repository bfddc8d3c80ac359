from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from antiphon.calls.retry_budget import BUCKETS, RetryBudget, Spending
from antiphon.calls.settings_failure import RetryBudgetSettings

EPSILON_S = 1e-6
"""Edges of buckets are floats."""


class Storm(RuleBasedStateMachine):
    """Traffic over hours, beside a list of all that happened."""

    @initialize(
        fraction=st.sampled_from([0.0, 0.1, 0.2, 1.0]),
        window_s=st.sampled_from([1.0, 7.0, 10.0, 60.0]),
        min_per_s=st.sampled_from([0.0, 0.1, 1.0, 10.0]),
        start_s=st.integers(0, 10**9).map(lambda ms: ms / 1000),
    )
    def begin(self, fraction: float, window_s: float, min_per_s: float, start_s: float) -> None:
        self.settings = RetryBudgetSettings(fraction=fraction, window_s=window_s, min_per_s=min_per_s)
        self.budget = RetryBudget(self.settings)
        self.now_s = start_s
        self.firsts: list[float] = []
        self.retries: list[float] = []

    @rule(seconds=st.floats(0, 3) | st.floats(0, 100) | st.sampled_from([1.0, 10.0, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(count=st.integers(1, 60))
    def attempts(self, count: int) -> None:
        for _ in range(count):
            self.budget.first(self.now_s)
            self.firsts.append(self.now_s)

    @rule(count=st.integers(1, 60))
    def failures(self, count: int) -> None:
        for _ in range(count):
            if self.budget.retry(self.now_s):
                self.retries.append(self.now_s)
                self.check_window()

    def check_window(self) -> None:
        """Straight from the definition."""
        begins_s = self.now_s - self.settings.window_s
        retries = sum(at > begins_s + EPSILON_S for at in self.retries)
        firsts = sum(at > begins_s - EPSILON_S for at in self.firsts)
        most = self.settings.fraction * firsts + self.settings.min_per_s * self.settings.window_s
        assert retries <= most + 1e-9

    @invariant()
    def no_count_is_negative(self) -> None:
        if hasattr(self, "budget"):
            said = self.budget.spending(self.now_s)
            assert min(said.firsts, said.retries, said.left) >= 0
            # All that surely lies within the window is there, and nothing that surely doesn't.
            bucket_s = self.settings.window_s / BUCKETS
            sure = self.now_s - self.settings.window_s + bucket_s
            assert said.firsts >= sum(at > sure + EPSILON_S for at in self.firsts)
            assert said.retries <= sum(at > sure - 2 * bucket_s - EPSILON_S for at in self.retries)


Storm.TestCase.settings = settings(deadline=None)
TestStorm = Storm.TestCase


def granted(budget: RetryBudget, now_s: float, asked: int) -> int:
    return sum(budget.retry(now_s) for _ in range(asked))


def test_a_fifth_of_the_traffic_may_be_retried_beside_the_floor() -> None:
    budget = RetryBudget(RetryBudgetSettings())
    for _ in range(1000):
        budget.first(100.0)

    assert granted(budget, 100.5, 1000) == 200 + 10
    assert budget.spending(100.5) == Spending(firsts=1000, retries=210, left=0)


def test_a_quiet_upstream_has_its_floor() -> None:
    budget = RetryBudget(RetryBudgetSettings(min_per_s=0.5))

    assert granted(budget, 1e6, 100) == 5
    assert granted(budget, 1e6 + 12, 100) == 5


def test_without_a_floor_and_traffic_nothing_is_retried() -> None:
    budget = RetryBudget(RetryBudgetSettings(min_per_s=0))

    assert not budget.retry(5.0)


def test_traffic_of_the_last_window_does_not_pay_for_retries() -> None:
    budget = RetryBudget(RetryBudgetSettings(min_per_s=0))
    for _ in range(100):
        budget.first(0.0)

    assert budget.retry(9.5)
    assert not budget.retry(10.5)


@pytest.mark.parametrize("bucket", range(BUCKETS + 1))
def test_after_a_long_pause_nothing_counts(bucket: int) -> None:
    budget = RetryBudget(RetryBudgetSettings())
    for _ in range(100):
        budget.first(100.5 + bucket)
    assert granted(budget, 100.5 + bucket, 100) == 30

    assert budget.spending(5000.5) == Spending(firsts=0, retries=0, left=10)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    budget = RetryBudget(RetryBudgetSettings(min_per_s=0))
    budget.first(50.0)
    for _ in range(9):
        budget.first(20.0)

    assert granted(budget, 20.0, 100) == 2
    assert budget.spending(50.0).firsts == 10


@given(st.integers(1, 60), st.sampled_from([0.3, 0.5, 0.9]))
@settings(max_examples=30, deadline=None)
def test_a_failing_upstream_gets_at_most_its_share_more(per_s: int, failing: float) -> None:
    budget = RetryBudget(RetryBudgetSettings())
    retries, at = 0, Fraction(0)
    for number in range(per_s * 30):
        budget.first(float(at))
        retries += number % 10 < failing * 10 and budget.retry(float(at))
        at += Fraction(1, per_s)

    assert retries <= 0.2 * per_s * 30 + 10 * 4


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_a_fraction_is_one(fraction: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"fraction": fraction}, RetryBudgetSettings)
