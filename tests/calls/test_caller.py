import asyncio
from pathlib import Path
from typing import Any

import pytest
from bodies import request
from fakes.house import DONE, House, chunk, completion, deployed, events_of, usage_event
from fakes.upstream import Answer, Hangs, Late
from receipts import ALICE, receipt

from antiphon.calls.answer import Started, Whole
from antiphon.calls.attempt import LOST, Try
from antiphon.calls.course import Answered, Ask
from antiphon.calls.deadline import Deadline
from antiphon.calls.prepared import Policy, Prepared
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_failure import BreakerSettings, RetrySettings
from antiphon.calls.settings_flow import AdmissionSettings, HedgeSettings
from antiphon.core.deployment import Timeouts
from antiphon.core.error import (
    AntiphonError,
    DeadlineExceeded,
    OverLimit,
    StaleConnection,
    StoreError,
    UpstreamAuth,
    UpstreamBroken,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from antiphon.core.plan import Envelope, Step
from antiphon.core.principal import Principal
from antiphon.core.receipt import Loss, Receipt
from antiphon.core.usage import Usage
from antiphon.pricing.cost import cost
from antiphon.pricing.estimate import NEW

OPEN = ["tickets.reserve", "journal.opened", "transport.send"]
QUICK = CallsSettings(retry=RetrySettings(base_s=0.001, cap_s=0.001))
"""Waits that nobody notices."""
PLAIN = b'{"model":"fast","messages":[]}'
STREAM = b'{"model":"fast","messages":[],"stream":true}'


class Asked:
    """A request for the caller to work on."""

    def __init__(self, house: House) -> None:
        self.principal: Principal = ALICE
        self.started_s = house.caller.now()
        self.attempts: list[Try] = []
        self.counted = None
        self.stopped = ""
        self.losses: tuple[Loss, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.tail = b"}"

    def draft(self) -> Receipt:
        return receipt(1, "running", attempts=tuple(attempt.record() for attempt in self.attempts))


def prepared(house: House, *, attempts: int = 1, policy: RouteSettings | None = None) -> Prepared:
    step = Step(name="answer", deployments=tuple(house.targets), envelope=Envelope(attempts=attempts))
    made = Policy("fast", policy or RouteSettings(), house.caller.fleet.settings)
    return house.caller.prepare(step, made, house.targets)


async def call(
    house: House,
    asked: Asked,
    body: bytes = PLAIN,
    *,
    attempts: int = 1,
    within_s: float = 60.0,
    policy: RouteSettings | None = None,
    **more: Any,
) -> Answered:
    limit = Deadline(at_s=house.caller.now() + within_s, bound="server", allowed_s=within_s)
    ask = Ask(request=request(body), deadline=limit, **more)
    return await house.caller.call(asked, prepared(house, attempts=attempts, policy=policy), ask)


async def until_sent(house: House, count: int = 1) -> None:
    while len(house.transport.sent) < count:
        await asyncio.sleep(0)


# --- its ticket, its record, its end


async def test_a_call_has_a_ticket_and_a_record_before_it_is_sent(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    asked = Asked(house)

    answered = await call(house, asked)

    assert house.events == OPEN
    assert house.tickets.counted.open == 1
    assert house.journal.open[0].attempts[0].ticket == answered.attempt.ticket.id
    assert house.metrics.in_flight("small").value == 1
    assert isinstance(answered.answer, Whole)
    assert answered.answer.body == completion()


async def test_of_a_stream_a_call_gives_what_came_up_to_its_first_content(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk(), chunk("a"), chunk("b"), usage_event(), DONE))

    answered = await call(house, Asked(house), STREAM)

    assert isinstance(answered.answer, Started)
    assert answered.answer.held() == chunk() + chunk("a")
    assert not answered.answer.ended
    assert answered.attempt.first_token_us is not None
    rest: list[bytes] = []
    assert answered.attempt.inbound is not None
    await answered.attempt.inbound.relay(rest.append)
    assert b"".join(rest) == chunk("b") + usage_event() + DONE


async def test_a_call_is_settled_once_with_what_it_used(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    attempt = (await call(house, Asked(house))).attempt
    usage = Usage(input_tokens=10, output_tokens=5)

    for _ in range(3):
        house.caller.settle(attempt, usage)

    price = house.target.deployment.price
    assert price is not None
    assert house.events == [*OPEN, "tickets.settle"]
    assert (attempt.usage, attempt.cost_nano_usd, attempt.assumed) == (usage, cost(price, usage), False)
    assert house.tickets.counted.spent == attempt.cost_nano_usd
    house.check_settled()


async def test_a_settled_call_says_how_long_each_part_took(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion(), headers={b"x-request-id": b"req-1"}))
    attempt = (await call(house, Asked(house))).attempt
    before = attempt.record()

    house.caller.settle(attempt, None)

    record = attempt.record()
    assert before.timings.first_byte_us is None
    assert (record.timings.queue_us, record.timings.connect_us, record.timings.first_byte_us) == (1, 2, 3)
    assert record.timings.first_token_us is not None
    assert record.timings.last_byte_us is not None
    assert record.timings.first_token_us <= record.timings.last_byte_us
    assert record.timings.waited_us is None
    assert (record.deployment, record.provider, record.model, record.tier) == ("small", "openai", "gpt-4o-mini", "fast")
    assert (record.status, record.request_id, record.error) == (200, "req-1", "")
    assert (record.reason, record.chosen, record.passed_over, record.key) == ("", "", (), "")
    assert record.usage is None


async def test_an_answer_that_never_told_its_usage_is_charged_for_what_was_seen_of_it(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk("a"), hangs=True))
    attempt = (await call(house, Asked(house), STREAM)).attempt

    house.caller.settle(attempt, None, output_tokens=7)

    price = house.target.deployment.price
    assert price is not None
    sent, _ = house.transport.sent[0]
    seen = Usage(input_tokens=NEW.tokens_of(sent.size_bytes), output_tokens=7)
    assert (attempt.usage, attempt.cost_nano_usd, attempt.assumed) == (None, cost(price, seen), True)
    assert house.tickets.counted.spent == cost(price, seen)


async def test_an_attempt_that_got_no_answer_costs_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, UpstreamUnreachable("no"))
    asked = Asked(house)

    with pytest.raises(UpstreamUnreachable):
        await call(house, asked)

    assert (asked.attempts[0].cost_nano_usd, asked.attempts[0].assumed) == (None, False)


async def test_an_unpriced_call_costs_what_nobody_knows(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), deployment=deployed(price=None))
    attempt = (await call(house, Asked(house))).attempt

    house.caller.settle(attempt, Usage(input_tokens=1))

    assert (attempt.cost_nano_usd, attempt.assumed) == (None, False)
    assert attempt.usage == Usage(input_tokens=1)


async def test_a_stale_connection_is_tried_again_on_a_fresh_one(tmp_path: Path) -> None:
    house = House(tmp_path, StaleConnection("gone"), Answer(completion()))
    asked = Asked(house)

    attempt = (await call(house, asked, attempts=2)).attempt

    assert [fresh for _, fresh in house.transport.sent] == [False, True]
    assert house.events == [*OPEN, "tickets.settle", *OPEN]
    assert [one.record().error for one in asked.attempts] == ["upstream_stale_connection", ""]
    assert [one.record().reason for one in asked.attempts] == ["", "same_key: stale"]
    assert asked.attempts[-1] is attempt
    assert attempt.ticket.id != asked.attempts[0].ticket.id
    house.caller.settle(attempt, None)
    house.check_settled()


async def test_every_try_is_written_down_before_it_is_sent(tmp_path: Path) -> None:
    house = House(tmp_path, StaleConnection("gone"), Answer(completion()))

    await call(house, Asked(house), attempts=2)

    assert [len(draft.attempts) for draft in house.journal.open] == [1, 2]
    assert house.journal.open[1].attempts[0].error == "upstream_stale_connection"


async def test_an_envelope_of_one_attempt_is_kept(tmp_path: Path) -> None:
    house = House(tmp_path, StaleConnection("gone"))
    asked = Asked(house)

    with pytest.raises(StaleConnection):
        await call(house, asked)

    assert house.events == [*OPEN, "tickets.settle"]
    assert asked.stopped == "1 of 1 attempts were made"
    house.check_settled()


async def test_stale_connections_one_after_another_are_an_error(tmp_path: Path) -> None:
    house = House(tmp_path, StaleConnection("gone"), StaleConnection("gone again"))
    asked = Asked(house)

    with pytest.raises(StaleConnection) as caught:
        await call(house, asked, attempts=2)

    assert caught.value.message == "small: gone (2 attempts were made)"
    assert [one.record().detail for one in asked.attempts] == ["small: gone", "small: gone again"]
    house.check_settled()


@pytest.mark.parametrize(
    "error", [UpstreamUnreachable("no"), UpstreamTimeout("no"), UpstreamMalformed("no"), OverLimit("no")]
)
async def test_the_error_of_a_single_attempt_is_the_callers(tmp_path: Path, error: AntiphonError) -> None:
    house = House(tmp_path, error)
    asked = Asked(house)

    with pytest.raises(type(error)) as caught:
        await call(house, asked)

    assert caught.value is error
    assert house.events == [*OPEN, "tickets.settle"]
    assert asked.attempts[0].record().error == error.said_code
    assert "small" in asked.attempts[0].record().detail
    house.check_settled()


async def test_a_bug_in_the_transport_leaves_nothing_open_and_is_not_tried_again(tmp_path: Path) -> None:
    house = House(tmp_path, RuntimeError("bug"))

    with pytest.raises(RuntimeError, match="bug"):
        await call(house, Asked(house), attempts=3)

    assert len(house.transport.sent) == 1
    house.check_settled()


async def test_a_bug_while_an_answer_is_read_lets_go_of_it(tmp_path: Path) -> None:
    answer = events_of(fails=RuntimeError("bug"))
    house = House(tmp_path, answer)

    with pytest.raises(RuntimeError, match="bug"):
        await call(house, Asked(house), STREAM)

    assert answer.closed == 1
    house.check_settled()


# --- cancellation


async def test_a_cancelled_call_is_settled(tmp_path: Path) -> None:
    house = House(tmp_path, Hangs())
    asked = Asked(house)
    task = asyncio.ensure_future(call(house, asked))
    await until_sent(house)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert house.events == [*OPEN, "tickets.settle"]
    assert asked.attempts[0].record().timings.last_byte_us is not None
    house.check_settled()


@pytest.mark.parametrize("body", [PLAIN, STREAM])
async def test_a_call_cancelled_while_its_answer_is_read_is_settled_and_lets_go_of_it(
    tmp_path: Path, body: bytes
) -> None:
    answer = events_of(chunk(), hangs=True) if body is STREAM else Answer(hangs=True)
    house = House(tmp_path, answer)
    task = asyncio.ensure_future(call(house, Asked(house), body))
    await until_sent(house)
    for _ in range(5):
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert answer.closed == 1
    house.check_settled()


async def test_a_call_cancelled_before_it_began_takes_no_ticket(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    task = asyncio.ensure_future(call(house, Asked(house)))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert house.events == []
    house.check_settled()


async def test_a_call_cancelled_between_two_attempts_makes_no_second(tmp_path: Path) -> None:
    house = House(tmp_path, UpstreamBroken("cut"), calls=CallsSettings(retry=RetrySettings(base_s=60, cap_s=60)))
    asked = Asked(house)
    task = asyncio.ensure_future(call(house, asked, attempts=2, within_s=600, seed=2**31))
    while "tickets.settle" not in house.events:
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert house.events == [*OPEN, "tickets.settle"]
    house.check_settled()


# --- nothing unpaid, nothing unwritten


async def test_what_can_not_be_written_down_is_not_sent(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    asked = Asked(house)
    house.journal.failing.add("opened")

    with pytest.raises(StoreError):
        await call(house, asked, attempts=3)

    assert house.events == ["tickets.reserve", "journal.opened", "tickets.settle"]
    assert asked.attempts == [], "nothing was tried"
    house.check_settled()


async def test_a_journal_that_fails_at_the_second_try_ends_the_call(tmp_path: Path) -> None:
    house = House(tmp_path, StaleConnection("gone"), Answer(completion()))
    asked = Asked(house)
    task = asyncio.ensure_future(call(house, asked, attempts=2))
    await until_sent(house)
    house.journal.failing.add("opened")

    with pytest.raises(StoreError):
        await task

    assert len(house.transport.sent) == 1
    assert len(asked.attempts) == 1
    house.check_settled()


async def test_without_a_ticket_nothing_is_written_or_sent(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    asked = Asked(house)
    house.tickets.refuses = True

    with pytest.raises(OverLimit, match="budget"):
        await call(house, asked)

    assert house.events == ["tickets.reserve"]
    assert asked.attempts == []
    house.check_settled()


# --- room


async def test_a_call_waits_until_its_deployment_has_room(tmp_path: Path) -> None:
    house = House(tmp_path, *[Answer(completion()) for _ in range(3)], deployment=deployed(concurrency=2))
    first, second = [(await call(house, Asked(house))).attempt for _ in range(2)]
    third = asyncio.ensure_future(call(house, Asked(house)))
    for _ in range(5):
        await asyncio.sleep(0)
    before = list(house.events)

    house.caller.settle(first, None)
    waited = (await third).attempt

    assert before == [*OPEN, *OPEN], "neither a ticket nor a record while it waits"
    assert house.events == [*OPEN, *OPEN, "tickets.settle", *OPEN]
    for attempt in (second, waited):
        house.caller.settle(attempt, None)
    assert waited.record().timings.waited_us is not None
    house.check_settled()


async def test_where_none_may_wait_a_full_deployment_refuses(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        Answer(completion()),
        Answer(completion()),
        deployment=deployed(concurrency=1),
        calls=CallsSettings(admission=AdmissionSettings(room=0)),
    )
    first = (await call(house, Asked(house))).attempt
    asked = Asked(house)

    with pytest.raises(OverLimit, match="small") as caught:
        await call(house, asked)
    house.caller.settle(first, None)
    again = (await call(house, Asked(house))).attempt

    assert (caught.value.said_status, caught.value.retry_after_s) == (429, 1)
    assert asked.attempts == []
    house.caller.settle(again, None)
    house.check_settled()


async def test_a_call_that_leaves_the_queue_takes_nothing_with_it(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), Answer(completion()), deployment=deployed(concurrency=1))
    first = (await call(house, Asked(house))).attempt
    leaves = asyncio.ensure_future(call(house, Asked(house)))
    stays = asyncio.ensure_future(call(house, Asked(house)))
    for _ in range(5):
        await asyncio.sleep(0)

    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    house.caller.settle(first, None)

    house.caller.settle((await stays).attempt, None)
    house.check_settled()


async def test_a_call_waits_no_longer_than_its_deadline(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), deployment=deployed(concurrency=1))
    first = (await call(house, Asked(house))).attempt

    with pytest.raises(DeadlineExceeded, match=r"within the 0\.01 s"):
        await call(house, Asked(house), within_s=0.01)

    house.caller.settle(first, None)
    house.check_settled()


async def test_deployments_are_counted_apart(tmp_path: Path) -> None:
    small, big = deployed(concurrency=1), deployed("big", concurrency=1)
    house = House(tmp_path, Answer(completion()), Answer(completion()), deployments=[small, big])

    attempts = [(await call(house, Asked(house))).attempt for _ in range(2)]

    assert {attempt.name for attempt in attempts} == {"small", "big"}, "a full one is passed over"
    assert house.metrics.in_flight("small").value == house.metrics.in_flight("big").value == 1
    for attempt in attempts:
        house.caller.settle(attempt, None)
    house.check_settled()


# --- over a group


async def test_a_failure_is_tried_again_elsewhere_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, UpstreamBroken("cut"), Answer(completion()), deployments=[deployed(), deployed("big")])
    asked = Asked(house)

    answered = await call(house, asked, attempts=4)

    first, second = (one.record() for one in asked.attempts)
    assert {first.deployment, second.deployment} == {"small", "big"}
    assert (first.failure, second.reason) == ("broken", "other_deployment: broken")
    assert [(one.deployment, one.lost) for one in second.passed_over] == [(first.deployment, "failed: broken")]
    house.caller.settle(answered.attempt, None)
    house.check_settled()


async def test_a_key_that_is_refused_gives_way_to_the_next(tmp_path: Path) -> None:
    refusal = Answer(b'{"error":{"message":"no such key"}}', status=401)
    house = House(tmp_path, refusal, Answer(completion()), keys=("sk-one-000000", "sk-two-000000"))
    asked = Asked(house)

    answered = await call(house, asked, attempts=2)

    first, second = (one.record() for one in asked.attempts)
    assert {first.key, second.key} == {"key 1", "key 2"}
    assert second.reason == "other_key: auth"
    heads = [sent.head for sent, _ in house.transport.sent]
    assert len(set(heads)) == 2
    pool = house.caller.fleet["small"].pool
    assert pool is not None
    assert {key.name: key.dead for key in pool.keys} == {first.key: True, second.key: False}
    house.caller.settle(answered.attempt, None)
    house.check_settled()


async def test_the_last_key_that_is_refused_is_the_operators_to_mend(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(b"{}", status=401))
    asked = Asked(house)

    with pytest.raises(UpstreamAuth):
        await call(house, asked, attempts=4)
    with pytest.raises(UpstreamAuth, match="the operator has to set others"):
        await call(house, Asked(house), attempts=4)

    assert len(house.transport.sent) == 1, "a dead key is not asked again"
    house.check_settled()


async def test_a_wait_between_attempts_is_a_part_of_the_attempt_that_follows(tmp_path: Path) -> None:
    house = House(tmp_path, UpstreamBroken("cut"), Answer(completion()), calls=QUICK)
    asked = Asked(house)

    answered = await call(house, asked, attempts=2, seed=7)
    house.caller.settle(answered.attempt, None)

    first, second = (one.record() for one in asked.attempts)
    assert (first.timings.waited_us, second.reason) == (None, "same_key: broken")
    assert second.timings.waited_us is not None
    assert 0 < second.timings.waited_us <= 1000


# --- time


async def test_an_attempt_gets_no_more_time_than_its_request_has(tmp_path: Path) -> None:
    timeouts = Timeouts(connect_s=1, first_byte_s=50, between_bytes_s=50, total_s=50)
    house = House(tmp_path, Answer(completion()), deployment=deployed(timeouts=timeouts))

    await call(house, Asked(house), within_s=10)

    given = house.transport.sent[0][0].timeouts
    assert given.connect_s == 1
    assert 9 < given.first_byte_s <= 10
    assert 9 < given.total_s <= 10


async def test_a_call_whose_time_is_over_is_not_sent(tmp_path: Path) -> None:
    house = House(tmp_path)
    asked = Asked(house)

    with pytest.raises(DeadlineExceeded, match="within the 0 s that the server allows"):
        await call(house, asked, within_s=0, attempts=2)

    assert (house.events, asked.attempts) == ([], [])
    house.check_settled()


async def test_a_timeout_at_the_requests_own_deadline_is_not_the_upstreams_fault(tmp_path: Path) -> None:
    house = House(tmp_path, Late(0.1, UpstreamTimeout("nothing came")))
    asked = Asked(house)
    soon = Deadline(at_s=house.caller.now() + 0.08, bound="request", allowed_s=0.08, header="x-antiphon-timeout")

    with pytest.raises(DeadlineExceeded, match="the header x-antiphon-timeout"):
        await house.caller.call(asked, prepared(house, attempts=2), Ask(request=request(PLAIN), deadline=soon))

    assert asked.attempts[0].record().failure == "timeout"
    assert house.caller.fleet["small"].breaker.state(house.caller.now()).volume == 0
    house.check_settled()


# --- what is learnt


async def test_failures_in_a_row_open_the_breaker_and_the_other_is_asked(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        *[UpstreamBroken("cut") for _ in range(2)],
        *[Answer(completion()) for _ in range(20)],
        deployments=[deployed(weight=1e6), deployed("big", weight=1e-6)],
        calls=CallsSettings(breaker=BreakerSettings(consecutive_failures=2)),
    )
    for _ in range(2):
        with pytest.raises(UpstreamBroken):
            await call(house, Asked(house))

    asked = [Asked(house) for _ in range(5)]
    for one in asked:
        house.caller.settle((await call(house, one)).attempt, None)

    records = [one.attempts[0].record() for one in asked]
    assert {record.deployment for record in records} == {"big"}
    assert [one.lost for one in records[0].passed_over] == ["left alone: 2 failures in a row; the last: broken"]
    house.check_settled()


async def test_a_success_is_measured(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    house.caller.settle((await call(house, Asked(house))).attempt, Usage(input_tokens=1, output_tokens=1))

    member, now_s = house.caller.fleet["small"], house.caller.now()
    assert member.breaker.state(now_s).volume == 1
    assert member.live.load(now_s) > 0
    assert member.live.in_flight == 0


# --- hedges


async def test_a_hedge_that_wins_ends_the_slow_first_and_says_so(tmp_path: Path) -> None:
    house = House(tmp_path, Hangs(), Answer(completion()), deployments=[deployed(), deployed("big")])
    asked = Asked(house)
    hedged = RouteSettings(hedge=HedgeSettings(enabled=True, min_delay_s=0.005, max_delay_s=0.01))

    answered = await call(house, asked, attempts=2, policy=hedged)

    first, second = (one.record() for one in asked.attempts)
    assert answered.attempt is asked.attempts[1]
    assert (
        second.reason
        == "hedge: no content within 0.01 s (the longest delay: too little is measured to know what is slow)"
    )
    assert (first.detail, first.error) == (LOST, "")
    house.caller.settle(answered.attempt, None)
    assert house.events.count("tickets.settle") == 2
    house.check_settled()


async def test_a_hedge_that_loses_is_settled_and_let_go_of(tmp_path: Path) -> None:
    answer = Answer(completion(), hangs=True)
    house = House(tmp_path, Late(0.05, Answer(completion("first"))), answer, deployments=[deployed(), deployed("big")])
    asked = Asked(house)
    hedged = RouteSettings(hedge=HedgeSettings(enabled=True, min_delay_s=0.005, max_delay_s=0.01))

    answered = await call(house, asked, attempts=2, policy=hedged)

    assert answered.attempt is asked.attempts[0]
    assert asked.attempts[1].record().detail == LOST
    assert answer.closed == 1
    house.caller.settle(answered.attempt, None)
    house.check_settled()


async def test_a_call_that_is_cancelled_while_two_attempts_run_settles_both(tmp_path: Path) -> None:
    house = House(tmp_path, Hangs(), Hangs(), deployments=[deployed(), deployed("big")])
    hedged = RouteSettings(hedge=HedgeSettings(enabled=True, min_delay_s=0.005, max_delay_s=0.01))
    task = asyncio.ensure_future(call(house, Asked(house), attempts=2, policy=hedged))
    await until_sent(house, 2)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert house.events.count("tickets.settle") == 2
    house.check_settled()


async def test_an_envelope_of_one_attempt_has_no_hedge(tmp_path: Path) -> None:
    house = House(tmp_path, Hangs(), deployments=[deployed(), deployed("big")])
    hedged = RouteSettings(hedge=HedgeSettings(enabled=True, min_delay_s=0.001, max_delay_s=0.001))
    task = asyncio.ensure_future(call(house, Asked(house), policy=hedged))
    await asyncio.sleep(0.05)

    assert len(house.transport.sent) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    house.check_settled()
