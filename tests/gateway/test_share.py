"""Identical requests that share a call."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asks import asking
from fakes.house import DONE, House, NotedReply, chunk, completion, events_of
from fakes.upstream import Answer, Hangs, Late
from receipts import ALICE

from antiphon.calls.settings import RouteSettings
from antiphon.calls.settings_flow import CoalesceSettings
from antiphon.core.error import UpstreamBroken
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.request import Request
from antiphon.routing.settings import LastResortSettings

SHARES = RouteSettings(coalesce=CoalesceSettings(enabled=True, headers=["x-tenant-region"]))
STREAM = [chunk("a"), chunk("b"), chunk(finish="stop"), DONE]


def house_of(directory: Path, *script: Any, **fields: Any) -> House:
    return House(directory, *script, **{"policy": SHARES, **fields})


def same(**fields: Any) -> Request:
    return asking(temperature=0, **fields)


async def all_of(house: House, *asked: Request) -> list[NotedReply]:
    replies = await asyncio.gather(*[house.answer(one) for one in asked])
    coalescer = house.policy.coalescer
    assert coalescer is not None
    while len(coalescer):
        await asyncio.sleep(0)
    house.check_settled()
    return replies


def led(house: House) -> tuple[list[Receipt], list[Receipt]]:
    """Receipts of the calls that were made, and of the requests that shared one."""
    return (
        [one for one in house.journal.shut if not one.shared],
        [one for one in house.journal.shut if one.shared],
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_identical_requests_are_answered_by_one_call(tmp_path: Path, stream: bool) -> None:
    house = house_of(tmp_path, events_of(*STREAM) if stream else Answer(completion()))

    replies = await all_of(house, *[same(stream=stream) for _ in range(3)])

    expected = b"".join(STREAM) if stream else completion()
    assert [reply.out for reply in replies] == [expected] * 3
    assert len(house.transport.sent) == 1
    (call,), shared = led(house)
    assert {one.shared for one in shared} == {call.id}
    assert len(call.attempts) == 1
    for reply, receipt in zip(replies, sorted(shared, key=lambda one: one.id), strict=True):
        assert reply.served is not None
        assert reply.served.told == b"x-antiphon-shared: %b\r\n" % call.id.encode()
        assert (receipt.outcome, receipt.served, receipt.attempts) == ("ok", "small", ())
        assert (receipt.cost_basis, receipt.usage, receipt.cost_nano_usd) == ("shared", None, None)
        assert receipt.plan == call.plan
    assert {reply.served.receipt_id for reply in replies if reply.served} == {one.id for one in shared}


async def test_a_text_that_says_the_word_of_a_streams_end_is_passed_on_in_its_place(tmp_path: Path) -> None:
    pieces = [chunk("say [DONE]"), chunk("or [DONE]"), chunk("b"), chunk(finish="stop"), DONE]
    house = house_of(tmp_path, events_of(*pieces))

    replies = await all_of(house, *[same(stream=True) for _ in range(2)])

    assert [reply.out for reply in replies] == [b"".join(pieces)] * 2


async def test_the_last_byte_of_each_waits_for_its_record(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(*STREAM))

    await all_of(house, same(stream=True))

    last = [event for event in house.events if event in {"journal.closed", "reply.end"}]
    assert last == ["journal.closed", "journal.closed", "reply.end"], "the call's, its one caller's, its end"


@pytest.mark.parametrize("fields", [{"temperature": 1}, {"temperature": 0, "user": "1"}])
async def test_requests_that_differ_or_leave_something_to_chance_share_nothing(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    house = house_of(tmp_path, Answer(completion()), Answer(completion()))

    await all_of(house, asking(**fields), asking(**{**fields, "seed": None, "user": "2"}))

    assert len(house.transport.sent) == 2


async def test_tenants_share_nothing(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(completion()), Answer(completion()))

    await asyncio.gather(*[house.answer(same(), Principal(tenant=one, key="k")) for one in ("a", "b")])

    assert len(house.transport.sent) == 2


async def test_requests_share_nothing_whose_headers_differ_where_that_matters(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(completion()), Answer(completion()))

    headers = [{b"x-tenant-region": b"eu", b"x-other": b"1"}, {b"x-tenant-region": b"eu"}, {}]
    await asyncio.gather(*[house.answer(same(), ALICE, one) for one in headers])

    assert len(house.transport.sent) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_when_the_call_fails_each_gets_its_error(tmp_path: Path, stream: bool) -> None:
    house = house_of(tmp_path, UpstreamBroken("cut"))

    replies = await all_of(house, *[same(stream=stream) for _ in range(2)])

    assert [reply.failure and reply.failure.said_code for reply in replies] == ["upstream_broken"] * 2
    assert len(house.transport.sent) == 1
    (call,), shared = led(house)
    assert [(one.outcome, one.status) for one in (call, *shared)] == [("failed", 502)] * 3


async def test_when_a_stream_breaks_off_each_gets_what_came_and_the_error(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(chunk("a"), fails=UpstreamBroken("cut")))

    replies = await all_of(house, *[same(stream=True) for _ in range(2)])

    assert [reply.out for reply in replies] == [chunk("a")] * 2
    assert [reply.failure and reply.failure.said_code for reply in replies] == ["upstream_broken"] * 2


async def test_each_has_a_last_resort_of_its_own(tmp_path: Path) -> None:
    last = LastResortSettings(respond="Call us.")
    house = house_of(tmp_path, UpstreamBroken("cut"), route={"last_resort": last})

    replies = await all_of(house, same(), same())

    assert [reply.out for reply in replies] == [b"Call us."] * 2


async def test_one_that_leaves_does_not_end_the_call_and_the_last_does(tmp_path: Path) -> None:
    house = house_of(tmp_path, Hangs())
    tasks = [asyncio.ensure_future(house.answer(same())) for _ in range(2)]
    while "transport.send" not in house.events:
        await asyncio.sleep(0)

    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    assert "tickets.settle" not in house.events
    tasks[1].cancel()
    await asyncio.wait(tasks)
    while "tickets.settle" not in house.events:
        await asyncio.sleep(0)

    for _ in range(5):
        await asyncio.sleep(0)
    assert {one.outcome for one in house.journal.shut} == {"client_gone"}
    assert len(house.journal.shut) == 3
    house.check_settled()


async def test_one_that_has_less_time_does_not_wait_for_the_others(tmp_path: Path) -> None:
    house = house_of(tmp_path, Late(0.05, Answer(completion())))
    patient = asyncio.ensure_future(house.answer(same()))
    await asyncio.sleep(0)

    hasty = await house.answer(same(), ALICE, {b"x-antiphon-timeout": b"5ms"})

    assert hasty.failure is not None
    assert hasty.failure.said_code == "deadline_exceeded"
    assert (await patient).out == completion()


@pytest.mark.parametrize("stream", [False, True])
async def test_what_each_got_is_kept_where_content_is(tmp_path: Path, stream: bool) -> None:
    house = house_of(tmp_path, events_of(*STREAM) if stream else Answer(completion()), capture_most_bytes=10_000)

    replies = await all_of(house, *[same(stream=stream) for _ in range(2)])

    assert len(house.journal.contents) == 3
    for sealed in house.journal.contents.values():
        kept = msgspec.msgpack.decode(sealed.partition(b"|")[2])
        assert (kept["answer"], kept["cut"]) == (replies[0].out, False)
