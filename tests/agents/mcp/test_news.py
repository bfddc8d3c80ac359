"""What servers say has changed is looked at at once, and told to the clients that listen, in both eras."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import types
from mcp_gateway import ALICE, Front, Mode, client
from tool_servers import Place, context

from antiphon.agents.mcp.document import ProgramSandbox, ProgramSpec, ToolServerSpec
from antiphon.agents.mcp.news import News

LIBRARY = Path(__file__).with_name("sdk_library.py")
ERAS: list[tuple[Mode, str]] = [("legacy", "legacy"), ("2026-07-28", "modern")]
WAITS_S = 30


@pytest.fixture
async def front(tmp_path: Path, shop: str) -> AsyncIterator[Front]:
    async with Front(tmp_path).open() as made:
        watching = asyncio.get_running_loop().create_task(made.place.servers.watch())
        yield made
        watching.cancel()


def program(era: Any, sandbox: ProgramSandbox) -> ToolServerSpec:
    return ToolServerSpec(
        program=ProgramSpec(command=[sys.executable, str(LIBRARY), "-"], sandbox=sandbox), era=era, refresh_s=3600
    )


@pytest.mark.parametrize(("mode", "era"), ERAS)
async def test_a_change_of_a_server_comes_to_the_clients_that_listen(
    front: Front, usual: ProgramSandbox, mode: Mode, era: str
) -> None:
    await front.place.have(library=program(era, usual))
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def hear(message: Any) -> None:
        if isinstance(message, types.ResourceListChangedNotification):
            heard.put_nowait("resources")

    async with asyncio.timeout(WAITS_S), client(front, mode, message_handler=hear) as peer:
        before = [one.uri for one in (await peer.list_resources()).resources]
        if mode == "legacy":
            assert peer.server_capabilities.resources is not None
            assert peer.server_capabilities.resources.list_changed
            await _listening(front)
            await peer.call_tool("library__add", {"name": "new", "text": "New."})
            assert await heard.get() == "resources"
        else:
            async with peer.listen(
                resources_list_changed=True, resource_subscriptions=["mcp://library/books://all"]
            ) as news:
                assert news.honored.resources_list_changed
                assert not news.honored.resource_subscriptions
                await peer.call_tool("library__add", {"name": "new", "text": "New."})
                event = await anext(news)
                assert type(event).__name__ == "ResourcesListChanged"
        after = [one.uri for one in (await peer.list_resources(cache_mode="bypass")).resources]
        assert sorted(set(after) - set(before)) == ["mcp://library/books://new"]


async def _listening(front: Front) -> None:
    """The client has begun its stream beside the session."""
    while not front.site.in_flight.listening:
        await asyncio.sleep(0.01)


async def test_a_server_that_is_reached_by_http_tells_of_what_has_changed(place: Place, library: str) -> None:
    servers = await place.have(library=ToolServerSpec(url=library, era="modern", refresh_s=3600))
    counts = servers.news.counts
    async with asyncio.timeout(WAITS_S):
        watching = asyncio.get_running_loop().create_task(servers.watch())
        changed: list[Any] = []
        while ("resources", "library") not in changed:
            await place.hands["library__tell"].do({}, context())
            counts, changed = await servers.news.after(counts, 0.5)
        watching.cancel()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    await made.close()


async def test_a_stream_is_told_of_what_its_client_can_reach_alone_and_ends_with_the_process(
    front: Front, shop: str
) -> None:
    await front.place.have(shop=ToolServerSpec(url=shop), hid=ToolServerSpec(url=shop, gateway=False))
    news, headers = front.place.servers.news, {"authorization": f"Bearer {ALICE}", "accept": "text/event-stream"}
    async with asyncio.timeout(WAITS_S), httpx.AsyncClient(timeout=None) as http:
        assert (await http.get(front.url)).status_code == 405
        missing = await http.get(f"{front.url}/none", headers=headers)
        assert missing.status_code == 404
        async with http.stream("GET", f"{front.url}/shop", headers=headers) as stream:
            await _listening(front)
            lines = stream.aiter_lines()
            assert await anext(lines) == ": here"
            news.tell("tools", "hid")
            news.tell("prompts", "other")
            await asyncio.sleep(0)
            news.tell("tools", "shop")
            told = [line async for line in _data(lines, 1)]
            assert ["list_changed" in line and "tools" in line for line in told] == [True]
            front.site.in_flight.stopping = lambda: True
            assert [line async for line in lines if line.startswith("data")] == []
        assert front.site.in_flight.listening == 0


async def _data(lines: AsyncIterator[str], most: int) -> AsyncIterator[str]:
    async for line in lines:
        if line.startswith("data: "):
            yield line
            most -= 1
            if not most:
                return


async def test_whoever_waits_for_news_hears_what_came_meanwhile_once() -> None:
    news = News()
    counts = news.counts
    news.tell("tools", "a")
    news.tell("tools", "a")
    counts, changed = await news.after(counts, 0)
    assert changed == [("tools", "a")]
    assert (await news.after(counts, 0)) == (counts, [])
