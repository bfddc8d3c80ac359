import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.calls.live import Live
from antiphon.calls.settings_balance import LiveSettings

SETTINGS = LiveSettings(decay_s=10, window_s=300, min_volume=2, warmup_s=30, warmup_floor=0.1)
E = 2.718281828459045


def epoch() -> float:
    """A wall clock that stands where counting begins."""
    return 0.0


def served(live: Live, latency_s: float, now_s: float) -> None:
    live.began(now_s)
    live.ended(latency_s, now_s)


def test_a_request_that_never_began_does_not_end() -> None:
    with pytest.raises(ValueError, match="never began"):
        Live(SETTINGS, 0.0).ended(1.0, 0.0)


def test_a_peak_counts_at_once_and_decays_by_and_by() -> None:
    live = Live(SETTINGS, 0.0)
    served(live, 1.0, 0.0)

    served(live, 30.0, 1.0)
    assert live.load(1.0) == pytest.approx(30)

    served(live, 1.0, 11.0)
    assert live.load(11.0) == pytest.approx(1 + 29 / E)
    assert live.load(21.0) == pytest.approx((1 + 29 / E) / E)


def test_each_request_in_flight_adds_to_its_load() -> None:
    live = Live(SETTINGS, 0.0)
    served(live, 2.0, 0.0)

    live.began(0.0)
    live.began(0.0)

    assert live.load(0.0) == pytest.approx(6)


def test_one_that_never_answered_is_tried_once() -> None:
    fresh, known = Live(SETTINGS, 0.0), Live(SETTINGS, 0.0)
    served(known, 600.0, 0.0)
    assert fresh.load(0.0) < known.load(0.0)

    fresh.began(0.0)

    assert fresh.load(0.0) > known.load(0.0)


def test_an_end_without_a_latency_says_nothing_of_speed() -> None:
    live = Live(SETTINGS, 0.0)
    served(live, 2.0, 0.0)

    live.began(0.0)
    live.ended(None, 5.0)

    assert live.load(0.0) == pytest.approx(2)


def test_first_tokens_have_quantiles_above_the_minimum_volume() -> None:
    live = Live(SETTINGS, 0.0)
    live.first_token(0.4, 1.0)
    assert live.quantile_s(0.5, 1.0) is None

    live.first_token(0.4, 1.0)

    assert live.quantile_s(0.5, 1.0) == pytest.approx(0.4, rel=0.05)
    assert live.quantile_s(0.5, 400.0) is None


def test_its_share_grows_when_it_is_new_and_when_it_is_back() -> None:
    live = Live(SETTINGS, 100.0)
    assert [live.warmth(100 + s) for s in (0, 3, 15, 30, 99)] == pytest.approx([0.1, 0.1, 0.5, 1, 1])

    live.returned(500.0)

    assert live.warmth(515.0) == pytest.approx(0.5)


def test_without_a_warm_up_it_has_its_whole_share_at_once() -> None:
    assert Live(LiveSettings(warmup_s=0), 5.0).warmth(5.0) == 1


def test_headroom_is_that_of_the_tightest_limit() -> None:
    live = Live(SETTINGS, 0.0, requests_per_minute=10, tokens_per_minute=1000)
    assert live.headroom(0.0) == 1

    live.began(0.0)
    assert live.headroom(0.0) == pytest.approx(0.9)

    live.ended(1.0, 1.0, 700)
    assert live.headroom(1.0) == pytest.approx(0.3)

    headers = {b"x-ratelimit-limit-tokens": b"100", b"x-ratelimit-remaining-tokens": b"20"}
    live.learn(headers, lambda: 1.0, epoch)
    assert live.headroom(1.0) == pytest.approx(0.2)
    assert live.headroom(1000.0) == 1


def test_requests_sent_since_are_taken_off_what_was_learnt() -> None:
    live = Live(SETTINGS, 0.0)
    headers = {
        b"x-ratelimit-limit-requests": b"10",
        b"x-ratelimit-remaining-requests": b"5",
        b"x-ratelimit-reset-requests": b"1m0s",
    }
    live.began(0.0)
    live.learn(headers, lambda: 0.0, epoch)
    assert live.headroom(0.0) == pytest.approx(0.5)

    live.began(0.0)
    live.began(0.0)

    assert live.headroom(0.0) == pytest.approx(0.3)


def test_limits_are_learnt_from_anthropic_too() -> None:
    live = Live(SETTINGS, 0.0)

    live.learn(
        {
            b"anthropic-ratelimit-requests-limit": b"4000",
            b"anthropic-ratelimit-requests-remaining": b"3000",
            b"anthropic-ratelimit-requests-reset": b"1970-01-01T00:01:00Z",
            b"anthropic-ratelimit-tokens-limit": b"400000",
            b"anthropic-ratelimit-tokens-remaining": b"100000",
            b"anthropic-ratelimit-tokens-reset": b"1970-01-01T00:00:10Z",
        },
        lambda: 0.0,
        epoch,
    )

    assert live.headroom(0.0) == pytest.approx(0.25)
    assert live.headroom(20.0) == pytest.approx((3000 + 1000 / 3) / 4000)


def test_an_answer_without_such_headers_changes_nothing() -> None:
    live = Live(SETTINGS, 0.0)
    live.learn({b"x-ratelimit-limit-requests": b"10", b"x-ratelimit-remaining-requests": b"5"}, lambda: 0.0, epoch)

    live.learn({b"content-type": b"application/json"}, lambda: 0.0, epoch)

    assert live.headroom(0.0) == pytest.approx(0.5)


def test_a_new_revision_keeps_what_was_measured() -> None:
    live = Live(SETTINGS, 0.0)
    live.first_token(0.4, 0.0)
    live.first_token(0.4, 0.0)
    served(live, 2.0, 0.0)

    live.configure(LiveSettings(decay_s=20, min_volume=2), 1.0, requests_per_minute=4)

    assert live.quantile_s(0.5, 1.0) == pytest.approx(0.4, rel=0.05)
    assert live.load(20.0) == pytest.approx(2 / E)
    live.began(1.0)
    assert live.headroom(1.0) == pytest.approx(0.75)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=50), st.floats(0, 60))
def test_its_latency_stays_within_what_was_seen(latencies: list[float], wait_s: float) -> None:
    live, now_s = Live(SETTINGS, 0.0), 0.0
    for latency_s in latencies:
        now_s += wait_s
        served(live, latency_s, now_s)

    assert latencies[-1] * 0.999 <= live.load(now_s) <= max(latencies) * 1.001


class Hours(RuleBasedStateMachine):
    """Long hours of a deployment on a virtual clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.live = Live(SETTINGS, 0.0, requests_per_minute=50)
        self.open = 0
        self.sent_s: list[float] = []

    @rule(wait_s=st.floats(0, 900))
    def waits(self, wait_s: float) -> None:
        self.now_s += wait_s

    @rule()
    def begins(self) -> None:
        self.live.began(self.now_s)
        self.open += 1
        self.sent_s.append(self.now_s)

    @precondition(lambda self: self.open)
    @rule(latency_s=st.none() | st.floats(0, 600))
    def ends(self, latency_s: float | None) -> None:
        self.live.ended(latency_s, self.now_s)
        self.open -= 1

    @rule(latency_s=st.floats(0, 600))
    def speaks(self, latency_s: float) -> None:
        self.live.first_token(latency_s, self.now_s)

    @rule(left=st.integers(0, 70), reset_s=st.integers(0, 100))
    def says(self, left: int, reset_s: int) -> None:
        headers = {
            b"x-ratelimit-limit-requests": b"60",
            b"x-ratelimit-remaining-requests": b"%d" % left,
            b"x-ratelimit-reset-requests": b"%ds" % reset_s,
        }
        self.live.learn(headers, lambda: self.now_s, epoch)

    @invariant()
    def what_it_says_is_in_bounds(self) -> None:
        assert self.live.in_flight == self.open
        assert 0 <= self.live.headroom(self.now_s) <= 1
        assert self.live.load(self.now_s) >= 0
        assert 0.1 <= self.live.warmth(self.now_s) <= 1
        recent = sum(self.now_s - at_s < 60 for at_s in self.sent_s)
        assert self.live.headroom(self.now_s) <= max(1 - recent / 50, 0) + 1e-9


TestHours = Hours.TestCase
