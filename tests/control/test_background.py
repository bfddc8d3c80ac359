"""Responses in the background, on the real engine and store; the call itself is a function."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from scripted_agents import ALICE, Place

from antiphon.agents.background import BACKGROUND, Background, ByAgent, Came, Queued
from antiphon.agents.engine.engine import Engine
from antiphon.agents.journal import Driver, Ended, Journal
from antiphon.control.background import BackgroundResponses, shown
from antiphon.core.error import BadRequest
from antiphon.core.run import Mail, Run
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer

ASKED = {"model": "fast", "input": "Hello", "metadata": {"a": "b"}}


class Others(Driver):
    """Nothing else is begun here."""

    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        raise AssertionError(run.agent)


class Desk:
    """What callers ask, and the upstream that answers when it is let."""

    def __init__(self, place: Place) -> None:
        self.store = place.store()
        self.may = asyncio.Event()
        self.asked: list[Run] = []
        numbers = itertools.count(1)
        self.responses = BackgroundResponses(self.store, lambda: f"resp_{next(numbers)}", time.time_ns)
        driver = ByAgent(Others(), {BACKGROUND: Background(self._answer)})
        self.engine = Engine(self.store, driver, LocalSealer(place.dir / "key"), place.settings, place.engine_place())

    async def _answer(self, run: Run) -> Came:
        self.asked.append(run)
        await self.may.wait()
        said = json.loads(run.input)["request"]
        if said["input"] == "fail":
            return Came(code="upstream_unreachable", message="no connection")
        return Came(body=json.dumps({"id": "resp_other", "status": "completed", "output": [{"type": "message"}]}))

    async def begin(self, **more: Any) -> dict[str, Any]:
        request = msgspec.Raw(json.dumps({**ASKED, **more}).encode())
        return json.loads(shown(await self.responses.begin(ALICE, Queued(request=request))))

    async def told(self, name: str, after: int = -1) -> list[dict[str, Any]]:
        """The events of a response until its end, those that are there already too."""
        run = await self.responses.find(ALICE, name)
        assert run is not None
        text = b"".join([piece async for piece in self.responses.events(run, after)]).decode()
        return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]

    async def show(self, name: str) -> dict[str, Any]:
        found = await self.responses.show(ALICE, name)
        assert found is not None
        return json.loads(found)

    async def until(self, name: str, status: str) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while (found := await self.show(name))["status"] != status:
                await asyncio.sleep(0.01)
        return found


@pytest.fixture(name="desk")
async def opened(tmp_path: Path) -> AsyncIterator[Desk]:
    SqliteDatabase(tmp_path).close()
    desk = Desk(Place(tmp_path, settings={"poll_s": 0.02}))
    await desk.engine.start()
    yield desk
    await desk.engine.stop()


async def test_it_is_queued_at_once_and_answered_later(desk: Desk) -> None:
    first = await desk.begin()
    assert first["status"] == "queued"
    assert first["background"] is True
    assert first["metadata"] == {"a": "b"}
    await desk.until("resp_1", "in_progress")
    desk.may.set()
    last = await desk.until("resp_1", "completed")
    assert (last["id"], last["output"]) == ("resp_1", [{"type": "message"}])
    assert [one.principal for one in desk.asked] == [ALICE]


async def test_an_error_is_told_by_its_code(desk: Desk) -> None:
    desk.may.set()
    await desk.begin(input="fail")
    last = await desk.until("resp_1", "failed")
    assert last["error"] == {"code": "upstream_unreachable", "message": "no connection"}


async def test_a_cancel_ends_the_call_and_what_has_ended_stays(desk: Desk) -> None:
    await desk.begin()
    await desk.until("resp_1", "in_progress")
    cancelled = await desk.responses.cancel(ALICE, "resp_1")
    assert cancelled is not None
    assert json.loads(cancelled)["status"] == "cancelled"
    await desk.until("resp_1", "cancelled")
    desk.may.set()
    await desk.begin()
    done = await desk.until("resp_2", "completed")
    again = await desk.responses.cancel(ALICE, "resp_2")
    assert again is not None
    assert json.loads(again) == done


async def test_nobody_else_sees_it_and_it_can_t_be_without_being_kept(desk: Desk) -> None:
    await desk.begin()
    bob = replace(ALICE, key="bob", user="bob")
    strangers = [bob, replace(ALICE, tenant="other", admin=True)]
    ask: list[Callable[..., Any]] = [desk.responses.show, desk.responses.cancel, desk.responses.asked]
    assert [await one(who, "resp_1") for one in ask for who in strangers] == [None] * 6
    assert [await desk.responses.delete(who, "resp_1") for who in strangers] == [False, False]
    assert await desk.responses.show(ALICE, "resp_9") is None
    with pytest.raises(BadRequest, match="store"):
        await desk.begin(store=False)


async def test_its_events_are_numbered_the_same_whenever_they_are_read(desk: Desk) -> None:
    await desk.begin()
    following = asyncio.create_task(desk.told("resp_1"))
    await desk.until("resp_1", "in_progress")
    desk.may.set()
    live = await following

    kinds = [one["type"].removeprefix("response.") for one in live]
    assert kinds[:3] == ["created", "queued", "in_progress"]
    assert [one["response"]["status"] for one in live[:3]] == ["queued", "queued", "in_progress"]
    assert kinds[-1] == "completed"
    assert [one["sequence_number"] for one in live] == [*range(len(live))]
    assert await desk.told("resp_1") == live
    assert await desk.told("resp_1", 1) == live[2:]


async def test_the_events_of_one_that_is_cancelled_end(desk: Desk) -> None:
    await desk.begin()
    following = asyncio.create_task(desk.told("resp_1", 1))
    await desk.until("resp_1", "in_progress")
    await desk.responses.cancel(ALICE, "resp_1")

    last = (await following)[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "cancelled")


async def test_one_is_forgotten_after_its_end_alone(desk: Desk) -> None:
    await desk.begin()
    assert await desk.responses.asked(ALICE, "resp_1") == b'"Hello"'
    with pytest.raises(BadRequest, match="cancel it before"):
        await desk.responses.delete(ALICE, "resp_1")
    desk.may.set()
    await desk.until("resp_1", "completed")

    assert await desk.responses.delete(ALICE, "resp_1")
    assert await desk.responses.show(ALICE, "resp_1") is None
