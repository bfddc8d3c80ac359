"""Users of clients of the older era are asked amid a call, on its own stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp import types
from mcp_gateway import ALICE, BOB, Front, asks, client, done, engine, said
from tool_servers import BOSS


@pytest.mark.parametrize("verdict", ["approve", "reject", "decline", "cancel"])
async def test_a_destructive_call_asks_its_user_whether_to_wait_and_goes_on_by_itself(
    front: Front, verdict: str
) -> None:
    asked: list[str] = []

    async def elicit(context: Any, params: Any) -> types.ElicitResult:
        asked.append(params.message)
        (waiting,) = front.place.book.page("acme", ("waiting",), "", 10)
        if verdict == "approve":
            front.place.book.approve(waiting.id, BOSS)
        elif verdict == "reject":
            front.place.book.reject(waiting.id, BOSS, "not today")
        else:
            return types.ElicitResult(action="decline" if verdict == "decline" else "cancel")
        return types.ElicitResult(action="accept", content={"wait": True})

    async with client(front, "legacy", elicitation_callback=elicit) as peer:
        found = await peer.call_tool("shop__refund", {"order": 7})
    assert len(asked) == 1
    assert asked[0].startswith("shop__refund waits for a person's approval")
    outcomes = [(one.outcome, one.error) for one in front.receipts]
    assert outcomes[0] == ("refused", "approval_pending")
    match verdict:
        case "approve":
            assert (said(found), outcomes[1:]) == ("order 7 is paid back", [("ok", "")])
            assert front.receipts[0].id != front.receipts[1].id
            assert found.meta is not None
            assert found.meta["antiphon/receipt"] == front.receipts[1].id
        case "reject":
            assert found.is_error
            assert "not today" in said(found)
        case _:
            assert found.is_error
            assert ("was not done" in said(found), outcomes[1:]) == (True, [])


async def test_an_agents_question_is_put_to_its_caller(front: Front) -> None:
    async def elicit(context: Any, params: Any) -> types.ElicitResult:
        assert params.message == "Which order?"
        return types.ElicitResult(action="accept", content={"answer": "7"})

    def work(run: Any, mail: list[Any]) -> Any:
        return done(run, {"settled": mail[0]}) if mail else asks(run, "Which order?")

    serving = asyncio.get_running_loop().create_task(engine(front, work))
    async with client(front, "legacy", elicitation_callback=elicit) as peer:
        found = await peer.call_tool("agent__clerk", {"goal": "Settle."})
    serving.cancel()
    assert found.structured_content == {"settled": "7"}


async def test_an_answer_that_comes_to_another_process_is_handed_over_and_anothers_is_not(front: Front) -> None:
    capabilities = {"elicitation": {}}
    hello = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {"name": "c", "version": "1"}}
    accept = {"accept": "application/json, text/event-stream"}

    def headers(key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {key}", "mcp-session-id": session, **accept}

    async with httpx.AsyncClient(timeout=30) as http, front.beside() as other:
        begun = await http.post(
            front.url,
            json={"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello},
            headers={"authorization": f"Bearer {ALICE}"},
        )
        session = begun.headers["mcp-session-id"]
        call = {"name": "shop__refund", "arguments": {"order": 7}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        async with http.stream("POST", front.url, json=body, headers=headers(ALICE)) as stream:
            events = _events(stream)
            asked = await anext(events)
            assert asked["method"] == "elicitation/create"
            (waiting,) = front.place.book.page("acme", ("waiting",), "", 10)
            front.place.book.approve(waiting.id, BOSS)
            no = {"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "decline"}}
            assert (await http.post(other, json=no, headers=headers(BOB))).status_code == 202
            assert (await http.post(front.url, json=no, headers=headers(BOB))).status_code == 202
            yes = {**no, "result": {"action": "accept", "content": {"wait": True}}}
            assert (await http.post(other, json=yes, headers=headers(ALICE))).status_code == 202
            found = await anext(events)
    assert found["result"]["content"] == [{"type": "text", "text": "order 7 is paid back"}]


async def test_a_client_that_cannot_ask_is_told_at_once(front: Front) -> None:
    async with client(front, "legacy") as peer:
        found = await peer.call_tool("shop__refund", {"order": 7})
    assert found.is_error
    assert found.meta is not None
    assert found.meta["antiphon/approval"] == front.receipts[0].approval


async def _events(stream: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in stream.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
