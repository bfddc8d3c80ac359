import asyncio
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from fakes.fleets import QUICK, Visit, Worker, post, virtually
from fakes.weather import Play, answers, cuts, hangs, raises, says, stalls, unconnected

from antiphon.calls.deadline import Deadline
from antiphon.calls.retry import TABLE, Failure
from antiphon.calls.retry_budget import Spending
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_balance import BalanceSettings, LiveSettings, StickySettings
from antiphon.calls.settings_failure import BreakerSettings, RetryBudgetSettings, RetrySettings
from antiphon.calls.settings_flow import AdmissionSettings, HedgeSettings, LimitSettings
from antiphon.calls.sticky import session_key
from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.error import (
    AntiphonError,
    DeadlineExceeded,
    OverLimit,
    StaleConnection,
    StoreError,
    UpstreamAuth,
    UpstreamBroken,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
)

TURNS = RouteSettings(balance=BalanceSettings(strategy="round_robin"))
"""The first request goes to the first deployment, so a test says who fails."""
TURNS_HEDGED = RouteSettings(
    balance=TURNS.balance, hedge=HedgeSettings(enabled=True, min_delay_s=0.5, budget=1.0, floor_per_s=10.0)
)
MEASURED = CallsSettings(live=LiveSettings(min_volume=1, warmup_s=0.0))
NO_RETRIES = CallsSettings(retry_budget=RetryBudgetSettings(fraction=0.0, min_per_s=0.0))
FRAIL = CallsSettings(breaker=BreakerSettings(consecutive_failures=2))
HURRIED = Timeouts(connect_s=1.0, first_byte_s=2.0, between_bytes_s=2.0, total_s=60.0)

FAILS: dict[Failure, Play] = {
    "auth": says(401),
    "quota": says(402),
    "rate_limited": says(429),
    "overloaded": says(503),
    "unreachable": raises(UpstreamUnreachable),
    "stale": raises(StaleConnection),
    "broken": cuts(),
    "malformed": raises(UpstreamMalformed),
    "timeout_connect": unconnected(),
    "timeout": hangs(),
    "conflict": says(409),
    "server_error": says(500),
    "missing": says(404),
    "context_window": says(400, "context_length_exceeded"),
    "content_policy": says(400, "content_policy_violation"),
    "refused": says(400),
    "full": raises(OverLimit),
}
"""How each class of failure comes about; `ours` has tests of its own."""
BAD = sorted(failure for failure, meaning in TABLE.items() if meaning.health == "bad")


def pair(*, goes: Play, **made: Any) -> Worker:
    """Two deployments of which the first fails once."""
    worker = Worker(["one", "two"], route=TURNS, **made)
    worker.weather.script("one", goes)
    return worker


def gap_s(visit: Visit, which: int = 1) -> float:
    """How long it took from the end of one attempt to the start of the next."""
    before, after = visit.attempts[which - 1], visit.attempts[which]
    took_us = before.record().timings.last_byte_us
    assert took_us is not None
    return after.began_s - before.began_s - took_us / 1e6


# Where the next attempt goes


def test_every_class_of_failure_is_tried() -> None:
    assert FAILS.keys() == set(get_args(Failure)) - {"ours", "unfit", "unpaid"}  # no upstream makes these


@pytest.mark.parametrize("failure", sorted(FAILS))
@virtually
async def test_an_attempt_fails_as_the_class_that_it_is_of(failure: Failure) -> None:
    worker = pair(goes=FAILS[failure], attempts=1)

    visit = await worker.ask()

    assert visit.failures == [failure]
    worker.check_rest()


@pytest.mark.parametrize("failure", sorted(FAILS))
@virtually
async def test_another_deployment_of_the_route_answers_where_the_table_says_so(failure: Failure) -> None:
    worker = pair(goes=FAILS[failure])

    visit = await worker.ask()

    match TABLE[failure].next:
        case ():
            assert visit.path == ["one"]
        case ("same_key", *_):
            assert (visit.path, visit.served) == (["one", "one"], "one")
        case places if "other_deployment" in places:
            assert (visit.path, visit.served) == (["one", "two"], "two")
            assert visit.reasons[1] == f"other_deployment: {failure}"
        case _:
            assert (visit.path, visit.served) == (["one"], "")
    worker.check_rest()


@pytest.mark.parametrize("failure", sorted(FAILS))
@pytest.mark.parametrize("kind", ["any", "context_window", "content_policy"])
@virtually
async def test_a_fallback_answers_where_the_table_says_so(failure: Failure, kind: Any) -> None:
    worker = Worker(["one", "two"], fallbacks=[(kind, ["two"])])
    worker.weather.script("one", *[FAILS[failure]] * 3)

    visit = await worker.ask()

    assert ("two" in visit.path) is (f"fallback:{kind}" in TABLE[failure].next)
    if "two" in visit.path:
        assert visit.served == "two"
        assert visit.reasons[-1] == f"fallback:{kind}: {failure}"
    worker.check_rest()


@pytest.mark.parametrize("failure", sorted(FAILS))
@virtually
async def test_another_key_is_taken_where_the_table_says_so(failure: Failure) -> None:
    worker = Worker(["one"], keys={"one": 2})
    worker.weather.script("one", FAILS[failure])

    visit = await worker.ask()

    if "other_key" in TABLE[failure].next:
        assert sorted(visit.keys) == ["key 1", "key 2"]
        assert visit.reasons[1] == f"other_key: {failure}"
    else:
        assert len(set(visit.keys)) == 1
    assert bool(visit.served) is bool({"other_key", "same_key"} & {*TABLE[failure].next})


@pytest.mark.parametrize("failure", sorted(FAILS))
@virtually
async def test_the_only_deployment_is_asked_again_where_the_table_says_so(failure: Failure) -> None:
    worker = Worker(["one"])
    worker.weather.script("one", FAILS[failure])

    visit = await worker.ask()

    again = TABLE[failure].repeats
    assert visit.path == ["one"] * (1 + again)
    assert visit.served == ("one" if again else "")
    assert [sent.fresh for sent in worker.weather.sent][1:] == [failure == "stale"] * again


@pytest.mark.parametrize("failure", sorted(FAILS))
@virtually
async def test_the_breaker_is_told_what_the_table_says(failure: Failure) -> None:
    worker = Worker(["one"], attempts=1, calls=CallsSettings(breaker=BreakerSettings(consecutive_failures=3)))

    for _ in range(3):
        worker.weather.script("one", FAILS[failure])
        await worker.ask()
        worker.member("one").cooling_until_s = 0.0

    assert (worker.state("one") != "closed") is (TABLE[failure].health == "bad")


@pytest.mark.parametrize("failure", sorted(FAILS))
@virtually
async def test_a_retry_draws_from_the_budget_where_the_table_says_so(failure: Failure) -> None:
    worker = Worker(["one"], keys={"one": 2}, calls=NO_RETRIES)
    worker.weather.script("one", FAILS[failure])

    visit = await worker.ask()

    if TABLE[failure].budgeted and {"same_key", "other_key"} & set(TABLE[failure].next):
        assert (len(visit.path), visit.asked.stopped[:20]) == (1, "the retry budget of ")
    else:
        assert "retry budget" not in visit.asked.stopped


@virtually
async def test_no_more_attempts_are_made_than_the_envelope_has() -> None:
    worker = Worker(["one", "two", "three"], attempts=2)
    for name in ("one", "two", "three"):
        worker.weather.script(name, *[says(500)] * 4)

    visit = await worker.ask()

    assert len(worker.weather.sent) == 2
    assert visit.asked.stopped == "2 of 2 attempts were made"
    assert visit.error is not None
    assert visit.error.message.endswith("(2 attempts were made)")


@virtually
async def test_a_deployment_is_asked_twice_before_a_fallback_is() -> None:
    worker = Worker(["one", "two"], fallbacks=[("any", ["two"])])
    worker.weather.script("one", *[says(500)] * 4)

    visit = await worker.ask()

    assert visit.path == ["one", "one", "two"]


@virtually
async def test_a_slow_deployment_is_not_asked_again_before_a_fallback_is() -> None:
    worker = Worker(["one", "two"], fallbacks=[("any", ["two"])])
    worker.weather.script("one", hangs())

    visit = await worker.ask()

    assert visit.path == ["one", "two"]


@virtually
async def test_fallbacks_are_asked_in_their_order() -> None:
    worker = Worker(["one", "two", "three"], fallbacks=[("any", ["two"]), ("any", ["three"])])
    worker.weather.script("one", says(404))
    worker.weather.script("two", says(404))

    visit = await worker.ask()

    assert visit.path == ["one", "two", "three"]


@virtually
async def test_who_failed_before_is_asked_once_more_when_nobody_else_is_left() -> None:
    worker = pair(goes=says(500))
    worker.weather.script("two", raises(UpstreamUnreachable))

    visit = await worker.ask()

    assert (visit.path, visit.served) == (["one", "two", "two"], "two")
    assert gap_s(visit, 2) > 0


@virtually
async def test_who_is_full_is_not_asked_for_ever() -> None:
    crowded = CallsSettings(admission=AdmissionSettings(room=0, tenant_share=0.5, limit=LimitSettings(start=2, max=2)))
    worker = Worker(["one", "two"], attempts=20, calls=crowded, route=TURNS)
    worker.weather.script("one", says(500, after_s=1.0))
    worker.weather.script("two", says(500, after_s=1.0), answers(50.0))

    async def later(after_s: float, *plays: Play) -> Visit:
        await asyncio.sleep(after_s)
        for name in ("one", "two"):
            worker.weather.script(name, *plays)
        return await worker.ask()

    visits = await asyncio.gather(worker.ask(), later(1.05, answers(50.0)), later(1.06, answers(50.0)))

    assert all(visit.ended_s is not None for visit in visits)
    worker.check_rest()


# Waits


@virtually
async def test_there_is_no_wait_when_another_deployment_is_ready() -> None:
    visit = await pair(goes=says(503, retry_after_s=7)).ask()

    assert visit.path == ["one", "two"]
    assert gap_s(visit) == pytest.approx(0.0, abs=1e-5)


@virtually
async def test_waits_are_spread_over_all_of_the_backoff() -> None:
    waits_s: list[float] = []
    for seed in range(200):
        worker = Worker(["one"])
        worker.weather.script("one", says(500))
        waits_s.append(gap_s(await worker.ask(seed=seed)))

    assert min(waits_s) < 0.02
    assert 0.48 < max(waits_s) <= 0.5
    assert sum(waits_s) / len(waits_s) == pytest.approx(0.25, abs=0.03)


@virtually
async def test_waits_grow_with_each_retry_up_to_a_cap() -> None:
    longest = [0.0] * 5
    calls = CallsSettings(
        retry=RetrySettings(base_s=0.5, cap_s=2.0), breaker=BreakerSettings(consecutive_failures=100, min_volume=100)
    )
    for seed in range(60):
        worker = Worker(["one"], attempts=6, calls=calls)
        worker.weather.script("one", *[says(500)] * 5)
        visit = await worker.ask(seed=seed)
        longest = [max(most, gap_s(visit, which)) for which, most in enumerate(longest, 1)]

    assert longest == pytest.approx([0.5, 1.0, 2.0, 2.0, 2.0], rel=0.15)


@virtually
async def test_retry_after_is_waited_for_and_the_jitter_on_top() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.weather.script("one", says(429, retry_after_s=4))

    visit = await worker.ask(seed=3)

    assert visit.served == "one"
    assert 4.0 < gap_s(visit) <= 4.5


@virtually
async def test_nobody_waits_longer_than_patience_lasts() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.weather.script("one", says(429, retry_after_s=11))

    visit = await worker.ask()

    assert visit.path == ["one"]
    assert visit.asked.stopped == "it asks for 11 s, and none waits over 10 s"
    assert visit.error is not None
    assert visit.error.retry_after_s == 11


@virtually
async def test_a_wait_that_the_deadline_cuts_short_is_not_begun() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.weather.script("one", says(429, retry_after_s=5))

    visit = await worker.ask(deadline_s=4.0)

    assert visit.asked.stopped == "the deadline comes before the wait is over"
    assert visit.ended_s == pytest.approx(0.1)


@virtually
async def test_what_was_waited_is_told_of_the_attempt() -> None:
    worker = Worker(["one"])
    worker.weather.script("one", says(500))

    visit = await worker.ask()

    waited_us = visit.attempts[1].record().timings.waited_us
    assert waited_us is not None
    assert waited_us / 1e6 == pytest.approx(gap_s(visit), abs=1e-4)


# Keys


@virtually
async def test_a_refused_key_is_dead_for_every_deployment_of_its_account() -> None:
    worker = Worker(["one", "two"], accounts={"one": "acct", "two": "acct"}, keys={"acct": 2}, route=TURNS)
    worker.weather.script("one", says(401))

    first = await worker.ask()
    dead = first.keys[0]
    later = [await worker.ask(seed=seed * 2**27) for seed in range(32)]

    assert {key for visit in later for key in visit.keys} == {"key 1", "key 2"} - {dead}
    assert {name for visit in later for name in visit.path} == {"one", "two"}


@virtually
async def test_a_forbidden_key_is_left_out_at_that_deployment_alone() -> None:
    worker = Worker(["one", "two"], accounts={"one": "acct", "two": "acct"}, keys={"acct": 2}, route=TURNS)
    worker.weather.script("one", says(403))

    first = await worker.ask()
    barred = first.keys[0]
    later = [await worker.ask(seed=seed * 2**27) for seed in range(32)]

    used = {(name, key) for visit in later for name, key in zip(visit.path, visit.keys, strict=True)}
    every = {(name, key) for name in ("one", "two") for key in ("key 1", "key 2")}
    assert used == every - {("one", barred)}


@pytest.mark.parametrize("play", [says(402), says(400, "insufficient_quota")], ids=["402", "hidden in a 400"])
@virtually
async def test_a_key_that_is_out_of_quota_rests_until_its_time(play: Play) -> None:
    worker = Worker(["one"], keys={"one": 2}, calls=CallsSettings(retry=RetrySettings(dead_key_s=60.0)))
    worker.weather.script("one", play)

    first = await worker.ask()
    await asyncio.sleep(59.0)
    before = {(await worker.ask(seed=seed * 2**27)).keys[0] for seed in range(8)}
    await asyncio.sleep(2.0)
    after = {(await worker.ask(seed=seed * 2**27)).keys[0] for seed in range(32)}

    assert first.failures[0] == "quota"
    assert before == {first.keys[1]}
    assert after == {"key 1", "key 2"}


@virtually
async def test_a_key_that_died_while_its_attempt_waited_is_not_used() -> None:
    worker = Worker(["one"], keys={"one": 2})
    worker.weather.script("one", says(500, after_s=0.1))
    task = asyncio.ensure_future(worker.ask(seed=1))
    await asyncio.sleep(0.11)
    (attempt,) = worker.visits[0].attempts
    assert attempt.key is not None
    pool = worker.member("one").pool
    assert pool is not None

    attempt.key.mark("dead", "auth", 0.11)
    visit = await task

    assert visit.served == "one"
    assert visit.keys[1] != visit.keys[0]


@pytest.mark.parametrize(("status", "told", "back_s"), [(401, UpstreamAuth, None), (402, UpstreamQuota, 60.0)])
@virtually
async def test_when_all_keys_are_dead_the_caller_is_told_why(
    status: int, told: type[AntiphonError], back_s: float | None
) -> None:
    worker = Worker(["one"], keys={"one": 1}, calls=CallsSettings(retry=RetrySettings(dead_key_s=100.0)))
    worker.weather.script("one", says(status))
    await worker.ask()
    await asyncio.sleep(40.0)

    visit = await worker.ask()

    assert type(visit.error) is told
    assert visit.error is not None
    assert visit.error.retry_after_s == (None if back_s is None else pytest.approx(back_s, abs=0.5))
    assert "dead (" in visit.error.noted
    assert len(worker.weather.sent) == 1


@virtually
async def test_a_cooling_key_is_used_when_nobody_else_is_left() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.weather.script("one", says(429, retry_after_s=100))
    await worker.ask()

    visit = await worker.ask()

    assert visit.served == "one"
    assert visit.attempts[0].spot.forced


# The retry budget


@virtually
async def test_a_spent_budget_is_told() -> None:
    worker = Worker(["one"], attempts=20, calls=CallsSettings(retry_budget=RetryBudgetSettings(min_per_s=0.2)))
    worker.weather.script("one", *[says(500)] * 20)

    visit = await worker.ask()

    assert visit.asked.stopped == "the retry budget of one is spent"
    assert len(visit.path) == 3


@virtually
async def test_a_sound_deployment_takes_over_without_leave_of_a_budget() -> None:
    """A standby gets no first attempts that a share could be taken of: it would be starved of what it is there for."""
    worker = Worker(["one", "two"], fallbacks=[("any", ["two"])], calls=NO_RETRIES)
    worker.weather.script("one", *[says(500)] * 4)

    visits = [await worker.ask() for _ in range(4)]

    assert [visit.path for visit in visits] == [["one", "two"]] * 4
    assert worker.member("two").budget.spending(1.0) == Spending(firsts=4, retries=0, left=0)


def unsound(worker: Worker, name: str) -> None:
    """Let a deployment fail every other time."""
    breaker = worker.member(name).breaker
    breaker.succeeded(breaker.admit(0.0), 0.0, 0.0)
    breaker.failed(breaker.admit(0.0), 0.0, "server_error")


@virtually
async def test_the_budget_of_who_gets_the_retry_is_charged_when_it_fails_itself() -> None:
    worker = pair(goes=says(500))
    unsound(worker, "two")

    await worker.ask()

    assert worker.member("one").budget.spending(1.0).retries == 0
    assert worker.member("two").budget.spending(1.0).retries == 1


@virtually
async def test_who_has_no_budget_left_is_passed_over_for_another() -> None:
    worker = Worker(["one", "two", "three"], route=TURNS)
    unsound(worker, "two")
    budget = worker.member("two").budget
    while budget.retry(0.0):
        pass
    worker.weather.script("one", says(500))

    visit = await worker.ask()

    assert visit.path == ["one", "three"]


# Breakers


@virtually
async def test_a_deployment_that_fails_is_left_alone_until_its_probe_succeeds() -> None:
    worker = Worker(["one", "two"], route=TURNS, calls=FRAIL)
    worker.weather.script("one", says(500), says(500))
    for _ in range(4):
        await worker.ask()
    assert worker.state("one") == "open"

    alone = [await worker.ask() for _ in range(8)]
    await asyncio.sleep(6.0)
    after = [await worker.ask() for _ in range(8)]

    assert {visit.served for visit in alone} == {"two"}
    assert {visit.served for visit in after} == {"one", "two"}
    assert worker.state("one") == "closed"


@virtually
async def test_a_probe_that_fails_leaves_it_alone_again_and_its_request_is_answered() -> None:
    worker = Worker(["one", "two"], route=TURNS, calls=FRAIL)
    worker.weather.script("one", *[says(500)] * 3)
    for _ in range(4):
        await worker.ask()
    await asyncio.sleep(6.0)

    visits = [await worker.ask() for _ in range(4)]

    assert {visit.served for visit in visits} == {"two"}
    assert sum(visit.path.count("one") for visit in visits) == 1
    assert worker.state("one") == "open"


@virtually
async def test_one_probe_runs_at_a_time() -> None:
    worker = Worker(["one", "two"], route=TURNS, calls=FRAIL)
    worker.weather.script("one", says(500), says(500), *[answers(4.0)] * 10)
    for _ in range(4):
        await worker.ask()
    await asyncio.sleep(6.0)

    await asyncio.gather(*(worker.ask() for _ in range(10)))

    assert len(worker.weather.to("one")) == 3


@virtually
async def test_when_all_are_left_alone_the_soundest_is_asked_all_the_same() -> None:
    worker = Worker(["one", "two"], route=TURNS, calls=FRAIL, attempts=2)
    for name in ("one", "two"):
        worker.weather.script(name, *[says(500)] * 2)
    for _ in range(2):
        await worker.ask()
    assert {worker.state("one"), worker.state("two")} == {"open"}

    visit = await worker.ask()

    assert visit.served
    assert visit.attempts[0].spot.forced
    assert worker.state(visit.served) == "closed"


@virtually
async def test_a_fallback_goes_before_who_is_left_alone() -> None:
    worker = Worker(["one", "two"], fallbacks=[("any", ["two"])], calls=FRAIL)
    worker.weather.script("one", *[says(500)] * 2)
    await worker.ask()

    visit = await worker.ask()

    assert visit.path == ["two"]
    assert visit.reasons == ["fallback:any: one: left alone: 2 failures in a row; the last: server_error"]


@virtually
async def test_a_deployment_that_opens_while_a_request_waits_for_its_turn_is_passed_over() -> None:
    frail = CallsSettings(
        breaker=BreakerSettings(consecutive_failures=1), admission=AdmissionSettings(tenant_share=0.5)
    )
    worker = Worker([post("one", concurrency=2), "two"], route=TURNS, calls=frail)
    worker.weather.script("one", says(500, after_s=1.0))
    running = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0.5)

    worker.prepared.policy.turn = 0
    visit = await worker.ask()
    await running

    assert (visit.path, visit.ended_s) == (["two"], pytest.approx(1.1))
    assert visit.reasons == ["other_deployment: full"]


@virtually
async def test_timeouts_that_the_caller_set_say_nothing_of_the_deployment() -> None:
    worker = Worker(["one"], calls=FRAIL)
    worker.weather.script("one", *[answers(1.0)] * 12)

    for _ in range(3):
        await worker.ask(deadline_s=0.5)
        head = Deadline(at_s=1e6, bound="server", allowed_s=600.0, head_at_s=asyncio.get_running_loop().time() + 0.5)
        await worker.ask(deadline=head)

    assert worker.openings("one") == 0


@virtually
async def test_a_stream_that_outlasts_its_caller_s_deadline_says_nothing_of_the_deployment() -> None:
    worker = Worker(["one"], calls=FRAIL)
    worker.weather.script("one", *[answers(text="a b c d e f", each_s=0.5)] * 3)

    visits = [await worker.ask(stream=True, deadline_s=2.0) for _ in range(3)]

    assert all(visit.answered and isinstance(visit.error, UpstreamTimeout) for visit in visits)
    assert worker.openings("one") == 0


@virtually
async def test_pauses_that_the_caller_does_not_bear_say_nothing_of_the_deployment() -> None:
    worker = Worker(["one"], calls=FRAIL)
    worker.weather.script("one", *[answers(text="a b c", each_s=1.0)] * 3)

    for _ in range(3):
        limit = Deadline(at_s=1e6, bound="server", allowed_s=600.0, silence_s=0.5)
        await worker.ask(stream=True, deadline=limit)

    assert worker.openings("one") == 0


@virtually
async def test_an_upstream_that_is_too_slow_for_its_own_timeouts_is_left_alone() -> None:
    worker = Worker(["one"], calls=FRAIL, attempts=1)
    worker.weather.script("one", hangs(), stalls())

    await worker.ask(stream=True)
    await worker.ask(stream=True)

    assert worker.state("one") == "open"


# Choosing


@virtually
async def test_a_session_sticks_to_its_deployment() -> None:
    worker = Worker(["one", "two", "three"], route=RouteSettings(sticky=StickySettings(by="session")))

    homes = {
        session: {(await worker.ask(key=session_key("acme", session), seed=seed)).served for seed in range(6)}
        for session in "abcdefghij"
    }

    assert all(len(served) == 1 for served in homes.values())
    assert set().union(*homes.values()) == {"one", "two", "three"}


@virtually
async def test_a_session_goes_elsewhere_only_while_its_home_fails() -> None:
    worker = Worker(["one", "two", "three"], route=RouteSettings(sticky=StickySettings(by="session")))
    key = session_key("acme", "a")
    home = (await worker.ask(key=key)).served
    worker.weather.script(home, says(500))

    away, back = await worker.ask(key=key), await worker.ask(key=key)

    assert away.path[0] == home
    assert away.served != home
    assert back.path == [home]


@virtually
async def test_turns_go_round() -> None:
    worker = Worker(["one", "two", "three"], route=TURNS)

    served = [(await worker.ask()).served for _ in range(6)]

    assert served == ["one", "two", "three"] * 2


# Hedging


async def hedged(posts: Sequence[Deployment | str] = ("one", "two"), **made: Any) -> Worker:
    """A worker that has measured how fast its deployments are."""
    made = {"route": TURNS_HEDGED, "calls": MEASURED, **made}
    worker = Worker(posts, **made)
    for _ in range(2):
        await worker.ask()
    return worker


@virtually
async def test_a_second_attempt_is_sent_beside_a_slow_one_and_wins() -> None:
    worker = await hedged()
    worker.weather.script("one", answers(4.0))
    began_s = asyncio.get_running_loop().time()

    visit = await worker.ask()

    assert visit.path == ["one", "two"]
    assert visit.reasons == ["", "hedge: no content within 0.5 s (p95 of first content)"]
    assert visit.ended_s is not None
    assert visit.ended_s - began_s == pytest.approx(0.6)
    assert visit.attempts[0].record().detail == "ended: another attempt was faster"
    worker.check_rest()


@virtually
async def test_the_one_that_lost_is_paid_for_as_far_as_it_came() -> None:
    worker = await hedged()
    worker.weather.script("one", answers(4.0))

    visit = await worker.ask()

    lost, won = visit.attempts
    assert lost.assumed
    assert lost.cost_nano_usd is not None
    assert lost.cost_nano_usd > 0
    assert not won.assumed


@virtually
async def test_a_second_attempt_that_is_slower_is_ended_and_leaves_nothing() -> None:
    worker = await hedged()
    worker.weather.script("one", answers(0.7))
    worker.weather.script("two", answers(4.0))

    visit = await worker.ask()

    assert visit.path == ["one", "two"]
    assert visit.attempts[0].error is None
    assert visit.attempts[0].usage is not None
    assert visit.attempts[1].lost
    worker.check_rest()


@virtually
async def test_a_first_attempt_that_fails_while_the_second_runs_is_not_told() -> None:
    worker = await hedged()
    worker.weather.script("one", says(500, after_s=0.7))
    worker.weather.script("two", answers(1.0))

    visit = await worker.ask()

    assert visit.error is None
    assert visit.failures == ["server_error", None]


@virtually
async def test_without_a_budget_no_second_attempt_is_sent() -> None:
    hedge = HedgeSettings(enabled=True, min_delay_s=0.5, budget=0.0, floor_per_s=0.0)
    worker = await hedged(route=RouteSettings(balance=TURNS.balance, hedge=hedge))
    worker.weather.script("one", answers(4.0))

    visit = await worker.ask()

    assert visit.path == ["one"]


@virtually
async def test_a_second_attempt_counts_towards_the_envelope() -> None:
    worker = await hedged(attempts=1)
    worker.weather.script("one", answers(4.0))

    visit = await worker.ask()

    assert visit.path == ["one"]


@virtually
async def test_a_first_attempt_that_waits_for_its_turn_is_counted_when_a_second_is_due() -> None:
    calls = CallsSettings(live=MEASURED.live, admission=AdmissionSettings(tenant_share=0.5))
    worker = await hedged(posts=[post("one", concurrency=2), "two"], calls=calls, attempts=1)
    worker.weather.script("one", answers(0.8), answers(2.0))
    worker.weather.script("two", answers(4.0))
    running = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0)
    worker.prepared.policy.turn = 0

    visit = await worker.ask()
    await running

    assert visit.path == ["one"]
    assert len([sent for sent in worker.weather.sent if sent.visit == visit.number]) == 1
    worker.check_rest()


@virtually
async def test_after_two_that_raced_have_failed_neither_counts_as_untried() -> None:
    worker = Worker(["one", "two", "three"], route=TURNS_HEDGED, calls=MEASURED)
    for _ in range(3):
        await worker.ask()
    worker.weather.script("one", says(500, after_s=0.8))
    worker.weather.script("two", says(500, after_s=0.8))
    worker.weather.script("three", says(500, after_s=0.8))

    visit = await worker.ask(seed=5)

    assert sorted(visit.path[:3]) == ["one", "three", "two"]


# Streams


@virtually
async def test_a_stream_that_breaks_before_its_first_content_is_tried_elsewhere() -> None:
    worker = pair(goes=cuts(after_events=1))

    visit = await worker.ask(stream=True)

    assert (visit.path, visit.served) == (["one", "two"], "two")
    assert visit.failures == ["broken", None]
    assert visit.out.count(b'"role"') == 1


@virtually
async def test_a_stream_that_breaks_after_its_first_content_is_not_begun_again() -> None:
    worker = pair(goes=cuts(after_events=3))

    visit = await worker.ask(stream=True)

    assert visit.path == ["one"]
    assert isinstance(visit.error, UpstreamBroken)
    assert b"one two" in visit.out.replace(b'"}}]}', b"") or b"two" in visit.out
    worker.check_rest()


@virtually
async def test_a_deployment_that_can_goes_on_with_a_stream_that_broke() -> None:
    worker = Worker([post("one"), post("two"), post("three", continues=True)], route=TURNS)
    worker.weather.script("one", cuts(after_events=3))

    visit = await worker.ask(stream=True, goes_on=True)

    assert (visit.path, visit.served) == (["one", "three"], "three")
    assert b"one two" in worker.weather.to("three")[0].body
    worker.check_rest()


@virtually
async def test_where_none_can_go_on_the_caller_is_told_what_broke() -> None:
    worker = pair(goes=cuts(after_events=3))

    visit = await worker.ask(stream=True, goes_on=True)

    assert visit.path == ["one"]
    assert isinstance(visit.error, UpstreamBroken)
    assert visit.asked.stopped


@virtually
async def test_who_failed_before_a_stream_began_does_not_go_on_with_it_unless_it_can() -> None:
    worker = pair(goes=says(500))
    worker.weather.script("two", cuts(after_events=3))

    visit = await worker.ask(stream=True, goes_on=True)

    assert visit.path == ["one", "two"]
    assert isinstance(visit.error, UpstreamBroken)


@virtually
async def test_a_caller_who_leaves_while_another_goes_on_blames_nobody() -> None:
    worker = Worker([post("one"), post("two", continues=True)], route=TURNS_HEDGED, calls=FRAIL)
    for _ in range(3):
        worker.prepared.policy.turn = 0
        worker.weather.script("one", cuts(after_events=3))
        worker.weather.script("two", answers(4.0))
        task = asyncio.ensure_future(worker.ask(stream=True, goes_on=True))
        await asyncio.sleep(2.0)
        task.cancel()
        await asyncio.wait([task])

    assert worker.openings("two") == 0
    assert [len(visit.path) for visit in worker.visits[:1]] == [2]
    worker.check_rest()


# Deadlines


@pytest.mark.parametrize(
    ("bound", "header", "who"),
    [
        ("request", "x-antiphon-timeout", "the header x-antiphon-timeout"),
        ("route", "", "the route"),
        ("server", "", "the server"),
    ],
)
@virtually
async def test_who_set_the_deadline_is_told(bound: Any, header: str, who: str) -> None:
    worker = Worker(["one"])
    worker.weather.script("one", hangs())

    visit = await worker.ask(deadline=Deadline(at_s=2.0, bound=bound, allowed_s=2.0, header=header))

    assert isinstance(visit.error, DeadlineExceeded)
    assert visit.error.message == f"no whole answer came within the 2 s that {who} allows"
    assert visit.ended_s == pytest.approx(2.0)
    assert "one" in visit.error.noted


@virtually
async def test_an_attempt_has_no_more_time_than_its_request() -> None:
    worker = pair(goes=hangs())

    await worker.ask(deadline_s=7.0)

    first, second = worker.weather.sent
    assert first.timeouts.first_byte_s == 5.0
    assert second.timeouts.total_s == pytest.approx(2.0)


# Places


@virtually
async def test_a_request_waits_while_its_deployment_is_full() -> None:
    worker = Worker([post("one", concurrency=2)])

    visits = await asyncio.gather(*(worker.ask() for _ in range(6)))

    assert sorted(round(visit.ended_s or 0.0, 3) for visit in visits) == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]
    assert {visit.served for visit in visits} == {"one"}
    worker.check_rest()


def limited(at_s: float, **fields: Any) -> Deadline:
    return Deadline(at_s=at_s, bound="request", allowed_s=at_s, header="x-antiphon-timeout", **fields)


@pytest.mark.parametrize(
    ("limit", "stream", "told", "ended_s", "says"),
    [
        (limited(2.0), False, DeadlineExceeded, 2.0, "the header x-antiphon-timeout allows"),
        (limited(60.0, head_at_s=2.0), True, DeadlineExceeded, 2.0, "client had given up"),
        (limited(60.0), False, OverLimit, 3.0, "did not come within 3.0 s"),
    ],
    ids=["its deadline", "its SDK's timer", "the room's own bound"],
)
@virtually
async def test_who_waits_in_vain_is_told_whose_time_was_over(
    limit: Deadline, stream: bool, told: type[AntiphonError], ended_s: float, says: str
) -> None:
    worker = Worker([post("one", concurrency=1)], calls=CallsSettings(admission=AdmissionSettings(max_wait_s=3)))
    worker.weather.script("one", answers(4.0))
    running = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0)

    visit = await worker.ask(deadline=limit, stream=stream)

    assert type(visit.error) is told
    assert says in visit.error.message
    assert (visit.ended_s, visit.attempts) == (ended_s, [])
    await running
    worker.check_rest()


@virtually
async def test_another_deployment_is_taken_before_anyone_waits() -> None:
    worker = Worker([post("one", concurrency=1), "two"], route=TURNS)
    worker.weather.script("one", answers(5.0))
    running = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0.1)

    visits = [await worker.ask() for _ in range(4)]
    await running

    assert {visit.served for visit in visits} == {"two"}


@virtually
async def test_lanes_are_served_by_their_priority() -> None:
    worker = Worker([post("one", concurrency=1)])
    running = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0)

    lanes = ["low", "normal", "high"] * 2
    visits = await asyncio.gather(*(worker.ask(lane=lane) for lane in lanes))
    await running

    ended = sorted(zip((visit.ended_s or 0.0 for visit in visits), lanes, strict=True))
    assert [lane for _, lane in ended][:2] == ["high", "high"]


@virtually
async def test_a_cancelled_call_gives_everything_back() -> None:
    worker = Worker([post("one", concurrency=1)], keys={"one": 1})
    worker.weather.script("one", hangs())
    tasks = [asyncio.ensure_future(worker.ask()) for _ in range(3)]
    await asyncio.sleep(1.0)

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    worker.check_rest()


@virtually
async def test_what_can_not_be_written_down_is_not_sent_and_costs_nothing() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.journal.failing = True

    visit = await worker.ask()

    assert isinstance(visit.error, StoreError)
    assert visit.attempts == []
    assert worker.weather.sent == []
    assert worker.tickets.costs == [None]
    worker.check_rest()


@virtually
async def test_without_a_ticket_nothing_is_sent() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.tickets.refusal = "the budget is spent"

    visit = await worker.ask()

    assert isinstance(visit.error, OverLimit)
    assert visit.error.message == "the budget is spent"
    assert worker.weather.sent == []
    worker.check_rest()


@virtually
async def test_tickets_that_run_out_amid_retries_end_the_call() -> None:
    worker = Worker(["one", "two"], attempts=20, route=TURNS)
    worker.weather.script("one", says(500))
    worker.weather.script("two", says(500))
    task = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0.15)
    worker.tickets.refusal = "the budget is spent"

    visit = await task

    assert visit.path == ["one", "two"]
    assert visit.error is not None
    worker.check_rest()


# What the caller is told


@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        (says(500), says(429), UpstreamLimited),
        (says(401), says(503), UpstreamOverloaded),
        (raises(UpstreamUnreachable), hangs(), UpstreamTimeout),
        (raises(UpstreamUnreachable), says(400), UpstreamRefused),
        (says(404), raises(UpstreamMalformed), UpstreamMalformed),
        (says(404), says(402), UpstreamQuota),
    ],
)
@virtually
async def test_the_most_telling_error_is_told(one: Play, two: Play, told: type[AntiphonError]) -> None:
    worker = pair(goes=one, attempts=2)
    worker.weather.script("two", two)

    visit = await worker.ask()

    assert type(visit.error) is told


@virtually
async def test_a_fallback_s_refusal_does_not_go_before_what_the_asked_model_said() -> None:
    worker = Worker(["one", "two"], fallbacks=[("any", ["two"])], attempts=3)
    worker.weather.script("one", says(500), says(500))
    worker.weather.script("two", says(400))

    visit = await worker.ask()

    assert visit.path == ["one", "one", "two"]
    assert not isinstance(visit.error, UpstreamRefused)


@virtually
async def test_the_soonest_time_to_come_back_is_told() -> None:
    worker = pair(goes=says(429, retry_after_s=30), attempts=2)
    worker.weather.script("two", says(503, retry_after_s=20))

    visit = await worker.ask()

    assert isinstance(visit.error, UpstreamLimited)
    assert visit.error.retry_after_s == 20


@virtually
async def test_a_probe_of_ours_is_made_whatever_the_breaker_says() -> None:
    worker = Worker(["one"], calls=FRAIL, attempts=2)
    worker.weather.script("one", *[says(500)] * 2)
    await worker.ask()
    assert worker.state("one") == "open"

    visit = await worker.ask(forced=True)

    assert visit.served == "one"
    assert worker.state("one") == "closed"


def test_the_timeouts_of_these_deployments_are_short() -> None:
    assert QUICK.total_s == 60.0
