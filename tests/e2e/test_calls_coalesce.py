"""Identical requests of one tenant share a call that is in flight."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from rig.config import ALICE, BOB, ROOT
from rig.fixtures import Start
from rig.fleet import Json, fleet, told
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.scripts import Held, answers, fails
from rig.sdk import async_client, says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

MANY = 20
ASK: Json = {"model": "r", "messages": says("Hi"), "temperature": 0}


def sharing(url: str, **route: Any) -> Config:
    return fleet(url, ["one"], {"r": {"models": ["one"], "coalesce": {"enabled": True}, **route}})


@pytest.fixture
async def sdk(start: Start, up: Upstream) -> AsyncIterator["Sdk"]:
    gateway = start(sharing(up.url))
    async with async_client(gateway) as alice, async_client(gateway, BOB) as bob:
        yield Sdk(gateway, alice, bob)


class Sdk:
    """A gateway that shares calls, and clients of two tenants."""

    def __init__(self, gateway: Gateway, alice: AsyncOpenAI, bob: AsyncOpenAI) -> None:
        self.gateway, self.alice, self.bob = gateway, alice, bob

    async def joined(self, count: int) -> None:
        """Until so many have joined a call that another had begun."""
        what = f"{count} followers"
        await asyncio.to_thread(until, lambda: self.gateway.metric("antiphon_coalesced_total") >= count, what)


async def first(up: Upstream) -> None:
    await asyncio.to_thread(until, lambda: up.seen, "the call is upstream")


def asks(sdk: AsyncOpenAI, count: int, **more: Any) -> "list[asyncio.Future[Any]]":
    create = sdk.chat.completions.with_raw_response.create
    return [asyncio.ensure_future(create(**{**ASK, **more})) for _ in range(count)]


async def test_twenty_whole_answers_come_from_one_call(sdk: Sdk, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("said once"))
    up.script = held.script
    asking = asks(sdk.alice, MANY)
    await sdk.joined(MANY - 1)
    servers.run(held.release())
    answered = await asyncio.gather(*asking)

    assert len(up.seen) == 1
    assert {raw.parse().choices[0].message.content for raw in answered} == {"said once"}
    receipts = [sdk.gateway.receipt(raw.headers["x-antiphon-receipt"]) for raw in answered]
    assert len({receipt["id"] for receipt in receipts}) == MANY
    (led_by,) = {receipt["shared"] for receipt in receipts}
    assert {raw.headers["x-antiphon-shared"] for raw in answered} == {led_by}
    assert all(receipt["outcome"] == "ok" and receipt["served"] == "one" for receipt in receipts)
    assert all("attempts" not in receipt and "cost_nano_usd" not in receipt for receipt in receipts)
    assert {receipt["cost_basis"] for receipt in receipts} == {"shared"}
    call = sdk.gateway.receipt(led_by)
    assert told(call) == [("one", "", "")]
    assert call["cost_nano_usd"] > 0
    assert call["principal"]["tenant"] == "acme"


async def test_twenty_streams_come_from_one_call(sdk: Sdk, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("said word by word"))
    up.script = held.script

    async def stream() -> str:
        chunks = await sdk.alice.chat.completions.create(**ASK, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    asking = [asyncio.ensure_future(stream()) for _ in range(MANY)]
    await sdk.joined(MANY - 1)
    servers.run(held.release())

    assert set(await asyncio.gather(*asking)) == {"said word by word"}
    assert len(up.seen) == 1


async def test_another_tenants_request_makes_a_call_of_its_own(sdk: Sdk, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("said twice"))
    up.script = held.script
    asking = [*asks(sdk.alice, 2), *asks(sdk.bob, 2)]
    await sdk.joined(2)
    servers.run(held.release())
    answered = await asyncio.gather(*asking)

    assert len(up.seen) == 2
    alices, bobs = ({raw.headers["x-antiphon-shared"] for raw in part} for part in (answered[:2], answered[2:]))
    assert len(alices) == len(bobs) == 1
    assert alices != bobs
    assert sdk.gateway.get(f"/v1/receipts/{bobs.pop()}", key=ALICE).status == 404


async def test_what_chance_has_a_part_in_is_not_shared(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("each its own")

    answered = await asyncio.gather(*asks(sdk.alice, 3, temperature=1), *asks(sdk.alice, 1, messages=says("Else")))

    assert len(up.seen) == 4
    assert ["x-antiphon-shared" in raw.headers for raw in answered] == [False, False, False, True]


async def test_a_followers_leaving_changes_nothing(sdk: Sdk, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("for those who stayed"))
    up.script = held.script
    asking = asks(sdk.alice, 3, extra_headers={"x-antiphon-session": "stays"})
    (leaver,) = asks(sdk.alice, 1, extra_headers={"x-antiphon-session": "leaves"})
    await sdk.joined(3)

    await gone(leaver)
    await asyncio.to_thread(ended, sdk.gateway, "leaves", "client_gone")
    servers.run(held.release())

    assert {raw.parse().choices[0].message.content for raw in await asyncio.gather(*asking)} == {"for those who stayed"}
    assert len(up.seen) == 1


async def test_the_leaders_leaving_changes_nothing_either(sdk: Sdk, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("for those who stayed"))
    up.script = held.script
    (leader,) = asks(sdk.alice, 1, extra_headers={"x-antiphon-session": "led"})
    await first(up)
    asking = asks(sdk.alice, 3)
    await sdk.joined(3)

    await gone(leader)
    await asyncio.to_thread(ended, sdk.gateway, "led", "client_gone")
    servers.run(held.release())

    assert {raw.parse().choices[0].message.content for raw in await asyncio.gather(*asking)} == {"for those who stayed"}
    assert len(up.seen) == 1


async def test_when_all_have_left_the_call_is_ended(sdk: Sdk, up: Upstream) -> None:
    up.script = Held(answers("nobody hears it")).script
    asking = asks(sdk.alice, 3)
    await sdk.joined(2)
    for one in asking:
        await gone(one)

    await asyncio.to_thread(until, lambda: up.last.gone_s is not None, "the upstream's connection is closed")
    await asyncio.to_thread(
        until, lambda: [one.outcome for one in sdk.gateway.stored()] == ["client_gone"] * 4, "all four receipts"
    )
    await asyncio.to_thread(until, lambda: sdk.gateway.metric("antiphon_attempts_in_flight") == 0, "no attempt runs")


async def test_a_call_that_fails_fails_all_who_share_it_alike(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(sharing(up.url, attempts=2))
    held = Held(fails(b"429 Too Many Requests", more=b"retry-after: 77\r\n"))
    up.script = held.script
    async with async_client(gateway) as alice:
        asking = asks(alice, 5)
        await Sdk(gateway, alice, alice).joined(4)
        servers.run(held.release())
        failed = await asyncio.gather(*asking, return_exceptions=True)

    assert len(up.seen) == 1
    errors = [one for one in failed if isinstance(one, openai.RateLimitError)]
    assert len(errors) == 5
    assert {(error.code, error.message) for error in errors} == {(errors[0].code, errors[0].message)}
    assert {error.response.headers["retry-after"] for error in errors} == {"77"}
    receipts = [gateway.receipt(error.response.headers["x-antiphon-receipt"]) for error in errors]
    assert len({receipt["id"] for receipt in receipts}) == 5
    assert {receipt["outcome"] for receipt in receipts} == {"failed"}
    (led_by,) = {receipt["shared"] for receipt in receipts}
    assert gateway.receipt(led_by)["outcome"] == "failed"


async def test_each_who_shares_a_call_has_its_own_last_resort(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(sharing(up.url, attempts=1, last_resort={"respond": "Sorry."}))
    held = Held(fails(b"500 Internal Server Error"))
    up.script = held.script
    async with async_client(gateway) as alice:
        asking = asks(alice, 3)
        await Sdk(gateway, alice, alice).joined(2)
        servers.run(held.release())
        answered = await asyncio.gather(*asking)

    assert {raw.parse().choices[0].message.content for raw in answered} == {"Sorry."}
    assert {raw.headers["x-antiphon-last-resort"] for raw in answered} == {"respond"}
    assert len({raw.headers["x-antiphon-receipt"] for raw in answered}) == 3


async def test_who_shares_a_call_keeps_a_deadline_of_its_own(sdk: Sdk, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("in time for the other"))
    up.script = held.script
    (patient,) = asks(sdk.alice, 1)
    await first(up)

    with pytest.raises(openai.InternalServerError) as caught:
        await sdk.alice.chat.completions.create(**ASK, extra_headers={"x-antiphon-timeout": "1s"})
    servers.run(held.release())

    assert (caught.value.status_code, caught.value.code) == (504, "deadline_exceeded")
    assert (await patient).parse().choices[0].message.content == "in time for the other"
    assert len(up.seen) == 1
    receipt = sdk.gateway.receipt(caught.value.response.headers["x-antiphon-receipt"], key=ROOT)
    assert receipt["shared"]
    assert receipt["deadline"]["by"] == "request"


async def gone(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def ended(gateway: Gateway, session: str, outcome: str) -> None:
    def found() -> bool:
        return any(one.lineage.session == session and one.outcome == outcome for one in gateway.stored())

    until(found, f"the receipt of {session}")
