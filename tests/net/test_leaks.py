"""After two thousand calls that go well and badly nothing is left of them."""

import asyncio
import gc
import random
from pathlib import Path

from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Origin, Outbound
from antiphon.net.client import Client

CALLS = 2000
AT_ONCE = 50
KINDS = ("fine", "stream", "long", "early", "cut", "half", "rubbish", "late", "stall", "left", "left-stream")


async def behave(exchange) -> None:
    """An upstream whose path says what is wrong with it."""
    match exchange.path.removeprefix(b"/").decode():
        case "fine" | "long":
            exchange.respond(200, b"", b"ok")
        case "stream" | "left-stream":
            exchange.begin(200, b"")
            for _ in range(20):
                exchange.write(b"x" * 1000)
                await asyncio.sleep(0)
            exchange.end()
        case "early":
            exchange.respond(429, b"", b"later")
        case "cut":
            exchange.abort()
        case "half":
            exchange.begin(200, b"")
            exchange.write(b"half")
            await asyncio.sleep(0)
        case "rubbish":
            exchange._side.transport.write(b"rubbish\r\n\r\n")
        case "stall":
            exchange.begin(200, b"")
            exchange.write(b"half")
            await asyncio.sleep(60)
        case _:
            await asyncio.sleep(60)


def files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_two_thousand_mixed_calls_leave_no_connection_no_task_and_no_place_in_a_pool(house):
    upstream = await house(behave)
    client = Client()
    origin = Origin(host="127.0.0.1", port=upstream.port, connections=20)
    chance = random.Random(7)
    outcomes: dict[str, set[str]] = {kind: set() for kind in KINDS}
    gate = asyncio.Semaphore(AT_ONCE)

    async def call(kind: str) -> None:
        body = b"x" * (300_000 if kind == "long" else 10)
        outbound = Outbound(
            origin=origin,
            head=b"POST /%b HTTP/1.1\r\nhost: up\r\n" % kind.encode(),
            body=(body,),
            size_bytes=len(body),
            timeouts=Timeouts(connect_s=5, first_byte_s=0.05, between_bytes_s=0.05, total_s=5),
        )
        try:
            answer = await client.send(outbound)
            await answer.relay(lambda piece: None)
        except AntiphonError as error:
            outcomes[kind].add(type(error).__name__)
        else:
            outcomes[kind].add(str(answer.status))

    async def one(kind: str) -> None:
        async with gate:
            task = asyncio.get_running_loop().create_task(call(kind))
            if kind.startswith("left"):
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                outcomes[kind].add("cancelled")

    await call("fine")
    tasks_before, files_before = len(asyncio.all_tasks()), files()
    kinds = [KINDS[number % len(KINDS)] for number in range(CALLS)]
    chance.shuffle(kinds)
    async with asyncio.timeout(60):
        await asyncio.gather(*[one(kind) for kind in kinds])

    (pool,) = client._pools.values()
    assert client.open_connections == client.idle_connections <= 20
    assert (pool._opening, len(pool._waiting)) == (0, 0)
    client.close()
    async with asyncio.timeout(5):
        while client.open_connections or upstream.listener.open_connections:
            await asyncio.sleep(0)
    assert pool.empty
    assert len(asyncio.all_tasks()) == tasks_before
    gc.collect()
    await asyncio.sleep(0)
    assert files() <= files_before
    assert outcomes["fine"] <= {"200", "StaleConnection"}
    assert "200" in outcomes["long"]
    assert outcomes["early"] >= {"429"}
    assert outcomes["cut"] <= {"UpstreamBroken", "StaleConnection"}
    assert outcomes["half"] == {"UpstreamBroken"}
    assert outcomes["rubbish"] <= {"UpstreamMalformed", "StaleConnection"}
    assert "UpstreamTimeout" in outcomes["late"]
    assert outcomes["stall"] == {"UpstreamTimeout"}
    assert "cancelled" in outcomes["left"]
    assert "cancelled" in outcomes["left-stream"]
