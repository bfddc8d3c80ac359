"""Requests that are answered from the cache, on the whole path."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from asks import asking
from fakes.house import DONE, House, NotedReply, chunk, completion, events_of
from fakes.upstream import Answer
from receipts import ALICE

from antiphon.calls.settings import RouteSettings
from antiphon.calls.settings_cache import CacheSettings
from antiphon.core.request import Request

KEEPS = RouteSettings(cache=CacheSettings(enabled=True))
STREAM = [chunk("a"), chunk("b"), chunk(finish="stop"), DONE]


def house_of(directory: Path, *script: Any, **fields: Any) -> House:
    return House(directory, *script, **{"policy": KEEPS, **fields})


async def twice(house: House, asked: Request) -> NotedReply:
    """Ask, and ask again once the answer is kept. Returns: the second answer; what happened before it is forgotten."""
    await house.answer(asked)
    await house.cache.idle()
    house.events.clear()
    return await house.answer(asked)


async def test_a_hit_takes_no_ticket_makes_no_attempt_and_closes_its_receipt_first(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(completion()))

    reply = await twice(house, asking())

    assert reply.out == completion()
    assert house.events == ["journal.closed", "reply.whole"]
    paid, saved = house.journal.shut
    assert (saved.outcome, saved.status, saved.cached, saved.served) == ("ok", 200, paid.id, "small")
    assert (saved.cost_nano_usd, saved.saved_nano_usd, saved.cost_basis) == (0, paid.cost_nano_usd, "cached")
    assert (saved.served_model, saved.usage, saved.attempts) == (paid.served_model, None, ())
    house.check_settled()


async def test_the_end_of_a_stream_waits_for_the_receipt(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(*STREAM))

    reply = await twice(house, asking(stream=True))

    assert reply.out == b"".join(STREAM)
    assert house.events[-2:] == ["journal.closed", "reply.end"]
    assert reply.pressure is None


async def test_a_caller_that_takes_nothing_holds_a_hit_up_until_its_time_is_over(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(*STREAM))
    await house.answer(asking(stream=True))
    await house.cache.idle()
    reply = Slow(house.events)

    await house.gateway.answer(asking(stream=True), ALICE, house.arrival({b"x-antiphon-timeout": b"100ms"}), reply)

    assert reply.out == b""
    assert (reply.failure is not None, house.journal.shut[-1].error) == (True, "deadline_exceeded")


class Slow(NotedReply):
    """Says at once that it is full."""

    def on_pressure(self, callback: Any) -> None:
        super().on_pressure(callback)
        if callback is not None:
            callback(True)


async def test_a_caller_that_leaves_amid_a_hit_leaves_a_receipt(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(*STREAM))
    await house.answer(asking(stream=True))
    await house.cache.idle()
    task = asyncio.ensure_future(house.gateway.answer(asking(stream=True), ALICE, house.arrival(), Slow(house.events)))
    while "reply.begin" not in house.events[-1:]:
        await asyncio.sleep(0)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert house.journal.shut[-1].outcome == "client_gone"


async def test_a_hit_is_captured_like_any_answer(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(completion()), capture_most_bytes=1_000_000)

    await twice(house, asking())

    sealed = house.journal.contents[house.journal.shut[-1].id]
    kept = msgspec.msgpack.decode(sealed.partition(b"|")[2])
    assert kept["answer"] == completion()


async def test_where_the_receipt_can_not_be_written_the_answer_is_not_given(tmp_path: Path) -> None:
    house = house_of(tmp_path, Answer(completion()))
    await house.answer(asking())
    await house.cache.idle()
    house.journal.failing.add("closed")

    reply = await house.answer(asking())

    assert reply.out == b""
    assert reply.failure is not None
    assert reply.failure.said_code == "store_error"


async def test_routes_without_a_cache_are_not_looked_up(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), Answer(completion("again")))

    reply = await twice(house, asking())

    assert reply.out == completion("again")
    assert reply.served is not None
    assert b"x-antiphon-cache" not in reply.served.told
