"""Limits of a cluster, while its Valkey answers, is away, comes back, or says nothing."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from limited import SMALL, bound, whose
from servers_valkey import Server, Silent

from antiphon.core.counters import Counters, Granted, Standing, Told, Want
from antiphon.core.error import DeadlineExceeded, OverLimit, Unavailable
from antiphon.core.limit import Limit, WhenAway
from antiphon.metering.rates import Rates
from antiphon.metering.rates_far import Far
from antiphon.metering.rates_slot import Short, Slot
from antiphon.store.valkey import Valkey
from antiphon.store.valkey_counters import ValkeyCounters

HOURLY = 3600


@asynccontextmanager
async def worker(
    url: str, *limits: Limit, namespace: str, name: str = "w0", timeout_s: float = 0.5
) -> AsyncIterator[Rates]:
    """One of two workers of one replica."""
    client = Valkey(url, timeout_s=timeout_s)
    counters = ValkeyCounters(client, name, workers=2, namespace=namespace)
    rates = Rates(counters, time.monotonic_ns, workers=2)
    rates.become(limits)
    task = asyncio.create_task(rates.run())
    try:
        yield rates
    finally:
        task.cancel()
        await asyncio.wait([task])
        await client.close()


async def admitted(rates: Rates, within_s: float = 10.0) -> Slot:
    slot = rates.admit(whose(), stream=False)
    if isinstance(slot, Short):
        return await rates.refill(slot, asyncio.get_running_loop().time() + within_s)
    return slot


def hourly(number: int, when_away: WhenAway = "local") -> Limit:
    return Limit(name="h", kind="requests", number=number, per="hour", when_away=when_away)


@pytest.fixture
def namespace() -> str:
    return secrets.token_hex(8)


async def test_workers_share_a_limit(valkey_server: Server, namespace: str) -> None:
    limits = (hourly(10), Limit(name="c", kind="concurrent_requests", number=8))
    async with (
        worker(valkey_server.url, *limits, namespace=namespace) as first,
        worker(valkey_server.url, *limits, namespace=namespace, name="w1") as second,
    ):
        slots = [await admitted(rates) for rates in (first, second) * 4]
        with pytest.raises(OverLimit, match="the limit c of tenant acme is 8 requests at once: 0 remain"):
            await admitted(first)
        for number, slot in enumerate(slots):
            (first, second)[number % 2].leave(slot)
        for rates in (first, second):
            assert rates.far is not None
            await rates.far.tell()
            await rates.far.tell()
        await admitted(first)
        await admitted(second)
        with pytest.raises(OverLimit, match="the limit h of tenant acme") as caught:
            await admitted(first)
        assert caught.value.retry_after_s == pytest.approx(360, abs=5)


async def test_many_requests_that_wait_at_once_are_asked_for_in_one_call(valkey_server: Server, namespace: str) -> None:
    async with worker(valkey_server.url, hourly(50), namespace=namespace) as rates:
        found = await asyncio.gather(*(admitted(rates) for _ in range(80)), return_exceptions=True)
        assert sum(isinstance(one, Slot) for one in found) == 50
        assert sum(isinstance(one, OverLimit) for one in found) == 30
        said = valkey_server.command("info", "commandstats")
        assert b"cmdstat_evalsha" in said


async def test_tokens_are_shared_and_settled(valkey_server: Server, namespace: str) -> None:
    limit = Limit(name="t", kind="tokens", number=1000, per="hour")
    async with (
        worker(valkey_server.url, limit, namespace=namespace) as first,
        worker(valkey_server.url, limit, namespace=namespace, name="w1") as second,
    ):
        until_s = asyncio.get_running_loop().time() + 10
        slot = await admitted(first)
        hold = first.hold(slot, SMALL, bound(700))
        assert isinstance(hold, Short)
        hold = await first.refill(hold, until_s)
        short = second.hold(await admitted(second), SMALL, bound(600))
        assert isinstance(short, Short)
        with pytest.raises(OverLimit):
            await second.refill(short, until_s)
        first.settle(hold, 100, 0)
        assert first.far is not None
        await first.far.tell()
        await first.far.tell()
        second._meters["tokens|t|acme|acme"].shut_until_ns = 0  # the refusal is remembered for a moment
        short = second.hold(await admitted(second), SMALL, bound(600))
        assert isinstance(short, Short)
        await second.refill(short, until_s)


async def test_a_request_that_no_longer_waits_leaves_nothing_taken(valkey_server: Server, namespace: str) -> None:
    limit = Limit(name="c", kind="concurrent_requests", number=1)
    async with worker(valkey_server.url, limit, namespace=namespace) as rates:
        short = rates.admit(whose(), stream=False)
        assert isinstance(short, Short)
        waiting = asyncio.create_task(rates.refill(short, asyncio.get_running_loop().time() + 10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await admitted(rates)


async def test_a_request_that_is_cancelled_as_it_is_granted_leaves_nothing_taken() -> None:
    """The counters' answer and the caller's leaving are seen in one turn of the loop."""
    waiting: asyncio.Task[Slot] | None = None

    class Granting(Counters):
        """Grants all, and has the request that waits cancelled right behind the grant."""

        @property
        def away(self) -> bool:
            return False

        async def ask(
            self, tells: Sequence[Told], groups: Sequence[Sequence[Want]]
        ) -> tuple[list[Standing], list[Granted]]:
            if waiting is not None and groups:
                # Behind this call's return, which goes on in this very turn, and before the request's.
                asyncio.get_running_loop().call_soon(waiting.cancel)
            return [Standing(0, 0) for _ in tells], [Granted(tuple(want.need for want in wants)) for wants in groups]

        def close(self) -> None:
            """Nothing is open."""

    rates = Rates(Granting(), time.monotonic_ns)
    rates.become([Limit(name="c", kind="concurrent_requests", number=8)])
    task = asyncio.create_task(rates.run())
    short = rates.admit(whose(), stream=False)
    assert isinstance(short, Short)
    waiting = asyncio.create_task(rates.refill(short, asyncio.get_running_loop().time() + 10))
    await asyncio.wait([waiting])
    task.cancel()
    await asyncio.wait([task])

    assert waiting.cancelled()
    assert [meter.out for meter, _ in short.takings] == [0]


async def test_while_it_is_away_each_limit_does_as_it_says_and_it_is_asked_again_later(own_valkey: Server) -> None:
    """Each worker of two has half of the limit."""
    async with (
        worker(own_valkey.url, hourly(20), namespace="a") as local,
        worker(own_valkey.url, hourly(20, "refuse"), namespace="a") as refuse,
        worker(own_valkey.url, hourly(1, "allow"), namespace="b") as allow,
    ):
        await admitted(local)
        own_valkey.stop()
        found = [await _outcome(local) for _ in range(30)]
        assert found.count("passed") in {10, 11}  # what was taken ahead, then its part
        assert await _outcome(refuse) == "Unavailable"
        assert [await _outcome(allow) for _ in range(5)] == ["passed"] * 5
        assert local.away
        own_valkey.start()
        for rates in (local, refuse):
            assert rates.far is not None
            await back(rates.far)
        assert await _outcome(refuse) == "passed"
        assert await _outcome(local) == "passed"


async def test_a_server_that_never_answers_costs_one_timeout_and_then_nothing() -> None:
    silent = Silent()
    try:
        async with worker(silent.url, hourly(200), namespace="a", timeout_s=0.05) as rates:
            began_s = time.monotonic()
            found = [await _outcome(rates) for _ in range(60)]
            assert found == ["passed"] * 60
            assert time.monotonic() - began_s < 60 * 0.05 / 2
    finally:
        silent.close()


async def test_a_wait_ends_with_the_request_s_time() -> None:
    silent = Silent()
    try:
        async with worker(silent.url, hourly(200), namespace="a", timeout_s=5.0) as rates:
            with pytest.raises(DeadlineExceeded):
                await admitted(rates, within_s=0.05)
    finally:
        silent.close()


async def test_what_a_dead_worker_of_the_cluster_held_comes_back_after_its_term(
    valkey_server: Server, namespace: str
) -> None:
    client = Valkey(valkey_server.url, timeout_s=5)
    now_us = 1_000_000_000
    dead = ValkeyCounters(client, "dead", workers=2, namespace=namespace, now_us=now_us)
    living = ValkeyCounters(client, "living", workers=2, namespace=namespace, now_us=now_us + 9_000_000)
    rate, at_once = Told("r", 1_000_000_000, 10, 0, 0), Told("c", 0, 5, 0, 0)
    await dead.ask([rate, at_once], [[Want(0, 4, 4, False), Want(1, 5, 5, False)]])
    assert (await living.ask([at_once], [[Want(0, 1, 1, False)]]))[1] == [Granted((), 0, 0)]
    living.now_us += 1_000_001
    standings, granted = await living.ask([rate, at_once], [[Want(1, 1, 1, False)]])
    assert granted == [Granted((1,))]
    assert standings == [Standing(4_000_000_000, 0), Standing(0, 1)]
    await client.close()


async def back(far: Far) -> None:
    """Until the task in the background has found the server."""
    async with asyncio.timeout(30):
        while far.away:
            await far.tell()


async def _outcome(rates: Rates) -> str:
    try:
        rates.leave(await admitted(rates))
    except (OverLimit, Unavailable) as error:
        return type(error).__name__
    return "passed"


async def test_a_worker_that_ends_gives_back_what_it_took_ahead(valkey_server: Server, namespace: str) -> None:
    limit = Limit(name="h", kind="requests", number=1000, per="hour")
    async with worker(valkey_server.url, limit, namespace=namespace) as rates:
        await admitted(rates)
        key = "requests|h|acme|acme"
        assert rates._meters[key].left > 0
        await rates.end()
        assert rates._meters[key].left == 0
        [standing], _ = await rates._counters.ask([rates._meters[key].told()], [])
        assert standing.held == 0
