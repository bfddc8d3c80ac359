"""Traces of agents: parts of runs, turns of planning and calls of tools, all in the trace of whoever began the run."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.collector import Span, accept, spans
from rig.config import ALICE
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.processes import open_files
from rig.upstream import Upstream, upstream
from rig.wait import until

pytestmark = pytest.mark.processes

Json = dict[str, Any]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
OTHER = "0af7651916cd43dd8448eb211c80319c"
CAME = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
PLAN = json.dumps({"steps": [{"name": "find", "task": "look it up", "tools": ["look", "shop__price"]}]})
BOSS: list[Json] = [
    {
        "when": "'ask_agent' not in called",
        "calls": [{"tool": "ask_agent", "arguments": {"agent": "clerk", "task": "SECRET"}}],
    },
    {"say": "The clerk has answered."},
]
CLERK: list[Json] = [
    {"when": "form == 'plan'", "say": PLAN},
    {"when": "'look' not in called", "calls": [{"tool": "look", "arguments": {"order": "7"}}]},
    {"when": "'shop__price' not in called", "calls": [{"tool": "shop__price", "arguments": {}}]},
    {"say": "Order 7 came to {{ results.look.usd }} USD."},
]
SHOP = """
import json, sys
TOOLS = [{"name": "price", "description": "Says a price.", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}]
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    match asked["method"]:
        case "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "shop", "version": "1"}}
        case "tools/list":
            result = {"tools": TOOLS}
        case "tools/call":
            heard = asked["params"].get("_meta", {}).get("traceparent")
            result = {"content": [{"type": "text", "text": f"out of order: {heard}"}], "isError": True}
        case _:
            print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
            continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
"""A server of tools whose one tool fails, saying in which trace it was called."""


@pytest.fixture
def collector(servers: LoopThread) -> Iterator[Upstream]:
    context = upstream()
    one = servers.enter(context)
    accept(one)
    yield one
    servers.leave(context)


def document(kind: str, name: str, **spec: Any) -> Json:
    return {"apiVersion": "antiphon/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def agent(name: str, **spec: Any) -> Json:
    made = {"goal": "Know orders.", "models": {"act": name, "plan": name}, "verify": None, **spec}
    return document("Agent", name, **made)


def config(home: Path, collector: Upstream, delay_s: float = 0.0) -> Config:
    home.mkdir(parents=True, exist_ok=True)
    (home / "shop.py").write_text(SHOP)
    documents = [
        agent("boss", children={"agents": ["clerk"]}),
        agent("clerk", tools=["look", "shop__price"]),
        document(
            "Tool",
            "look",
            description="Looks an order up.",
            effect="idempotent",
            untrusted=True,
            parameters={"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
            simulated={"answers": [{"result": {"usd": 12}}], "delay_s": [delay_s]},
        ),
        document("ToolServer", "shop", program={"command": [sys.executable, str(home / "shop.py")]}, trusted=True),
    ]
    (home / "agents.yaml").write_text(yaml.safe_dump_all(documents))
    models = {
        name: {"tokens_per_s": 1_000_000, "script": script} for name, script in (("boss", BOSS), ("clerk", CLERK))
    }
    otlp = {"endpoint": f"http://127.0.0.1:{collector.port}/v1/traces", "sample_percent": 100}
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme", "user": "alice"}],
        "telemetry": {"otlp": otlp},
        "providers": {"lab": {"lab": {"models": models}}},
        "models": {name: {"provider": "lab", "price": {"input": 1.0, "output": 2.0}} for name in models},
        "agents": {"documents": ["agents.yaml"]},
    }


def begun(gateway: Gateway, agent: str, headers: dict[str, str] = CAME, **more: Any) -> Json:
    body = json.dumps({"agent": agent, "input": "order 7", "session": "s-1", **more}).encode()
    answer = gateway.ask("POST", "/v1/runs", body, key=ALICE, headers=headers)
    assert answer.status == 201, answer
    return answer.json


def ended(gateway: Gateway, run: str) -> Json:
    def found() -> Json | None:
        now: Json = gateway.get(f"/v1/runs/{run}", key=ALICE).json
        return now if now["status"] in ("done", "failed") else None

    return until(found, "the run's end", 60)


def of_trace(collector: Upstream, trace: str, *last: str) -> list[Span]:
    """All spans of a trace, once those of these names are there, with all that they are below."""

    def found() -> list[Span]:
        mine = [one for one in spans(collector) if one.trace_id == trace]
        names, known = [one.name for one in mine], {"", PARENT, *(one.span_id for one in mine)}
        there = all(names.count(name) >= last.count(name) for name in last)
        return mine if there and all(one.parent_id in known for one in mine) else []

    return until(found, f"the spans {last}", 60)


def above(found: list[Span], span: Span) -> list[str]:
    """Names from a span to the top of what was sent of its trace."""
    by_id = {one.span_id: one for one in found}
    names: list[str] = []
    at: Span | None = span
    while at is not None:
        names.append(at.name)
        at = by_id.get(at.parent_id)
    return names


def test_a_run_and_all_that_it_asks_are_in_its_callers_trace(start: Start, tmp_path: Path, collector: Upstream) -> None:
    gateway = start(config(tmp_path, collector), home=tmp_path, OTEL_BSP_SCHEDULE_DELAY="20")

    run = begun(gateway, "boss")
    done = ended(gateway, run["id"])
    assert done["result"] == "The clerk has answered.", done
    child = gateway.get(f"/v1/runs?root={run['id']}&agent=clerk", key=ALICE).json["data"][0]["id"]

    found = of_trace(collector, TRACE, "invoke_agent boss", "invoke_agent boss", "invoke_agent clerk")
    bosses = sorted((one for one in found if one.name == "invoke_agent boss"), key=lambda one: one.start_ns)
    assert [(one.kind, one.parent_id, one.failed) for one in bosses] == [("INTERNAL", PARENT, False)] * 2
    assert [one.attributes for one in bosses] == [
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": "agent/boss",
            "gen_ai.agent.name": "boss",
            "gen_ai.agent.version": "1",
            "gen_ai.conversation.id": "s-1",
            "antiphon.run": run["id"],
            "antiphon.run.segment": number,
            **more,
        }
        for number, more in (
            (1, {"antiphon.run.status": "waiting", "antiphon.run.wait": "children"}),
            (2, {"antiphon.run.status": "done", "antiphon.run.stop": "finished"}),
        )
    ]
    (clerk,) = (one for one in found if one.name == "invoke_agent clerk")
    assert (clerk.parent_id, clerk.attributes["antiphon.run"]) == (bosses[0].span_id, child)
    (plan,) = (one for one in found if one.name == "plan")
    assert (plan.kind, plan.parent_id, plan.attributes["gen_ai.agent.name"]) == ("INTERNAL", clerk.span_id, "clerk")
    look, price = (next(one for one in found if one.name == f"execute_tool {name}") for name in ("look", "shop__price"))
    assert (look.kind, look.parent_id, look.failed) == ("INTERNAL", clerk.span_id, False)
    assert look.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Looks an order up.",
        "gen_ai.tool.call.id": look.attributes["gen_ai.tool.call.id"],
        "gen_ai.agent.id": "agent/clerk",
        "gen_ai.agent.name": "clerk",
        "gen_ai.conversation.id": "s-1",
        "antiphon.run": child,
        "antiphon.outcome": "ok",
    }
    assert (price.parent_id, price.failed, price.attributes["gen_ai.tool.type"]) == (clerk.span_id, True, "extension")
    assert (price.attributes["error.type"], price.attributes["antiphon.outcome"]) == ("failed", "failed")
    calls = {tuple(above(found, one)) for one in found if one.kind == "CLIENT"}
    under = ("antiphon.request", "invoke_agent clerk", "invoke_agent boss")
    assert calls == {
        ("chat boss", "antiphon.request", "invoke_agent boss"),
        ("chat clerk", *under),
        ("chat clerk", under[0], "plan", *under[1:]),
    }
    assert all(clerk.start_ns <= one.start_ns <= one.end_ns <= clerk.end_ns for one in (plan, look, price))

    said = {"model": "agent/clerk", "messages": [{"role": "user", "content": "order 7"}]}
    assert gateway.chat(said, key=ALICE, headers={"traceparent": f"00-{OTHER}-{PARENT}-01"}).status == 200
    found = of_trace(collector, OTHER, "invoke_agent clerk", "plan")
    (clerk,) = (one for one in found if one.name == "invoke_agent clerk")
    assert above(found, clerk) == ["invoke_agent clerk", "antiphon.request"]

    call: Json = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "shop__price", "arguments": {}}}
    headers = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": "2025-11-25",
    }
    trace = TRACE[::-1]
    call["params"]["_meta"] = {"traceparent": f"00-{trace}-{PARENT}-01"}
    answer = gateway.ask("POST", "/mcp", json.dumps(call).encode(), key=ALICE, headers=headers)
    found = of_trace(collector, trace, "antiphon.request", "execute_tool shop__price")
    (price,) = (one for one in found if one.name == "execute_tool shop__price")
    assert f"out of order: 00-{trace}-{price.span_id}-01" in answer.body.decode()
    assert above(found, price) == ["execute_tool shop__price", "antiphon.request"]
    assert next(one for one in found if one.kind == "SERVER").parent_id == PARENT
    assert "antiphon.run" not in price.attributes
    assert all(b"SECRET" not in seen.body for seen in collector.seen)


def test_a_run_that_another_process_takes_over_stays_in_one_trace(
    start: Start, tmp_path: Path, collector: Upstream
) -> None:
    gateway = start(config(tmp_path, collector, delay_s=1.0), home=tmp_path, OTEL_BSP_SCHEDULE_DELAY="20")
    run = begun(gateway, "clerk", headers={})
    planned = until(lambda: [one for one in spans(collector) if one.name == "plan"], "the plan's span", 60)
    until(lambda: "plan" in gateway.get(f"/v1/runs/{run['id']}/events", key=ALICE).body.decode(), "the plan is kept")
    (pid,) = {pid for pid in gateway.children() if any("agents.db" in file for file in open_files(pid))}

    os.kill(pid, signal.SIGKILL)

    assert ended(gateway, run["id"])["status"] == "done"
    found = of_trace(collector, planned[0].trace_id, "invoke_agent clerk")
    (clerk,) = (one for one in found if one.name == "invoke_agent clerk")
    assert clerk.parent_id == ""
    assert {above(found, one)[-1] for one in found if one.kind in ("CLIENT", "INTERNAL")} == {"invoke_agent clerk"}
    assert {one.trace_id for one in spans(collector) if one.attributes.get("antiphon.run") == run["id"]} == {
        clerk.trace_id
    }
    assert clerk.start_ns <= planned[0].start_ns
