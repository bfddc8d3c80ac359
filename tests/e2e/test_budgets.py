"""Hard budgets: nothing is sent that they don't cover, and what is used is booked once, on every budget that it falls under."""

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.fixtures import Start
from rig.fleet import Json, asked, fleet, said, told
from rig.gateway import Answer, Config, Gateway
from rig.loop import LoopThread
from rig.money import PATIENT, Bill, Books, audit, books, budget
from rig.scripts import Held, answers, by_model, fails, in_turn, reset
from rig.sdk import says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

CALLERS, CALLS = 64, 320
WAYS = ("chat", "stream", "embed", "messages", "gemini")
OUTPUT = 100
USD = 0.00001
"""Enough for no request at all."""
PLENTY = 1000


def config(url: str, *budgets: Json, **more: Any) -> Config:
    """A route `r` to one deployment, and an embedder `e`."""
    deployments: dict[str, Json] = {"one": {}, "embedder": {}}
    routes: dict[str, Json] = {"r": {"models": ["one"]}, "e": {"models": ["embedder"]}}
    return {**fleet(url, deployments, routes), "budgets": list(budgets), "metering": PATIENT, **more}


def ask(text: str = "Hi", **more: Any) -> Json:
    return {"model": "r", "messages": says(text), "max_tokens": OUTPUT, **more}


def call(gateway: Gateway, way: str, headers: Mapping[str, str] | None = None) -> Answer:
    """One request, in a dialect."""

    def post(path: str, body: Any) -> Answer:
        return gateway.ask("POST", path, json.dumps(body).encode(), headers=headers)

    match way:
        case "chat":
            return gateway.chat(ask(), headers=headers)
        case "stream":
            return gateway.chat(ask(stream=True), headers=headers)
        case "embed":
            return post("/v1/embeddings", {"model": "e", "input": "Hi"})
        case "messages":
            return post("/v1/messages", ask())
        case _:
            contents = [{"role": "user", "parts": [{"text": "Hi"}]}]
            asking = {"contents": contents, "generationConfig": {"maxOutputTokens": OUTPUT}}
            return post("/v1beta/models/r:generateContent", asking)


def refused(answer: Answer, way: str) -> None:
    """It was refused for its budget, in its dialect's words, which say which budget and what to do."""
    assert answer.status == 402, answer
    assert "x-antiphon-receipt" in answer.headers
    match way:
        case "messages":
            assert (answer.json["type"], answer.error["type"]) == ("error", "billing_error")
        case "gemini":
            assert (answer.error["code"], answer.error["status"]) == (402, "RESOURCE_EXHAUSTED")
            assert "BUDGET_EXCEEDED" in answer.body.decode()
        case _:
            assert answer.error["code"] == "budget_exceeded"
    assert "the budget cap" in answer.error["message"]


def closed(gateway: Gateway) -> Books:
    """The books of a gateway that has stopped, and so has given back all that it had leased."""
    assert gateway.stop() == 0
    found = books(gateway)
    assert (found.held, found.leases) == (0, 0)
    assert audit(gateway)["faults"] == []
    return found


# --- a cap holds


@pytest.mark.parametrize(("measure", "limit"), [("usd", 0.02), ("tokens", 12_000), ("requests", 77)])
def test_a_hard_cap_holds_whoever_asks_at_once_in_whatever_dialect(
    start: Start, up: Upstream, measure: str, limit: float
) -> None:
    bill = Bill()
    up.script = bill.uses()
    gateway = start(config(up.url, budget(**{measure: limit})), "--workers", "2")
    ways = [WAYS[number % len(WAYS)] for number in range(CALLS)]
    with ThreadPoolExecutor(CALLERS) as pool:
        answered = list(pool.map(lambda way: call(gateway, way), ways))

    found = Counter(one.status for one in answered)
    assert set(found) == {200, 402}
    for way, answer in zip(ways, answered, strict=True):
        if answer.status != 200:
            refused(answer, way)
    assert found[200] == len(up.seen) == bill.answers
    most = round(limit * 1e9) if measure == "usd" else limit
    booked = closed(gateway)
    assert bill.amount(measure) <= most
    assert booked.spent("cap") == bill.amount(measure)
    assert (booked.tokens, booked.money_nano_usd) == (bill.tokens, bill.nano_usd)
    assert len(booked.entries) == bill.answers
    assert {one.kind for one in booked.entries} == {"settled"}
    assert booked.spent("cap") > 0.5 * most  # it was no cap that lets nobody through
    if measure == "requests":
        assert booked.spent("cap") == most


def test_a_refusal_says_which_budget_how_it_stands_and_leaves_a_receipt(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, budget(usd=USD, on=["team"], only={"team": ["nobody"]}), budget("all", usd=USD)))
    answer = gateway.chat(ask())

    assert (answer.status, answer.error["code"]) == (402, "budget_exceeded")
    message = answer.error["message"]
    assert "the budget all" in message
    assert "acme" in message
    assert "0.00001" in message
    receipt = gateway.receipt(answer)
    assert (receipt["outcome"], receipt["status"], receipt["error"]) == ("refused", 402, "budget_exceeded")
    assert receipt.get("attempts", []) == []
    assert up.seen == []


# --- whose use it is

SCOPES: list[tuple[str, str]] = [
    ("tenant", "acme"),
    ("team", "search"),
    ("department", "rnd"),
    ("user", "ann"),
    ("key", "alice"),
    ("tag", "red"),
    ("model", "r"),
    ("route", "r"),
    ("tier", "fast"),
    ("provider", "at-one"),
    ("deployment", "one"),
    ("end_user", "customer-7"),
    ("session", "s-1"),
    ("run", "a"),
    ("step", "draft"),
]
LINEAGE = {"x-antiphon-session": "s-1", "x-antiphon-run": "a/b/c", "x-antiphon-step": "draft"}


def scoped(url: str, *budgets: Json) -> Config:
    made = config(url, *budgets)
    made["keys"][0] |= {"team": "search", "department": "rnd", "user": "ann", "tags": ["red", "blue"]}
    made["models"]["one"]["tier"] = "fast"
    return made


def test_each_scope_has_accounts_of_its_own_and_caps_by_them(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    many = [budget(f"by-{scope}", requests=PLENTY, on=[scope]) for scope, _ in SCOPES]
    gateway = start(scoped(up.url, *many))
    assert gateway.chat(ask(user="customer-7"), headers=LINEAGE).status == 200

    until(lambda: gateway.at_rest() and len(books(gateway).entries) == 1, "it is booked")
    found = books(gateway)
    for scope, value in SCOPES:
        have = found.of(f"by-{scope}")
        assert have[(value,)] == 1, scope
        assert len(have) == {"tag": 2, "run": 3}.get(scope, 1), scope
    assert found.of("by-run") == {("a",): 1, ("a/b",): 1, ("a/b/c",): 1}
    assert found.of("by-tag") == {("red",): 1, ("blue",): 1}


@pytest.mark.parametrize(("scope", "value"), SCOPES, ids=[scope for scope, _ in SCOPES])
def test_a_cap_on_a_scope_refuses_its_values_alone(start: Start, up: Upstream, scope: str, value: str) -> None:
    up.script = Bill().uses()
    gateway = start(scoped(up.url, budget(requests=1, on=[scope], only={scope: [value]})))
    first, second = (gateway.chat(ask(user="customer-7"), headers=LINEAGE) for _ in range(2))

    assert (first.status, second.status) == (200, 402)
    assert value in second.error["message"]
    if scope in {"end_user", "session", "run", "step"}:
        other = gateway.chat(ask())
        assert other.status == 200, other


def test_an_end_user_is_named_by_the_body_or_by_a_header(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=2, on=["end_user"])))
    by_header = {"x-antiphon-end-user": "ann"}

    assert gateway.chat(ask(user="ann")).status == 200
    assert gateway.chat(ask(), headers=by_header).status == 200
    third = gateway.chat(ask(), headers=by_header)
    assert third.status == 402
    assert "ann" in third.error["message"]
    assert gateway.chat(ask(user="ann")).status == 402
    assert gateway.chat(ask(user="bea")).status == 200
    assert [gateway.chat(ask()).status for _ in range(4)] == [200] * 4  # nobody named: not counted
    until(lambda: books(gateway).of("cap") == {("ann",): 2, ("bea",): 1}, "all is booked")


def test_a_child_run_draws_from_its_parents(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=3, on=["run"])))

    def run(path: str, parent: str = "") -> int:
        return gateway.chat(ask(), headers={"x-antiphon-run": path, "x-antiphon-parent": parent}).status

    assert [run("a/b"), run("a/c"), run("d", parent="a")] == [200, 200, 200]
    assert [run("a/fresh"), run("a"), run("x/y", parent="a")] == [402] * 3
    assert run("other") == 200


# --- attempts


def two(url: str, *budgets: Json, **route: Any) -> Config:
    made = fleet(url, ["one", "two"], {"r": {"models": ["one", "two"], **route}})
    return {**made, "budgets": list(budgets), "metering": PATIENT}


def test_a_failed_attempt_gives_back_and_the_one_that_stands_in_has_a_ticket_of_its_own(
    start: Start, up: Upstream
) -> None:
    bill = Bill()
    up.script = by_model(one=fails(b"500 Internal Server Error"), two=bill.uses())
    gateway = start(
        two(up.url, budget(usd=1), budget("count", requests=PLENTY), budget("by-one", usd=1, on=["deployment"]))
    )
    answer = gateway.chat(ask())

    assert said(answer) == "said"
    receipt = gateway.receipt(answer)
    tried = receipt["attempts"]
    assert len({one["ticket"] for one in tried}) == len(tried) > 1
    assert [one["requests"] for one in tried if one.get("requests")] == [1]
    assert all(one["held_nano_usd"] > OUTPUT * 2000 for one in tried)
    booked = closed(gateway)
    assert booked.spent("cap") == bill.nano_usd
    assert booked.of("count") == {("acme",): 1}
    assert booked.of("by-one").get(("one",), 0) == 0
    assert booked.of("by-one")[("two",)] == bill.nano_usd
    assert len(booked.entries) == len(tried)


def test_what_broke_after_it_was_read_is_booked_at_what_was_held(start: Start, up: Upstream) -> None:
    """The upstream may bill for it, and a hard cap takes no estimate for a proof."""
    bill = Bill()
    up.script = in_turn(reset, bill.uses())
    gateway = start(config(up.url, budget(usd=1)))
    answer = gateway.chat(ask())

    assert said(answer) == "said"
    broken, well = gateway.receipt(answer)["attempts"]
    assert (broken["assumed"], broken["cost_nano_usd"]) == (True, broken["held_nano_usd"])
    booked = closed(gateway)
    assert Counter(one.kind for one in booked.entries) == {"assumed": 1, "settled": 1}
    assert booked.spent("cap") == broken["held_nano_usd"] + well["cost_nano_usd"]


def test_a_retry_that_nothing_is_left_for_is_refused(start: Start, up: Upstream) -> None:
    up.script = reset
    gateway = start(config(up.url, budget(usd=0.0009), metering={"wait_s": 3}))
    answer = gateway.chat(ask())  # waits in vain for as long as it may: what it held is used

    assert answer.status in {402, 502}, answer
    booked = closed(gateway)
    assert booked.spent("cap") <= 900_000
    assert len(up.seen) == len(booked.entries) == 1


def test_a_hedge_has_a_ticket_too(start: Start, up: Upstream, servers: LoopThread) -> None:
    bill = Bill()
    slow = Held(answers("late"))
    up.script = by_model(one=slow.script, two=bill.uses())
    # Long enough for the first lease, which both attempts draw from.
    hedging = {"hedge": {"enabled": True, "min_delay_s": 1.5, "max_delay_s": 1.5, "budget": 1.0}}
    gateway = start(two(up.url, budget(usd=1), budget("count", requests=PLENTY), **hedging))
    answer = gateway.chat(ask())

    assert said(answer) == "said"
    assert sorted(asked(up)) == ["one", "two"]
    receipt = gateway.receipt(answer)
    assert [one[1][:6] for one in told(receipt)] == ["", "hedge:"]
    lost = receipt["attempts"][0]
    assert (lost["assumed"], lost["cost_nano_usd"]) == (True, lost["held_nano_usd"])
    servers.run(slow.release())
    booked = closed(gateway)
    assert booked.spent("cap") == bill.nano_usd + lost["held_nano_usd"]
    assert booked.spent("count") == 1


# --- what nothing bounds, and shorter answers


def test_what_has_no_price_is_refused_unless_the_budget_allows_it(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    made = config(up.url, budget(usd=1))
    del made["models"]["one"]["price"]
    gateway = start(made)

    answer = gateway.chat(ask())
    assert (answer.status, answer.error["code"]) == (402, "budget_unbounded")
    assert "unpriced: allow" in answer.error["message"]
    assert up.seen == []

    made["budgets"] = [budget(usd=1, unpriced="allow")]
    gateway.write(made)
    until(lambda: gateway.chat(ask()).status == 200, "the reload allows it")
    until(lambda: gateway.at_rest() and len(books(gateway).entries) == bill.answers, "it is booked")
    assert [one.money_nano_usd for one in books(gateway).entries] == [None] * bill.answers
    assert books(gateway).tokens == bill.tokens


def test_an_answer_that_nothing_bounds_is_refused(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, budget(usd=1)))
    answer = gateway.chat({"model": "r", "messages": says("Hi")})

    assert (answer.status, answer.error["code"]) == (402, "budget_unbounded")
    assert "max_tokens" in answer.error["message"]
    assert up.seen == []


def test_a_route_may_lower_an_answers_limit_to_what_is_left(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses()
    made = config(up.url, budget(usd=0.002))
    made["routes"]["r"]["lower_max_tokens"] = 20
    gateway = start(made)
    answer = gateway.chat(ask(max_tokens=5000))

    assert said(answer) == "said"
    asked_for = json.loads(up.last.body)["max_tokens"]
    assert 20 <= asked_for < 1000
    assert "max_tokens" in answer.headers["x-antiphon-losses"]
    (loss,) = gateway.receipt(answer)["losses"]
    assert (loss["field"], loss["effect"]) == ("max_tokens", f"lowered from 5000 to {asked_for}")
    assert "cap" in loss["why"]
    assert bill.nano_usd <= 2_000_000

    while (last := gateway.chat(ask(max_tokens=5000))).status == 200:
        pass
    assert last.error["code"] == "budget_exceeded"
    booked = closed(gateway)
    assert booked.spent("cap") == bill.nano_usd <= 2_000_000


@pytest.mark.parametrize("over", ["refuse", "compact"])
def test_a_route_caps_what_is_said_to_it(start: Start, up: Upstream, over: str) -> None:
    up.script = Bill().uses()
    made = config(up.url)
    made["routes"]["r"]["context"] = {"most_tokens": 200, "steps": {"draft": 5000}, "over": over}
    gateway = start(made)
    turns = [
        {"role": role, "content": f"{role} {number} " + "word " * 60}
        for number in range(4)
        for role in ("user", "assistant")
    ]
    long = {"model": "r", "messages": [*turns, *says("and now?")], "max_tokens": 5}
    answer = gateway.chat(long)

    if over == "refuse":
        assert (answer.status, answer.error["code"]) == (400, "context_cap_exceeded")
        assert up.seen == []
    else:
        assert said(answer) == "said"
        sent = json.loads(up.last.body)["messages"]
        assert sent[-1] == says("and now?")[0]
        assert len(sent) < len(long["messages"])
        assert "messages" in answer.headers["x-antiphon-losses"]
        assert gateway.receipt(answer)["losses"][0]["field"] == "messages[0..5]"
    assert gateway.chat(long, headers={"x-antiphon-step": "draft"}).status == 200
    assert len(json.loads(up.last.body)["messages"]) == len(long["messages"])


def test_a_reload_raises_a_cap_for_requests_that_come_after_it(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    gateway = start(config(up.url, budget(requests=1)), "--workers", "2")
    assert [gateway.chat(ask()).status for _ in range(2)] == [200, 402]

    gateway.write(config(up.url, budget(requests=3)))
    until(lambda: len(gateway.events("config.taken")) == 2, "both workers have taken it")
    assert [gateway.chat(ask()).status for _ in range(3)] == [200, 200, 402]
    assert closed(gateway).spent("cap") == 3 == len(up.seen)
