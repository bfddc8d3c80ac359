"""Routes that look at the request, recipes of several calls, and what explains them, over real HTTP."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import PRICE, Json, asked, fleet, said
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.money import Bill, books, budget
from rig.scripts import Held, answers, by_model, fails, reset
from rig.sdk import client, says
from rig.upstream import Script, Seen, Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

TIERS: dict[str, Json] = {
    "small": {"tier": "fast", "price": {"input": 0.1, "output": 0.2}},
    "mid": {"tier": "balanced", "price": {"input": 1.0, "output": 2.0}},
    "big": {"tier": "premium", "price": {"input": 10.0, "output": 20.0}},
}
CAPS = {"limits": {"output_tokens": 100}}


def config(url: str, route: Json, **more: Any) -> Config:
    """A route `r` over three tiers."""
    deployments = {name: {**said, **CAPS} for name, said in TIERS.items()}
    return {**fleet(url, deployments, {"r": {"models": ["small", "mid", "big"], "equal": True, **route}}), **more}


def ask(text: str = "Hi", **more: Any) -> Json:
    return {"model": "r", "messages": says(text), **more}


def each(**texts: str) -> Script:
    """A text for each model."""
    return by_model(**{name: answers(text) for name, text in texts.items()})


def explain(gateway: Gateway, body: Json, query: str = "", **headers: str) -> Json:
    answer = gateway.ask("POST", f"/v1/explain{query}", json.dumps(body).encode(), headers=headers)
    assert answer.status == 200, answer
    return answer.json


# --- rules


RULES: Json = {
    "objective": {"goal": "cheapest"},
    "rules": [
        {"name": "urgent", "when": "keyword.urgent", "models": ["big"]},
        {"name": "pictures", "when": "request.images > 0", "models": ["mid"]},
        {"name": "tooled", "when": "tools.count >= 1", "tiers": ["balanced"]},
        {"name": "support", "when": "who.team == 'support'", "models": ["mid"]},
        {"name": "said", "when": "header.x_kind == 'hard'", "models": ["big"]},
    ],
}
SIGNALS: Json = {"keywords": {"urgent": {"any": ["asap", "outage", "緊急"]}}}


@pytest.mark.parametrize(
    ("body", "headers", "rule", "served"),
    [
        (ask("Hello"), {}, "", "small"),
        (ask("Fix it ASAP, please"), {}, "urgent", "big"),
        (ask("これは緊急です"), {}, "urgent", "big"),
        (ask("Hello"), {"x-kind": "hard"}, "said", "big"),
        (
            ask(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]),
            {},
            "tooled",
            "mid",
        ),
    ],
)
def test_the_first_rule_that_holds_leads_the_request(
    start: Start, up: Upstream, body: Json, headers: Mapping[str, str], rule: str, served: str
) -> None:
    up.script = each(small="s", mid="m", big="b")
    gateway = start(config(up.url, RULES, signals=SIGNALS))

    answer = gateway.chat(body, headers=dict(headers))

    receipt = gateway.receipt(answer)
    assert (answer.status, asked(up)) == (200, [served])
    assert receipt["plan"].get("rule", "") == rule
    assert receipt["served"] == served
    assert {one["name"] for one in receipt["facts"]} >= {"keyword.urgent"}


def test_only_the_caller_s_own_team_gets_what_its_rule_says(start: Start, up: Upstream) -> None:
    up.script = each(small="s", mid="m", big="b")
    made = config(up.url, RULES, signals=SIGNALS)
    made["keys"][0]["team"] = "support"  # type: ignore[index]
    gateway = start(made)

    assert gateway.receipt(gateway.chat(ask("Hello")))["plan"]["rule"] == "support"


@pytest.mark.parametrize(("goal", "served"), [("cheapest", "small"), ("best", "small")])
def test_the_header_asks_for_a_goal_also_where_the_route_has_none(
    start: Start, up: Upstream, goal: str, served: str
) -> None:
    up.script = each(small="s", mid="m", big="b")
    gateway = start(config(up.url, {}))

    answer = gateway.chat(ask(), headers={"x-antiphon-objective": goal})

    receipt = gateway.receipt(answer)
    assert (said(answer), receipt["grounds"]["asked"]) == ("s", goal) or goal == "best"
    assert receipt["grounds"]["objective"].startswith(goal)


def test_a_goal_that_is_none_is_refused_by_name(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, {}))

    answer = gateway.chat(ask(), headers={"x-antiphon-objective": "nicest"})

    assert (answer.status, answer.error["param"]) == (400, "x-antiphon-objective")
    assert "cheapest, best, fastest" in answer.error["message"]
    assert up.seen == []


def test_stakes_that_are_none_are_refused_by_name(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, {"escalate": {"impact": ["high"], "tiers": ["premium"]}}))

    answer = gateway.chat(ask(), headers={"x-antiphon-impact": "hihg"})

    assert (answer.status, answer.error["param"]) == (400, "x-antiphon-impact")
    assert up.seen == []


def test_candidates_that_stand_equal_share_the_load(start: Start, up: Upstream) -> None:
    up.script = each(small="s", mid="m", big="b")
    made = config(up.url, {"models": ["small", "mid"], "objective": {"goal": "cheapest"}})
    for one in made["models"].values():  # type: ignore[union-attr]
        one["price"] = PRICE
    gateway = start(made)

    served = Counter(said(gateway.chat(ask())) for _ in range(40))

    assert set(served) == {"s", "m"}


def test_another_setting_of_a_recipe_is_another_plan(start: Start, up: Upstream) -> None:
    up.script = each(small="It is 4", mid="It is 4", big="It is 4")
    gateway = start(config(up.url, {"recipe": "ballot"}, **VOTE))
    first = explain(gateway, ask())["plan_hash"]
    gateway.write(
        config(
            up.url,
            {"recipe": "ballot"},
            recipes={"ballot": {"vote": {**VOTE["recipes"]["ballot"]["vote"], "quorum": 2}}},
        )
    )
    gateway.signal(signal.SIGHUP)

    until(lambda: explain(gateway, ask())["plan_hash"] != first, "the plan is another")


@pytest.mark.parametrize(
    ("text", "headers", "served"),
    [
        ("Hello there", {}, "small"),
        ("Hello there", {"x-antiphon-impact": "high"}, "big"),
        ("Delete the production database and all its backups now", {}, "big"),
        ("Delete the production database and all its backups now", {"x-antiphon-impact": "low"}, "small"),
    ],
)
def test_high_stakes_escalate_and_the_rest_stays_low(
    start: Start, up: Upstream, text: str, headers: dict[str, str], served: str
) -> None:
    up.script = each(small="s", mid="m", big="b")
    route: Json = {"objective": {"goal": "cheapest"}, "escalate": {"impact": ["high"], "tiers": ["premium"]}}
    gateway = start(config(up.url, route))

    receipt = gateway.receipt(gateway.chat(ask(text), headers=headers))

    assert receipt["served"] == served
    assert bool(receipt["grounds"].get("escalated")) is (served == "big")


def test_a_canary_gets_its_share_and_keeps_its_sessions(start: Start, up: Upstream) -> None:
    up.script = each(small="s", mid="m", big="b")
    split = {"split": [{"name": "canary", "percent": 50, "models": ["big"]}], "split_by": "session"}
    gateway = start(config(up.url, {"models": ["small"], **split}))

    served: dict[str, set[str]] = {}
    for number in range(40):
        session = f"s{number % 20}"
        answer = gateway.chat(ask(), headers={"x-antiphon-session": session})
        served.setdefault(session, set()).add(said(answer))

    assert all(len(one) == 1 for one in served.values())
    assert set(Counter(next(iter(one)) for one in served.values())) == {"s", "b"}


def test_shadows_are_asked_beside_the_answer_and_nobody_sees_them(start: Start, up: Upstream) -> None:
    up.script = each(small="s", mid="m", big="b")
    gateway = start(config(up.url, {"models": ["small"], "shadow": {"models": ["big"]}}))

    answer = gateway.chat(ask())

    assert said(answer) == "s"
    until(lambda: "big" in asked(up), "the shadow is asked")
    shadow = until(
        lambda: next((one for one in gateway.stored() if one.endpoint == "(shadow)"), None), "its receipt is stored"
    )
    assert (shadow.served, shadow.notes) == ("big", (f"shadow: beside {answer.receipt_id}",))


def test_a_budget_that_runs_low_leads_to_cheaper_models(start: Start, up: Upstream) -> None:
    up.script = Bill().uses(output_tokens=10)
    rules = [{"name": "thrift", "when": "budget.share > 0.05", "models": ["small"]}]
    gateway = start(config(up.url, {"models": ["big"], "rules": rules}, budgets=[budget(usd=0.02)]))

    served = [gateway.receipt(gateway.chat(ask(max_tokens=10)))["served"] for _ in range(3)]

    assert served[0] == "big"
    until(lambda: gateway.receipt(gateway.chat(ask(max_tokens=10)))["served"] == "small", "the budget leads to small")
    receipt = gateway.receipt(gateway.chat(ask(max_tokens=10)))
    assert receipt["grounds"]["seen"]["budgets"][0][0] == "cap"


def test_a_rule_can_ask_whether_a_deployment_is_well(start: Start, up: Upstream) -> None:
    up.script = by_model(small=fails(b"500 Internal Server Error"), mid=answers("m"), big=answers("b"))
    rules = [{"name": "away", "when": "!health.small", "models": ["big"]}]
    breaker = {"min_volume": 2, "failure_fraction": 0.5, "open_s": 60}
    made = config(up.url, {"models": ["small"], "rules": rules, "fallbacks": {"any": ["mid"]}})
    made["calls"]["breaker"] = breaker  # type: ignore[index]
    gateway = start(made)

    until(lambda: said(gateway.chat(ask())) == "b", "the rule finds that it is not well")


def test_a_request_that_no_candidate_can_take_names_what_is_lacking(start: Start, up: Upstream) -> None:
    made = config(up.url, RULES, signals=SIGNALS)
    for one in made["models"].values():  # type: ignore[union-attr]
        one["capabilities"] = []
    gateway = start(made)

    answer = gateway.chat(ask(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]))

    assert (answer.status, answer.error["code"]) == (400, "no_capable_model")
    assert "lacks tools" in answer.error["message"]


# --- recipes


VOTE: Json = {"recipes": {"ballot": {"vote": {"members": ["small", "mid", "big"]}}}}


@pytest.mark.parametrize("stream", [False, True])
def test_a_vote_gives_the_answer_of_most(start: Start, up: Upstream, stream: bool) -> None:
    up.script = each(small="The answer is 4", mid="The answer is 4", big="The answer is 5")
    gateway = start(config(up.url, {"recipe": "ballot"}, **VOTE))

    if stream:
        with client(gateway, ALICE) as openai:
            chunks = list(openai.chat.completions.create(model="r", messages=says("2+2?"), stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        receipt = gateway.closed_receipt(until(lambda: _last(gateway), "a receipt"))
    else:
        answer = gateway.chat(ask("2+2?"))
        text, receipt = said(answer), gateway.receipt(answer)
        assert answer.headers["x-antiphon-recipe"] == "ballot"

    assert text == "The answer is 4"
    assert (receipt["plan"]["recipe"], receipt["plan"]["named"]) == ("vote", "ballot")
    assert {one["step"] for one in receipt["attempts"]} == {"sample-1", "sample-2", "sample-3"}
    assert receipt["steps"][-1]["what"] == "voted"  # two that agree may have ended it before the third came
    assert receipt["spent_nano_usd"] > receipt["cost_nano_usd"]
    assert receipt["used"]["input_tokens"] > receipt["usage"]["input_tokens"]


def _last(gateway: Gateway) -> str:
    stored = gateway.records().last()
    return "" if stored is None else stored.id


@pytest.mark.parametrize("broken", ["small", "mid", "big"])
def test_a_member_that_fails_costs_its_voice_and_no_more(start: Start, up: Upstream, broken: str) -> None:
    scripts: dict[str, Script] = {name: answers("It is 7") for name in TIERS}
    scripts[broken] = reset
    up.script = by_model(**scripts)
    gateway = start(config(up.url, {"recipe": "ballot", "attempts": 1}, **VOTE))

    answer = gateway.chat(ask())

    receipt = gateway.receipt(answer)
    assert said(answer) == "It is 7"
    failed = {one["deployment"] for one in receipt["attempts"] if one.get("error")}
    assert failed <= {broken}  # the others may have settled it before it broke
    assert receipt["served"] != broken


def test_when_every_member_fails_the_caller_gets_the_most_telling_error(start: Start, up: Upstream) -> None:
    up.script = fails(b"503 Service Unavailable")
    gateway = start(config(up.url, {"recipe": "ballot", "attempts": 1}, **VOTE))

    answer = gateway.chat(ask())

    receipt = gateway.receipt(answer)
    assert (answer.status, answer.error["code"]) == (503, "upstream_overloaded")
    assert (receipt["outcome"], len(receipt["attempts"])) == ("failed", 3)


PANEL: Json = {"recipes": {"panel": {"panel": {"members": ["small", "mid"], "judge": "big", "final": "big"}}}}


def test_the_final_answer_of_a_panel_is_streamed_as_it_comes(start: Start, up: Upstream, servers: LoopThread) -> None:
    judged = json.dumps({"agreement": ["x"], "contradictions": [], "unique": [], "blind_spots": []})

    async def big(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await answers("the final word" if seen.streams else judged)(seen, writer)

    up.script = by_model(small=answers("one view"), mid=answers("another view"), big=big)
    gateway = start(config(up.url, {"recipe": "panel"}, **PANEL))

    with client(gateway, ALICE) as openai:
        chunks = list(openai.chat.completions.create(model="r", messages=says("What now?"), stream=True))

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "the final word"
    last = json.loads(up.last.body)
    assert last["stream"] is True
    prompt = json.dumps(last["messages"])
    assert "one view" in prompt
    assert "another view" in prompt
    assert [one.streams for one in up.seen[:-1]] == [False] * (len(up.seen) - 1)


@pytest.mark.parametrize("kind", ["comments", "reasoning"])
def test_progress_is_told_to_a_caller_who_asks_for_it(start: Start, up: Upstream, kind: str) -> None:
    up.script = each(small="It is 4", mid="It is 4", big="It is 4")
    gateway = start(config(up.url, {"recipe": "ballot"}, **VOTE))

    answer = gateway.chat(ask(stream=True), headers={"x-antiphon-progress": kind})

    assert answer.status == 200
    events = answer.body.decode().split("\n\n")
    told = [one for one in events if one.startswith(": antiphon")]
    data = [json.loads(one[6:]) for one in events if one.startswith("data: {")]
    thoughts = "".join(
        choice["delta"].get("reasoning_content") or "" for one in data for choice in one.get("choices", [])
    )
    assert bool(told) is (kind == "comments")
    assert ("voted" in thoughts) is (kind == "reasoning")
    assert "".join(choice["delta"].get("content") or "" for one in data for choice in one["choices"]) == "It is 4"
    assert events[-2] == "data: [DONE]"


def test_losers_are_cut_off_once_the_outcome_can_t_change(start: Start, up: Upstream, servers: LoopThread) -> None:
    held = Held(answers("It is 5"))
    up.script = by_model(small=answers("It is 4"), mid=answers("It is 4"), big=held.script)
    gateway = start(config(up.url, {"recipe": "ballot"}, **VOTE))

    answer = gateway.chat(ask())

    receipt = gateway.receipt(answer)
    assert said(answer) == "It is 4"
    cut = next(one for one in receipt["attempts"] if one["deployment"] == "big")
    assert "status" not in cut
    assert [one["what"] for one in receipt["steps"] if one["step"] == "sample-3"] == ["lost"]
    servers.run(held.release())


# --- money


def test_a_recipe_s_calls_are_all_in_the_ledger_and_count_as_one_request(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses(output_tokens=10)
    ballot = {"vote": {**VOTE["recipes"]["ballot"]["vote"], "early_stop": False}}  # who is cut off is booked as held
    made = config(up.url, {"recipe": "ballot"}, budgets=[budget(usd=1)], recipes={"ballot": ballot})
    for one in made["models"].values():  # type: ignore[union-attr]
        one["price"] = PRICE
    gateway = start(made)

    answer = gateway.chat(ask(max_tokens=20))

    assert answer.status == 200
    until(gateway.stored, "its receipt has its end, and with it the books")
    entries = books(gateway).entries
    assert len(entries) == 3
    assert sum(one.money_nano_usd or 0 for one in entries) == bill.nano_usd
    assert sum(one.requests for one in entries) == 1
    (account,) = books(gateway).accounts.values()
    assert account.spent == bill.nano_usd


def test_a_recipe_whose_envelope_the_budget_can_t_hold_is_refused_before_anything_is_sent(
    start: Start, up: Upstream
) -> None:
    up.script = Bill().uses(output_tokens=1)
    made = config(up.url, {"recipe": "ballot"}, budgets=[budget(usd=0.0015)], **VOTE)
    gateway = start(made)

    alone = gateway.chat({**ask(max_tokens=10), "model": "s"})
    answer = gateway.chat(ask(max_tokens=50))

    assert alone.status == 404  # no such name: the budget is untouched
    assert (answer.status, answer.error["code"]) == (402, "budget_exceeded")
    assert up.seen == []


def test_no_call_goes_beyond_its_recipe_s_envelope(start: Start, up: Upstream) -> None:
    up.script = each(small="It is 4", mid="It is 5", big="It is 6")
    recipes = {"ballot": {"vote": {"members": ["small", "mid", "big"]}, "envelope": {"calls": 2, "concurrency": 1}}}
    gateway = start(config(up.url, {"recipe": "ballot"}, recipes=recipes))

    answer = gateway.chat(ask())

    receipt = gateway.receipt(answer)
    assert answer.status == 200
    assert len(up.seen) == 2
    assert "envelope_exceeded" in json.dumps(receipt["steps"])


# --- explaining


def test_explaining_makes_the_plan_and_asks_nobody(start: Start, up: Upstream) -> None:
    up.script = each(small="It is 4", mid="It is 4", big="It is 4")
    gateway = start(config(up.url, {**RULES, "recipe": "ballot"}, signals=SIGNALS, **VOTE))

    found = explain(gateway, ask("Hello"))
    assert up.seen == []
    answer = gateway.chat(ask("Hello"))

    assert [one["rule"] for one in found["tried"]] == ["urgent", "pictures", "tooled", "support", "said"]
    assert found["expected"]["cost_nano_usd"] > 0
    assert found["held_nano_usd"] > 0
    assert {one["step"] for one in found["bounds"]} == {"sample-1", "sample-2", "sample-3"}
    assert any(one.get("took_us", 0) > 0 for one in found["facts"])
    assert gateway.receipt(answer)["plan"] == found["plan"]


def test_a_receipt_is_decided_again_to_the_same_plan(start: Start, up: Upstream) -> None:
    up.script = each(small="s", mid="m", big="b")
    gateway = start(config(up.url, {**RULES, "escalate": {"impact": ["high"], "tiers": ["premium"]}}, signals=SIGNALS))
    ids = [gateway.chat(ask(text)).receipt_id for text in ("Hello", "asap", "Delete the production database")]

    for one in ids:
        command = [sys.executable, "-m", "antiphon", "receipt", "replan", one, "--json", "--config", str(gateway.file)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (ran.returncode, json.loads(ran.stdout)["same"]) == (0, True), ran
