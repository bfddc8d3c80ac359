"""Agents on a real gateway: over HTTP, with people, policies, money, deaths and restarts."""

import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from antiphon.core.receipt import Receipt
from rig.config import ALICE, BOB
from rig.fixtures import Start
from rig.gateway import Answer, Config, Gateway
from rig.money import books, budget
from rig.processes import open_files
from rig.wait import until

pytestmark = pytest.mark.processes

MIA = "sk-mia-approves-01"
SCRIPT: list[dict[str, Any]] = [
    {"when": "'broke' in task", "say": "{{ nothing.at.all }}"},
    {"when": "'loop' in task", "calls": [{"tool": "look", "arguments": {"order": "7"}}]},
    {"when": "'look' not in called", "calls": [{"tool": "look", "arguments": {"order": "7"}}]},
    {
        "when": "'pay' in task and 'pay' not in called",
        "calls": [{"tool": "pay", "arguments": {"order": "7", "usd": "{{ results.look.usd }}"}}],
    },
    {"say": "Order 7 came to {{ results.look.usd }} USD."},
]


def tool(name: str, **spec: Any) -> dict[str, Any]:
    fields = {"order": {"type": "string"}, "usd": {"type": "number"}}
    spec.setdefault("parameters", {"type": "object", "properties": fields, "required": ["order"]})
    return {"apiVersion": "antiphon/v1", "kind": "Tool", "metadata": {"name": name}, "spec": spec}


def agent(name: str, **spec: Any) -> dict[str, Any]:
    made = {
        "goal": "Settle orders.",
        "models": {"act": "clerk"},
        "tools": ["look", "pay"],
        "verify": None,
        "safety": {"plan_lock": False},
        **spec,
    }
    return {"apiVersion": "antiphon/v1", "kind": "Agent", "metadata": {"name": name}, "spec": made}


def documents(delay_s: float = 0.0) -> list[dict[str, Any]]:
    found = [{"result": {"usd": 12}}]
    return [
        agent("clerk"),
        tool(
            "look", description="Looks an order up.", effect="pure", simulated={"answers": found, "delay_s": [delay_s]}
        ),
        tool("pay", description="Pays an order back.", destructive=True, simulated={"answers": [{"result": "paid"}]}),
    ]


def config(home: Path, docs: list[dict[str, Any]], **more: Any) -> Config:
    home.mkdir(parents=True, exist_ok=True)
    (home / "agents.yaml").write_text(yaml.safe_dump_all(docs))
    keys = [
        {"name": "alice", "key": ALICE, "tenant": "acme", "user": "alice"},
        {"name": "bob", "key": BOB, "tenant": "globex", "models": ["agent/*"]},
        {"name": "mia", "key": MIA, "tenant": "acme", "roles": ["approver"], "user": "mia"},
    ]
    return {
        "keys": keys,
        "admin": {"port": 0},
        "providers": {"lab": {"lab": {"models": {"clerk": {"tokens_per_s": 1_000_000, "script": SCRIPT}}}}},
        "models": {"clerk": {"provider": "lab", "price": {"input": 1.0, "output": 2.0}}},
        "storage": {"ship_interval_s": 0.05},
        "agents": {"documents": ["agents.yaml"]},
        **more,
    }


def run(gateway: Gateway, task: str, key: str = ALICE, agent: str = "clerk", **more: Any) -> dict[str, Any]:
    body = json.dumps({"agent": agent, "input": task, "wait_s": 15, **more}).encode()
    answer = gateway.ask("POST", "/v1/runs", body, key=key)
    assert answer.status in (200, 201, 202), answer

    def stood() -> dict[str, Any] | None:
        now = shown(gateway, answer.json["id"], key)
        return None if now["status"] in ("queued", "running") else now

    return until(stood, "the run waits for somebody, or has ended", 60)


def shown(gateway: Gateway, run: str, key: str = ALICE) -> dict[str, Any]:
    return gateway.get(f"/v1/runs/{run}", key=key).json


def ended(gateway: Gateway, run: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        now = shown(gateway, run)
        return now if now["status"] in ("done", "failed", "cancelled") else None

    return until(found, "the run's end", 60)


def say(gateway: Gateway, run: dict[str, Any], word: str) -> None:
    """A person's answer to what a run asks."""
    path = f"/admin/v1/approvals/{run['wait']['approval']}/{word}"
    assert admin(gateway, "POST", path, {}, MIA).status == 200


def admin(gateway: Gateway, method: str, path: str, body: Any, key: str = "") -> Answer:
    """What the admin API says; without a key: to the first admin."""
    url = urlsplit((gateway.data / "admin.url").read_text().strip())
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)
    token = key or (gateway.data / "admin.key").read_text().strip()
    told = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body), told)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def test_a_run_asks_people_before_it_destroys_and_goes_on_with_that_very_action(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents()), home=tmp_path)

    waits = run(gateway, "look order 7 up and pay it back")

    assert (waits["status"], waits["wait"]["kind"]) == ("waiting", "approval")
    assert waits["wait"]["shown"]["action"] == {"tool": "pay", "arguments": {"order": "7", "usd": 12}}
    assert gateway.get(f"/v1/runs/{waits['id']}", key=BOB).status == 404
    say(gateway, waits, "approve")
    done = ended(gateway, waits["id"])
    assert (done["status"], done["stop"], done["result"]) == ("done", "finished", "Order 7 came to 12 USD.")
    assert done["used"]["tool_calls"] == 2

    def receipts() -> list[Receipt]:
        return [one for one in gateway.stored() if one.lineage.run == waits["id"]]

    calls = until(lambda: len(receipts()) == done["used"]["calls"] and receipts(), "a receipt for each call")
    assert {one.principal.key for one in calls if one.principal} == {"alice"}
    assert sum(one.cost_nano_usd or 0 for one in calls) == round(float(done["used"]["usd"]) * 1e9)


def test_what_a_person_refuses_is_not_done(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents()), home=tmp_path)
    waits = run(gateway, "pay order 7 back")

    say(gateway, waits, "reject")

    done = ended(gateway, waits["id"])
    events = gateway.get(f"/v1/runs/{waits['id']}/events", key=ALICE).body.decode()
    assert done["used"]["tool_calls"] == 1
    assert "rejected" in events


def test_a_run_survives_the_death_of_the_process_that_runs_it(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents(delay_s=1.0)), home=tmp_path)
    body = json.dumps({"agent": "clerk", "input": "look order 7 up"}).encode()
    begun = gateway.ask("POST", "/v1/runs", body, key=ALICE).json
    until(
        lambda: "look" in gateway.get(f"/v1/runs/{begun['id']}/events", key=ALICE).body.decode(), "the tool is called"
    )
    (pid,) = {pid for pid in gateway.children() if any("agents.db" in file for file in open_files(pid))}

    os.kill(pid, signal.SIGKILL)

    done = ended(gateway, begun["id"])
    assert (done["status"], done["result"]) == ("done", "Order 7 came to 12 USD.")
    assert gateway.event("worker.died")["pid"] == pid


def test_a_run_that_waits_is_there_after_a_restart(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents()), home=tmp_path)
    waits = run(gateway, "pay order 7 back")
    assert gateway.stop() == 0

    gateway.start()
    say(gateway, waits, "approve")

    assert ended(gateway, waits["id"])["result"] == "Order 7 came to 12 USD."


def test_policies_forbid_tools_to_callers_and_agents_to_others(start: Start, tmp_path: Path) -> None:
    (tmp_path / "rules.cedar").write_text(
        '@id("no-pay") forbid (principal, action == Action::"use_tool", resource == Tool::"pay");\n'
        '@id("no-clerk") forbid (principal, action == Action::"call_model", resource == Deployment::"agent/clerk")'
        ' when { principal.tenant == "globex" };\n'
    )
    gateway = start(config(tmp_path, documents(), policy={"files": ["rules.cedar"]}), home=tmp_path)

    done = run(gateway, "pay order 7 back")
    refused = gateway.ask("POST", "/v1/runs", b'{"agent": "clerk", "input": "x"}', key=BOB)

    assert (done["status"], done["used"]["tool_calls"]) == ("done", 1) or done["stop"] in ("refused", "repeated_error")
    assert "no-pay" in gateway.get(f"/v1/runs/{done['id']}/events", key=ALICE).body.decode()
    assert (refused.status, refused.error["code"]) == (403, "policy_denied")
    assert "no-clerk" in refused.error["message"]


def test_a_run_ends_at_its_envelope_and_at_no_progress(start: Start, tmp_path: Path) -> None:
    docs = [*documents(), agent("short", envelope={"calls": 1})]
    gateway = start(config(tmp_path, docs), home=tmp_path)

    short = run(gateway, "look order 7 up", agent="short")
    loops = run(gateway, "loop")

    assert (short["status"], short["stop"]) == ("failed", "calls")
    assert short["used"]["calls"] == 1
    assert (loops["status"], loops["stop"]) == ("failed", "no_progress")


def test_a_budget_holds_over_all_that_a_run_asks(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents(), budgets=[budget(usd=0.001)]), home=tmp_path)

    done = run(gateway, "look order 7 up")

    assert done["status"] == "failed"
    assert "budget" in json.dumps(done)


def test_an_agent_is_a_model_and_its_receipt_names_the_run(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents()), home=tmp_path)

    answer = gateway.chat(
        {"model": "agent/clerk", "messages": [{"role": "user", "content": "look order 7 up"}]}, key=ALICE
    )
    waits = gateway.chat({"model": "agent/clerk", "messages": [{"role": "user", "content": "pay order 7"}]}, key=ALICE)

    assert answer.json["choices"][0]["message"]["content"] == "Order 7 came to 12 USD."
    assert gateway.receipt(answer, key=ALICE)["run"]["id"] == answer.headers["x-antiphon-run"]
    assert waits.status in {202, 409}, waits
    assert "approval" in waits.error["message"]
    assert "agent/clerk" in gateway.get("/v1/models", key=ALICE).body.decode()


def test_what_a_run_costs_is_told_to_its_caller_and_counted_once(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents(), budgets=[budget(usd=1)]), home=tmp_path)

    answer = gateway.chat({"model": "agent/clerk", "messages": [{"role": "user", "content": "order 7"}]}, key=ALICE)
    ran = gateway.receipt(answer, key=ALICE)["run"]

    def booked() -> list[dict[str, Any]] | None:
        lines = gateway.get("/v1/spend?by=deployment", key=ALICE).json["lines"]
        return lines if sum(one["requests"] for one in lines) == 3 else None

    lines = until(booked, "its two calls of models and the caller's own in the report", 20)
    cost = ran["cost_nano_usd"]
    until(lambda: books(gateway).spent("cap") == cost, "the cost on the budget, once")
    usage = answer.json["usage"]

    assert ran["calls"] == 2
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (
        ran["usage"]["input_tokens"],
        ran["usage"]["output_tokens"],
    )
    assert cost > 0
    assert sum(one["cost_nano_usd"] for one in lines) == cost
    assert sum(one["input_tokens"] for one in lines) == usage["prompt_tokens"]
    assert sum(one["output_tokens"] for one in lines) == usage["completion_tokens"]


def test_an_operator_switches_an_agent_off(start: Start, tmp_path: Path) -> None:
    gateway = start(config(tmp_path, documents()), home=tmp_path)
    waits = run(gateway, "pay order 7 back")

    barred = {"kind": "agent", "name": "clerk", "how": "killed", "why": "it pays too much"}
    assert admin(gateway, "POST", "/admin/v1/bars", barred).status in (200, 201)

    done = ended(gateway, waits["id"])
    refused = gateway.ask("POST", "/v1/runs", b'{"agent": "clerk", "input": "x"}', key=ALICE)

    assert (done["status"], done["stop"]) == ("cancelled", "killed")
    assert (refused.status, refused.error["code"]) == (403, "agent_killed")
