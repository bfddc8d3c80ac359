import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fakes.loop import run_virtually
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.hedge import ALONE, SPENT, TOO_LATE, UNMEASURED, Hedge, Hedging, Side, race
from antiphon.calls.settings_flow import HedgeSettings
from antiphon.core.error import UpstreamLimited, UpstreamUnreachable

ON = HedgeSettings(enabled=True)
AFTER_S = 2.0


class Heat:
    """Two attempts that take their time, and what became of each."""

    def __init__(self) -> None:
        self.lost: list[tuple[Side, Any]] = []
        self.settled: list[str] = []
        self.sent: list[tuple[str, float]] = []
        self.made = 0

    def takes(
        self, name: str, seconds: float, error: Exception | None = None, *, clearing_s: float = 0.0
    ) -> Callable[[], Coroutine[Any, Any, str]]:
        def made() -> Coroutine[Any, Any, str]:
            self.made += 1
            return attempt()

        async def attempt() -> str:
            self.sent.append((name, asyncio.get_running_loop().time()))
            try:
                await asyncio.sleep(seconds)
                if error is not None:
                    raise error
                return name
            finally:
                try:
                    await asyncio.sleep(clearing_s)
                finally:
                    self.settled.append(name)

        return made

    def note(self, side: Side, end: Any) -> None:
        self.lost.append((side, end))

    async def run(
        self,
        first: Callable[[], Coroutine[Any, Any, str]],
        second: Callable[[], Coroutine[Any, Any, str]],
        *,
        permitted: bool = True,
    ) -> str:
        return await race(first, second, delay_s=AFTER_S, permit=lambda: permitted, lost=self.note)


def test_a_fast_first_attempt_is_left_alone() -> None:
    async def story() -> None:
        heat = Heat()
        assert await heat.run(heat.takes("a", 1), heat.takes("b", 1)) == "a"
        assert (heat.sent, heat.lost) == ([("a", 0)], [])

    run_virtually(story())


def test_a_second_attempt_is_sent_after_the_delay_and_wins_when_it_is_faster() -> None:
    async def story() -> None:
        heat = Heat()
        assert await heat.run(heat.takes("a", 100), heat.takes("b", 1)) == "b"
        assert heat.sent == [("a", 0), ("b", 2)]
        assert asyncio.get_running_loop().time() == 3
        assert [(side, type(end)) for side, end in heat.lost] == [("first", asyncio.CancelledError)]
        assert heat.settled == ["b", "a"]

    run_virtually(story())


def test_a_first_attempt_that_comes_in_after_all_wins_over_the_second() -> None:
    async def story() -> None:
        heat = Heat()
        assert await heat.run(heat.takes("a", 3), heat.takes("b", 10)) == "a"
        assert [(side, type(end)) for side, end in heat.lost] == [("second", asyncio.CancelledError)]

    run_virtually(story())


def test_two_that_come_in_together_have_one_winner_and_the_other_is_told_with_what_it_brought() -> None:
    async def story() -> None:
        heat = Heat()
        assert await heat.run(heat.takes("a", 3), heat.takes("b", 1)) == "a"
        assert heat.lost == [("second", "b")]

    run_virtually(story())


def test_a_first_attempt_that_fails_before_the_delay_is_not_hedged() -> None:
    async def story() -> None:
        heat = Heat()
        with pytest.raises(UpstreamUnreachable):
            await heat.run(heat.takes("a", 1, UpstreamUnreachable("gone")), heat.takes("b", 1))
        assert (heat.sent, heat.lost) == ([("a", 0)], [])

    run_virtually(story())


def test_when_one_of_two_fails_the_other_goes_on() -> None:
    async def story() -> None:
        for slow, fast in ((3.0, 9.0), (100.0, 0.5)):
            heat, gone = Heat(), UpstreamUnreachable("gone")
            a = heat.takes("a", slow, gone if slow < fast else None)
            b = heat.takes("b", fast, gone if fast < slow else None)
            assert await heat.run(a, b) == ("b" if slow < fast else "a")
            assert [end for _, end in heat.lost] == [gone]

    run_virtually(story())


def test_when_both_fail_the_most_telling_error_is_raised_and_the_other_told() -> None:
    async def story() -> None:
        for swapped in (False, True):
            heat = Heat()
            gone, limited = UpstreamUnreachable("gone"), UpstreamLimited("slow down", retry_after_s=3)
            first, second = (limited, gone) if swapped else (gone, limited)
            with pytest.raises(UpstreamLimited):
                await heat.run(heat.takes("a", 3, first), heat.takes("b", 3, second))
            assert [end for _, end in heat.lost] == [gone]

    run_virtually(story())


def test_a_mistake_of_ours_is_never_hidden_by_an_upstreams_error() -> None:
    async def story() -> None:
        heat = Heat()
        with pytest.raises(ZeroDivisionError):
            await heat.run(heat.takes("a", 3, UpstreamLimited("slow down")), heat.takes("b", 3, ZeroDivisionError()))

    run_virtually(story())


def test_where_no_second_may_be_sent_the_first_attempt_goes_on_alone() -> None:
    async def story() -> None:
        heat = Heat()
        assert await heat.run(heat.takes("a", 5), heat.takes("b", 1), permitted=False) == "a"
        assert heat.sent == [("a", 0)]

    run_virtually(story())


def test_a_loser_that_clears_up_slowly_is_waited_for() -> None:
    async def story() -> None:
        heat = Heat()
        await heat.run(heat.takes("a", 100, clearing_s=4), heat.takes("b", 1))
        assert heat.settled == ["b", "a"]
        assert asyncio.get_running_loop().time() == 7

    run_virtually(story())


@given(
    a_s=st.sampled_from([1.0, 3.0, 100.0]),
    b_s=st.sampled_from([0.5, 1.0, 100.0]),
    clearing_s=st.sampled_from([0.0, 4.0]),
    fails=st.tuples(st.booleans(), st.booleans()),
    cancels_s=st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0]), max_size=3),
)
def test_whoever_cancels_when_every_attempt_ends_once_and_is_accounted_for_once(
    a_s: float, b_s: float, clearing_s: float, fails: tuple[bool, bool], cancels_s: list[float]
) -> None:
    async def story() -> None:
        loop, heat = asyncio.get_running_loop(), Heat()
        gone = [UpstreamUnreachable("gone") if fail else None for fail in fails]
        a, b = heat.takes("a", a_s, gone[0], clearing_s=clearing_s), heat.takes("b", b_s, gone[1])
        task = loop.create_task(heat.run(a, b))
        timers = [loop.call_at(at_s, task.cancel) for at_s in cancels_s]
        await asyncio.wait([task])
        for timer in timers:
            timer.cancel()

        assert sorted(heat.settled) == sorted(name for name, _ in heat.sent)
        assert len({side for side, _ in heat.lost}) == len(heat.lost)
        told_to_caller = not task.cancelled()
        assert len(heat.lost) + told_to_caller == heat.made
        assert task.cancelled() or task.exception() in {None, *gone}

    run_virtually(story())


def test_the_delay_is_the_measured_percentile_within_its_bounds() -> None:
    hedging = Hedging(HedgeSettings(enabled=True, min_delay_s=0.2, max_delay_s=3))

    assert hedging.quantile == 0.95
    assert hedging.decide(0.5, left_s=60, others=1).delay_s == 0.5
    assert hedging.decide(0.01, left_s=60, others=1).delay_s == 0.2
    assert hedging.decide(90.0, left_s=60, others=1).delay_s == 3


def test_where_too_little_is_measured_the_longest_delay_counts_and_is_said() -> None:
    hedging = Hedging(HedgeSettings(enabled=True, max_delay_s=3))

    assert hedging.decide(None, left_s=60, others=1) == Hedge(3.0, UNMEASURED)
    assert hedging.decide(None, left_s=2, others=1) is TOO_LATE


def test_a_decision_against_says_why() -> None:
    hedging = Hedging(ON)

    assert hedging.decide(0.5, left_s=60, others=0) is ALONE
    assert hedging.decide(5.0, left_s=4, others=1) is TOO_LATE


def test_second_attempts_stay_a_share_of_requests_although_every_first_is_slow() -> None:
    hedging = Hedging(HedgeSettings(enabled=True, budget=0.05, floor_per_s=0))
    sent = 0

    for hundredth in range(60 * 100):
        hedging.asked(hundredth / 100)
        sent += hedging.permit(hundredth / 100) == ""

    assert 0.045 * 6000 <= sent <= 0.05 * 6000


def test_a_quiet_upstream_has_second_attempts_from_the_floor() -> None:
    hedging = Hedging(HedgeSettings(enabled=True, budget=0.05, floor_per_s=0.1, window_s=10))

    hedging.asked(0.0)
    assert [hedging.permit(0.0), hedging.permit(1.0), hedging.permit(20.0)] == ["", SPENT, ""]


def test_hedging_without_a_budget_is_a_mistake() -> None:
    assert HedgeSettings(enabled=True, budget=0, floor_per_s=0).check()[0][0] == "budget"
    assert HedgeSettings(enabled=True, budget=0, floor_per_s=9).check()[0][0] == "budget"
    assert HedgeSettings(enabled=True, budget=0.01, floor_per_s=0).check() == []
    assert HedgeSettings(min_delay_s=5, max_delay_s=1).check()[0][0] == "min_delay_s"
    assert ON.check() == []
