"""What a budget says after a death: what was held is booked, what was answered too, each once, and nothing stays leased."""

import os
import signal
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Answer, Config, Gateway
from rig.loop import LoopThread
from rig.money import PATIENT, Bill, Books, audit, books, budget
from rig.processes import busiest, workers
from rig.raw import Caller, request
from rig.scripts import Held, answers, word
from rig.sdk import says
from rig.upstream import Upstream, endless
from rig.wait import until

pytestmark = pytest.mark.processes

OUTPUT = 100
RUNNING, DONE = 24, 10


def config(url: str, *budgets: Json, **more: Any) -> Config:
    made = fleet(url, ["one"], {"r": {"models": ["one"]}})
    return {**made, "budgets": list(budgets), "metering": PATIENT, **more}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), "max_tokens": OUTPUT, **more}


def lost(asking: Future[Answer]) -> bool:
    return isinstance(asking.exception(), ConnectionError)


def kinds(found: Books) -> Counter[str]:
    return Counter(one.kind for one in found.entries)


@pytest.mark.parametrize("whom", ["worker", "everything"])
def test_what_a_killed_process_had_sent_is_booked_at_what_was_held(
    start: Start, up: Upstream, servers: LoopThread, whom: str
) -> None:
    bill = Bill()
    up.script = bill.uses()
    gateway = start(
        config(up.url, budget(usd=10), budget("words", tokens=10**6), budget("count", requests=1000)),
        *("--workers", "2"),
    )
    with ThreadPoolExecutor(RUNNING) as pool:
        for one in list(pool.map(lambda _: gateway.chat(ask()), range(DONE))):
            assert one.status == 200
        held = Held(answers("late"))
        up.script = held.script
        running = [pool.submit(gateway.chat, ask(stream=bool(number % 2))) for number in range(RUNNING)]
        until(lambda: len(up.seen) == DONE + RUNNING, "all are sent")
        if whom == "worker":
            os.kill(busiest(gateway), signal.SIGKILL)
            gateway.event("worker.died")
        else:
            gateway.kill()
        servers.run(held.release())
        died = sum(lost(one) for one in running)
    assert died
    assert whom == "worker" or died == RUNNING
    if whom == "everything":
        gateway.start()

    until(lambda: len(books(gateway).entries) == DONE + RUNNING, "all is booked")
    assert kinds(books(gateway)) == Counter(settled=DONE + RUNNING - died, died=died)
    entries = {one.receipt: one for one in books(gateway).entries}
    for receipt in gateway.stored():
        (attempt,) = receipt.attempts
        entry = entries[receipt.id]
        if entry.kind == "died":
            assert receipt.outcome == "interrupted"
            assert (entry.money_nano_usd, entry.tokens) == (attempt.held_nano_usd, attempt.held_tokens)
            assert entry.money_nano_usd > OUTPUT * 2000
            assert entry.tokens > OUTPUT
    assert gateway.stop() == 0
    found = books(gateway)
    assert (found.held, found.leases) == (0, 0)
    assert found.spent("cap") == found.money_nano_usd
    assert found.spent("words") == found.tokens
    assert found.spent("count") == DONE + RUNNING
    assert audit(gateway)["faults"] == []
    assert audit(gateway)["waiting"] == []


def test_killed_workers_never_make_a_cap_leak(start: Start, up: Upstream) -> None:
    """What a worker had leased is held until its journal is read, so that its death gives nobody more than there is."""
    bill = Bill()
    up.script = bill.uses()
    gateway = start(config(up.url, budget(usd=0.02)), "--workers", "2")

    def call(_: int) -> int:
        try:
            return gateway.chat(ask()).status
        except ConnectionError:
            return 0

    with ThreadPoolExecutor(16) as pool:
        for blow in range(3):
            asking = [pool.submit(call, number) for number in range(40)]
            until(lambda now=asking: sum(one.done() for one in now) >= 4, "some are through")
            os.kill(workers(gateway)[0], signal.SIGKILL)
            for one in asking:
                one.result()
            gateway.event("worker.died", blow + 1)
            until(lambda: len(workers(gateway)) == 2, "another takes its place")
        statuses = Counter(pool.map(call, range(200)))

    assert 402 in statuses
    assert bill.nano_usd <= 20_000_000
    assert gateway.stop() == 0
    found = books(gateway)
    assert found.spent("cap") == found.money_nano_usd <= 20_000_000
    assert found.money_nano_usd >= bill.nano_usd  # a death books what was held, which is more
    assert (found.held, found.leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def test_a_stream_whose_caller_leaves_is_booked_at_what_was_held(start: Start, up: Upstream) -> None:
    up.script = endless(word("tok "))
    gateway = start(config(up.url, budget(usd=1)))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(stream=True)))
        caller.read_until(b"tok ")
        receipt_id = caller.receipt_id
    receipt = gateway.closed_receipt(receipt_id)

    assert receipt["outcome"] == "client_gone"
    (attempt,) = receipt["attempts"]
    assert attempt["assumed"] is True
    assert attempt["cost_nano_usd"] == attempt["held_nano_usd"] > OUTPUT * 2000
    assert gateway.stop() == 0
    found = books(gateway)
    assert kinds(found) == Counter(assumed=1)
    assert found.spent("cap") == attempt["held_nano_usd"]
    assert found.held == 0
    assert audit(gateway)["faults"] == []


def test_a_stream_whose_caller_leaves_is_booked_at_what_was_seen_where_the_budget_is_soft(
    start: Start, up: Upstream
) -> None:
    up.script = endless(word("tok "))
    gateway = start(config(up.url, budget(usd=1, at_cap="shadow")))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(stream=True)))
        caller.read_until(b"tok ")
        receipt_id = caller.receipt_id
    (attempt,) = gateway.closed_receipt(receipt_id)["attempts"]

    assert attempt["assumed"] is True
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == attempt["cost_nano_usd"] > 0
    assert audit(gateway)["faults"] == []


def test_a_drain_settles_what_it_lets_end(start: Start, up: Upstream, servers: LoopThread) -> None:
    bill = Bill()
    held = Held(bill.uses())
    up.script = held.script
    gateway = start(config(up.url, budget(usd=1)), "--workers", "2")
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(gateway.chat, ask()) for _ in range(8)]
        until(lambda: len(up.seen) == 8, "all are sent")
        gateway.signal()
        servers.run(held.release())
        assert [one.result().status for one in running] == [200] * 8
    assert gateway.ended() == 0
    found = books(gateway)
    assert kinds(found) == Counter(settled=8)
    assert found.spent("cap") == bill.nano_usd
    assert (found.held, found.leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def test_each_restart_goes_on_where_the_last_one_ended(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway: Gateway = start(config(up.url, budget(requests=3)))
    assert gateway.chat(ask()).status == 200
    gateway.kill()
    gateway.start()
    assert gateway.chat(ask()).status == 200
    assert gateway.stop() == 0
    gateway.start()
    assert [gateway.chat(ask()).status for _ in range(2)] == [200, 402]
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == 3
    assert audit(gateway)["faults"] == []
