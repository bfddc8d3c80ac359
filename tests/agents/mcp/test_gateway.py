"""The MCP gateway asked by the protocol's own client, in both eras: a real listener, real stores, a real server behind."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from mcp import types
from mcp.client.extension import ClientExtension
from mcp.shared.exceptions import MCPError
from mcp_gateway import ALICE, BOB, LIMITED, Front, Mode, agent, asks, client, done, engine, said
from tool_servers import BOSS

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.tools.parts import Parts
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.tools.settings_code import SimulatedSpec
from antiphon.agents.tools.workshop import Workshop
from antiphon.core.principal import Principal
from antiphon.core.run_store import Asked

MODES: list[Mode] = ["legacy", "auto", "2026-07-28"]
TOOLS = ["agent__clerk", "model__fast", "shop__count", "shop__hang", "shop__price", "shop__refund"]


@pytest.mark.parametrize("mode", MODES)
async def test_tools_agents_and_models_are_one_list_in_order_and_called_by_name(front: Front, mode: Mode) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with client(front, mode) as peer:
        listed = await peer.list_tools()
        assert [one.name for one in listed.tools] == TOOLS
        found = await peer.call_tool("shop__price", {"item": "pen"})
        assert (found.is_error, found.structured_content) == (False, {"cents": 300})
        counted = await peer.call_tool("shop__count", {"to": 3}, progress_callback=hear)
        assert said(counted) == "counted to 3"
    assert heard == [1.0, 2.0, 3.0]
    receipts = front.receipts
    assert [(one.outcome, one.endpoint, one.attempts[0].deployment) for one in receipts] == [
        ("ok", "/mcp", "tool/shop__price"),
        ("ok", "/mcp", "tool/shop__count"),
    ]
    assert found.meta is not None
    assert found.meta["antiphon/receipt"] == receipts[0].id
    assert receipts[0].principal.key == "alice"
    assert front.house.tickets.counted.open == 0


async def test_tools_of_documents_are_offered_where_these_say_so_and_to_their_tenant_alone(
    front: Front, tmp_path: Path
) -> None:
    own = Workshop(front.tools, Parts(clock=front.clock, secrets={}.get, base=tmp_path))
    simulated = msgspec.convert({"answers": [{"result": {"cents": 5}}]}, SimulatedSpec)
    documents = {
        name: Document(
            kind="Tool",
            metadata=Metadata(name=name, tenant=tenant),
            spec=ToolSpec(simulated=simulated, gateway=gateway),
            raw={},
            digest=name,
        )
        for name, gateway, tenant in (("open", True, ""), ("shut", False, ""), ("theirs", True, "globex"))
    }
    own.know({"Tool": documents})
    async with client(front, "2026-07-28") as peer:
        assert [one.name for one in (await peer.list_tools()).tools] == sorted([*TOOLS, "open"])
        assert (await peer.call_tool("open", {})).structured_content == {"cents": 5}
        for name in ("shut", "theirs"):
            with pytest.raises(MCPError, match="no tool"):
                await peer.call_tool(name, {})
    async with client(front, "2026-07-28", LIMITED) as peer:
        assert "open" not in [one.name for one in (await peer.list_tools()).tools]


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":' * 900 + b"1" + b"}" * 900, b"[" * 100_000])
async def test_a_body_that_cannot_be_read_is_answered(front: Front, body: bytes) -> None:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {ALICE}"}, timeout=60) as http:
        answer = await http.post(front.url, content=body)
        strange = await http.post(front.url, content=b"{}", headers={"origin": "http://["})
    assert (answer.status_code, answer.json()["error"]["code"], strange.status_code) == (400, -32700, 403)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_rights_are_by_tool_and_what_a_caller_may_not_use_it_does_not_see(front: Front, mode: Mode) -> None:
    async with client(front, mode, BOB) as bob:
        assert [one.name for one in (await bob.list_tools()).tools] == [one for one in TOOLS if one != "shop__count"]
        with pytest.raises(MCPError, match="no tool 'shop__count'"):
            await bob.call_tool("shop__count", {"to": 1})
    async with client(front, mode, LIMITED) as limited:
        assert [one.name for one in (await limited.list_tools()).tools] == ["agent__clerk", "shop__price"]
        found = await limited.call_tool("shop__price", {"item": "pen"})
        assert found.structured_content == {"cents": 300}
    async with client(front, mode, path="/shop") as shop:
        assert [one.name for one in (await shop.list_tools()).tools] == ["count", "hang", "price", "refund"]
        assert (await shop.call_tool("price", {"item": "ink"})).structured_content == {"cents": 300}


async def test_guards_look_at_arguments_and_at_results(front: Front) -> None:
    async with client(front, "2026-07-28") as peer:
        blocked = await peer.call_tool("shop__price", {"item": "bomb"})
        assert blocked.is_error
        assert "guard" in said(blocked)
        assert "bomb" not in json.dumps([str(one) for one in front.receipts[0].notes])
    receipt = front.receipts[0]
    assert (receipt.outcome, receipt.error, receipt.attempts) == ("refused", "guard_blocked", ())
    assert receipt.guards == ("mails", "bombs")


async def test_wrong_arguments_are_told_to_the_model_with_a_receipt(front: Front) -> None:
    async with client(front, "2026-07-28") as peer:
        wrong = await peer.call_tool("shop__price", {"item": {"a": 1}})
        assert wrong.is_error
        assert "item" in said(wrong)
        failed = await peer.call_tool("shop__price", {"item": "void"})
        assert failed.is_error
        model = await peer.call_tool("model__fast", {"input": "Hello!"})
        assert model.is_error
        assert "prompt" in said(model)
        agent = await peer.call_tool("agent__clerk", {"goal": "Count.", "month": "2026-11"})
        assert agent.is_error
        assert "month" in said(agent)
    assert [(one.outcome, one.error) for one in front.receipts] == [
        ("refused", "invalid_request"),
        ("failed", "tool_failed"),
        ("refused", "invalid_request"),
        ("refused", "invalid_request"),
    ]


async def test_an_agents_input_is_its_tools_schema(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
    shelf = Shelf(agents={"clerk": {"1": agent("clerk", input=schema)}})
    monkeypatch.setattr("mcp_gateway.SHELF", shelf)
    working = asyncio.create_task(engine(front, lambda run, mail: done(run, msgspec.json.decode(run.input))))
    async with client(front, "2026-07-28") as peer:
        (tool,) = [one for one in (await peer.list_tools()).tools if one.name == "agent__clerk"]
        wrong = await peer.call_tool("agent__clerk", {"order": 7})
        right = await peer.call_tool("agent__clerk", {"order": "7"})
        (run,) = await front.runs.page(Principal(tenant="acme", key="alice"), Asked())
        again = await peer.call_tool("agent__clerk", {"run": run.id})
    working.cancel()
    assert tool.input_schema == schema
    assert (wrong.is_error, "order: 7 is not of type" in said(wrong)) == (True, True)
    assert (right.structured_content, again.structured_content) == ({"order": "7"}, {"order": "7"})


async def test_a_destructive_call_waits_for_a_person_whoever_asks(front: Front) -> None:
    """In the modern era the call itself goes on once somebody has said yes: the user was asked whether to wait."""
    asked: list[str] = []

    async def elicit(context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.message)
        (waiting,) = front.place.book.page("acme", ("waiting",), "", 10)
        assert b'"order":7' in (front.place.book.find(waiting.id, "acme") or waiting).wish.shown
        front.place.book.approve(waiting.id, BOSS)
        return types.ElicitResult(action="accept", content={"wait": True})

    async with client(front, "2026-07-28", elicitation_callback=elicit) as peer:
        found = await peer.call_tool("shop__refund", {"order": 7})
    assert said(found) == "order 7 is paid back"
    assert len(asked) == 1
    assert [(one.outcome, one.error) for one in front.receipts] == [("refused", "approval_pending"), ("ok", "")]
    assert front.receipts[0].approval == front.receipts[1].approval


async def test_a_call_that_was_approved_runs_once_and_one_that_was_rejected_never(front: Front) -> None:
    """Clients of the older era come back with the approval that they were told of."""
    async with client(front, "legacy") as peer:
        first = await peer.call_tool("shop__refund", {"order": 8})
        assert first.is_error
        assert first.meta is not None
        meta: Any = {"antiphon/approval": first.meta["antiphon/approval"]}
        front.place.book.approve(meta["antiphon/approval"], BOSS)
        other = await peer.call_tool("shop__refund", {"order": 9}, meta=meta)
        assert "another call" in said(other)
        assert said(await peer.call_tool("shop__refund", {"order": 8}, meta=meta)) == "order 8 is paid back"
        assert "was made" in said(await peer.call_tool("shop__refund", {"order": 8}, meta=meta))

        again = await peer.call_tool("shop__refund", {"order": 10})
        assert again.meta is not None
        front.place.book.reject(again.meta["antiphon/approval"], BOSS, "not today")
        refused = await peer.call_tool("shop__refund", {"order": 10}, meta=dict(again.meta))
        assert "not today" in said(refused)


@contextmanager
def serving(front: Front, work: Any) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(engine(front, work))
    try:
        yield
    finally:
        task.cancel()


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_an_agent_is_a_tool_that_asks_its_caller_and_tells_how_it_goes(front: Front, mode: Mode) -> None:
    def work(run: Any, mail: list[Any]) -> Any:
        if run.status == "queued" and mode != "legacy":
            return asks(run, "Which order?")
        return done(run, {"settled": mail[0] if mail else json.loads(run.input)["goal"]})

    async def elicit(context: Any, params: Any) -> types.ElicitResult:
        assert params.message == "Which order?"
        return types.ElicitResult(action="accept", content={"answer": "7"})

    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    with serving(front, work):
        async with client(front, mode, elicitation_callback=elicit) as peer:
            found = await peer.call_tool("agent__clerk", {"goal": "7"}, progress_callback=hear)
    assert found.structured_content == {"settled": "7"}
    assert heard == ([10.0] if mode == "legacy" else [10.0, 20.0])
    assert {one.attempts[0].deployment for one in front.receipts} == {"tool/agent__clerk"}


class Tasks(ClientExtension):
    identifier = "io.modelcontextprotocol/tasks"


async def test_an_agent_is_a_task_for_clients_that_take_tasks(front: Front) -> None:
    def ask(method: str, params: dict[str, Any], *, able: bool = True) -> Any:
        able_to = {"extensions": {"io.modelcontextprotocol/tasks": {}}} if able else {}
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": able_to,
        }
        headers = {"authorization": f"Bearer {ALICE}", "mcp-protocol-version": "2026-07-28", "mcp-method": method}
        if "name" in params:
            headers["mcp-name"] = params["name"]
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        return http.post(front.url, json=body, headers=headers)

    async with httpx.AsyncClient(timeout=60) as http:
        made = (await ask("tools/call", {"name": "agent__clerk", "arguments": {"goal": "g"}})).json()["result"]
        assert (made["resultType"], made["status"]) == ("task", "working")
        task = {"taskId": made["taskId"]}
        refused = await ask("tasks/get", task, able=False)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32021)

        with serving(front, lambda run, mail: done(run, mail[0]) if mail else asks(run, "Sure?")):
            while (now := (await ask("tasks/get", task)).json()["result"])["status"] == "working":
                await asyncio.sleep(0)
            assert now["status"] == "input_required"
            assert now["inputRequests"]["q1"]["params"]["message"] == "Sure?"
            answers = {"q1": {"action": "accept", "content": {"answer": "yes"}}}
            await ask("tasks/update", {**task, "inputResponses": answers})
            while (now := (await ask("tasks/get", task)).json()["result"])["status"] != "completed":
                await asyncio.sleep(0)
        assert now["result"]["content"] == [{"type": "text", "text": "yes"}]


async def test_a_client_without_a_key_is_told_who_lets_it_in(front: Front) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        refused = await http.post(front.url + "/shop", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert refused.status_code == 401
        where = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
        found = (await http.get(where)).json()
    assert found["resource"] == front.url + "/shop"
    assert found["authorization_servers"] == ["https://login.example"]


async def test_pages_of_other_origins_are_not_answered(front: Front) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    key = {"authorization": f"Bearer {ALICE}"}
    async with httpx.AsyncClient(timeout=60) as http:
        evil = await http.post(front.url, json=body, headers={**key, "origin": "https://evil.example"})
        near = await http.post(front.url, json=body, headers={**key, "origin": "http://localhost:3000"})
    assert (evil.status_code, near.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"mcp-method": "tools/list"}, 400, -32020),
        ({"mcp-name": "shop__count"}, 400, -32020),
        ({"mcp-protocol-version": "2031-01-01"}, 400, -32022),
        ({"mcp-protocol-version": "2025-11-25"}, 200, None),
    ],
)
async def test_headers_say_what_the_body_says(
    front: Front, headers: dict[str, str], status: int, code: int | None
) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "shop__price", "arguments": {"item": "a"}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    right = {
        "authorization": f"Bearer {ALICE}",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "shop__price",
    }
    async with httpx.AsyncClient(timeout=60) as http:
        found = await http.post(front.url, json=body, headers={**right, **headers})
    assert found.status_code == status
    assert found.json().get("error", {}).get("code") == code


async def test_a_client_that_goes_away_or_cancels_ends_its_call(front: Front) -> None:
    body = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "shop__hang"}}
    headers = {"authorization": f"Bearer {ALICE}", "mcp-session-id": "s1"}
    async with httpx.AsyncClient(timeout=60) as http:
        hanging = asyncio.get_running_loop().create_task(http.post(front.url, json=body, headers=headers))
        while not front.house.journal.open:
            await asyncio.sleep(0)
        other = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
        await http.post(front.url, json=other, headers={**headers, "mcp-session-id": "s2"})
        assert not hanging.done()
        await http.post(front.url, json=other, headers=headers)
        assert (await hanging).json()["error"]["code"] == -32800
    (receipt,) = front.receipts
    assert receipt.outcome == "client_gone"
    assert front.house.tickets.counted.open == 0


async def test_a_state_that_was_changed_or_is_anothers_is_refused(front: Front) -> None:
    async with client(front, "2026-07-28") as peer:
        first = await peer.session.call_tool("shop__refund", {"order": 1}, allow_input_required=True)
        assert isinstance(first, types.InputRequiredResult)
        state = first.request_state or ""
    front.place.book.approve(front.receipts[0].approval, BOSS)
    async with client(front, "2026-07-28", BOB) as bob:
        with pytest.raises(MCPError, match="requestState"):
            await bob.session.call_tool("shop__refund", {"order": 1}, request_state=state, allow_input_required=True)
    async with client(front, "2026-07-28") as peer:
        with pytest.raises(MCPError, match="requestState"):
            await peer.session.call_tool("shop__refund", {"order": 2}, request_state=state, allow_input_required=True)
        with pytest.raises(MCPError, match="requestState"):
            await peer.session.call_tool(
                "shop__refund", {"order": 1}, request_state="x" + state, allow_input_required=True
            )
        found = await peer.session.call_tool("shop__refund", {"order": 1}, request_state=state)
        assert said(found) == "order 1 is paid back"
