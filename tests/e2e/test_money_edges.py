"""What budgets say where the usual rules end: what has no price, is passed through, or is defined anew."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Config
from rig.money import Bill, audit, books, budget, used
from rig.raw import Caller, request
from rig.scripts import fails, word
from rig.sdk import says
from rig.upstream import Upstream, endless, whole
from rig.wait import until

pytestmark = pytest.mark.processes

OUTPUT = 100


def config(url: str, *budgets: Json, **more: Any) -> Config:
    deployments: dict[str, Json] = {"one": {"tier": "premium"}, "cheap": {"tier": "fast"}, "free": {"price": None}}
    routes: dict[str, Json] = {"r": {"models": ["one", "cheap"]}, "f": {"models": ["free"]}}
    return {**fleet(url, deployments, routes), "budgets": list(budgets), **more}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), "max_tokens": OUTPUT, **more}


def test_a_hard_cap_in_tokens_counts_a_cut_stream_of_what_has_no_price(start: Start, up: Upstream) -> None:
    up.script = endless(word("tok "))
    gateway = start(config(up.url, budget("words", tokens=10_000)))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(model="f", stream=True)))
        caller.read_until(b"tok ")
        receipt_id = caller.receipt_id
    (attempt,) = gateway.closed_receipt(receipt_id)["attempts"]

    assert attempt["assumed"] is True
    assert "cost_nano_usd" not in attempt
    assert gateway.stop() == 0
    assert books(gateway).spent("words") == attempt["held_tokens"] > OUTPUT
    assert audit(gateway)["faults"] == []


def test_what_a_stream_told_of_its_use_before_it_was_cut_is_no_proof(start: Start, up: Upstream) -> None:
    """As Anthropic's begins with its input and one token of output, and Gemini's tell what there is so far."""
    so_far = used({"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51})
    up.script = endless(word("tok ") + so_far)
    gateway = start(config(up.url, budget(usd=1)))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(stream=True)))
        caller.read_until(b"tok ")
        receipt_id = caller.receipt_id
    receipt = gateway.closed_receipt(receipt_id)
    (attempt,) = receipt["attempts"]

    assert attempt["assumed"] is True
    assert attempt["cost_nano_usd"] == attempt["held_nano_usd"] > 52_000
    assert receipt["cost_basis"] == "no_usage"
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == attempt["held_nano_usd"]
    assert audit(gateway)["faults"] == []


def test_a_death_between_two_attempts_books_nothing_for_the_one_that_failed(start: Start, up: Upstream) -> None:
    """What it held was free for others by then, so that booking it too could overshoot the cap."""
    up.script = fails(b"500 Oops", more=b"retry-after: 30\r\n")
    made = config(up.url, budget(usd=1))
    made["calls"]["retry"] = {**made["calls"]["retry"], "patience_s": 30}
    made["routes"]["r"]["models"] = ["one"]
    gateway = start(made)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.chat, ask())
        until(
            lambda: [one for one in gateway.stored(running=True) if one.attempts and one.attempts[0].failure],
            "one has failed",
        )
        gateway.kill()
        assert asking.exception() is not None
    gateway.start()
    until(lambda: books(gateway).entries, "it is booked")
    assert gateway.stop() == 0
    found = books(gateway)

    assert [(one.kind, one.money_nano_usd or 0, one.requests) for one in found.entries] == [("settled", 0, 1)]
    assert (found.spent("cap"), found.held) == (0, 0)
    assert audit(gateway)["faults"] == []


def passing(url: str) -> Config:
    """Alice may pass anything through, at a cent each at most."""
    made = config(url, budget(usd=1))
    one = {**made["providers"]["at-one"], "passthrough": {"enabled": True, "allow": ["* /**"]}, "hold": {"usd": 0.01}}
    keys = [{**key, "passthrough": ["at-one"]} if key["name"] == "alice" else key for key in made["keys"]]
    return {**made, "keys": keys, "providers": {**made["providers"], "at-one": one}}


def test_what_is_passed_through_and_tells_no_usage_is_booked_at_what_was_held(start: Start, up: Upstream) -> None:
    gateway = start(passing(up.url))

    def post(script: Any) -> int:
        up.script = script
        return gateway.ask("POST", "/passthrough/at-one/images", json.dumps({"model": "m"}).encode(), key=ALICE).status

    assert post(whole(b'{"data":[]}')) == 200
    assert post(whole(b'{"error":{"message":"no"}}', status=b"400 Bad Request")) == 400
    assert gateway.stop() == 0
    found = books(gateway)
    assert [(one.kind, one.money_nano_usd or 0) for one in found.entries] == [("assumed", 10_000_000), ("settled", 0)]
    assert found.spent("cap") == 10_000_000
    assert audit(gateway)["faults"] == []


def test_a_cut_stream_that_is_passed_through_is_booked_at_what_was_held(start: Start, up: Upstream) -> None:
    up.script = endless(word("tok ") + used({"prompt_tokens": 50, "completion_tokens": 1, "total_tokens": 51}))
    gateway = start(passing(up.url))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(stream=True)).replace(b"/v1/", b"/passthrough/at-one/", 1))
        caller.read_until(b"tok ")
        receipt_id = caller.receipt_id
    (attempt,) = gateway.closed_receipt(receipt_id)["attempts"]

    assert (attempt["assumed"], attempt["cost_nano_usd"]) == (True, 10_000_000)
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == 10_000_000
    assert audit(gateway)["faults"] == []


def test_a_cut_stream_that_told_more_than_was_held_is_booked_at_what_it_told(start: Start, up: Upstream) -> None:
    told = word("tok ") + used({"prompt_tokens": 50_000, "completion_tokens": 1, "total_tokens": 50_001})
    up.script = endless(told.replace(b"up-1", b"one"))
    gateway = start(passing(up.url))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(stream=True, model="one")).replace(b"/v1/", b"/passthrough/at-one/", 1))
        caller.read_until(b"tok ")
        receipt_id = caller.receipt_id
    (attempt,) = gateway.closed_receipt(receipt_id)["attempts"]

    assert attempt["cost_nano_usd"] == 50_002_000
    assert attempt["overrun_nano_usd"] == 40_002_000
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == 50_002_000


def test_a_downgrade_by_tier_leads_to_the_cheaper_one(start: Start, up: Upstream) -> None:
    up.script = Bill().uses(output_tokens=10)
    gateway = start(
        config(
            up.url,
            budget(requests=1, on=["tier"], only={"tier": ["premium"]}, at_cap="downgrade", downgrade_to="fast"),
        )
    )
    assert gateway.chat(ask()).status == 200
    until(lambda: books(gateway).spent("cap") == 1, "it is booked")
    until(lambda: gateway.chat(ask()).headers.get("x-antiphon-deployment") == "cheap", "the cheaper one is asked")
