import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.core.error import EnvelopeExceeded
from antiphon.core.plan import Envelope
from antiphon.core.ticket import Bound
from antiphon.recipes.envelope import Draw, Purse

MOST = st.none() | st.integers(1, 500)


def bound(money: int | None) -> Bound:
    return Bound(money_nano_usd=money, tokens=None)


def test_what_was_not_used_can_be_drawn_again() -> None:
    purse = Purse(Envelope(calls=3, money_nano_usd=100, output_tokens=10), 0.0)
    drawn = purse.draw(bound(80), 8, 0.0)

    with pytest.raises(EnvelopeExceeded, match="80 nano-USD more than the 20"):
        purse.draw(bound(80), 1, 0.0)
    purse.settle(drawn, 20, 2)

    assert purse.draw(bound(80), 8, 0.0) == Draw(80, 8)


@pytest.mark.parametrize(
    ("envelope", "money", "tokens", "at_s", "why"),
    [
        (Envelope(calls=0), 1, 1, 0.0, "0 of 0 calls"),
        (Envelope(seconds=5), 1, 1, 5.0, "5 s are over"),
        (Envelope(money_nano_usd=10), 11, 1, 0.0, "11 nano-USD more than the 10"),
        (Envelope(money_nano_usd=10), None, 1, 0.0, "unknown, and the envelope bounds money"),
        (Envelope(output_tokens=10), 1, 11, 0.0, "11 output tokens are more than the 10"),
    ],
)
def test_a_call_that_does_not_fit_draws_nothing(
    envelope: Envelope, money: int | None, tokens: int, at_s: float, why: str
) -> None:
    purse = Purse(envelope, 0.0)

    with pytest.raises(EnvelopeExceeded, match=why):
        purse.draw(bound(money), tokens, at_s)

    assert (purse.calls, purse.spent_nano_usd, purse.tokens) == (0, 0, 0)


def test_a_further_attempt_is_no_further_call_but_draws_like_one() -> None:
    purse = Purse(Envelope(calls=1, money_nano_usd=100), 0.0)
    purse.settle(purse.draw(bound(60), 1, 0.0), 50, 1)

    purse.settle(purse.draw(bound(50), 1, 0.0, again=True), 50, 1)

    assert purse.calls == 1
    with pytest.raises(EnvelopeExceeded):
        purse.draw(bound(1), 1, 0.0, again=True)


def test_what_an_upstream_bills_beyond_its_maximum_counts() -> None:
    purse = Purse(Envelope(calls=9, money_nano_usd=100), 0.0)

    purse.settle(purse.draw(bound(10), 1, 0.0), 150, 1)

    assert purse.spent_nano_usd == 150
    with pytest.raises(EnvelopeExceeded):
        purse.draw(bound(0), 1, 0.0)


def test_an_answer_of_unknown_length_doesn_t_fit_where_tokens_are_bounded() -> None:
    purse = Purse(Envelope(calls=9, output_tokens=100), 0.0)

    with pytest.raises(EnvelopeExceeded, match="max_tokens"):
        purse.draw(bound(10), None, 0.0)

    assert (purse.calls, purse.tokens) == (0, 0)
    assert Purse(Envelope(calls=9), 0.0).draw(bound(10), None, 0.0) == Draw(10, 0)


class Story(RuleBasedStateMachine):
    """Draws and settles in any order; upstreams keep to their bounds here."""

    @initialize(calls=st.integers(0, 12), money=MOST, tokens=MOST, seconds=st.floats(0.1, 20))
    def open(self, calls: int, money: int | None, tokens: int | None, seconds: float) -> None:
        self.envelope = Envelope(calls=calls, money_nano_usd=money, output_tokens=tokens, seconds=seconds)
        self.purse = Purse(self.envelope, 100.0)
        self.now_s = 100.0
        self.running: list[Draw] = []
        self.used = [0, 0]
        self.calls = 0

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(money=MOST, tokens=st.integers(0, 500), again=st.booleans())
    def draw(self, money: int | None, tokens: int, again: bool) -> None:
        why = self.purse.why_not(bound(money), tokens, self.now_s, again=again)
        try:
            self.running.append(self.purse.draw(bound(money), tokens, self.now_s, again=again))
        except EnvelopeExceeded:
            assert why
        else:
            assert not why
            assert self.now_s < 100.0 + self.envelope.seconds
            self.calls += not again

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        drawn = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        cost, tokens = data.draw(st.integers(0, drawn.money_nano_usd)), data.draw(st.integers(0, drawn.tokens))
        self.purse.settle(drawn, cost, tokens)
        self.used[0] += cost
        self.used[1] += tokens

    @invariant()
    def it_holds(self) -> None:
        purse, limits = self.purse, self.envelope
        assert purse.calls == self.calls <= limits.calls
        assert purse.spent_nano_usd == self.used[0] + sum(one.money_nano_usd for one in self.running)
        assert purse.tokens == self.used[1] + sum(one.tokens for one in self.running)
        assert limits.money_nano_usd is None or purse.spent_nano_usd <= limits.money_nano_usd
        assert limits.output_tokens is None or purse.tokens <= limits.output_tokens
        assert 0 <= purse.left_s(self.now_s) <= limits.seconds + 1e-6


TestAnyStoryStaysWithinItsEnvelope = Story.TestCase


@given(seconds=st.floats(0.001, 1e6), began_s=st.floats(0, 1e9), later_s=st.floats(0, 1e7))
def test_no_call_begins_when_no_time_is_left(seconds: float, began_s: float, later_s: float) -> None:
    purse = Purse(Envelope(calls=5, seconds=seconds), began_s)

    assert (purse.left_s(began_s + later_s) == 0) == bool(purse.why_not(bound(0), 0, began_s + later_s))
