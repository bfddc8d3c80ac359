"""CPU of rate limits on the path: admit, hold, settle and leave of one request, with six limits and with none.

    python bench/limits.py [--seconds 2]

The limits: requests by tenant and by team, tokens by key, input tokens by model, output tokens by deployment, requests
at once by user. Each row is the median of five runs. `wide`: the limits are far away, as they are for most. `full`: one
of them is used up, 10,000 a second with a burst of 100, so that nearly all requests are refused. `near`: every request
asks the counters for all six, as nothing may be taken ahead; no tokens are used. `contended`: as many processes as there are CPUs at once.
"""

import argparse
import asyncio
import importlib
import itertools
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from antiphon.core.counters import NearCounters
from antiphon.core.deployment import Deployment
from antiphon.core.error import OverLimit
from antiphon.core.limit import Limit
from antiphon.core.principal import Principal
from antiphon.core.request import Lineage
from antiphon.core.ticket import Bound, Whose
from antiphon.metering.counters_file import FileCounters
from antiphon.metering.counters_memory import MemoryCounters
from antiphon.metering.rates import Rates
from antiphon.metering.rates_slot import Hold, Short, Slot
from antiphon.store.valkey import Valkey
from antiphon.store.valkey_counters import ValkeyCounters

WHO = Whose(
    principal=Principal(tenant="acme", key="alice", user="ann", team="support"),
    model="fast",
    route="fast",
    end_user="c-1",
    lineage=Lineage(session="s-1"),
)
WHERE = Deployment(name="small-eu", provider="lab", model="small")
BOUND = Bound(money_nano_usd=None, tokens=None, likely_input_tokens=500, likely_output_tokens=200)
RUNS = 5
REFUSED: list[float] = []
"""Of each measurement, the fraction that was refused."""


def limits(requests: int = 60_000_000, *, burst: int = 0, per_request: bool = False) -> list[Limit]:
    tokens = 4_000_000_000
    return [
        Limit(
            name="a",
            kind="requests",
            number=requests,
            burst=burst,
            scopes=("end_user",) if per_request else ("tenant",),
        ),
        Limit(name="b", kind="requests", number=50_000_000, scopes=("session",) if per_request else ("team",)),
        Limit(name="c", kind="tokens", number=tokens, scopes=("key",)),
        Limit(name="d", kind="input_tokens", number=tokens, scopes=("model",)),
        Limit(name="e", kind="output_tokens", number=tokens, scopes=("deployment",)),
        Limit(name="f", kind="concurrent_requests", number=1000, scopes=("user",)),
    ]


def tight() -> list[Limit]:
    """Each lets a request pass at a time, and flows off before the next."""
    tokens = 6_000_000_000
    return [
        Limit(name="a", kind="requests", number=100_000_000, per="second", burst=1, scopes=("tenant",)),
        Limit(name="b", kind="requests", number=100_000_000, per="second", burst=1, scopes=("team",)),
        Limit(name="c", kind="tokens", number=tokens, burst=700, scopes=("key",)),
        Limit(name="d", kind="input_tokens", number=tokens, burst=500, scopes=("model",)),
        Limit(name="e", kind="output_tokens", number=tokens, burst=200, scopes=("deployment",)),
        Limit(name="f", kind="concurrent_requests", number=1, scopes=("user",)),
    ]


def request(rates: Rates, used: tuple[int, int] = (480, 150)) -> None:
    slot = rates.admit(WHO, stream=False)
    assert isinstance(slot, Slot)
    try:
        hold = rates.hold(slot, WHERE, BOUND)
        assert isinstance(hold, Hold)
        rates.settle(hold, *used)
    finally:
        rates.leave(slot)


def measured(rates: Rates, seconds: float, used: tuple[int, int] = (480, 150)) -> float:
    """Microseconds of CPU a request, tending included as often as it would be."""
    count, refused, used_ns, end_s = 0, 0, 0, time.monotonic() + seconds / RUNS
    while time.monotonic() < end_s:
        began_ns = time.process_time_ns()
        for _ in range(1000):
            try:
                request(rates, used)
            except OverLimit:
                refused += 1
        rates.tend()
        used_ns += time.process_time_ns() - began_ns
        count += 1000
    REFUSED.append(refused / count)
    return used_ns / count / 1000


def row(
    name: str,
    make: Callable[[], tuple[Rates, list[Limit]]],
    seconds: float,
    used: tuple[int, int] = (480, 150),
) -> None:
    found: list[float] = []
    for _ in range(RUNS):
        rates, wanted = make()
        rates.become(wanted)
        found.append(measured(rates, seconds, used))
        rates.close()
    print(
        f"{name:42} {statistics.median(found):6.2f} us   ({min(found):.2f} to {max(found):.2f}), {REFUSED[-1]:.0%} refused",
        flush=True,
    )


def near(counters: NearCounters, workers: int = 1) -> Rates:
    return Rates(counters, time.monotonic_ns, workers=workers)


def lines(seconds: float) -> None:
    rates = near(MemoryCounters(time.monotonic_ns))
    rates.become(limits())
    slot = rates.admit(WHO, stream=False)
    assert isinstance(slot, Slot)
    rates.hold(slot, WHERE, BOUND)
    began_ns, count = time.process_time_ns(), 20_000
    for _ in range(count):
        rates.lines(slot, "openai_chat", time.time_ns)
    print(f"{'header lines':42} {(time.process_time_ns() - began_ns) / count / 1000:6.2f} us", flush=True)


def contended(
    path: Path, worker: int, workers: int, number: int, seconds: float, told: "multiprocessing.Queue[float]"
) -> None:
    rates = near(FileCounters(path, worker, workers, time.monotonic_ns), workers)
    rates.become(limits(number, burst=0 if number > 1_000_000 else 100))
    told.put(measured(rates, seconds))


def together(name: str, number: int, seconds: float) -> None:
    workers = multiprocessing.cpu_count()
    with tempfile.TemporaryDirectory() as folder:
        told: multiprocessing.Queue[float] = multiprocessing.Queue()
        each = [
            multiprocessing.Process(target=contended, args=(Path(folder) / "c", at, workers, number, seconds, told))
            for at in range(workers)
        ]
        for one in each:
            one.start()
        found = [told.get() for _ in each]
        for one in each:
            one.join()
    print(f"{name:42} {statistics.mean(found):6.2f} us   ({min(found):.2f} to {max(found):.2f})", flush=True)


async def cluster(seconds: float) -> None:
    server = server_of_tests().Server()
    server.start()
    client = Valkey(server.url, timeout_s=1.0)
    rates = Rates(ValkeyCounters(client, "w0", workers=2, namespace="bench"), time.monotonic_ns, workers=2)
    rates.become(limits())
    task = asyncio.create_task(rates.run())
    loop = asyncio.get_running_loop()
    count = trips = 0
    began_ns, end_s = time.process_time_ns(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        for _ in range(100):
            slot = rates.admit(WHO, stream=False)
            if isinstance(slot, Short):
                trips += 1
                slot = await rates.refill(slot, loop.time() + 5)
            hold = rates.hold(slot, WHERE, BOUND)
            if isinstance(hold, Short):
                trips += 1
                hold = await rates.refill(hold, loop.time() + 5)
            rates.settle(hold, 480, 150)
            rates.leave(slot)
            count += 1
        await asyncio.sleep(0)
    used_us = (time.process_time_ns() - began_ns) / count / 1000
    print(f"{'six limits, wide, Valkey':42} {used_us:6.2f} us   ({trips / count:.4f} waits a request)", flush=True)
    task.cancel()
    await asyncio.wait([task])
    await client.close()
    server.close()


def server_of_tests() -> ModuleType:
    """The real server that tests start."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    return importlib.import_module("servers_valkey")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=2.0)
    seconds: float = asked.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        number = itertools.count()

        def memory(wanted: list[Limit]) -> Callable[[], tuple[Rates, list[Limit]]]:
            return lambda: (near(MemoryCounters(time.monotonic_ns)), wanted)

        def file(wanted: list[Limit]) -> Callable[[], tuple[Rates, list[Limit]]]:
            def make() -> tuple[Rates, list[Limit]]:
                path = Path(folder) / f"counters-{next(number)}"
                return near(FileCounters(path, 0, 4, time.monotonic_ns), 4), wanted

            return make

        row("no limits", memory([]), seconds)
        row("six limits, wide, one worker", memory(limits()), seconds)
        row("six limits, wide, file, 4 workers", file(limits()), seconds)
        row("the same, two by end user and session", file(limits(per_request=True)), seconds)
        row("six limits, full, file, 4 workers", file(limits(600_000, burst=100)), seconds)
        row("six limits, near, file, 4 workers", file(tight()), seconds, (0, 0))
    lines(seconds)
    together("six limits, wide, file, contended", 60_000_000, seconds)
    together("six limits, full, file, contended", 600_000, seconds)
    if server_of_tests().program():
        asyncio.run(cluster(seconds))


if __name__ == "__main__":
    main()
