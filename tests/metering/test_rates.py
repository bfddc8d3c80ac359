"""One worker's limits: who is counted, what is refused and what the caller is told."""

import pytest
from limited import MS, OTHER, SECOND, SMALL, TEAM, Time, bound, requests, whose
from msgspec.structs import replace

from antiphon.core.error import BadRequest, OverLimit
from antiphon.core.limit import Limit
from antiphon.core.ticket import Whose
from antiphon.metering.counters_memory import SWEEP_AT, MemoryCounters
from antiphon.metering.rates import Rates
from antiphon.metering.rates_lines import duration
from antiphon.metering.rates_slot import NO_HOLD, NO_SLOT, Hold, Slot


def wall_ns() -> int:
    return 1_796_000_000 * SECOND


@pytest.fixture
def time() -> Time:
    return Time()


def made(time: Time, *limits: Limit) -> Rates:
    rates = Rates(MemoryCounters(time), time)
    rates.become(limits)
    return rates


def admitted(rates: Rates, who: Whose | None = None, *, stream: bool = False) -> Slot:
    slot = rates.admit(who or whose(), stream=stream)
    assert isinstance(slot, Slot)
    return slot


def held(rates: Rates, slot: Slot, input_tokens: int = 0, output_tokens: int = 0) -> Hold:
    hold = rates.hold(slot, SMALL, bound(input_tokens, output_tokens))
    assert isinstance(hold, Hold)
    return hold


def refused(rates: Rates, who: Whose | None = None, *, stream: bool = False) -> OverLimit:
    with pytest.raises(OverLimit) as caught:
        rates.admit(who or whose(), stream=stream)
    return caught.value


def test_without_limits_nothing_is_counted(time: Time) -> None:
    rates = made(time)
    slot = admitted(rates)
    assert slot is NO_SLOT
    assert rates.hold(slot, SMALL, bound(5)) is NO_HOLD
    rates.settle(NO_HOLD, 1, 1)
    rates.leave(slot)
    rates.leave(slot)
    assert rates.lines(slot, "openai_chat", wall_ns) == b""


def test_a_burst_passes_and_then_one_each_interval(time: Time) -> None:
    rates = made(time, requests(10, burst=3))
    for _ in range(3):
        rates.leave(admitted(rates))
    assert refused(rates).retry_after_s == 0.1
    time.ns += 99 * MS
    assert refused(rates).retry_after_s == 0.001
    time.ns += 1 * MS
    rates.leave(admitted(rates))
    assert refused(rates).retry_after_s == 0.1


def test_a_refusal_names_the_limit_whose_it_is_and_when_it_passes(time: Time) -> None:
    rates = made(time, Limit(name="team-rate", kind="requests", number=600, per="minute", burst=2, scopes=("team",)))
    admitted(rates)
    admitted(rates)
    error = refused(rates)
    assert error.message == (
        "the limit team-rate of team support, tenant acme is 600 requests a minute, 2 at once: 0 remain and 1 is "
        "needed; it passes in 0.1 s, and all are back in 0.2 s"
    )
    assert error.said_status == 429
    assert error.retry_after_s == 0.1


def test_a_request_passes_all_of_its_limits_or_takes_none_of_any(time: Time) -> None:
    wide, narrow = requests(10, burst=5), Limit(name="one", kind="requests", number=1, per="hour", scopes=("user",))
    rates = made(time, wide, narrow)
    admitted(rates)
    for _ in range(20):
        assert "the limit one of user ann" in refused(rates).message
    rates.become([wide])
    for _ in range(4):
        admitted(rates)
    refused(rates)


def test_each_value_has_a_limit_of_its_own_and_who_has_none_is_not_counted(time: Time) -> None:
    rates = made(time, requests(1, scopes=("user", "model")))
    admitted(rates)
    refused(rates)
    admitted(rates, whose(model="slow"))
    admitted(rates, whose(replace(TEAM, user="bob")))
    for _ in range(3):
        admitted(rates, whose(replace(TEAM, user="")))


def test_tenants_share_a_limit_only_where_it_says_so(time: Time) -> None:
    other = replace(TEAM, tenant="globex")
    apart = made(time, requests(1, scopes=("team",)))
    admitted(apart)
    admitted(apart, whose(other))
    together = made(time, requests(1, scopes=("team",), shared=True))
    admitted(together)
    assert refused(together, whose(other)).message.startswith("the limit rate of team support is")


def test_a_limit_for_some_values_counts_no_others(time: Time) -> None:
    rates = made(time, requests(1, scopes=("team",), only={"team": ("sup*",)}))
    admitted(rates)
    refused(rates)
    for _ in range(3):
        admitted(rates, whose(replace(TEAM, team="sales")))


def test_end_users_and_runs_are_counted_by_what_each_request_says(time: Time) -> None:
    rates = made(time, requests(1, scopes=("end_user",)))
    admitted(rates, whose(end_user="x"))
    admitted(rates, whose(end_user="y"))
    admitted(rates)
    assert "end_user x" in refused(rates, whose(end_user="x")).message
    runs = made(time, requests(2, scopes=("run",)))
    admitted(runs, whose(run="a/b"))
    admitted(runs, whose(run="a/c"))
    assert "run a," in refused(runs, whose(run="a/d")).message
    admitted(runs, whose(run="e"))


def test_a_request_under_too_many_limits_is_refused(time: Time) -> None:
    many = replace(TEAM, tags=tuple(f"t{n}" for n in range(300)))
    rates = made(time, requests(10, scopes=("tag",)))
    with pytest.raises(BadRequest):
        rates.admit(whose(many), stream=False)


def test_what_runs_at_once_is_free_again_once_it_has_left(time: Time) -> None:
    rates = made(time, Limit(name="c", kind="concurrent_requests", number=2))
    first, second = admitted(rates), admitted(rates)
    error = refused(rates)
    assert error.retry_after_s == 1.0
    assert error.message.endswith("0 remain and 1 is needed; try again when one of them has ended")
    rates.leave(first)
    third = admitted(rates)
    refused(rates)
    rates.leave(second)
    rates.leave(third)
    with pytest.raises(ValueError, match="left once"):
        rates.leave(third)


def test_streams_at_once_count_streams_alone(time: Time) -> None:
    rates = made(time, Limit(name="s", kind="concurrent_streams", number=1))
    stream = admitted(rates, stream=True)
    refused(rates, stream=True)
    for _ in range(3):
        admitted(rates)
    rates.leave(stream)
    admitted(rates, stream=True)


def test_tokens_are_held_by_their_estimate_and_settled_to_their_use(time: Time) -> None:
    rates = made(time, Limit(name="t", kind="tokens", number=100, per="second"))
    slot = admitted(rates)
    hold = held(rates, slot, 60, 40)
    with pytest.raises(OverLimit, match="0 remain and 30 are needed"):
        rates.hold(slot, SMALL, bound(30))
    rates.settle(hold, 10, 10)
    second = held(rates, slot, 80)
    with pytest.raises(OverLimit):
        rates.hold(slot, SMALL, bound(1))
    rates.settle(second, None, None)
    with pytest.raises(ValueError, match="settled once"):
        rates.settle(second, 0, 0)
    time.pass_s(0.3)
    rates.tend()
    time.pass_s(0.5)
    held(rates, slot, 50)


def test_what_was_used_beyond_the_estimate_is_made_up_for(time: Time) -> None:
    rates = made(time, Limit(name="t", kind="output_tokens", number=100, per="second"))
    slot = admitted(rates)
    rates.settle(held(rates, slot, 5, 10), 5, 250)
    with pytest.raises(OverLimit) as caught:
        rates.hold(slot, SMALL, bound(5, 1))
    assert caught.value.retry_after_s == pytest.approx(1.51)
    time.pass_s(1.51)
    held(rates, slot, 5, 1)


def test_a_request_that_is_larger_than_the_limit_is_told_that_it_never_passes(time: Time) -> None:
    rates = made(time, Limit(name="t", kind="input_tokens", number=100))
    with pytest.raises(OverLimit, match="this request needs 101: it can never pass") as caught:
        rates.hold(admitted(rates), SMALL, bound(101))
    assert caught.value.retry_after_s is None
    assert caught.value.spent


def test_limits_by_deployment_count_attempts_and_give_back_what_ran_at_once(time: Time) -> None:
    rates = made(time, Limit(name="d", kind="concurrent_requests", number=1, scopes=("deployment",)))
    slot = admitted(rates)
    hold = held(rates, slot)
    with pytest.raises(OverLimit, match="deployment small-eu"):
        rates.hold(admitted(rates), SMALL, bound())
    assert isinstance(rates.hold(slot, OTHER, bound()), Hold)
    rates.settle(hold, None, None)
    held(rates, slot)


def test_limits_that_change_go_on_from_what_was_taken(time: Time) -> None:
    rates = made(time, requests(10, burst=2))
    slot = admitted(rates)
    admitted(rates)
    refused(rates)
    rates.become([requests(10, burst=4)])
    admitted(rates)
    admitted(rates)
    refused(rates)
    rates.become([])
    assert admitted(rates) is NO_SLOT
    rates.leave(slot)


def test_openai_s_headers_tell_the_tightest_limit_of_each_kind(time: Time) -> None:
    rates = made(
        time,
        requests(600, burst=600),
        Limit(name="r", kind="requests", number=120, per="minute", scopes=("key",)),
        Limit(name="t", kind="tokens", number=6000, per="minute"),
    )
    slot = admitted(rates)
    held(rates, slot, 100, 50)
    assert rates.lines(slot, "openai_chat", wall_ns) == (
        b"x-ratelimit-limit-requests: 120\r\nx-ratelimit-remaining-requests: 119\r\n"
        b"x-ratelimit-reset-requests: 500ms\r\n"
        b"x-ratelimit-limit-tokens: 6000\r\nx-ratelimit-remaining-tokens: 5850\r\nx-ratelimit-reset-tokens: 1.5s\r\n"
    )
    time.pass_s(0.1)
    rates.tend()
    time.pass_s(0.25)
    assert b"x-ratelimit-reset-requests: 150ms\r\n" in rates.lines(slot, "gemini", wall_ns)


def test_far_from_a_limit_callers_are_told_for_a_moment_what_the_last_one_was(time: Time) -> None:
    rates = made(time, requests(100_000))

    def remaining() -> bytes:
        told = rates.lines(admitted(rates), "openai_chat", wall_ns)
        return told.split(b"remaining-requests: ")[1].split(b"\r\n")[0]

    first = [remaining() for _ in range(10)]
    time.pass_s(0.05)
    assert (first, remaining()) == ([b"99999"] * 10, b"99990")
    after = [int(remaining()) for _ in range(5000)]
    exact = [99_989 - number for number in range(5000)]
    assert after != exact
    assert all(0 <= told - so <= told // 128 for told, so in zip(after, exact, strict=True))


@pytest.mark.parametrize("number", [3, 100])
def test_near_a_limit_every_caller_is_told_exactly_what_remains(time: Time, number: int) -> None:
    rates = made(time, requests(number))
    for left in range(number - 1, -1, -1):
        told = rates.lines(admitted(rates), "openai_chat", wall_ns)
        assert b"x-ratelimit-remaining-requests: %d\r\n" % left in told


def test_what_one_dialect_was_told_is_not_told_in_another(time: Time) -> None:
    rates = made(time, requests(100_000))
    slot = admitted(rates)
    assert rates.lines(slot, "openai_chat", wall_ns).startswith(b"x-ratelimit-limit-requests")
    assert rates.lines(slot, "anthropic_messages", wall_ns).startswith(b"anthropic-ratelimit-requests-limit")


def test_a_refused_request_is_told_how_its_limits_stand(time: Time) -> None:
    rates = made(time, requests(10, burst=1))
    assert made(time).lines_of(whose(), "openai_chat", wall_ns, stream=False) == b""
    admitted(rates)
    refused(rates)
    assert rates.lines_of(whose(), "openai_chat", wall_ns, stream=False) == (
        b"x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 100ms\r\n"
    )


def test_anthropic_s_callers_are_told_in_their_dialect(time: Time) -> None:
    rates = made(
        time,
        Limit(name="r", kind="requests", number=60, per="minute"),
        Limit(name="i", kind="input_tokens", number=6000, per="minute"),
    )
    slot = admitted(rates)
    held(rates, slot, 100, 50)
    assert rates.lines(slot, "anthropic_messages", wall_ns) == (
        b"anthropic-ratelimit-requests-limit: 60\r\nanthropic-ratelimit-requests-remaining: 59\r\n"
        b"anthropic-ratelimit-requests-reset: 2026-11-30T00:53:21Z\r\n"
        b"anthropic-ratelimit-input-tokens-limit: 6000\r\nanthropic-ratelimit-input-tokens-remaining: 5900\r\n"
        b"anthropic-ratelimit-input-tokens-reset: 2026-11-30T00:53:21Z\r\n"
    )


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0s"), (1, "1ms"), (17 * MS, "17ms"), (1500 * MS, "1.5s"), (360 * SECOND, "6m0s"), (3661 * SECOND, "1h1m1s")],
)
def test_a_time_to_the_reset_is_written_as_go_does(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_refusals_are_told(time: Time) -> None:
    told: list[OverLimit] = []
    rates = Rates(MemoryCounters(time), time, refused=told.append)
    rates.become([requests(1)])
    admitted(rates)
    error = refused(rates)
    assert told == [error]


def test_keys_that_are_empty_again_take_no_room(time: Time) -> None:
    counters = MemoryCounters(time)
    rates = Rates(counters, time)
    rates.become([requests(10, scopes=("end_user",))])
    for number in range(3 * SWEEP_AT):
        rates.leave(admitted(rates, whose(end_user=str(number))))
        time.ns += 100 * MS
        if number % 100 == 0:
            rates.tend()
    assert len(counters._cells) <= SWEEP_AT + 1
    assert len(rates._meters) <= 200
