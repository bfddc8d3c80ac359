"""An agent of one gateway that asks one of another over A2A, and what it costs whom."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.config import ALICE
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.money import books, budget
from rig.wait import until

pytestmark = pytest.mark.processes

Json = dict[str, Any]
ASKS = {"tool": "ask_agent", "arguments": {"agent": "a2a/clerk", "task": "order 7?"}}
CLERK: list[Json] = [{"say": "Order 7 came to 12 USD."}]
BOSS: list[Json] = [{"when": "'ask_agent' not in called", "calls": [ASKS]}, {"say": "The clerk has answered."}]


def agent(name: str, **spec: Any) -> Json:
    made = {"goal": "Know orders.", "models": {"act": name}, "verify": None, "safety": {"plan_lock": False}, **spec}
    return {"apiVersion": "antiphon/v1", "kind": "Agent", "metadata": {"name": name}, "spec": made}


def config(home: Path, name: str, script: list[Json], *documents: Json, **more: Any) -> Config:
    home.mkdir(parents=True, exist_ok=True)
    (home / "agents.yaml").write_text(yaml.safe_dump_all(documents))
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme"}],
        "providers": {"lab": {"lab": {"models": {name: {"tokens_per_s": 1_000_000, "script": script}}}}},
        "models": {name: {"provider": "lab", "price": {"input": 1.0, "output": 2.0}}},
        "storage": {"ship_interval_s": 0.05},
        "agents": {"documents": ["agents.yaml"]},
        **more,
    }


def ask(gateway: Gateway, agent: str) -> Any:
    return gateway.chat({"model": f"agent/{agent}", "messages": [{"role": "user", "content": "order 7"}]}, key=ALICE)


def test_an_agent_asks_one_elsewhere_and_each_gateway_counts_its_own_calls_once(start: Start, tmp_path: Path) -> None:
    far = start(
        config(tmp_path / "far", "clerk", CLERK, agent("clerk", skills=[{"id": "orders"}])), home=tmp_path / "far"
    )
    remote = {
        "apiVersion": "antiphon/v1",
        "kind": "RemoteAgent",
        "metadata": {"name": "clerk"},
        "spec": {"url": f"{far.url}/a2a/clerk", "token": ALICE, "cost_usd": 0.25},
    }
    budgets = [budget("money", usd=1), budget("words", tokens=1_000_000)]
    boss = agent("boss", children={"agents": ["a2a/clerk"]})
    near = start(config(tmp_path / "near", "boss", BOSS, boss, remote, budgets=budgets), home=tmp_path / "near")

    answer = ask(near, "boss")

    assert answer.json["choices"][0]["message"]["content"] == "The clerk has answered."
    run = answer.headers["x-antiphon-run"]
    events = near.get(f"/v1/runs/{run}/events", key=ALICE).body.decode()
    assert "Order 7 came to 12 USD." in events
    asked = until(lambda: [one for one in far.stored() if one.asked == "clerk"], "the far call is recorded")
    assert len(asked) == 1
    inner = until(lambda: (found := [one for one in near.stored() if one.asked == "boss"])[1:] and found, "all calls")
    assert {one.lineage.run for one in inner} == {run}
    task = until(lambda: [one for one in near.stored() if one.asked == "a2a/clerk"], "the task is recorded")[0]
    assert (task.outcome, task.endpoint, task.cost_nano_usd) == ("ok", "(a2a)", 250_000_000)
    assert (task.lineage.run, [one.deployment for one in task.attempts]) == (run, ["tool/a2a/clerk"])
    assert f'"receipt":"{task.id}"' in events
    assert '"agent":"a2a/clerk","state":"completed"' in events
    assert near.receipt(task.id, key=ALICE)["outcome"] == "ok"
    spent = sum(one.cost_nano_usd or 0 for one in inner) + 250_000_000
    until(lambda: books(near).spent("money") == spent, "what was spent is booked")
    tokens = sum(one.usage.input_tokens + one.usage.output_tokens for one in inner if one.usage)
    until(lambda: books(near).spent("words") == tokens, "the tokens are booked")
    found = near.get("/v1/registry/agents?skill=orders", key=ALICE).json["data"]
    assert [(one["name"], one["kind"], one["runs"]) for one in found] == [("a2a/clerk", "remote", 1)]
    servers = near.get("/v0.1/servers", key=ALICE).json["servers"]
    assert json.dumps(servers).count("streamable-http") == 2
