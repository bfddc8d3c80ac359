"""SIGKILL amid 1,000 streams: every released answer has one receipt, every other request one that says what it was."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from rig.config import to_upstream
from rig.crowd import Crowd, Gate
from rig.fixtures import Measure, Start
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.processes import busiest
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

STREAMS = 1000
DONE_FIRST = 300
"""So many answers are out when the blow comes."""


@pytest.fixture(autouse=True)
def many_files() -> None:
    """Two sockets a stream on each side."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))


def segments(gateway: Gateway) -> list[Path]:
    return sorted((gateway.data / "journal").glob("*.journal"))


async def blow(gateway: Gateway, up: Upstream, servers: LoopThread, strike: signal.Signals, *, group: bool) -> Crowd:
    """Begin all streams, let some end, strike; the callers then see what they see."""
    gate = Gate(keeps=4)  # so that some run when the blow comes, however late that is
    up.script = gate.script
    crowd = Crowd(gateway, STREAMS)
    running = asyncio.ensure_future(crowd.run())
    async with asyncio.timeout(180):
        await crowd.reached(begun=STREAMS)
        victim = busiest(gateway)
        servers.run(gate.open())
        await crowd.reached(done=DONE_FIRST)
        if group:
            os.killpg(gateway.pid, strike)
        else:
            os.kill(victim, strike)
        servers.run(gate.let_go())
        await running
    return crowd


def settled(gateway: Gateway) -> None:
    """Everything that was ever begun has its end in the database."""
    until(
        lambda: len(gateway.stored()) >= STREAMS and len(gateway.stored()) == len(gateway.stored(running=True)),
        "every receipt is in the database",
        60,
    )


async def test_a_killed_worker_loses_no_receipt(
    start: Start, up: Upstream, servers: LoopThread, measure: Measure
) -> None:
    gateway = start(to_upstream(up.url), "--workers", "2")

    crowd = await blow(gateway, up, servers, signal.SIGKILL, group=False)

    settled(gateway)
    ends = crowd.assert_accounted(gateway.stored())
    assert DONE_FIRST <= crowd.done < STREAMS
    assert ends["interrupted"] > 0
    assert ends["interrupted"] + ends["ok"] == STREAMS - crowd.done, ends
    measure("worker killed: answers released [of 1000]", crowd.done)
    measure("worker killed: recorded as ok, yet cut on the way [of 1000]", ends["ok"])
    until(lambda: len(segments(gateway)) == 2, "only the living workers have a segment")
    least = crowd.done - 1  # what counts comes behind the release: the victim may have died between the two, once
    until(lambda: gateway.metric("antiphon_requests_total", 'outcome="ok"') >= least, "answers are counted")
    until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "no attempt runs")
    assert gateway.stop() == 0
    assert segments(gateway) == []


async def test_everything_killed_at_once_loses_no_receipt(
    start: Start, up: Upstream, servers: LoopThread, measure: Measure
) -> None:
    gateway = start(to_upstream(up.url), "--workers", "2")

    crowd = await blow(gateway, up, servers, signal.SIGKILL, group=True)
    gateway.kill()
    left = segments(gateway)
    assert left
    gateway.start()

    settled(gateway)
    ends = crowd.assert_accounted(gateway.stored())
    assert DONE_FIRST <= crowd.done < STREAMS
    assert ends["interrupted"] + ends["ok"] == STREAMS - crowd.done, ends
    measure("all killed: answers released [of 1000]", crowd.done)
    measure("all killed: recorded as ok, yet cut on the way [of 1000]", ends["ok"])
    until(lambda: not set(left) & set(segments(gateway)), "what the dead wrote is shipped and gone")
    interrupted = next(one for one in gateway.stored() if one.outcome == "interrupted")
    assert (interrupted.error, interrupted.stream, interrupted.served) == ("process_died", True, "")
    assert interrupted.attempts[0].deployment == "gpt-test"
    assert gateway.receipt(interrupted.id)["outcome"] == "interrupted"
    assert gateway.stop() == 0
    assert segments(gateway) == []


async def test_killed_again_and_again_while_it_ships(start: Start, up: Upstream, servers: LoopThread) -> None:
    config = to_upstream(up.url)
    config["storage"]["ship_interval_s"] = 0.01
    gateway = start(config, "--workers", "2")
    crowd = await blow(gateway, up, servers, signal.SIGKILL, group=True)
    gateway.kill()

    for _ in range(3):
        gateway.launch()
        until(lambda: segments(gateway), "it has begun")
        gateway.kill()
    gateway.start()

    settled(gateway)
    crowd.assert_accounted(gateway.stored())
