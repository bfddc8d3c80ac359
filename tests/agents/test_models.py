"""Agents asked as models, over real HTTP, in every dialect."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from agent_place import ALICE, BOB, EVE, Place, asks, document, fails, hangs, says

from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.run import Barred
from antiphon.core.run_store import Asked
from antiphon.core.usage import Usage

PLAYS = {"helper": says, "asker": asks, "failer": fails, "hanger": hangs, "secret": says}
DOCUMENTS = [document(name, tenant="other" if name == "secret" else "") for name in PLAYS]


def place(tmp_path: Path, **more: Any) -> Place:
    return Place(tmp_path, PLAYS, *DOCUMENTS, **more)


def client(place: Place, key: str = ALICE) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=place.base, headers={"authorization": f"Bearer {key}"}, timeout=30)


def chat(agent: str, text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": f"agent/{agent}", "messages": [{"role": "user", "content": text}], **more}


def receipt(place: Place) -> Receipt:
    return place.house.receipt


BODIES = {
    "/v1/chat/completions": chat("helper"),
    "/v1/responses": {"model": "agent/helper", "input": "hello"},
    "/v1/messages": {"model": "agent/helper", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]},
    "/v1beta/models/agent%2Fhelper:generateContent": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}


def said(path: str, body: dict[str, Any]) -> str:
    match path.rpartition("/")[2]:
        case "completions":
            return body["choices"][0]["message"]["content"]
        case "responses":
            return next(one for one in body["output"] if one["type"] == "message")["content"][0]["text"]
        case "messages":
            return next(one for one in body["content"] if one["type"] == "text")["text"]
        case _:
            return body["candidates"][0]["content"]["parts"][0]["text"]


USED = Usage(input_tokens=30, output_tokens=12, cached_tokens=10, cache_write_tokens=4, reasoning_tokens=5)


def used(path: str, body: dict[str, Any]) -> tuple[int, int, int, int]:
    """Input with what was cached, output with reasoning, cached and reasoning tokens."""
    match path.rpartition("/")[2]:
        case "completions":
            it = body["usage"]
            cached, more = it["prompt_tokens_details"], it["completion_tokens_details"]
            return it["prompt_tokens"], it["completion_tokens"], cached["cached_tokens"], more["reasoning_tokens"]
        case "responses":
            it = body["usage"]
            cached, more = it["input_tokens_details"], it["output_tokens_details"]
            return it["input_tokens"], it["output_tokens"], cached["cached_tokens"], more["reasoning_tokens"]
        case "messages":
            it = body["usage"]
            cached, written = it["cache_read_input_tokens"], it["cache_creation_input_tokens"]
            thought = it["output_tokens_details"]["thinking_tokens"]
            return it["input_tokens"] + cached + written, it["output_tokens"], cached, thought
        case _:
            it = body["usageMetadata"]
            thought = it["thoughtsTokenCount"]
            return it["promptTokenCount"], it["candidatesTokenCount"] + thought, it["cachedContentTokenCount"], thought


@pytest.mark.parametrize("path", BODIES)
async def test_an_agent_answers_in_every_dialect(tmp_path: Path, path: str) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post(path, json=BODIES[path])
    assert answer.status_code == 200, answer.text
    assert said(path, answer.json()) == "You said: hello"
    run = answer.headers["x-antiphon-run"]
    kept = receipt(here)
    assert kept.asked == "agent/helper"
    assert kept.served == "agent/helper"
    assert kept.cost_nano_usd == 0
    assert kept.run is not None
    assert (kept.run.id, kept.run.cost_nano_usd, kept.run.calls, kept.run.tool_calls) == (run, 1_500, 1, 1)
    assert kept.run.usage == USED
    assert (kept.usage, kept.attempts[0].usage) == (Usage(), Usage()), "its own calls have receipts of their own"
    assert used(path, answer.json()) == (30, 12, 10, 5)


async def test_a_stream_tells_how_it_goes_as_thoughts_and_then_the_answer(tmp_path: Path) -> None:
    asked = chat("helper", stream=True, stream_options={"include_usage": True})
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post("/v1/chat/completions", json=asked)
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    deltas = [one["choices"][0]["delta"] for one in chunks if one["choices"]]
    thoughts = "".join(one.get("reasoning_content") or "" for one in deltas)
    assert thoughts.splitlines()[1:] == ["the model of the role act wants look_up", "look_up answered"]
    assert answer.headers["x-antiphon-run"] in thoughts
    assert "".join(one.get("content") or "" for one in deltas) == "You said: hello"
    usage = chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (30, 12, 42)
    assert answer.text.endswith("data: [DONE]\n\n")


STREAMS = {
    "/v1/responses": ({"model": "agent/helper", "input": "hello", "stream": True}, "reasoning"),
    "/v1/messages": (
        {
            "model": "agent/helper",
            "max_tokens": 99,
            "stream": True,
            "messages": [{"role": "user", "content": "hello"}],
        },
        "thinking_delta",
    ),
    "/v1beta/models/agent%2Fhelper:streamGenerateContent?alt=sse": (
        {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
        '"thought":true',
    ),
}


@pytest.mark.parametrize("path", STREAMS)
async def test_the_other_dialects_are_told_of_it_in_their_own_words(tmp_path: Path, path: str) -> None:
    body, word = STREAMS[path]
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert word in answer.text.replace('"thought": true', '"thought":true')
    assert "look_up answered" in answer.text
    assert "You said: hello" in answer.text


async def test_a_run_that_waits_for_a_person_says_so_and_is_found_again_by_its_name(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        first = await ask.post("/v1/chat/completions", json=chat("asker"))
        assert first.status_code == 409
        error = first.json()["error"]
        assert error["code"] == "run_waits"
        run = (await here.runs.inbox(principal("alice"), everyone=True))[0]
        assert run.id in error["message"]
        assert first.headers["x-should-retry"] == "false"
        await here.runs.answer(principal("alice"), run.id, "1.0", "blue")
        await until(here, run.id)
        again = await ask.post("/v1/chat/completions", json=chat("asker"), headers={"x-antiphon-run": run.id})
    assert json.loads(again.json()["choices"][0]["message"]["content"]) == {"colour": "blue"}
    assert again.headers["x-antiphon-run"] == run.id


async def test_a_stream_of_a_run_that_waits_ends_with_that_error(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post("/v1/chat/completions", json=chat("asker", stream=True))
    assert answer.status_code == 200
    assert "waits: question" in answer.text
    assert '"code":"run_waits"' in answer.text.replace(" ", "")
    assert receipt(here).error == "run_waits"


async def test_a_run_that_is_not_done_in_time_goes_on_and_the_caller_is_told_its_name(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post("/v1/chat/completions", json=chat("hanger"), headers={"x-antiphon-timeout": "2s"})
        (run,) = await here.runs.page(principal("alice"), Asked())
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] == "run_unfinished"
    assert run.id in answer.json()["error"]["message"]
    assert not run.ended


async def test_a_quiet_stream_says_that_the_run_is_still_at_work(tmp_path: Path) -> None:
    async with place(tmp_path, quiet_s=0.05) as here, client(here) as ask:
        asked = chat("hanger", stream=True)
        answer = await ask.post("/v1/chat/completions", json=asked, headers={"x-antiphon-timeout": "2s"})
    assert "still at work" in answer.text
    assert "run_unfinished" in answer.text


async def test_a_run_that_fails_is_an_error_with_its_reason(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post("/v1/chat/completions", json=chat("failer"))
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "run_failed"
    assert "the envelope has no money left" in answer.json()["error"]["message"]
    assert len(receipt(here).attempts) == 1


async def test_tools_of_the_caller_are_refused(tmp_path: Path) -> None:
    tool = {"type": "function", "function": {"name": "x", "parameters": {"type": "object"}}}
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post("/v1/chat/completions", json=chat("helper", tools=[tool]))
    assert answer.status_code == 400
    assert "lacks tools" in answer.json()["error"]["message"]


async def test_what_an_agent_decides_by_itself_is_told_as_a_loss(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        answer = await ask.post("/v1/chat/completions", json=chat("helper", temperature=0.1, max_tokens=5))
    assert '"temperature"' in answer.headers["x-antiphon-losses"]
    assert [loss.field for loss in receipt(here).losses] == ["temperature", "max_completion_tokens"]


async def test_agents_of_others_are_not_there_and_those_a_key_may_not_ask_are_refused(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        async with client(here) as ask:
            hidden = await ask.post("/v1/chat/completions", json=chat("secret"))
            listed = [one["id"] for one in (await ask.get("/v1/models")).json()["data"]]
        async with client(here, BOB) as ask:
            barred = await ask.post("/v1/chat/completions", json=chat("asker"))
        async with client(here, EVE) as ask:
            own = await ask.post("/v1/chat/completions", json=chat("secret"))
    assert hidden.status_code == 404
    assert listed == ["agent/asker", "agent/failer", "agent/hanger", "agent/helper", "fast"]
    assert barred.status_code == 403
    assert own.status_code == 200


async def test_inside_a_run_agents_are_not_asked_as_models(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        first = await ask.post("/v1/chat/completions", json=chat("helper"))
        run = first.headers["x-antiphon-run"]
        answer = await ask.post("/v1/chat/completions", json=chat("failer"), headers={"x-antiphon-run": run})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "agent_in_run"


async def test_an_agent_or_a_tenant_that_is_switched_off_begins_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        await here.runs.bar(Barred(kind="agent", name="helper", tenant="acme", how="quarantined", by="op", at_ns=1))
        agent = await ask.post("/v1/chat/completions", json=chat("helper"))
        await here.runs.bar(
            Barred(kind="tenant", name="acme", tenant="", how="quarantined", by="op", at_ns=1, why="bill")
        )
        tenant = await ask.post("/v1/chat/completions", json=chat("failer"))
        assert await here.runs.unbar("agent", "helper", "acme")
        assert await here.runs.unbar("tenant", "acme", "")
        again = await ask.post("/v1/chat/completions", json=chat("helper"))
    assert (agent.status_code, agent.json()["error"]["code"]) == (403, "agent_quarantined")
    assert tenant.json()["error"]["code"] == "tenant_quarantined"
    assert "bill" in tenant.json()["error"]["message"]
    assert again.status_code == 200


async def test_a_killed_agent_ends_what_runs(tmp_path: Path) -> None:
    async with place(tmp_path) as here, client(here) as ask:
        await ask.post("/v1/chat/completions", json=chat("hanger"), headers={"x-antiphon-timeout": "2s"})
        (run,) = await here.runs.page(principal("alice"), Asked())
        await here.runs.bar(Barred(kind="agent", name="hanger", tenant="", how="killed", by="op", at_ns=1))
        await until(here, run.id)
        ended = await here.runs.show(principal("alice"), run.id)
    assert ended.status == "cancelled"


def principal(name: str) -> Principal:
    return Principal(tenant="acme", key=name)


async def until(here: Place, run: str) -> None:
    await here.runs.wait(principal("alice"), run, here.clock.steady_s() + 60, through_waits=True)
