"""Recipes and rules at their edges: deaths, departures, deadlines, hard budgets, shared calls, reloads, long bodies."""

import asyncio
import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from antiphon.app.offline import planner
from antiphon.config.load import load
from antiphon.control.replan import replan
from antiphon.core.receipt import Receipt
from rig.fixtures import Measure, Start
from rig.fleet import PRICE, Json, asked, fleet, said
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.money import Bill, audit, books, budget
from rig.raw import Caller, request
from rig.scripts import Held, answers, breaks_after, by_model, word
from rig.sdk import says
from rig.upstream import Upstream, endless, silent
from rig.wait import until

pytestmark = pytest.mark.processes

MODELS: dict[str, Json] = {
    name: {"tier": tier, "price": PRICE, "limits": {"output_tokens": 100}}
    for name, tier in (("small", "fast"), ("mid", "balanced"), ("big", "premium"))
}
MEMBERS = ["small", "mid", "big"]
BALLOT: Json = {"ballot": {"vote": {"members": MEMBERS}}}
PANEL: Json = {"panel": {"panel": {"members": ["small", "mid"], "judge": "big", "final": "big"}}}
JUDGED = json.dumps({"agreement": ["x"], "contradictions": [], "unique": [], "blind_spots": []})
LONG_BYTES = 262_144
PATIENT = {"timeout_s": 10}
"""Of the cache: an answer that is being kept is waited for."""


def config(url: str, route: Json, **more: Any) -> Config:
    """A route `r` over three tiers, all at one price."""
    deployments = {name: dict(said) for name, said in MODELS.items()}
    return {**fleet(url, deployments, {"r": {"models": MEMBERS, "equal": True, **route}}), **more}


def ask(text: str = "Hi", **more: Any) -> Json:
    return {"model": "r", "messages": says(text), **more}


def explain(gateway: Gateway, body: Json) -> Json:
    answer = gateway.ask("POST", "/v1/explain", json.dumps(body).encode())
    assert answer.status == 200, answer
    return answer.json


def last(gateway: Gateway, **where: str) -> Receipt:
    """The newest receipt whose fields are these, once it has ended."""

    def found() -> Receipt | None:
        rows = [
            one for one in gateway.stored(running=True) if all(getattr(one, name) == it for name, it in where.items())
        ]
        return rows[-1] if rows and rows[-1].outcome != "running" else None

    return until(found, f"a receipt with {where}")


# --- departures and deaths


def test_a_caller_who_leaves_takes_every_member_along_and_gives_back_what_was_held_for_the_rest(
    start: Start, up: Upstream, measure: Measure
) -> None:
    up.script = silent
    gateway = start(config(up.url, {"recipe": "panel", "attempts": 1}, recipes=PANEL, budgets=[budget(usd=1)]))
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(max_tokens=100)))
        until(lambda: len(up.seen) == 2, "both members are asked")
        left_s = caller.leave()
    until(lambda: all(one.gone_s is not None for one in up.seen), "both are cut off")
    assert up.last.gone_s is not None
    measure("caller gone to a recipe's last member closed [ms]", (up.last.gone_s - left_s) * 1000)

    receipt = last(gateway)

    assert (receipt.outcome, len(receipt.attempts)) == ("client_gone", 2)
    assert all(one.assumed for one in receipt.attempts)  # a hard budget books what nobody can tell
    assert gateway.metric("antiphon_attempts_in_flight") == 0
    assert gateway.stop() == 0
    found = books(gateway)
    assert found.spent("cap") == found.money_nano_usd == sum(one.held_nano_usd or 0 for one in receipt.attempts)
    assert (found.held, found.leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def test_a_killed_recipe_books_what_was_answered_as_used_and_the_rest_as_held(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    bill = Bill()
    up.script = by_model(small=bill.uses(output_tokens=7), mid=silent, big=silent)
    rules = [{"name": "any", "when": "request.bytes > 0", "recipe": "ballot"}]
    gateway = start(config(up.url, {"rules": rules}, recipes=BALLOT, budgets=[budget(usd=1)]), "--workers", "2")
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(max_tokens=50)))
        until(lambda: len(up.seen) == 3 and bill.answers == 1, "one has answered, two are silent")
        until(lambda: _settled(gateway) == 1, "the one that answered is written down as settled")
        gateway.kill()
        assert caller.read_all() == b""
    gateway.start()

    until(lambda: gateway.at_rest() and len(books(gateway).entries) == 3, "all three are booked")
    receipt = last(gateway)
    assert (receipt.outcome, receipt.error) == ("interrupted", "process_died")
    assert "request.bytes" in [one.name for one in receipt.facts]
    assert receipt.grounds is not None
    assert {one.step for one in receipt.attempts} == {"sample-1", "sample-2", "sample-3"}
    kinds = {one.credit.rsplit("/", 1)[-1]: (one.kind, one.money_nano_usd) for one in books(gateway).entries}
    held = {one.deployment: one.held_nano_usd for one in receipt.attempts}
    assert kinds == {"small": ("settled", bill.nano_usd), "mid": ("died", held["mid"]), "big": ("died", held["big"])}
    assert gateway.stop() == 0
    assert (books(gateway).held, books(gateway).leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def _settled(gateway: Gateway) -> int:
    """Attempts of the running request that its latest record says have ended."""
    found = gateway.records().last()
    return 0 if found is None else sum(not one.open for one in found.attempts)


def test_a_worker_that_is_told_to_stop_cuts_a_recipe_off_and_says_so(start: Start, up: Upstream) -> None:
    up.script = by_model(small=answers("It is 4"), mid=silent, big=silent)
    made = config(up.url, {"recipe": "ballot"}, recipes=BALLOT, budgets=[budget(usd=1)])
    gateway = start({**made, "server": {"drain_timeout_s": 0.2}})
    with Caller(gateway) as caller:
        caller.send(request(gateway, ask(max_tokens=50)))
        until(lambda: len(up.seen) == 3, "all are asked")
        assert gateway.stop() == 0

    (receipt,) = gateway.stored()
    assert (receipt.outcome, receipt.error) == ("interrupted", "drain_timeout")
    assert len(receipt.attempts) == 3
    assert (books(gateway).held, books(gateway).leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def test_a_hedge_within_a_recipe_leaves_nothing_open(start: Start, up: Upstream) -> None:
    up.script = by_model(small=silent, mid=answers("It is 4"), big=silent)
    recipes = {"one": {"single": {}}}
    route = {"equal": False, "recipe": "one", "hedge": {"enabled": True, "min_delay_s": 0.01, "max_delay_s": 0.02}}
    gateway = start(config(up.url, route, recipes=recipes, budgets=[budget(usd=1)]))

    answer = gateway.chat(ask(max_tokens=20))

    receipt = gateway.receipt(answer)
    assert said(answer) == "It is 4"
    assert len(receipt["attempts"]) >= 2
    assert not any(one.get("open") and not one.get("assumed") for one in receipt["attempts"])
    assert gateway.metric("antiphon_attempts_in_flight") == 0


# --- time


@pytest.mark.parametrize("bound", ["header", "envelope"])
def test_when_the_time_is_over_the_best_answer_so_far_goes_out(start: Start, up: Upstream, bound: str) -> None:
    up.script = by_model(small=answers("It is 4"), mid=silent, big=silent)
    seconds = 2 if bound == "envelope" else 60
    recipes = {"ballot": {**BALLOT["ballot"], "envelope": {"seconds": seconds}}}
    gateway = start(config(up.url, {"recipe": "ballot", "attempts": 1}, recipes=recipes))

    answer = gateway.chat(ask(), headers={"x-antiphon-timeout": "2s"} if bound == "header" else {})

    assert said(answer) == "It is 4"
    receipt = gateway.receipt(answer)
    assert receipt["served"] == "small"
    assert len(receipt["attempts"]) == 3


def test_when_the_time_is_over_without_an_answer_the_error_says_whose_time_it_was(start: Start, up: Upstream) -> None:
    up.script = silent
    recipes = {"ballot": {**BALLOT["ballot"], "envelope": {"seconds": 0.3}}}
    gateway = start(config(up.url, {"recipe": "ballot", "attempts": 1}, recipes=recipes))

    answer = gateway.chat(ask())

    assert (answer.status, answer.error["code"]) == (504, "deadline_exceeded")
    assert "0.3 s" in answer.error["message"]


# --- money


@pytest.mark.parametrize("measure", ["usd", "tokens"])
def test_panels_at_once_never_go_over_a_hard_budget_and_the_ledger_is_the_bill(
    start: Start, up: Upstream, measure: str
) -> None:
    bill = Bill()
    up.script = bill.uses(input_tokens=50)
    limit = {"usd": 0.01} if measure == "usd" else {"tokens": 8000}
    gateway = start(config(up.url, {"recipe": "panel"}, recipes=PANEL, budgets=[budget(**limit)]), *("--workers", "2"))
    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(lambda _: gateway.chat(ask(max_tokens=100)), range(48)))

    assert {one.status for one in ended} <= {200, 402}
    assert any(one.status == 200 for one in ended)
    assert any(one.status == 402 for one in ended)
    until(
        lambda: gateway.at_rest() and len(books(gateway).entries) == bill.answers,
        "the ledger has an entry for each answer",
    )
    assert gateway.stop() == 0
    found = books(gateway)
    assert found.money_nano_usd == bill.nano_usd
    assert found.tokens == bill.tokens
    assert found.spent("cap") == bill.amount(measure)
    assert bill.amount(measure) <= (10_000_000 if measure == "usd" else 8000)
    assert (found.held, found.leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def test_a_panel_that_was_begun_can_pay_for_its_final_answer_whatever_others_ask_for_meanwhile(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(answers("one view"))
    up.script = by_model(small=held.script, mid=held.script, big=answers(JUDGED))
    budgets = [budget(usd=0.0125)]
    made = config(up.url, {"recipe": "panel", "attempts": 1}, recipes=PANEL, budgets=budgets)
    made["routes"]["plain"] = {"models": ["big"]}
    gateway = start(made)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(gateway.chat, ask(max_tokens=20))
        until(lambda: len(up.seen) == 2, "both members are asked")
        while (other := gateway.chat({**ask(max_tokens=100), "model": "plain"})).status == 200:
            pass
        assert (other.status, other.error["code"]) == (402, "budget_exceeded")
        servers.run(held.release())
        answer = running.result()

    assert answer.status == 200
    receipt = gateway.receipt(answer)
    assert [one["step"] for one in receipt["attempts"]][-1] == "final"
    assert "stopped" not in receipt


def test_a_budget_of_a_tier_leads_a_ruled_route_elsewhere_too(start: Start, up: Upstream) -> None:
    up.script = Bill().uses(output_tokens=100)
    tier = budget("dear", usd=0.0001, only={"tier": ["premium"]}, at_cap="downgrade", downgrade_to="fast")
    rules = [{"name": "all", "when": "request.bytes > 0", "models": ["big"]}]
    gateway = start(config(up.url, {"rules": rules}, budgets=[tier]))

    assert gateway.receipt(gateway.chat(ask(max_tokens=100)))["served"] == "big"
    until(lambda: gateway.receipt(gateway.chat(ask(max_tokens=100)))["served"] == "small", "the budget leads to fast")
    receipt = gateway.receipt(gateway.chat(ask(max_tokens=100)))
    assert (receipt["downgraded_to"], receipt["downgraded_by"]) == ("fast", "dear")


def test_a_recipe_is_one_request_of_a_limit_on_requests_at_once(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(answers("It is 4"))
    up.script = held.script
    limits = [{"name": "two", "concurrent_requests": 2}]
    gateway = start(config(up.url, {"recipe": "ballot"}, recipes=BALLOT, limits=limits))
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(gateway.chat, ask(f"number {number}")) for number in range(2)]
        until(lambda: len(up.seen) == 6, "two recipes run")
        third = gateway.chat(ask())
        assert (third.status, len(up.seen)) == (429, 6)
        servers.run(held.release())
        assert [one.result().status for one in running] == [200, 200]
    assert gateway.chat(ask()).status == 200


# --- shared calls and kept answers


def test_a_shared_call_is_made_by_the_rule_of_those_who_share_it(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(answers("b"))
    up.script = by_model(small=answers("s"), mid=answers("m"), big=held.script)
    rules = [{"name": "hard", "when": "header.x_kind == 'hard'", "models": ["big"]}]
    route = {"models": ["small"], "rules": rules, "coalesce": {"enabled": True}}
    gateway = start(config(up.url, route))
    body = ask(temperature=0, seed=1)
    with ThreadPoolExecutor(3) as pool:
        hard = [pool.submit(gateway.chat, body, headers={"x-kind": "hard"}) for _ in range(3)]
        until(lambda: "big" in asked(up), "the leader's call is made")
        until(lambda: gateway.metric("antiphon_coalesced_total") == 2, "the others share it")
        plain = gateway.chat(body)
        servers.run(held.release())
        texts = {said(one.result()) for one in hard}

    assert (said(plain), texts) == ("s", {"b"})
    for one in hard:
        receipt = gateway.receipt(one.result())
        led = gateway.receipt(receipt["shared"])
        assert led["plan"] == receipt["plan"]
        assert led["plan"]["rule"] == "hard"


def test_a_kept_answer_is_given_to_requests_of_the_same_recipe_only(start: Start, up: Upstream) -> None:
    up.script = answers("It is 4")
    rules = [{"name": "team", "when": "header.x_kind == 'hard'", "recipe": "ballot"}]
    made = config(up.url, {"models": ["small"], "rules": rules, "cache": {"enabled": True}}, recipes=BALLOT)
    made["calls"]["cache"] = PATIENT
    gateway = start(made)
    body = ask(temperature=0)

    def cached(**headers: str) -> str:
        return gateway.chat(body, headers=headers).headers["x-antiphon-cache"].partition(";")[0]

    assert [cached(), cached()] == ["miss", "hit"]
    assert [cached(**{"x-kind": "hard"}), cached(**{"x-kind": "hard"})] == ["miss", "hit"]
    gateway.write({**made, "recipes": {"ballot": {"vote": {"members": MEMBERS}, "envelope": {"calls": 2}}}})
    gateway.event("config.taken")
    assert cached() == "hit"
    assert cached(**{"x-kind": "hard"}) == "miss"


# --- streams


def test_a_final_stream_that_breaks_off_goes_on_elsewhere(start: Start, up: Upstream) -> None:
    up.script = by_model(
        small=breaks_after(word("one"), word(" two")), mid=answers("three four"), big=answers("three four")
    )
    route: Json = {"equal": False, "recipe": "one", "on_cut": "continue", "attempts": 3}
    made = config(up.url, route, recipes={"one": {"single": {}}}, budgets=[budget(usd=1)])
    for model in made["models"].values():
        model["continues"] = True
    gateway = start(made)

    for kind in ("none", "reasoning", "comments"):
        answer = gateway.chat(ask(stream=True, max_tokens=50), headers={"x-antiphon-progress": kind})
        text, ends = _streamed(answer.body)
        assert (text, ends) == ("one twothree four", 1), kind
        assert any("went on after small broke off" in one for one in gateway.receipt(answer)["notes"])


def _streamed(body: bytes) -> tuple[str, int]:
    """The text of a stream, and how often it ends."""
    data = [line[6:] for line in body.decode().splitlines() if line.startswith("data: ")]
    chunks = [json.loads(one) for one in data if one != "[DONE]"]
    deltas = [choice["delta"] for one in chunks for choice in one.get("choices", ())]
    return "".join(one.get("content") or "" for one in deltas), data.count("[DONE]")


# --- reloads


def test_a_deployment_that_a_reload_takes_away_still_ends_the_recipe_that_runs(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    held = Held(answers("one view"))
    up.script = by_model(small=held.script, mid=held.script, big=answers(JUDGED))
    made = config(up.url, {"recipe": "panel", "models": ["big"]}, recipes=PANEL, budgets=[budget(usd=1)])
    gateway = start(made)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(gateway.chat, ask(max_tokens=20), headers={"x-antiphon-session": "s"})
        until(lambda: len(up.seen) == 2, "both members are asked")
        rest = config(up.url, {"models": ["small"]})
        for name in ("mid", "big"):
            del rest["models"][name]
            del rest["providers"][f"at-{name}"]
        gateway.write({**rest, "budgets": made["budgets"]})
        gateway.signal(signal.SIGHUP)
        gateway.event("config.taken")
        assert gateway.chat(ask(), headers={"x-antiphon-timeout": "100ms"}).status == 504
        servers.run(held.release())
        answer = running.result()

    assert answer.status == 200, answer
    assert not gateway.events("request.crashed")


# --- receipts


def test_losses_of_a_recipe_s_answer_are_told_once(start: Start, up: Upstream) -> None:
    up.script = answers("It is 4")
    gateway = start(config(up.url, {"recipe": "ballot"}, recipes=BALLOT))
    body = {"model": "r", "max_tokens": 50, "messages": says("Hi"), "top_k": 3}

    answer = gateway.ask("POST", "/v1/messages", json.dumps(body).encode())

    assert answer.status == 200, answer
    losses = [json.dumps(one, sort_keys=True) for one in gateway.receipt(answer).get("losses", [])]
    assert losses
    assert len(losses) == len(set(losses))


def test_the_request_and_the_final_answer_of_a_recipe_are_captured(start: Start, up: Upstream) -> None:
    up.script = answers("It is 4")
    made = config(up.url, {"recipe": "ballot"}, recipes=BALLOT)
    made["storage"]["capture"] = "content"
    gateway = start(made)
    for stream in (False, True):
        answer = gateway.chat(ask("2+2?", stream=stream))
        receipt = gateway.receipt(answer)
        assert receipt["captured"] is True


def test_facts_that_came_after_an_attempt_of_their_own_are_in_the_receipt_of_a_refusal(
    start: Start, up: Upstream
) -> None:
    bill = Bill()
    up.script = by_model(small=answers("angry"), mid=bill.uses(), big=bill.uses())
    signals = {"models": {"tone": {"model": "small", "ask": "Which tone?", "choices": ["calm", "angry"]}}}
    rules = [{"name": "angry", "when": "asked.tone == 'angry'", "recipe": "panel"}]
    made = config(
        up.url, {"models": ["mid"], "rules": rules}, recipes=PANEL, signals=signals, budgets=[budget(usd=0.0015)]
    )
    gateway = start(made)

    answer = gateway.chat(ask(max_tokens=100))

    assert answer.status == 402, answer
    receipt = gateway.receipt(answer)
    assert {one["name"]: one.get("value") for one in receipt["facts"]}["asked.tone"] == "angry"
    assert "grounds" in receipt


# --- what no recipe can do


def test_no_recipe_is_applied_to_what_is_no_chat(start: Start, up: Upstream) -> None:
    up.script = Bill().uses()
    rules = [{"name": "urgent", "when": "keyword.urgent && task.name != 'math'", "recipe": "ballot", "models": ["mid"]}]
    signals = {"keywords": {"urgent": {"any": ["asap"]}}}
    gateway = start(config(up.url, {"rules": rules, "recipe": "ballot"}, recipes=BALLOT, signals=signals))

    answer = gateway.ask("POST", "/v1/embeddings", json.dumps({"model": "r", "input": "asap"}).encode())

    receipt = gateway.receipt(answer)
    assert answer.status == 200, answer
    assert (receipt["plan"]["recipe"], len(receipt["attempts"])) == ("single", 1)
    assert receipt["plan"]["rule"] == "urgent"


# --- long bodies


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_long_body_through_rules_and_a_recipe_lets_others_be_answered(
    start: Start, up: Upstream, measure: Measure, path: str
) -> None:
    up.script = answers("It is 4")
    rules = [{"name": "code", "when": "text.code && keyword.urgent", "models": ["mid"]}]
    signals = {"keywords": {"urgent": {"any": ["asap"]}}}
    made = config(up.url, {"rules": rules, "recipe": "ballot"}, recipes=BALLOT, signals=signals)
    made["routes"]["plain"] = {"models": ["small"]}
    gateway = start(made)
    text = "The quick brown fox jumps over the lazy dog. " * 90_000
    turns = [{"role": role, "content": text[:200_000]} for role in ("user", "assistant") * 10]
    body = json.dumps({"model": "r", "max_tokens": 50, "messages": [*turns, *says("asap, 2+2?")]}).encode()
    gateway.chat({**ask(), "model": "plain"})
    slowest_s, done = 0.0, False
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(gateway.ask, "POST", path, body)
        while not done:
            done = running.done()
            began_s = time.monotonic()
            assert gateway.chat({**ask(), "model": "plain"}).status == 200
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        assert running.result().status == 200, running.result()
    measure(f"slowest request beside a body of 4 MB through rules and a vote, {path} [ms]", slowest_s * 1000)
    measure(f"longest turn of the loop then, {path} [ms]", gateway.metric("antiphon_loop_lag_max_seconds") * 1000)


# --- recipes of the operator's own


OWN = """
import asyncio
from antiphon.recipes.port import Asked

KEPT = []

async def leaves_a_call_behind(question, calls, envelope):
    KEPT.append(asyncio.create_task(calls.ask(Asked(step="left", seat="big"))))
    return await calls.ask(Asked(step="first", seat="small"))

async def leaves_a_stream_behind(question, calls, envelope):
    await calls.final(Asked(step="left", seat="big"))
    return await calls.ask(Asked(step="first", seat="small"))

async def asks_twice_under_one_name(question, calls, envelope):
    first = await calls.ask(Asked(step="same", seat="small"))
    await calls.ask(Asked(step="same", seat="mid"))
    return first

async def tells_much(question, calls, envelope):
    from antiphon.core.receipt import Noted
    for number in range(5000):
        calls.note(Noted(step="s", what="told", why="x" * 5000))
    return await calls.ask(Asked(step="first", seat="small"))
"""


def own(start: Start, up: Upstream, home: Path, function: str) -> Gateway:
    (home / "own_recipes.py").write_text(OWN)
    python = {"call": f"own_recipes:{function}", "members": MEMBERS, "most_calls": 2}
    made = config(
        up.url, {"recipe": "own", "attempts": 1}, recipes={"own": {"python": python}}, budgets=[budget(usd=1)]
    )
    return start(made, PYTHONPATH=str(home))


def test_a_call_that_a_recipe_leaves_behind_is_cut_off_before_the_receipt_is_written(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    up.script = by_model(small=answers("It is 4"), big=silent)
    gateway = own(start, up, tmp_path, "leaves_a_call_behind")

    answer = gateway.chat(ask(max_tokens=20))

    assert said(answer) == "It is 4"
    until(lambda: all(one.gone_s is not None for one in up.seen if one.model == "big"), "it is cut off")
    assert gateway.metric("antiphon_attempts_in_flight") == 0
    assert {one["deployment"] for one in gateway.receipt(answer)["attempts"]} <= {"small", "big"}


def test_a_stream_that_a_recipe_leaves_behind_is_closed(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = by_model(small=answers("It is 4"), big=endless(word("a")))
    gateway = own(start, up, tmp_path, "leaves_a_stream_behind")

    answer = gateway.chat(ask(stream=True, max_tokens=20))

    assert _streamed(answer.body) == ("It is 4", 1)
    until(lambda: up.seen[0].gone_s is not None, "its connection is closed")
    assert gateway.receipt(answer)["served"] == "small"
    assert gateway.metric("antiphon_attempts_in_flight") == 0


def test_an_answer_is_told_from_another_of_the_same_step(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = by_model(small=answers("one"), mid=answers("two"))
    gateway = own(start, up, tmp_path, "asks_twice_under_one_name")

    answer = gateway.chat(ask(max_tokens=20))

    assert (said(answer), gateway.receipt(answer)["served"]) == ("one", "small")


def test_a_receipt_keeps_so_many_decisions_and_says_that_there_were_more(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    up.script = answers("one")
    gateway = own(start, up, tmp_path, "tells_much")

    steps = gateway.receipt(gateway.chat(ask(max_tokens=20)))["steps"]

    assert len(steps) == 513
    assert steps[-1]["what"] == "left_out"
    assert len(steps[0]["why"]) == 500


# --- plans that are told, and made again


EVERY: Json = {
    "single": {"single": {"seat": "mid"}},
    "cascade": {"cascade": {"stages": [{"seat": "small"}, {"seat": "big"}]}},
    "vote": {"vote": {"members": MEMBERS}},
    "ratings": {"ratings": {"members": MEMBERS}},
    "best_of": {"best_of": {"members": MEMBERS, "judge": "big"}},
    "panel": {"panel": {"members": ["small", "mid"], "judge": "big"}},
    "breadth": {"breadth": {"members": MEMBERS, "schedule": [3, 2], "final": "big"}},
    "debate": {"debate": {"members": MEMBERS, "rounds": 1}},
    "refine": {"refine": {"seat": "small", "critic": "big"}},
    "draft_verify": {"draft_verify": {"draft": "small", "verifier": "big"}},
    "workflow": {
        "workflow": {"steps": [{"name": "plan", "seat": "big", "prompt": "Plan: {request}"}], "final": {"seat": "mid"}}
    },
    "map_reduce": {"map_reduce": {"seat": "small", "final": "big"}},
    "auto": {"auto": {"members": MEMBERS}},
}


def test_the_plan_of_every_pattern_is_explained_and_is_the_one_that_runs_and_is_made_again(
    start: Start, up: Upstream
) -> None:
    up.script = answers("It is 4")
    made = config(up.url, {}, recipes=EVERY)
    for name in EVERY:
        made["routes"][name] = {"models": MEMBERS, "recipe": name}
    gateway = start(made)

    for name in EVERY:
        mark = f"by {name}:"  # upstreams may see calls that were cut off later than the caller its answer
        body = {**ask(f"2+2, {mark} ?"), "model": name}
        found = explain(gateway, body)
        assert found["plan"]["recipe"] == name
        assert not [one for one in up.seen if mark.encode() in one.body]
        answer = gateway.chat(body)
        assert answer.status == 200, (name, answer)
        assert gateway.receipt(answer)["plan"] == found["plan"]
        assert {one["step"] for one in found["bounds"]} <= {one["name"] for one in found["plan"]["steps"]}
        assert len([one for one in up.seen if mark.encode() in one.body]) <= found["plan"]["envelope"].get("calls", 1)
    assert all(any(f"by {name}:".encode() in one.body for name in EVERY) for one in up.seen), "every call has its mark"
    assert {one.plan.recipe for one in _again(gateway, len(EVERY)) if one.plan is not None} == set(EVERY)


def _again(gateway: Gateway, count: int) -> list[Receipt]:
    """All receipts, so many, once each has been decided again to the same plan."""
    until(lambda: len(gateway.stored()) == count, "all are stored")
    receipts = gateway.stored()

    async def decided() -> None:
        made = planner(load(gateway.file, environ={}))
        for one in receipts:
            assert one.plan is not None
            assert replan(one, made.revision, made.decisions).digest() == one.plan.digest(), one

    asyncio.run(decided())
    return receipts


def test_receipts_of_shared_kept_downgraded_and_shadow_requests_are_decided_again(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    bill = Bill()
    held = Held(bill.uses())
    up.script = by_model(small=held.script, mid=bill.uses(), big=bill.uses())
    rules = [{"name": "hard", "when": "header.x_kind == 'hard'", "models": ["mid"]}]
    made = config(
        up.url,
        {"models": ["small"], "rules": rules, "prompt": "terse", "shadow": {"models": ["big"]}},
        prompts={"terse": {"text": "Be terse."}},
        budgets=[budget("soft", requests=12, only={"model": ["capped"]}, at_cap="downgrade", downgrade_to="fast")],
    )
    made["routes"]["r"] |= {"coalesce": {"enabled": True}, "cache": {"enabled": True}}
    made["calls"]["cache"] = PATIENT
    made["routes"]["capped"] = {
        "models": ["small", "big"],
        "rules": rules,
        "split": [{"name": "c", "percent": 50, "models": ["mid"]}],
    }
    gateway = start(made)
    body = ask(temperature=0, max_tokens=10)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(gateway.chat, body) for _ in range(2)]
        until(lambda: gateway.metric("antiphon_coalesced_total") == 1, "one shares the other's call")
        servers.run(held.release())
        assert [one.result().status for one in running] == [200, 200]
    assert gateway.chat(body).headers["x-antiphon-cache"].startswith("hit")
    assert gateway.chat(body, headers={"x-kind": "hard"}).status == 200
    for number in range(16):
        assert gateway.chat({**ask(f"number {number}", max_tokens=10), "model": "capped"}).status == 200
    until(lambda: sum(one.endpoint == "(shadow)" and one.outcome == "ok" for one in gateway.stored()) == 2, "shadows")

    receipts = _again(gateway, 3 + 1 + 2 + 16 + 2)  # a call that is shared has a receipt of its own

    assert any(one.shared for one in receipts)
    assert any(one.cached for one in receipts)
    assert any(one.downgraded_to for one in receipts)
    shadows = [json.loads(one.body)["messages"][0] for one in up.seen if one.model == "big" and b"terse" in one.body]
    assert shadows == [{"role": "system", "content": "Be terse."}] * 2


# --- what is kept, and several answers


@pytest.mark.parametrize("stream", [False, True])
def test_a_recipe_s_answer_is_kept_as_a_response_and_gone_on_from(start: Start, up: Upstream, stream: bool) -> None:
    up.script = answers("It is 4")
    gateway = start(config(up.url, {"recipe": "ballot"}, recipes=BALLOT))

    def respond(text: str, **more: Any) -> str:
        body = {"model": "r", "input": text, "store": True, "stream": stream, **more}
        answer = gateway.ask("POST", "/v1/responses", json.dumps(body).encode())
        assert answer.status == 200, answer
        if not stream:
            return answer.json["id"]
        done = [line for line in answer.body.decode().splitlines() if line.startswith("data: {")]
        return json.loads(done[-1][6:])["response"]["id"]

    first = respond("2+2?")
    kept = gateway.get(f"/v1/responses/{first}")
    assert kept.status == 200, kept
    assert kept.json["output"][0]["content"][0]["text"] == "It is 4"
    respond("And 3+3?", previous_response_id=first)

    later = [seen for seen in up.seen if b"And 3+3?" in seen.body]
    assert len(later) >= 2  # two that agree are enough
    for seen in later:
        said_so_far = json.dumps(json.loads(seen.body)["messages"])
        assert "2+2?" in said_so_far
        assert "It is 4" in said_so_far
        assert "previous_response_id" not in json.loads(seen.body)


def test_judges_are_asked_for_one_answer_of_their_own_length_however_many_the_caller_wants(
    start: Start, up: Upstream
) -> None:
    up.script = by_model(small=answers("It is 4"), mid=answers("No, 5"), big=answers(JUDGED))
    recipes = {"best": {"best_of": {"members": ["small", "mid"], "judge": "big"}}}
    gateway = start(config(up.url, {"recipe": "best"}, recipes=recipes))

    answer = gateway.chat(ask(n=2, max_tokens=7, stop=["x"]))

    assert answer.status == 200
    judged = [json.loads(one.body) for one in up.seen if one.model == "big"]
    assert judged
    for one in judged:
        assert one.get("n") in (None, 1)
        assert (one.get("max_tokens") or one["max_completion_tokens"]) > 7
        assert "stop" not in one
