import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.calls.breaker import PROBE_WINDOW_S, REFUSED, Breaker, BreakerState
from antiphon.calls.breaker_shared import MemoryBreakers, SharedBreaker
from antiphon.calls.settings_failure import BreakerSettings

CAREFUL = BreakerSettings(consecutive_failures=3, slow_after_s=2.0)


def breaker(
    chosen: BreakerSettings = CAREFUL, shared: SharedBreaker | None = None, jitter: float = 0.0, name: str = "small"
) -> Breaker:
    return Breaker(name, chosen, shared or MemoryBreakers(), lambda: jitter)


def fail(one: Breaker, now_s: float, times: int = 1) -> None:
    for _ in range(times):
        one.failed(one.admit(now_s), now_s, "upstream_error")


def succeed(one: Breaker, now_s: float, times: int = 1, took_s: float = 0.1) -> None:
    for _ in range(times):
        one.succeeded(one.admit(now_s), now_s, took_s)


class GenerousBreakers(MemoryBreakers):
    """Grants every claim, as a store between machines may."""

    def claim(self, name: str, now_s: float, until_s: float) -> bool:
        return True


class Weather(RuleBasedStateMachine):
    """An upstream with moods, asked by attempts that end in any order, over hours of a virtual clock."""

    @initialize(
        seed=st.integers(0, 2**32),
        open_s=st.sampled_from([0.1, 5.0, 60.0]),
        max_open_s=st.sampled_from([60.0, 90.0, 3600.0]),
        probes=st.sampled_from([1, 5, 60]),
        slow_after_s=st.sampled_from([None, 2.0]),
        shared=st.sampled_from([MemoryBreakers, GenerousBreakers]),
    )
    def begin(
        self,
        seed: int,
        open_s: float,
        max_open_s: float,
        probes: int,
        slow_after_s: float | None,
        shared: type[SharedBreaker],
    ) -> None:
        self.settings = BreakerSettings(
            open_s=open_s,
            max_open_s=max_open_s,
            probes_per_minute=probes,
            slow_after_s=slow_after_s,
            min_volume=4,
            consecutive_failures=3,
        )
        self.breaker = breaker_of(self.settings, seed, shared())
        self.now_s = 1000.0
        self.flying: list[int] = []
        self.probe: int | None = None
        self.probe_ends_s = 0.0
        self.probes_s: list[float] = []

    def forget_a_lapsed_probe(self) -> None:
        if self.probe is not None and self.now_s >= self.probe_ends_s:
            self.probe = None

    @rule(seconds=st.floats(0, 2) | st.floats(0, 100) | st.sampled_from([0.25, 30.0, 60.0, 3600.0]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.forget_a_lapsed_probe()

    @rule()
    def ask(self) -> None:
        before = self.breaker.state(self.now_s)
        allowed = self.breaker.allows(self.now_s)
        taken = self.breaker.admit(self.now_s)

        assert allowed == (taken != REFUSED)
        if taken == REFUSED:
            assert before.state != "closed"
            return
        assert before.state != "open"
        assert taken > 0
        self.flying.append(taken)
        if before.state == "half_open":
            assert self.probe is None, "two probes at once"
            self.probe, self.probe_ends_s = taken, self.now_s + self.settings.probe_timeout_s
            self.probes_s.append(self.now_s)
            recent = [at for at in self.probes_s if at > self.now_s - PROBE_WINDOW_S + 1e-6]
            assert len(recent) <= self.settings.probes_per_minute

    @rule()
    def ask_all_the_same(self) -> None:
        before = self.breaker.state(self.now_s)
        taken = self.breaker.force(self.now_s)

        assert taken != REFUSED
        self.flying.append(taken)
        if before.state == "half_open" and taken > 0:
            assert self.probe is None, "two probes at once"
            self.probe, self.probe_ends_s = taken, self.now_s + self.settings.probe_timeout_s
            self.probes_s.append(self.now_s)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), how=st.sampled_from(["ok", "slow", "failed", "dropped"]))
    def answer(self, data: st.DataObject, how: str) -> None:
        taken = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        before = self.breaker.state(self.now_s)
        was_probe = taken == self.probe
        if was_probe:
            self.probe = None

        match how:
            case "ok":
                self.breaker.succeeded(taken, self.now_s, 0.1)
            case "slow":
                self.breaker.succeeded(taken, self.now_s, 100.0)
            case "failed":
                self.breaker.failed(taken, self.now_s, "upstream_error")
            case _:
                self.breaker.dropped(taken, self.now_s)

        after = self.breaker.state(self.now_s)
        if was_probe:
            sound = how == "ok" or (how == "slow" and self.settings.slow_after_s is None)
            assert (after.state == "closed") is sound
        elif before.state != "closed":
            assert after.state == "closed" or after.retry_at_s == before.retry_at_s
        if after.state == "closed" and before.state != "closed":
            self.probe = None

    @invariant()
    def it_is_never_open_beyond_the_cap(self) -> None:
        if not hasattr(self, "breaker"):
            return
        said = self.breaker.state(self.now_s)
        assert said.probing is (self.probe is not None)
        assert 0 <= said.failure_fraction <= 1
        assert 0 <= said.slow_fraction <= 1
        if said.state == "closed":
            assert (said.retry_at_s, said.reason) == (None, "")
        else:
            assert said.retry_at_s is not None
            assert said.retry_at_s <= self.now_s + self.settings.max_open_s + 1e-6
            assert said.reason
            assert said.openings > 0


def breaker_of(chosen: BreakerSettings, seed: int, shared: SharedBreaker | None = None) -> Breaker:
    return Breaker("small", chosen, shared or MemoryBreakers(), random.Random(seed).random)


Weather.TestCase.settings = settings(stateful_step_count=80, deadline=None)
TestWeather = Weather.TestCase


# Opening


def test_it_opens_on_failures_in_a_row() -> None:
    one = breaker()

    fail(one, 10.0, 2)
    assert one.state(10.0).state == "closed"
    fail(one, 10.5)

    assert one.state(10.5) == BreakerState(
        name="small",
        state="open",
        since_s=10.5,
        volume=3,
        failure_fraction=1.0,
        slow_fraction=0.0,
        retry_at_s=15.5,
        openings=1,
        reason="3 failures in a row; the last: upstream_error",
    )
    assert not one.allows(10.6)
    assert one.admit(10.6) == REFUSED


def test_a_success_ends_a_row_of_failures() -> None:
    one = breaker(BreakerSettings(consecutive_failures=3, min_volume=100))

    for _ in range(20):
        fail(one, 10.0, 2)
        succeed(one, 10.0)

    assert one.state(10.0).state == "closed"


def test_it_opens_on_a_share_of_failures_once_there_is_volume() -> None:
    one = breaker(BreakerSettings(consecutive_failures=100, min_volume=10, failure_fraction=0.5))

    for _ in range(4):
        succeed(one, 10.0)
        fail(one, 10.0)
    assert one.state(10.0).state == "closed"
    succeed(one, 10.0)
    fail(one, 10.0)

    assert one.state(10.0).reason == "5 of 10 failed within 30 s; the last: upstream_error"


def test_failures_older_than_the_window_do_not_count() -> None:
    one = breaker(BreakerSettings(consecutive_failures=100, min_volume=10, window_s=30))

    fail(one, 10.0, 9)
    assert one.state(36.0).volume == 9
    assert one.state(41.0).volume == 0
    fail(one, 41.0, 9)

    assert one.state(41.0).state == "closed"


def test_it_opens_on_a_share_of_slow_answers() -> None:
    one = breaker(BreakerSettings(slow_after_s=2.0, slow_fraction=0.8, min_volume=10))

    succeed(one, 10.0, 2)
    succeed(one, 10.0, 8, took_s=2.0)

    assert one.state(10.0).reason == "8 of 10 took 2 s or longer within 30 s"
    assert one.state(10.0).slow_fraction == 0.8


def test_no_answer_is_slow_unless_a_threshold_is_set() -> None:
    one = breaker(BreakerSettings())

    succeed(one, 10.0, 100, took_s=1e6)

    assert one.state(10.0).state == "closed"


@given(st.lists(st.floats(0, 90), max_size=60), st.sampled_from([1.0, 30.0, 600.0]))
def test_the_volume_is_that_of_the_window_to_a_bucket(waits_s: list[float], window_s: float) -> None:
    one, now_s, at_s = breaker(BreakerSettings(window_s=window_s)), 5.0, []
    for wait_s in waits_s:
        now_s += wait_s
        succeed(one, now_s)
        at_s.append(now_s)

    volume = one.state(now_s).volume
    assert volume <= sum(at > now_s - window_s - 1e-6 for at in at_s)
    assert volume >= sum(at > now_s - window_s * 0.9 + 1e-6 for at in at_s)


# Half open


def test_one_probe_at_a_time_goes_through_when_the_time_is_over() -> None:
    one = breaker()
    fail(one, 10.0, 3)

    assert one.state(15.0).state == "half_open"
    assert one.allows(15.0)
    assert one.admit(15.0) > 0
    assert not one.allows(15.1)
    assert one.admit(15.1) == REFUSED
    assert one.state(15.1).probing


def test_a_probes_success_closes_it_with_a_clean_window() -> None:
    one = breaker()
    fail(one, 10.0, 3)

    succeed(one, 15.0)

    said = one.state(15.0)
    assert (said.state, said.volume, said.since_s, said.retry_at_s, said.reason) == ("closed", 0, 15.0, None, "")
    fail(one, 15.0, 2)
    assert one.state(15.0).state == "closed"


def test_each_failed_probe_doubles_the_time_up_to_the_cap() -> None:
    one, now_s = breaker(BreakerSettings(consecutive_failures=1, open_s=5, max_open_s=60)), 100.0
    fail(one, now_s)
    lasted: list[float] = []
    for _ in range(7):
        retry_at_s = one.state(now_s).retry_at_s
        assert retry_at_s is not None
        lasted.append(retry_at_s - now_s)
        now_s = retry_at_s
        fail(one, now_s)

    assert lasted == [5, 10, 20, 40, 60, 60, 60]


def test_the_jitter_takes_off_up_to_half() -> None:
    one = breaker(jitter=0.999)
    fail(one, 100.0, 3)

    assert one.state(100.0).retry_at_s == pytest.approx(102.5, abs=0.01)


def test_an_outage_right_after_another_lasts_longer_and_one_after_peace_does_not() -> None:
    one = breaker()
    fail(one, 100.0, 3)
    succeed(one, 105.0)
    fail(one, 106.0, 3)
    assert one.state(106.0).retry_at_s == 116

    succeed(one, 116.0)
    fail(one, 200.0, 3)
    assert one.state(200.0).retry_at_s == 205


def test_a_slow_probe_does_not_close_it() -> None:
    one = breaker()
    fail(one, 10.0, 3)

    succeed(one, 15.0, took_s=2.0)

    assert one.state(15.0).reason == "its probe took 2.0 s"
    assert one.state(15.0).retry_at_s == 25


def test_a_probe_that_is_never_answered_lapses_and_has_failed() -> None:
    one = breaker()
    fail(one, 10.0, 3)
    probe = one.admit(15.0)

    assert not one.allows(44.9)
    assert one.state(45.0).reason == "its probe had no answer within 30 s"
    assert one.state(45.0).retry_at_s == 55
    one.succeeded(probe, 46.0, 0.1)
    assert one.state(46.0).state == "open"
    assert one.allows(55.0)


def test_a_probe_that_says_nothing_makes_room_for_the_next() -> None:
    one = breaker()
    fail(one, 10.0, 3)

    one.dropped(one.admit(15.0), 16.0)

    assert one.state(16.0).state == "half_open"
    assert one.admit(16.0) > 0


def test_probes_that_say_nothing_are_bounded_too() -> None:
    one = breaker()
    fail(one, 10.0, 3)

    probes = 0
    for tenth in range(600):
        if taken := one.admit(15.0 + tenth / 10):
            probes += 1
            one.dropped(taken, 15.0 + tenth / 10)

    assert probes == 5


def test_an_attempt_from_before_it_opened_changes_nothing() -> None:
    one = breaker()
    early = [one.admit(9.0) for _ in range(3)]
    fail(one, 10.0, 3)
    before = one.state(11.0)

    one.succeeded(early[0], 11.0, 0.1)
    one.failed(early[1], 11.0, "upstream_error")
    one.dropped(early[2], 11.0)

    assert one.state(11.0) == before


def test_an_attempt_from_before_an_outage_does_not_count_after_it() -> None:
    one = breaker()
    early = one.admit(9.0)
    fail(one, 10.0, 3)
    succeed(one, 15.0)

    one.failed(early, 16.0, "upstream_error")

    assert one.state(16.0).volume == 0


def test_an_attempt_that_was_refused_has_nothing_to_hand_back() -> None:
    one = breaker()
    fail(one, 10.0, 3)
    before = one.state(10.0)

    one.succeeded(REFUSED, 10.0, 0.1)
    one.failed(REFUSED, 10.0, "upstream_error")
    one.dropped(REFUSED, 10.0)

    assert one.state(10.0) == before


def test_a_forced_attempt_closes_it_and_does_not_hold_it_open() -> None:
    one = breaker()
    fail(one, 10.0, 3)
    forced = [one.force(11.0), one.force(11.0)]
    before = one.state(12.0)

    one.failed(forced[0], 12.0, "upstream_error")
    assert one.state(12.0) == before
    one.succeeded(forced[1], 12.0, 0.1)

    assert one.state(12.0).state == "closed"


def test_a_forced_attempt_that_succeeds_after_it_closed_wipes_nothing() -> None:
    one = breaker()
    fail(one, 10.0, 3)
    forced = one.force(11.0)
    succeed(one, 15.0)
    fail(one, 16.0, 2)

    one.succeeded(forced, 17.0, 0.1)

    assert one.state(17.0).volume == 2


def test_a_forced_attempt_of_an_earlier_outage_does_not_close_it() -> None:
    one = breaker()
    fail(one, 10.0, 3)
    forced = one.force(11.0)
    succeed(one, 15.0)
    fail(one, 16.0, 3)

    one.succeeded(forced, 17.0, 0.1)

    assert one.state(17.0).state == "open"


@given(st.integers(0, 2**32), st.sampled_from([0.1, 1.0, 5.0]), st.sampled_from([0.01, 0.3, 31.0]))
@settings(max_examples=20, deadline=None)
def test_a_dead_upstream_costs_five_probes_a_minute_at_most_over_hours(seed: int, open_s: float, took_s: float) -> None:
    one = breaker_of(BreakerSettings(open_s=open_s), seed)
    now_s, asked_s = 1000.0, []
    fail(one, now_s, 5)
    while now_s < 1000 + 2 * 3600:
        if taken := one.admit(now_s):
            asked_s.append(now_s)
            now_s += took_s
            one.failed(taken, now_s, "upstream_timeout")
        now_s += 0.5

    for at, begin_s in enumerate(asked_s):
        assert sum(one_s < begin_s + 60 - 1e-6 for one_s in asked_s[at:]) <= 5
    steady = [one_s for one_s in asked_s if one_s > 1000 + 300]
    assert len(steady) <= 2 * 115, "two a minute once the cap is reached"


# Between workers


def test_what_one_worker_finds_out_the_others_know_soon() -> None:
    shared = MemoryBreakers()
    one, other = breaker(shared=shared), breaker(shared=shared)
    assert other.admit(10.0)
    fail(one, 10.1, 3)

    assert not other.allows(10.4)
    assert other.state(10.4).retry_at_s == one.state(10.4).retry_at_s
    assert other.state(10.4).reason == one.state(10.4).reason

    succeed(one, 15.1)
    assert other.state(15.2).state == "closed"


def test_one_worker_probes_for_all() -> None:
    shared = MemoryBreakers()
    workers = [breaker(shared=shared) for _ in range(4)]
    fail(workers[0], 10.0, 3)
    assert not any(one.allows(10.3) for one in workers)

    passes = [one.admit(15.0) for one in workers]
    assert sum(taken > 0 for taken in passes) == 1
    workers[0].failed(passes[0], 15.5, "upstream_error")

    assert [one.state(15.5).retry_at_s for one in workers] == [25.5] * 4


def test_a_claim_on_the_probe_lapses_with_its_worker() -> None:
    shared = MemoryBreakers()
    one, other = breaker(shared=shared), breaker(shared=shared)
    fail(one, 10.0, 3)
    assert one.admit(15.0)

    assert other.admit(44.0) == REFUSED
    assert other.admit(45.1)


def test_a_dropped_probe_gives_its_claim_back() -> None:
    shared = MemoryBreakers()
    one, other = breaker(shared=shared), breaker(shared=shared)
    fail(one, 10.0, 3)

    one.dropped(one.admit(15.0), 15.5)

    assert other.admit(15.5)


def test_another_workers_clock_cannot_hold_it_open_beyond_the_cap() -> None:
    shared = MemoryBreakers()
    fail(breaker(BreakerSettings(open_s=3600, max_open_s=3600), shared), 1e6, 5)
    one = breaker(shared=shared)

    assert one.state(10.0).retry_at_s == 70
    assert one.admit(70.0)


def test_breakers_of_other_names_are_left_alone() -> None:
    shared = MemoryBreakers()
    fail(breaker(shared=shared, name="small"), 10.0, 3)

    assert breaker(shared=shared, name="large").allows(10.5)


# Settings


def test_a_first_opening_above_the_cap_is_a_mistake() -> None:
    assert BreakerSettings().check() == []
    [(path, wrong, remedy)] = BreakerSettings(open_s=90, max_open_s=60).check()
    assert (path, wrong) == ("open_s", "90 is more than max_open_s 60")
    assert remedy
