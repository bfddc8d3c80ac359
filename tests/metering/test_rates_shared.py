"""Limits over many workers: never more in any window than the limit allows, whatever they do and whoever dies."""

import asyncio
import secrets
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limited import MS, SECOND, SMALL, Time, bound, most_over, whose
from servers_valkey import Server

from antiphon.core.error import OverLimit
from antiphon.core.limit import Limit
from antiphon.metering.counters_file import FileCounters
from antiphon.metering.counters_memory import MemoryCounters
from antiphon.metering.rates import Rates
from antiphon.metering.rates_far import RENEW_S
from antiphon.metering.rates_slot import Hold, Short, Slot
from antiphon.store.valkey import Valkey
from antiphon.store.valkey_counters import ValkeyCounters

Act = tuple[str, int, int]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 2), st.integers(1, 6)),
        st.tuples(st.just("ask"), st.integers(0, 2), st.integers(1, 6)),
        st.tuples(st.just("end"), st.integers(0, 2), st.integers(0, 8)),
        st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 7, 90, 100, 101, 1_000, 5_000])),
        st.tuples(st.just("tend"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 2), st.just(0)),
    ),
    min_size=30,
    max_size=120,
)
NUMBERS = st.tuples(st.integers(1, 40), st.integers(1, 60), st.integers(1, 30))


class Workers:
    """Three workers that share limits of requests, tokens and requests at once, and what passed."""

    def __init__(self, numbers: tuple[int, int, int]) -> None:
        rate, tokens, at_once = numbers
        self.limits = [
            Limit(name="r", kind="requests", number=10, burst=rate, per="second"),
            Limit(name="t", kind="tokens", number=100, burst=tokens, per="second", scopes=("team",)),
            Limit(name="c", kind="concurrent_requests", number=at_once),
        ]
        self.time = Time()
        self.running: dict[int, list[tuple[Slot, Hold, int]]] = {0: [], 1: [], 2: []}
        self.requests: list[tuple[int, int]] = []
        self.tokens: list[tuple[int, int]] = []
        self.seen: Counter[str] = Counter()

    def passed(self, worker: int, slot: Slot, hold: Hold, tokens: int) -> None:
        self.requests.append((self.time.ns, 1))
        self.running[worker].append((slot, hold, tokens))
        self.seen["passed"] += 1

    def end(self, rates: Rates, worker: int, used: int) -> None:
        """The oldest request of a worker ends, with at most what it held."""
        slot, hold, tokens = self.running[worker].pop(0)
        used = min(used, tokens)
        rates.settle(hold, used, 0)
        rates.leave(slot)
        self.tokens.append((self.time.ns, used))

    def holds(self) -> None:
        """What must be true at any time."""
        requests, tokens, at_once = self.limits
        assert most_over(self.requests, requests.most, requests.each_ns) <= 0
        in_use = [(self.time.ns, held) for runs in self.running.values() for _, _, held in runs]
        assert most_over([*self.tokens, *in_use], tokens.most, tokens.each_ns) <= 0
        assert sum(map(len, self.running.values())) <= at_once.most


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS, NUMBERS)
def test_workers_that_share_a_file_let_no_more_pass_than_the_limits_allow(
    acts: list[Act], numbers: tuple[int, int, int]
) -> None:
    every = Workers(numbers)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "counters"

        def begun(worker: int) -> Rates:
            rates = Rates(FileCounters(path, worker, 3, every.time, cells=256), every.time, workers=3)
            rates.become(every.limits)
            return rates

        workers = [begun(worker) for worker in range(3)]
        for what, worker, amount in acts:
            rates = workers[worker]
            match what:
                case "ask":
                    _asked(every, rates, worker, amount)
                case "end" if every.running[worker]:
                    every.end(rates, worker, amount)
                case "wait":
                    every.time.ns += amount * MS
                case "tend":
                    rates.tend()
                case "die":
                    every.running[worker].clear()
                    rates.close()
                    workers[worker] = begun(worker)
                case _:
                    pass
            every.holds()
        for rates in workers:
            rates.close()


def _asked(every: Workers, rates: Rates, worker: int, tokens: int) -> None:
    try:
        slot = rates.admit(whose(), stream=False)
    except OverLimit:
        return
    assert isinstance(slot, Slot)
    try:
        hold = rates.hold(slot, SMALL, bound(tokens))
    except OverLimit:
        rates.leave(slot)
        every.requests.append((every.time.ns, 1))
        return
    assert isinstance(hold, Hold)
    every.passed(worker, slot, hold, tokens)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(ACTS, NUMBERS)
def test_workers_of_a_cluster_let_no_more_pass_than_the_limits_allow(
    valkey_server: Server, acts: list[Act], numbers: tuple[int, int, int]
) -> None:
    asyncio.run(_cluster(valkey_server, acts, numbers))


async def _cluster(server: Server, acts: list[Act], numbers: tuple[int, int, int]) -> None:
    every = Workers(numbers)
    clients = [Valkey(server.url, timeout_s=5.0) for _ in range(3)]
    namespace = secrets.token_hex(8)
    counters: list[ValkeyCounters] = []
    for worker, client in enumerate(clients):
        counters.append(ValkeyCounters(client, f"w{worker}", workers=3, namespace=namespace))
    workers = [Rates(one, every.time, workers=3) for one in counters]
    tasks = [asyncio.create_task(rates.run()) for rates in workers]
    for rates in workers:
        rates.become(every.limits)
    renewed_ns = every.time.ns
    for what, worker, amount in acts:
        for one in counters:
            one.now_us = every.time.ns // 1000
        if every.time.ns - renewed_ns >= RENEW_S * SECOND:  # as their tasks do by a clock that this test doesn't move
            renewed_ns = every.time.ns
            for one in workers:
                await told(one)
        rates = workers[worker]
        match what:
            case "ask":
                await _asked_far(every, rates, worker, amount)
            case "end" if every.running[worker]:
                every.end(rates, worker, amount)
            case "wait":
                every.time.ns += amount * MS
            case "tend":
                await told(rates)
            case _:
                pass
        every.holds()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for client in clients:
        await client.close()


async def told(rates: Rates) -> None:
    assert rates.far is not None
    await rates.far.tell()


async def _asked_far(every: Workers, rates: Rates, worker: int, tokens: int) -> None:
    until_s = asyncio.get_running_loop().time() + 30
    try:
        slot = rates.admit(whose(), stream=False)
        if isinstance(slot, Short):
            slot = await rates.refill(slot, until_s)
    except OverLimit:
        return
    try:
        hold = rates.hold(slot, SMALL, bound(tokens))
        if isinstance(hold, Short):
            hold = await rates.refill(hold, until_s)
    except OverLimit:
        rates.leave(slot)
        every.requests.append((every.time.ns, 1))
        return
    every.passed(worker, slot, hold, tokens)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 3)), max_size=60), st.integers(1, 12))
def test_a_worker_that_is_alone_refuses_nothing_that_the_algorithm_lets_pass(
    arrivals: list[tuple[int, int]], burst: int
) -> None:
    """One limit, no pauses without tending: then it is exactly the virtual scheduling of the standard."""
    time = Time()
    limit = Limit(name="r", kind="requests", number=10, burst=burst, per="second")
    rates = Rates(MemoryCounters(time), time)
    rates.become([limit])
    arrival_ns = 0
    for after_ms, _ in arrivals:
        rates.tend()
        time.ns += after_ms * MS
        conforms = arrival_ns - time.ns <= (burst - 1) * limit.each_ns
        if conforms:
            rates.leave(_slot(rates))
            arrival_ns = max(arrival_ns, time.ns) + limit.each_ns
            continue
        with pytest.raises(OverLimit) as caught:
            rates.admit(whose(), stream=False)
        assert caught.value.retry_after_s is not None
        assert round(caught.value.retry_after_s * 1e9) == arrival_ns - time.ns - (burst - 1) * limit.each_ns


def _slot(rates: Rates) -> Slot:
    slot = rates.admit(whose(), stream=False)
    assert isinstance(slot, Slot)
    return slot
