"""Budgets over time: who waits for what others hold, windows that roll on, calls that are shared, and upstreams that bill more."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.config import BOB
from rig.fixtures import Start
from rig.fleet import Json, fleet, said
from rig.gateway import Config
from rig.loop import LoopThread
from rig.money import PATIENT, Bill, audit, books, budget, notes
from rig.raw import Caller, request
from rig.scripts import Held
from rig.sdk import says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

OUTPUT = 100
ONE_USD = 0.0009
"""What one request holds, and less than what two do."""


def config(url: str, *budgets: Json, **more: Any) -> Config:
    made = fleet(url, ["one"], {"r": {"models": ["one"]}}, cache={"timeout_s": 10})
    return {**made, "budgets": list(budgets), "metering": PATIENT, **more}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), "max_tokens": OUTPUT, **more}


def test_who_finds_the_rest_held_waits_for_it(start: Start, up: Upstream, servers: LoopThread) -> None:
    held = Held(Bill().uses(input_tokens=3, output_tokens=2))
    up.script = held.script
    gateway = start(config(up.url, budget(usd=ONE_USD)), "--workers", "2")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gateway.chat, ask())
        until(lambda: len(up.seen) == 1, "it holds all there is")
        second = pool.submit(gateway.chat, ask())
        servers.run(held.release())
        assert [first.result().status, second.result().status] == [200, 200]
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == 2 * (3 * 1000 + 2 * 2000)
    assert audit(gateway)["faults"] == []


def test_who_waited_in_vain_is_refused_and_told_what_others_hold(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(Bill().uses())
    up.script = held.script
    gateway = start(config(up.url, budget(usd=ONE_USD), metering={"wait_s": 3}))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gateway.chat, ask())
        until(lambda: len(up.seen) == 1, "it holds all there is")
        refused = gateway.chat(ask())
        assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
        assert "leased to workers for requests" in refused.error["message"]
        servers.run(held.release())
        assert first.result().status == 200
    assert len(up.seen) == 1


def test_who_leaves_while_it_waits_takes_nothing_along(start: Start, up: Upstream, servers: LoopThread) -> None:
    held = Held(Bill().uses(input_tokens=3, output_tokens=2))
    up.script = held.script
    limits = [{"name": "at-once", "concurrent_requests": 2}]
    gateway = start(config(up.url, budget(usd=ONE_USD), limits=limits))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gateway.chat, ask())
        until(lambda: len(up.seen) == 1, "it holds all there is")
        with Caller(gateway) as caller:
            caller.send(request(gateway, ask(), x_antiphon_session="leaves"))
            until(lambda: gateway.chat(ask()).status == 429, "the second one has its place, and waits")
        left = until(
            lambda: [one for one in gateway.stored() if one.lineage.session == "leaves"], "it is seen to leave"
        )
        servers.run(held.release())
        assert first.result().status == 200
        until(lambda: gateway.chat(ask()).status == 200, "its place and its wait are over")
    assert (left[0].outcome, left[0].attempts) == ("client_gone", ())
    assert gateway.stop() == 0
    assert books(gateway).held == 0
    assert audit(gateway)["faults"] == []


def test_a_rolling_window_gives_back_what_is_behind_it(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    rolling = {"name": "cap", "requests": 3, "rolling": "4s"}
    gateway = start(config(up.url, rolling, metering={"wait_s": 3}), "--workers", "2")
    found = Counter(gateway.chat(ask()).status for _ in range(4))
    assert found[200] >= 3
    until(lambda: gateway.chat(ask()).status == 402, "it is used up")
    until(lambda: gateway.chat(ask()).status == 200, "the window has rolled on")
    assert gateway.stop() == 0
    assert len(books(gateway).entries) == bill.answers
    assert audit(gateway)["faults"] == []


def test_what_an_upstream_bills_beyond_its_most_is_booked_and_marked(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses(input_tokens=50, output_tokens=2000)
    gateway = start(config(up.url, budget(usd=0.002)))
    answer = gateway.chat(ask())

    assert said(answer) == "said"
    (attempt,) = gateway.receipt(answer)["attempts"]
    assert attempt["cost_nano_usd"] == bill.nano_usd
    assert attempt["overrun_nano_usd"] == bill.nano_usd - attempt["held_nano_usd"] > 0
    assert gateway.chat(ask()).status == 402
    assert gateway.stop() == 0
    found = books(gateway)
    assert found.spent("cap") == bill.nano_usd
    assert sum(one.overrun_nano_usd for one in found.entries) == attempt["overrun_nano_usd"]
    assert audit(gateway)["faults"] == []


def test_a_shared_call_is_paid_once_and_refused_to_all_of_them(start: Start, up: Upstream, servers: LoopThread) -> None:
    bill = Bill()
    held = Held(bill.uses())
    up.script = held.script
    made = config(up.url, budget(usd=0.0015), metering={"wait_s": 3})
    made["routes"]["r"]["coalesce"] = {"enabled": True}
    gateway = start(made)
    same = ask(temperature=0)
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(gateway.chat, same) for _ in range(4)]
        until(lambda: gateway.metric("antiphon_coalesced_total") == 3, "three share the call of one")
        servers.run(held.release())
        assert [one.result().status for one in asking] == [200] * 4
    assert bill.answers == 1
    until(lambda: gateway.at_rest() and len(books(gateway).entries) == 1, "it is booked once")
    assert books(gateway).spent("cap") == bill.nano_usd

    while gateway.chat(ask(temperature=0, seed=bill.answers)).status == 200:
        pass
    with ThreadPoolExecutor(4) as pool:
        refused = list(pool.map(gateway.chat, [same] * 4))
    assert [(one.status, one.error["code"]) for one in refused] == [(402, "budget_exceeded")] * 4
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == bill.nano_usd <= 1_500_000
    assert audit(gateway)["faults"] == []


def test_an_answer_from_the_cache_costs_no_budget(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    made = config(up.url, budget(requests=1))
    made["routes"]["r"]["cache"] = {"enabled": True}
    gateway = start(made)
    answered = [gateway.chat(ask(temperature=0)) for _ in range(3)]

    assert [one.status for one in answered] == [200] * 3
    assert bill.answers == 1
    assert gateway.chat(ask(temperature=0, seed=2)).status == 402
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == 1


def test_a_downgrade_that_leads_to_nobody_is_refused(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    made = {
        **fleet(
            up.url,
            {"one": {"tier": "fast"}, "two": {"tier": "premium"}},
            {"r": {"models": ["two"]}, "s": {"models": ["one"]}},
        ),
        "budgets": [budget(requests=1, at_cap="downgrade", downgrade_to="fast")],
        "metering": PATIENT,
    }
    gateway = start(made)
    assert gateway.chat(ask()).status == 200
    answer = until(lambda: one if (one := gateway.chat(ask())).status != 200 else None, "the cap is known")

    assert (answer.status, answer.error["code"]) == (402, "budget_exceeded")
    assert "nobody behind 'r' is of the tier fast" in answer.error["message"]
    assert gateway.receipt(answer)["outcome"] == "refused"
    served = gateway.chat(ask(model="s"))
    assert said(served) == "said"
    assert "downgraded" in notes(gateway.receipt(served))


def test_tenants_draw_from_accounts_of_their_own_unless_a_budget_is_shared(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=2), budget("all", requests=3, shared=True)))

    assert [gateway.chat(ask()).status for _ in range(3)] == [200, 200, 402]
    first, second = (gateway.chat(ask(), key=BOB) for _ in range(2))
    assert (first.status, second.status) == (200, 402)
    assert "the budget all" in second.error["message"]
    assert "acme" not in json.dumps(second.json)
    assert gateway.stop() == 0
    assert books(gateway).of("cap") == {("acme",): 2, ("globex",): 1}
    assert books(gateway).spent("all") == 3
