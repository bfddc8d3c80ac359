import asyncio
from pathlib import Path
from typing import Any

import pytest
from bodies import request
from fakes.house import House, completion, deployed
from fakes.upstream import Answer, Hangs
from receipts import ALICE, receipt

from antiphon.calls.caller import Try
from antiphon.core.error import (
    AntiphonError,
    OverLimit,
    StaleConnection,
    StoreError,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from antiphon.core.plan import Envelope
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.usage import Usage
from antiphon.pricing.cost import bound, cost
from antiphon.providers.target import say

FIRST = ["tickets.reserve", "journal.opened", "transport.send"]


class Asked:
    """A request for the caller to work on."""

    def __init__(self) -> None:
        self.principal: Principal = ALICE
        self.started_s = 0.0
        self.attempts: list[Try] = []
        self.tail = b"}"

    def draft(self) -> Receipt:
        return receipt(1, "running", attempts=tuple(attempt.record() for attempt in self.attempts))


async def call(house: House, asked: Asked, envelope: Envelope | None = None) -> Try:
    said = say(request(b'{"model":"fast","messages":[]}'), house.target, None)
    return await house.caller.call(asked, house.target, said, envelope or Envelope(attempts=2))


async def test_a_call_has_a_ticket_and_a_record_before_it_is_sent(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion())), Asked()

    attempt = await call(house, asked)

    assert house.events == FIRST
    assert house.tickets.counted.open == 1
    assert house.journal.open[0].attempts[0].ticket == attempt.ticket.id
    assert house.metrics.in_flight("small").value == 1


async def test_a_call_is_settled_once_with_what_it_used(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion())), Asked()
    attempt = await call(house, asked)
    usage = Usage(input_tokens=10, output_tokens=5)

    for _ in range(3):
        house.caller.settle(attempt, usage)

    price = house.target.deployment.price
    assert price is not None
    assert house.events == [*FIRST, "tickets.settle"]
    assert (attempt.usage, attempt.cost_nano_usd) == (usage, cost(price, usage))
    assert house.tickets.counted.spent == attempt.cost_nano_usd
    house.check_settled()


async def test_a_settled_call_says_how_long_each_part_took(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion(), headers={b"x-request-id": b"req-1"})), Asked()
    attempt = await call(house, asked)
    before = attempt.record()
    attempt.first_token()
    first = attempt.first_token_us
    attempt.first_token()

    house.caller.settle(attempt, None)

    record = attempt.record()
    assert before.timings.first_byte_us is None
    assert (record.timings.queue_us, record.timings.connect_us, record.timings.first_byte_us) == (1, 2, 3)
    assert record.timings.first_token_us == first
    assert record.timings.last_byte_us is not None
    assert first is not None
    assert first <= record.timings.last_byte_us
    assert (record.deployment, record.provider, record.model, record.tier) == ("small", "openai", "gpt-4o-mini", "fast")
    assert (record.status, record.request_id, record.error) == (200, "req-1", "")
    assert record.usage is None
    assert record.cost_nano_usd is None


async def test_a_stale_connection_is_tried_again_on_a_fresh_one(tmp_path: Path) -> None:
    house, asked = House(tmp_path, StaleConnection("gone"), Answer(completion())), Asked()

    attempt = await call(house, asked)

    assert [fresh for _, fresh in house.transport.sent] == [False, True]
    assert house.events == [*FIRST, "tickets.settle", *FIRST]
    assert [one.record().error for one in asked.attempts] == ["upstream_stale_connection", ""]
    assert asked.attempts[-1] is attempt
    assert attempt.ticket.id != asked.attempts[0].ticket.id
    house.caller.settle(attempt, None)
    house.check_settled()


async def test_every_try_is_written_down_before_it_is_sent(tmp_path: Path) -> None:
    house, asked = House(tmp_path, StaleConnection("gone"), Answer(completion())), Asked()

    await call(house, asked)

    assert [len(draft.attempts) for draft in house.journal.open] == [1, 2]
    assert house.journal.open[1].attempts[0].error == "upstream_stale_connection"


async def test_an_envelope_of_one_attempt_is_kept(tmp_path: Path) -> None:
    house, asked = House(tmp_path, StaleConnection("gone")), Asked()

    with pytest.raises(StaleConnection):
        await call(house, asked, Envelope(attempts=1))

    assert house.events == [*FIRST, "tickets.settle"]
    house.check_settled()


async def test_two_stale_connections_are_an_error(tmp_path: Path) -> None:
    house, asked = House(tmp_path, StaleConnection("gone"), StaleConnection("gone again")), Asked()

    with pytest.raises(StaleConnection, match="gone again"):
        await call(house, asked)

    assert len(asked.attempts) == 2
    house.check_settled()


@pytest.mark.parametrize(
    "error", [UpstreamUnreachable("no"), UpstreamTimeout("no"), UpstreamMalformed("no"), OverLimit("no")]
)
async def test_any_other_error_is_not_tried_again(tmp_path: Path, error: AntiphonError) -> None:
    house, asked = House(tmp_path, error), Asked()

    with pytest.raises(type(error)) as caught:
        await call(house, asked)

    assert caught.value is error
    assert house.events == [*FIRST, "tickets.settle"]
    assert asked.attempts[0].record().error == error.said_code
    assert "small" in asked.attempts[0].record().detail
    house.check_settled()


async def test_a_bug_in_the_transport_leaves_nothing_open(tmp_path: Path) -> None:
    house, asked = House(tmp_path, RuntimeError("bug")), Asked()

    with pytest.raises(RuntimeError, match="bug"):
        await call(house, asked)

    house.check_settled()


async def test_a_cancelled_call_is_settled(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Hangs()), Asked()
    task = asyncio.ensure_future(call(house, asked))
    while not house.transport.sent:
        await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert house.events == [*FIRST, "tickets.settle"]
    assert asked.attempts[0].record().timings.last_byte_us is not None
    house.check_settled()


async def test_a_call_cancelled_before_it_began_takes_no_ticket(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion())), Asked()
    task = asyncio.ensure_future(call(house, asked))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert house.events == []
    house.check_settled()


async def test_what_can_not_be_written_down_is_not_sent(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion())), Asked()
    house.journal.failing.add("opened")

    with pytest.raises(StoreError):
        await call(house, asked)

    assert house.events == ["tickets.reserve", "journal.opened", "tickets.settle"]
    assert asked.attempts == [], "nothing was tried"
    house.check_settled()


async def test_a_journal_that_fails_at_the_second_try_ends_the_call(tmp_path: Path) -> None:
    house, asked = House(tmp_path, StaleConnection("gone"), Answer(completion())), Asked()
    said = say(request(b'{"model":"fast","messages":[]}'), house.target, None)
    task = asyncio.ensure_future(house.caller.call(asked, house.target, said, Envelope(attempts=2)))
    while not house.transport.sent:
        await asyncio.sleep(0)
    house.journal.failing.add("opened")

    with pytest.raises(StoreError):
        await task

    assert len(house.transport.sent) == 1
    assert len(asked.attempts) == 1
    house.check_settled()


async def test_without_a_ticket_nothing_is_written_or_sent(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion())), Asked()
    house.tickets.refuses = True

    with pytest.raises(OverLimit, match="budget"):
        await call(house, asked)

    assert house.events == ["tickets.reserve"]
    assert asked.attempts == []


async def test_no_more_calls_run_than_a_deployment_allows(tmp_path: Path) -> None:
    house = House(tmp_path, *[Answer(completion()) for _ in range(4)], deployment=deployed(concurrency=2))
    running = [(asked := Asked(), await call(house, asked)) for _ in range(2)]

    with pytest.raises(OverLimit) as caught:
        await call(house, Asked())
    _, first = running[0]
    house.caller.settle(first, None)
    again = await call(house, Asked())

    assert (caught.value.said_status, caught.value.retry_after_s) == (429, 1)
    assert "small" in caught.value.message
    for attempt in (running[1][1], again):
        house.caller.settle(attempt, None)
    house.check_settled()


async def test_deployments_are_counted_apart(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), deployment=deployed(concurrency=1))
    other = House(tmp_path, deployment=deployed(name="other", concurrency=1))
    await call(house, Asked())

    house.transport.script.append(Answer(completion()))
    said = say(request(b'{"model":"fast","messages":[]}'), other.target, None)
    await house.caller.call(Asked(), other.target, said, Envelope())

    assert house.metrics.in_flight("small").value == 1
    assert house.metrics.in_flight("other").value == 1


@pytest.mark.parametrize(
    ("deployment", "output_tokens", "bounded"),
    [({}, 100, True), ({}, None, False), ({"price": None}, 100, False)],
)
async def test_a_ticket_holds_the_most_that_a_call_may_cost(
    tmp_path: Path, deployment: dict[str, Any], output_tokens: int | None, bounded: bool
) -> None:
    house, asked = House(tmp_path, Answer(completion()), deployment=deployed(**deployment)), Asked()

    await call(house, asked, Envelope(output_tokens=output_tokens))

    price = house.target.deployment.price
    sent, _ = house.transport.sent[0]
    assert house.tickets.bounds == [bound(price, sent.size_bytes, output_tokens) if price and bounded else None]


async def test_an_unpriced_call_costs_what_nobody_knows(tmp_path: Path) -> None:
    house, asked = House(tmp_path, Answer(completion()), deployment=deployed(price=None)), Asked()
    attempt = await call(house, asked)

    house.caller.settle(attempt, Usage(input_tokens=1))

    assert attempt.cost_nano_usd is None
    assert attempt.usage == Usage(input_tokens=1)


async def test_an_envelope_without_an_attempt_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        await call(House(tmp_path), Asked(), Envelope(attempts=0))
