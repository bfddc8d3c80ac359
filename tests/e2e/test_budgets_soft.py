"""Budgets at whose cap something else happens than a refusal, who is told of them, and what is asked as it is."""

import asyncio
import datetime as dt
import hashlib
import hmac
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import websockets

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import LabModel, LabSettings
from rig.config import ALICE, UPSTREAM_KEY
from rig.fixtures import Start
from rig.fleet import PRICE, Json, asked, fleet, said
from rig.gateway import ASK_S, Answer, Config, Gateway
from rig.loop import LoopThread
from rig.money import PATIENT, Bill, audit, books, budget, notes
from rig.scripts import fails, in_turn
from rig.sdk import client, says
from rig.upstream import Upstream, upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

SECRET = "whsec-e2e"


def config(url: str, *budgets: Json, **more: Any) -> Config:
    """A route to a dear and a cheap deployment, and one to another cheap one."""
    deployments: dict[str, Json] = {
        "dear": {"tier": "premium"},
        "cheap": {"tier": "fast"},
        "other": {"tier": "fast"},
    }
    routes: dict[str, Json] = {"r": {"models": ["dear", "cheap"]}, "thrifty": {"models": ["other"]}}
    return {**fleet(url, deployments, routes), "budgets": list(budgets), "metering": PATIENT, **more}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), "max_tokens": 10, **more}


def spend(gateway: Gateway, name: str = "cap", count: int = 1) -> None:
    """So many requests, and then their booking."""
    for _ in range(count):
        assert gateway.chat(ask()).status == 200
    until(lambda: sum(one.requests for one in books(gateway).entries) >= count, f"{name} is booked")


def at_the_cap(gateway: Gateway, answer: Answer) -> bool:
    return (
        answer.status != 200 or "x-antiphon-downgraded" in answer.headers or "budget" in notes(gateway.receipt(answer))
    )


# --- at the cap


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_throttle_lets_so_many_a_minute_through(start: Start, up: Upstream, dialect: str) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=2, at_cap="throttle", throttle_per_minute=1)))
    spend(gateway, count=2)

    assert gateway.chat(ask()).status == 200  # the one that comes by the pace
    path = "/v1/chat/completions" if dialect == "openai" else "/v1/messages"
    slowed = gateway.ask("POST", path, json.dumps(ask()).encode())

    assert slowed.status == 429
    assert 1 <= int(slowed.headers["retry-after"]) <= 60
    if dialect == "openai":
        assert slowed.error["code"] == "budget_throttled"
    else:
        assert (slowed.json["type"], slowed.error["type"]) == ("error", "rate_limit_error")
    assert "the budget cap" in slowed.error["message"]
    receipt = gateway.receipt(slowed)
    assert (receipt["outcome"], receipt["error"], receipt.get("attempts", [])) == ("refused", "budget_throttled", [])
    assert len(up.seen) == 3


@pytest.mark.parametrize(("target", "led_to"), [("fast", "cheap"), ("thrifty", "other")])
def test_downgrade_leads_to_a_tier_or_to_a_model(start: Start, up: Upstream, target: str, led_to: str) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=2, only={"model": ["r"]}, at_cap="downgrade", downgrade_to=target)))
    spend(gateway, count=2)
    assert asked(up) == ["dear", "dear"]

    answer = until(
        lambda: answer if "x-antiphon-downgraded" in (answer := gateway.chat(ask())).headers else None, "it is told"
    )
    assert said(answer) == "said"
    assert answer.headers["x-antiphon-downgraded"] == target
    assert asked(up)[-1] == led_to
    receipt = gateway.receipt(answer)
    assert receipt["served"] == led_to
    assert receipt["asked"] == "r"
    assert f"cap is used up: downgraded to {target}" in notes(receipt)


def test_downgrade_is_told_of_an_answer_that_fails_too(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    gateway = start(config(up.url, budget(requests=1, at_cap="downgrade", downgrade_to="fast")))
    spend(gateway)
    until(lambda: "x-antiphon-downgraded" in gateway.chat(ask()).headers, "it leads elsewhere")

    up.script = fails(b"400 Bad Request")
    answer = gateway.chat(ask())
    assert answer.status == 400
    assert answer.headers["x-antiphon-downgraded"] == "fast"


def test_shadow_refuses_nothing_and_tells_the_receipt(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    gateway = start(config(up.url, budget(requests=1, at_cap="shadow")))
    spend(gateway)
    answer = gateway.chat(ask())

    assert said(answer) == "said"
    assert "budget_shadow: cap would have refused it" in notes(gateway.receipt(answer))
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == 2 == bill.answers
    assert audit(gateway)["faults"] == []


def test_a_raise_holds_until_its_end(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    over = (now - dt.timedelta(days=1)).isoformat().replace("+00:00", "Z")
    ends = (now + dt.timedelta(days=1)).isoformat().replace("+00:00", "Z")
    raises = [{"requests": 2, "until": ends, "note": "launch"}, {"requests": 50, "until": over}]
    gateway = start(config(up.url, budget(requests=1, raises=raises)))

    assert [gateway.chat(ask()).status for _ in range(4)] == [200, 200, 200, 402]


# --- alerts


def test_thresholds_are_logged_and_posted_signed_once_each(start: Start, up: Upstream, servers: LoopThread) -> None:
    up.script = Bill().uses()
    hooked = upstream()
    receiver = servers.enter(hooked)
    try:
        receiver.script = in_turn(whole(b"", status=b"503 Busy"), whole(b"{}"))
        webhook = {"url": f"http://127.0.0.1:{receiver.port}/hook?of=e2e", "secret": SECRET}
        made = config(up.url, budget(requests=4, alerts=[0.5, 1]), alerts={"webhook": webhook})
        gateway = start(made)
        for _ in range(2):
            assert gateway.chat(ask()).status == 200
        first = gateway.event("budget.threshold")
        assert (first["budget"], first["threshold"]) == ("cap", 0.5)
        until(lambda: len(receiver.seen) == 2, "it is tried again")

        for _ in range(2):
            assert gateway.chat(ask()).status == 200
        assert gateway.event("budget.threshold", 2)["threshold"] == 1
        until(lambda: len(receiver.seen) == 3, "the second one is posted")

        refused, again, second = receiver.seen
        assert refused.body == again.body
        assert again.line == "POST /hook?of=e2e HTTP/1.1"
        told = [json.loads(one.body) for one in (again, second)]
        assert [one["threshold"] for one in told] == [0.5, 1]
        assert (told[0]["budget"], told[0]["tenant"], told[0]["measure"], told[0]["limit"]) == (
            "cap",
            "acme",
            "requests",
            4,
        )
        for one in (again, second):
            signed = dict(part.split("=", 1) for part in one.headers["x-antiphon-signature"].split(","))
            text = signed["t"].encode() + b"." + one.body
            assert signed["v1"] == hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
        assert gateway.chat(ask()).status == 402
        assert len(gateway.events("budget.threshold")) == 2
        assert SECRET not in gateway.log_file.read_text()
    finally:
        servers.leave(hooked)


def test_each_threshold_is_told_once_whatever_the_number_of_workers_and_restarts(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=60, alerts=[0.5, 1])), "--workers", "2")
    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda _: gateway.chat(ask()).status, range(90)))
    assert statuses == {200: 60, 402: 30}
    until(lambda: 1 in [one["threshold"] for one in gateway.events("budget.threshold")], "the cap is told")
    assert gateway.stop() == 0
    gateway.start()
    assert {gateway.chat(ask()).status for _ in range(8)} == {402}
    assert gateway.stop() == 0

    told = Counter(one["threshold"] for one in gateway.events("budget.threshold"))
    assert told in ({0.5: 1, 1: 1}, {1: 1})  # where one worker passes both, another may have told of the higher one


def test_a_limit_that_is_raised_has_thresholds_of_its_own(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=2, alerts=[1])))
    assert [gateway.chat(ask()).status for _ in range(3)] == [200, 200, 402]
    gateway.event("budget.threshold")

    gateway.write(config(up.url, budget(requests=4, alerts=[1])))
    until(lambda: gateway.chat(ask()).status == 200, "there is more")
    assert [gateway.chat(ask()).status for _ in range(2)] == [200, 402]
    assert gateway.event("budget.threshold", 2)["fraction"] == 1
    assert gateway.stop() == 0
    assert len(gateway.events("budget.threshold")) == 2


# --- what is asked as it is

HOLD = {"usd": 0.5, "tokens": 1000}
CALL = json.dumps({"model": "m", "messages": []}).encode()


def passing(url: str, hold: Json | None, *budgets: Json) -> Config:
    made = config(url, *budgets)
    account: Json = {"profile": "compatible", "base_url": url, "key": UPSTREAM_KEY}
    account["passthrough"] = {"enabled": True, "allow": ["* /chat/*", "GET /models"]}
    made["providers"]["up"] = account if hold is None else {**account, "hold": hold}
    made["models"]["direct"] = {"provider": "up", "model": "m", "price": PRICE, "listed": False}
    made["routes"]["direct"] = {"models": ["direct"]}
    made["keys"][0]["passthrough"] = ["up"]
    return made


def passed(gateway: Gateway) -> Answer:
    return gateway.ask("POST", "/passthrough/up/chat/completions", CALL)


def test_what_is_passed_through_holds_what_its_account_says(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses(output_tokens=7)
    gateway = start(passing(up.url, HOLD, budget(usd=1)))
    answer = passed(gateway)

    assert answer.status == 200
    (attempt,) = gateway.receipt(answer)["attempts"]
    assert attempt["held_nano_usd"] == 500_000_000
    assert attempt["cost_nano_usd"] == bill.nano_usd
    gateway.write(passing(up.url, HOLD, budget(usd=0.4)))
    until(lambda: passed(gateway).status == 402, "what it holds is more than there is")
    refused = passed(gateway)
    assert refused.error["code"] == "budget_exceeded"
    up.script = whole(b'{"data":[]}')
    assert gateway.ask("GET", "/passthrough/up/models").status == 200  # what is read holds nothing
    assert gateway.stop() == 0
    assert books(gateway).spent("cap") == bill.nano_usd
    assert audit(gateway)["faults"] == []


def test_what_is_passed_through_is_refused_while_nobody_says_what_it_may_cost(start: Start, up: Upstream) -> None:
    gateway = start(passing(up.url, None, budget(usd=1)))
    answer = passed(gateway)

    assert (answer.status, answer.error["code"]) == (402, "budget_unbounded")
    assert up.seen == []


def test_what_is_passed_through_counts_under_the_run_and_the_end_user_that_its_headers_name(
    start: Start, up: Upstream
) -> None:
    up.script = Bill().uses()
    named = {"x-antiphon-run": "a/b", "x-antiphon-end-user": "ann"}
    gateway = start(passing(up.url, HOLD, budget(requests=1, on=["run"]), budget("of", requests=9, on=["end_user"])))

    statuses = [gateway.ask("POST", "/passthrough/up/chat/completions", CALL, headers=named).status for _ in range(2)]
    assert statuses == [200, 402]
    assert passed(gateway).status == 200
    until(lambda: books(gateway).of("of") == {("ann",): 1}, "it is booked")
    assert books(gateway).of("cap") == {("a",): 1, ("a/b",): 1}


def test_what_used_more_than_it_held_is_booked_whole_and_marked(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses(input_tokens=1000, output_tokens=1000)
    gateway = start(passing(up.url, {"usd": 0.001}, budget(usd=1)))
    answer = passed(gateway)

    assert answer.status == 200
    (attempt,) = gateway.receipt(answer)["attempts"]
    assert attempt["overrun_nano_usd"] == bill.nano_usd - 1_000_000
    assert gateway.stop() == 0
    found = books(gateway)
    assert found.spent("cap") == bill.nano_usd
    assert [one.overrun_nano_usd for one in found.entries] == [bill.nano_usd - 1_000_000]
    assert audit(gateway)["faults"] == []


def lab(url: str, hold: Json | None, *budgets: Json) -> Config:
    account: Json = {"profile": "compatible", "base_url": f"{url}/v1", "key": "sk-up"}
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme"}],
        "providers": {"lab-server": account if hold is None else {**account, "hold": hold}},
        "models": {"talk": {"provider": "lab-server", "model": "chat", "price": PRICE}},
        "budgets": list(budgets),
        "metering": PATIENT,
        "storage": {"ship_interval_s": 0.05},
    }


async def status_of_session(gateway: Gateway) -> tuple[int, str]:
    """Of the handshake; and then one turn is taken."""
    url = f"ws://127.0.0.1:{gateway.port}/v1/realtime?model=talk"
    try:
        bearer = {"authorization": f"Bearer {ALICE}"}
        async with websockets.connect(url, additional_headers=bearer, open_timeout=ASK_S) as one:
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
            await one.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await one.send(json.dumps({"type": "response.create"}))
            async for event in one:
                if json.loads(event)["type"] == "response.done":
                    return 101, ""
    except websockets.exceptions.InvalidStatus as error:
        return error.response.status_code, json.loads(error.response.body)["error"]["code"]
    raise AssertionError("the session ended before its answer")


def test_sessions_and_batches_hold_what_their_account_says(start: Start, servers: LoopThread) -> None:
    context = running(LabSettings(seed=3, models={"chat": LabModel(tokens_per_s=1e6, answer_tokens=5)}))
    upstream_lab = servers.enter(context)
    try:
        gateway = start(lab(upstream_lab.url, HOLD, budget(usd=1)))
        line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions"}
        body = {"model": "talk", "messages": says("Hi")}
        with client(gateway) as sdk:
            file = sdk.files.create(file=("in.jsonl", json.dumps({**line, "body": body}).encode()), purpose="batch")
            batching: Json = {
                "input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h",
            }  # fmt: skip
            batched = sdk.batches.with_raw_response.create(**batching)
        (attempt,) = gateway.receipt(batched.headers["x-antiphon-receipt"])["attempts"]
        assert attempt["held_nano_usd"] == 500_000_000
        assert asyncio.run(status_of_session(gateway)) == (101, "")

        def session() -> Json | None:
            found = [one for one in gateway.stored() if one.endpoint == "/v1/realtime"]
            return gateway.receipt(found[0].id) if found else None

        (talked,) = until(session, "the session is recorded")["attempts"]
        assert talked["held_nano_usd"] == 500_000_000
        assert 0 < talked["cost_nano_usd"] < 500_000_000

        gateway.write(lab(upstream_lab.url, HOLD, budget(usd=0.4)))
        until(lambda: asyncio.run(status_of_session(gateway)) == (402, "budget_exceeded"), "the cap is lower")
        refused = gateway.ask("POST", "/v1/batches", json.dumps(batching).encode())
        assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
        assert gateway.get(f"/v1/files/{file.id}").status == 200
        gateway.write(lab(upstream_lab.url, None, budget(usd=0.4)))
        until(
            lambda: asyncio.run(status_of_session(gateway)) == (402, "budget_unbounded"), "nobody says what it may cost"
        )
        assert gateway.stop() == 0
        assert audit(gateway)["faults"] == []
    finally:
        servers.leave(context)
