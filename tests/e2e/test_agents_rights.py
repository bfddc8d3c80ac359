"""What a run may do is what its agent may and its caller may at present: keys that list tools, keys that are revoked or
narrowed while a run waits, tools that take no such data, models without a price.
"""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from rig.config import ALICE
from rig.gateway import Answer, Config, Gateway
from rig.loop import LoopThread
from rig.scripts import Held
from rig.upstream import Upstream, upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

CLERK: list[dict[str, Any]] = [
    {"when": "'look' not in called", "calls": [{"tool": "look", "arguments": {"order": "7"}}]},
    {"when": "'pay' in task and 'pay' not in called", "calls": [{"tool": "pay", "arguments": {"order": "7"}}]},
    {"say": "Order 7 is settled."},
]
ANSWER = json.dumps(
    {"id": "r", "object": "response", "created_at": 1, "status": "completed", "model": "up-1", "output": []}
).encode()
POST: list[dict[str, Any]] = [
    {"when": "'mail' not in called", "calls": [{"tool": "mail", "arguments": {"order": "7"}}]},
    {"say": "Said so."},
]


def config(url: str) -> Config:
    scripts = {"clerk": CLERK, "poor": CLERK, "poster": POST}
    lab = {name: {"tokens_per_s": 1_000_000, "script": script} for name, script in scripts.items()}
    price = {"input": 1.0, "output": 2.0}
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme", "user": "alice", "roles": ["owner"]}],
        "admin": {"port": 0},
        "providers": {
            "lab": {"lab": {"models": lab}},
            "up": {"profile": "openai", "base_url": url, "key": "sk-upstream"},
        },
        "models": {
            "clerk": {"provider": "lab", "price": price},
            "poster": {"provider": "lab", "price": price},
            "poor": {"provider": "lab"},
            "held": {"provider": "up", "model": "up-1", "price": price, "listed": False},
        },
        "routes": {"held": {"models": ["held"], "attempts": 1}},
        "storage": {"ship_interval_s": 0.05},
        "agents": {"documents": ["agents.yaml"], "concurrency": 1},
    }


def document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "antiphon/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def agent(name: str, *tools: str, **spec: Any) -> dict[str, Any]:
    fixed = {"verify": None, "safety": {"plan_lock": False}, "models": {"act": name}}
    return document("Agent", name, goal="Settle orders.", tools=[*tools], **fixed, **spec)


def tool(name: str, **spec: Any) -> dict[str, Any]:
    order = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
    simulated = {"answers": [{"result": name}]}
    return document("Tool", name, description=f"Does {name}.", parameters=order, simulated=simulated, **spec)


@pytest.fixture(scope="module")
def behind(servers: LoopThread) -> Iterator[Upstream]:
    context = upstream()
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture(scope="module")
def gateway(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("rights")
    docs = [
        agent("clerk", "look", "pay"),
        agent("poor", "look", envelope={"usd": 1.0}),
        agent("poster", "mail"),
        tool("look", effect="pure"),
        tool("pay", destructive=True),
        tool("mail", effect="idempotent", takes="public"),
    ]
    (home / "agents.yaml").write_text(yaml.safe_dump_all(docs))
    one = Gateway(home, config(behind.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


def admin(gateway: Gateway, method: str, path: str, fields: Any = None, **headers: str) -> Answer:
    """What the admin API says to the first admin."""
    url = urlsplit((gateway.data / "admin.url").read_text().strip())
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)
    text = (gateway.data / "admin.key").read_text().strip()
    told = {"authorization": f"Bearer {text}", "content-type": "application/json", **headers}
    try:
        connection.request(method, f"/admin/v1/{path}", None if fields is None else json.dumps(fields), told)
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
    assert answer.status in (200, 201), answer
    return answer


def key(gateway: Gateway, name: str, *models: str, **headers: str) -> str:
    """A key that the admin API makes, or changes."""
    fields = {"tenant": "acme", "user": "alice", "models": list(models) or ["*"]}
    made = admin(gateway, "PUT", f"keys/{name}", fields, **headers).json
    assert made["taken"], "every process works by it"
    return str(made.get("key", ""))


def revoke(gateway: Gateway, name: str) -> None:
    assert admin(gateway, "POST", f"keys/{name}/revoke").json["taken"], "every process works by it"


def run(gateway: Gateway, task: str, key: str = ALICE, agent: str = "clerk", **more: Any) -> dict[str, Any]:
    body = json.dumps({"agent": agent, "input": task, "wait_s": 15, **more}).encode()
    answer = gateway.ask("POST", "/v1/runs", body, key=key)
    assert answer.status in (200, 201, 202), answer
    return answer.json


def ended(gateway: Gateway, run: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        now = gateway.get(f"/v1/runs/{run}", key=ALICE).json
        return now if now["status"] in ("done", "failed", "cancelled") else None

    return until(found, "the run's end", 30)


def events(gateway: Gateway, run: str) -> str:
    return gateway.get(f"/v1/runs/{run}/events", key=ALICE).body.decode()


def approve(gateway: Gateway, run: dict[str, Any]) -> None:
    admin(gateway, "POST", f"approvals/{run['wait']['approval']}/approve", {})


def test_a_run_whose_key_is_revoked_while_it_waits_does_nothing_more(gateway: Gateway) -> None:
    waits = run(gateway, "pay order 7 back", key(gateway, "leaver"))
    assert waits["wait"]["kind"] == "approval"

    revoke(gateway, "leaver")
    approve(gateway, waits)

    over = ended(gateway, waits["id"])
    assert (over["status"], over["stop"]) == ("failed", "revoked")
    assert "the API key leaver was revoked" in over["why"]
    assert over["used"]["tool_calls"] == 1, "the look, and no payment"
    late = gateway.ask("POST", f"/v1/runs/{waits['id']}/answer", b'{"body": "yes"}', key=ALICE)
    assert (late.status, late.error["code"]) == (409, "run_ended")
    assert "has ended: failed (revoked)" in late.error["message"]


def test_a_key_that_lists_tools_is_held_to_those_in_runs_also_where_it_is_narrowed_meanwhile(gateway: Gateway) -> None:
    text = key(gateway, "clerks", "agent/clerk", "clerk")
    waits = run(gateway, "pay order 7 back", text)
    assert waits["wait"]["kind"] == "approval", "a key that lists no tool uses whatever its agents may"

    version = admin(gateway, "GET", "keys/clerks").json["version"]
    key(gateway, "clerks", "agent/clerk", "clerk", "tool/look", **{"if-match": f'"{version}"'})
    approve(gateway, waits)

    over = ended(gateway, waits["id"])
    assert over["used"]["tool_calls"] == 1
    assert "policy:key.models" in events(gateway, waits["id"])


def test_a_tool_is_given_no_data_above_what_it_takes(gateway: Gateway) -> None:
    free = run(gateway, "Say it.", agent="poster")
    refused = run(gateway, "Say it.", agent="poster", data_class="internal")

    assert (free["used"]["tool_calls"], refused["used"]["tool_calls"]) == (1, 0)
    assert "mail is given nothing above public, and this is internal" in events(gateway, refused["id"])


def test_a_model_without_a_price_is_named_where_the_envelope_bounds_money(gateway: Gateway) -> None:
    over = run(gateway, "look order 7 up", agent="poor")

    assert (over["status"], over["stop"]) == ("failed", "money")
    assert "nobody knows what a call of the model poor may cost" in over["why"]


def test_a_response_in_the_background_is_not_begun_for_a_key_that_was_revoked(
    gateway: Gateway, behind: Upstream, servers: LoopThread
) -> None:
    held, text = Held(whole(ANSWER)), key(gateway, "asker")
    behind.script = held.script
    ask = {"model": "held", "input": "What is it?", "background": True}
    first = gateway.ask("POST", "/v1/responses", json.dumps(ask).encode(), key=ALICE)
    until(lambda: behind.seen, "the first call, which takes the only place")
    second = gateway.ask("POST", "/v1/responses", json.dumps(ask).encode(), key=text)
    assert (first.status, second.status) == (200, 200)

    revoke(gateway, "asker")
    servers.run(held.release())

    def found() -> dict[str, Any] | None:
        runs = admin(gateway, "GET", "runs?agent=antiphon.response").json["data"]
        return next((one for one in runs if one.get("stop") == "revoked"), None)

    over = until(found, "the end of the second", 30)
    assert over["status"] == "failed"
    assert len(behind.seen) == 1
