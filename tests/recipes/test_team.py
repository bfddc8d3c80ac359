import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_calls import Entry, Fails, Never, Says, ScriptedCalls, play

from antiphon.core.error import EnvelopeExceeded, UpstreamBroken
from antiphon.core.plan import Envelope
from antiphon.recipes.port import Answer, Asked
from antiphon.recipes.team import Gathered, gather


def asks(*seats: str) -> list[Asked]:
    return [Asked(step=f"member-{place}", seat=seat) for place, seat in enumerate(seats, 1)]


def texts(found: Gathered) -> list[str]:
    return [answer.text for answer in found.answers]


def went(calls: ScriptedCalls, seats: str, **how: Any) -> tuple[Gathered, float]:
    async def story() -> tuple[Gathered, float]:
        found = await gather(calls, asks(*seats), **how)
        return found, calls.now_s()

    return play(story())


def says(after_s: float, text: str = "x") -> Says:
    return Says(text=text, after_s=after_s)


def test_answers_stand_in_the_order_of_their_calls_whoever_came_first() -> None:
    calls = ScriptedCalls({"a": says(3, "A"), "b": says(1, "B"), "c": says(2, "C")})

    found, at_s = went(calls, "abc")

    assert texts(found) == ["A", "B", "C"]
    assert (at_s, found.stopped, found.lost) == (3.0, "", ())


def test_so_many_run_at_once() -> None:
    calls = ScriptedCalls(dict.fromkeys("abcde", says(1)))

    _, at_s = went(calls, "abcde", concurrency=2)

    assert at_s == 3.0
    assert calls.purse.most_at_once == 2


def test_a_failure_is_a_value_and_is_told() -> None:
    calls = ScriptedCalls({"b": UpstreamBroken("gone")})

    found, _ = went(calls, "abc")

    assert [failed.seat for failed in found.failed] == ["b"]
    assert len(found.answers) == 2
    assert [(noted.step, noted.what, noted.why) for noted in calls.notes] == [("member-2", "failed", "upstream_broken")]


def test_what_no_envelope_covers_is_a_failure_too() -> None:
    calls = ScriptedCalls(envelope=Envelope(calls=2))

    found, _ = went(calls, "abc")

    assert len(found.answers) == 2
    assert isinstance(found.failed[0].error, EnvelopeExceeded)


def test_a_quorum_waits_for_its_grace_and_begins_no_further_call() -> None:
    calls = ScriptedCalls({"a": says(1), "b": says(2), "c": says(2.5), "d": says(9), "e": says(1)})

    found, at_s = went(calls, "abcde", quorum=2, grace_s=1.0, concurrency=3)

    assert [answer.seat for answer in found.answers] == ["a", "b", "c"]
    assert (at_s, found.lost, found.stopped) == (3.0, ("member-4", "member-5"), "the quorum has answered")
    assert [made.outcome for made in calls.made[3:]] == ["cancelled"]


def test_without_grace_a_quorum_ends_it_at_once() -> None:
    calls = ScriptedCalls({"a": says(1), "b": Never(), "c": says(2)})

    found, at_s = went(calls, "abc", quorum=2)

    assert (texts(found), at_s, found.lost) == (["x", "x"], 2.0, ("member-2",))


def test_an_answer_that_says_nothing_counts_for_no_quorum() -> None:
    calls = ScriptedCalls({"a": says(1, " "), "b": Says(text="cut", finish_reason="length"), "c": says(5, "C")})

    found, at_s = went(calls, "abc", quorum=1)

    assert at_s == 5.0
    assert [answer.text for answer in found.valid] == ["C"]


def test_a_timeout_ends_it_whatever_has_come_and_begins_nothing_then() -> None:
    calls = ScriptedCalls({"a": says(3), "b": Never(), "c": says(2)})

    found, at_s = went(calls, "abcd", timeout_s=4.0, concurrency=2)

    assert at_s == 4.0
    assert [answer.seat for answer in found.answers] == ["a"]
    assert found.lost == ("member-2", "member-3", "member-4")
    assert len(calls.made) == 3


def test_enough_is_asked_after_each_answer() -> None:
    seen: list[int] = []

    def enough(came: Sequence[Answer]) -> str:
        seen.append(len(came))
        return "two agree" if len(came) == 2 else ""

    calls = ScriptedCalls({"a": says(1), "b": says(2), "c": Never()})

    found, _ = went(calls, "abc", enough=enough)

    assert seen == [1, 2]
    assert (found.stopped, found.lost) == ("two agree", ("member-3",))
    assert calls.notes[-1].why == "two agree"


def test_nobody_asked_is_nothing_gathered() -> None:
    assert went(ScriptedCalls(), "")[0] == Gathered(answers=(), failed=())


@pytest.mark.parametrize("seats", ["ab", "abcdef"])
def test_a_cancellation_ends_all_of_them_before_it_goes_on(seats: str) -> None:
    calls = ScriptedCalls(dict.fromkeys(seats, Never()))

    async def story() -> None:
        task = asyncio.create_task(gather(calls, asks(*seats)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [made.outcome for made in calls.made] == ["cancelled"] * len(seats)

    play(story())
    assert calls.purse.spent_nano_usd == 0


def test_what_is_no_failure_of_ours_is_raised_after_the_others_were_cut_off() -> None:
    calls = ScriptedCalls({"a": Never(), "b": lambda asked, number: 1 / 0})

    with pytest.raises(ZeroDivisionError):
        went(calls, "ab")

    assert calls.made[0].outcome == "cancelled"


ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Says, text=st.sampled_from(["x", ""]), after_s=st.integers(0, 6).map(float)),
    st.builds(Fails, error=st.just(UpstreamBroken("gone")), after_s=st.integers(0, 6).map(float)),
    st.just(Never()),
)


@given(
    entries=st.lists(ENTRIES, min_size=1, max_size=7),
    concurrency=st.none() | st.integers(1, 4),
    quorum=st.none() | st.integers(1, 7),
    grace_s=st.integers(0, 3).map(float),
    timeout_s=st.none() | st.integers(0, 8).map(float),
    calls_left=st.integers(0, 8),
)
def test_each_call_is_answered_failed_or_lost_and_none_runs_on(
    entries: list[Entry],
    concurrency: int | None,
    quorum: int | None,
    grace_s: float,
    timeout_s: float | None,
    calls_left: int,
) -> None:
    seats = "abcdefg"[: len(entries)]
    calls = ScriptedCalls(
        dict(zip(seats, entries, strict=True)), Envelope(calls=calls_left, seconds=30.0, concurrency=9)
    )

    found, at_s = went(calls, seats, concurrency=concurrency, quorum=quorum, grace_s=grace_s, timeout_s=timeout_s)

    told = [one.step for one in (*found.answers, *found.failed)] + list(found.lost)
    assert sorted(told) == [asked.step for asked in asks(*seats)]
    assert all(made.ended_s is not None for made in calls.made)
    assert calls.purse.most_at_once <= (concurrency or 9)
    assert timeout_s is None or at_s <= timeout_s
    assert bool(found.lost) <= bool(found.stopped)
    assert calls.purse.spent_nano_usd == 100 * len(found.answers)
