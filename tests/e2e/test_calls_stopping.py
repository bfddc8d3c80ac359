"""Stopping and reading the configuration again amid retries, shared calls, probes and queues."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from antiphon.gateway.gateway import PROBE
from rig.config import ALICE
from rig.crowd import Gate
from rig.fixtures import Start
from rig.fleet import QUICK, Json, asked, fleet, health, said, told
from rig.gateway import Gateway, stored
from rig.loop import LoopThread
from rig.processes import stopped, workers
from rig.raw import Caller, request
from rig.scripts import Held, answers, by_model, fails, in_turn
from rig.sdk import says
from rig.upstream import Upstream, silent
from rig.wait import until

pytestmark = pytest.mark.processes

DOWN = fails(b"500 Internal Server Error")
SOON = fails(b"429 Too Many Requests", more=b"retry-after: 1\r\n")
LATER = fails(b"429 Too Many Requests", more=b"retry-after: 120\r\n")
PATIENT: Json = {"retry": {**QUICK, "patience_s": 200}}
"""Calls that wait as long as they are told to, and longer than any test."""
MANY = 20


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), **more}


def idle(gateway: Gateway, name: str) -> Callable[[], bool]:
    return lambda: health(gateway, name)["in_flight"] == 0


def reloaded(gateway: Gateway) -> None:
    """Have it read its configuration again, with a change that concerns no call."""
    before = len(gateway.events("config.taken"))
    assert gateway.config is not None
    gateway.write({**gateway.config, "prompts": {f"new-{before}": {"text": "Be brief."}}})
    gateway.signal(signal.SIGHUP)
    until(lambda: len(gateway.events("config.taken")) > before, "the configuration is taken")


def test_a_call_that_waits_for_its_next_attempt_is_finished_before_the_end(start: Start, up: Upstream) -> None:
    up.script = in_turn(SOON, answers("after all"))
    gateway = start(fleet(up.url, ["one"], {"r": {"models": ["one"]}}))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.chat, ask())
        until(lambda: up.seen and idle(gateway, "one")(), "the first attempt has failed")

        gateway.signal()
        answer = asking.result()

    assert said(answer) == "after all"
    assert gateway.ended() == 0
    (receipt,) = stored(gateway.data)
    assert (receipt.outcome, len(receipt.attempts)) == ("ok", 2)


def test_one_that_would_wait_beyond_the_drain_is_cut_and_says_so(start: Start, up: Upstream) -> None:
    up.script = LATER
    config = fleet(up.url, ["one"], {"r": {"models": ["one"]}}, **PATIENT)
    gateway = start({**config, "server": {"drain_timeout_s": 0.2}})
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask()))
        until(lambda: up.seen and idle(gateway, "one")(), "the first attempt has failed")
        gateway.signal()
        caller.read_all()

    assert gateway.ended() == 0
    (receipt,) = stored(gateway.data)
    assert (receipt.outcome, receipt.error) == ("interrupted", "drain_timeout")
    assert [attempt.failure for attempt in receipt.attempts] == ["rate_limited"]


def test_a_shared_call_that_outlasts_the_drain_leaves_all_its_receipts(start: Start, up: Upstream) -> None:
    up.script = silent
    config = fleet(up.url, ["one"], {"r": {"models": ["one"], "coalesce": {"enabled": True}}})
    gateway = start({**config, "server": {"drain_timeout_s": 0.2}})
    with Caller(gateway) as leader, Caller(gateway) as follower:
        for one in (leader, follower):
            one.send(request(gateway, ask(seed=1)))
        until(lambda: up.seen and gateway.metric("antiphon_coalesced_total") == 1, "both share a call")
        gateway.signal()
        leader.read_all()
        follower.read_all()

    assert gateway.ended() == 0
    receipts = stored(gateway.data)
    assert [receipt.outcome for receipt in receipts] == ["interrupted"] * 3
    assert {receipt.error for receipt in receipts} == {"drain_timeout"}
    assert sum(len(receipt.attempts) for receipt in receipts) == 1


def test_a_probe_that_hangs_holds_no_end_up_and_has_its_receipt(start: Start, up: Upstream) -> None:
    up.script = by_model(sick=in_turn(DOWN, silent), good=answers("fine"))
    config = fleet(
        up.url,
        ["sick", "good"],
        {"r": {"models": ["sick", "good"]}},
        breaker={"consecutive_failures": 1, "open_s": 0.1},
        probes={"enabled": True, "interval_s": 1, "timeout_s": 600},
    )
    gateway = start(config)
    assert gateway.chat(ask()).status == 200
    until(lambda: asked(up).count("sick") == 2, "the probe")

    assert gateway.stop() == 0

    (probe,) = [one for one in stored(gateway.data) if one.endpoint == PROBE]
    assert (probe.outcome, probe.error) == ("interrupted", "drain_timeout")
    assert not gateway.events("receipt.delayed")


def test_killed_amid_retries_no_receipt_is_lost(start: Start, up: Upstream) -> None:
    up.script = by_model(resting=LATER, down=DOWN, hung=silent)
    config = fleet(
        up.url,
        ["resting", "down", "hung"],
        {"r": {"models": ["resting"]}, "second": {"models": ["down", "hung"]}},
        breaker={"consecutive_failures": 1000, "min_volume": 1000},
        **PATIENT,
    )
    gateway = start(config)
    callers = [Caller(gateway) for _ in range(MANY)]
    for number, caller in enumerate(callers):
        model = "r" if number % 2 else "second"
        caller.send(request(gateway, ask(model=model), x_antiphon_session=f"s-{number}"))
    half = MANY // 2
    until(lambda: asked(up).count("hung") == half and asked(up).count("resting") == half, "all are amid retries")
    until(idle(gateway, "resting"), "half of them wait")

    gateway.kill()
    for caller in callers:
        assert caller.read_all() == b""
        caller.leave()
    gateway.start()

    until(lambda: len(gateway.stored()) == MANY, "every receipt is in the database")
    receipts = {one.lineage.session: one for one in gateway.stored()}
    assert receipts.keys() == {f"s-{number}" for number in range(MANY)}
    assert {(one.outcome, one.error) for one in receipts.values()} == {("interrupted", "process_died")}
    assert {tuple(one.deployment for one in receipt.attempts) for receipt in receipts.values()} == {
        ("resting",),
        ("down", "hung"),
    }


def test_a_killed_worker_leaves_the_retries_of_others_alone(start: Start, up: Upstream) -> None:
    up.script = by_model(down=DOWN, good=answers("fine"))
    gateway = start(fleet(up.url, ["down", "good"], {"r": {"models": ["down", "good"]}}), "--workers", "2")
    served: set[int] = set()
    for still in workers(gateway):
        with stopped(still):  # so that the other one takes it
            served.add(gateway.receipt(gateway.chat(ask())).get("worker", 0))
    assert served == {0, 1}
    os.kill(workers(gateway)[0], signal.SIGKILL)
    gateway.event("worker.died")

    until(lambda: len(workers(gateway)) == 2, "the next worker")
    assert {said(gateway.chat(ask())) for _ in range(8)} == {"fine"}


def test_reading_the_configuration_again_keeps_what_runs_and_what_waits(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    gate, held = Gate(), Held(answers("in turn"))
    up.script = by_model(one=in_turn(gate.script, held.script))
    gateway = start(fleet(up.url, {"one": {"limits": {"concurrency": 1}}}, {"r": {"models": ["one"]}}))
    with Caller(gateway) as streaming, ThreadPoolExecutor(1) as pool:
        streaming.send(request(gateway, ask(stream=True, seed=0)))
        streaming.read_until(b"data: ")
        waiting = pool.submit(gateway.chat, ask())
        until(lambda: health(gateway, "one")["waiting"] == 1, "one waits")

        reloaded(gateway)

        assert health(gateway, "one")["in_flight"] == 1
        assert health(gateway, "one")["waiting"] == 1
        servers.run(held.release())
        servers.run(gate.open())
        streaming.read_until(b"data: [DONE]\n\n")
        assert said(waiting.result()) == "in turn"


def test_reading_the_configuration_again_keeps_breakers_and_rests(start: Start, up: Upstream) -> None:
    up.script = by_model(down=DOWN, resting=LATER, good=answers("fine"))
    config = fleet(
        up.url,
        ["down", "resting", "good"],
        {"r": {"models": ["down", "resting", "good"]}},
        breaker={"consecutive_failures": 1, "open_s": 60},
    )
    gateway = start(config)
    assert said(gateway.chat(ask())) == "fine"
    before = len(up.seen)

    reloaded(gateway)

    answer = gateway.chat(ask())
    assert told(gateway.receipt(answer)) == [("good", "", "")]
    assert len(up.seen) == before + 1
    assert health(gateway, "down")["breaker"]["state"] == "open"
    assert health(gateway, "down")["breaker"]["openings"] == 1
    assert health(gateway, "resting")["keys"][0]["state"] == "cooling"
    assert gateway.ask("GET", "/v1/models", key=ALICE).status == 200


def test_a_shared_and_hedged_call_that_outlasts_the_drain_is_written_down_too(start: Start, up: Upstream) -> None:
    up.script = silent
    hedge = {"enabled": True, "min_delay_s": 0.02, "max_delay_s": 0.02, "budget": 1.0}
    route = {"models": ["one", "two"], "coalesce": {"enabled": True}, "hedge": hedge}
    gateway = start({**fleet(up.url, ["one", "two"], {"r": route}), "server": {"drain_timeout_s": 0.2}})
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(seed=1)))
        until(lambda: sorted(asked(up)) == ["one", "two"], "both attempts run")
        gateway.signal()
        caller.read_all()

    assert gateway.ended() == 0
    assert [(one.outcome, one.error) for one in stored(gateway.data)] == [("interrupted", "drain_timeout")] * 2
    assert sorted(len(one.attempts) for one in stored(gateway.data)) == [0, 2]
    assert not gateway.events("receipt.delayed")
