"""Services, models and people that are asked before a call, on a real gateway."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from rig.config import KEYS, to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.upstream import Seen, Upstream, streamed, upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
ASK: dict[str, Any] = {"model": "gpt-test", "messages": [{"role": "user", "content": "pay 500"}]}
ADA = "sk-ada-approves-01"


@pytest.fixture
def service(servers: LoopThread):
    """A guard's service."""
    context = upstream()
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture
def chat(servers: LoopThread):
    """Who is told."""
    context = upstream()
    yield servers.enter(context)
    servers.leave(context)


def found(*kinds: str) -> Any:
    return whole(json.dumps({"findings": [{"kind": kind} for kind in kinds]}).encode())


def guarded(
    up: Upstream, service: Upstream, guard: dict[str, Any], hook: dict[str, Any] | None = None, **more: Any
) -> Config:
    up.script = whole(ANSWER)
    webhook = {"url": f"{service.url.removesuffix('/v1')}/check", "timeout_s": 10, **(hook or {})}
    base = to_upstream(up.url)
    keys = [*base.get("keys", KEYS), {"name": "ada", "key": ADA, "tenant": "acme", "roles": ["approver"]}]
    return {**base, "keys": keys, "guards": {"own": {"webhook": webhook, **guard}}, **more}


def test_a_service_that_finds_something_blocks_the_call_before_it_is_made(
    start: Start, up: Upstream, service: Upstream
) -> None:
    service.script = found("project")
    gateway = start(guarded(up, service, {"on": ["request"]}))
    answer = gateway.chat(ASK)
    assert (answer.status, answer.error["code"]) == (400, "guard_blocked")
    assert up.seen == []
    receipt = gateway.closed_receipt(answer.receipt_id)
    assert [(one["guard"], one["kind"], one["action"]) for one in receipt["findings"]] == [("own", "project", "block")]
    service.script = found()
    assert gateway.chat(ASK).status == 200


def test_an_answer_waits_for_a_service_that_is_asked_beside_the_call(
    start: Start, up: Upstream, service: Upstream
) -> None:
    service.script = found("project")
    gateway = start(guarded(up, service, {"on": ["request"]}, {"when": "beside"}))
    answer = gateway.chat(ASK)
    assert (answer.status, answer.error["code"]) == (400, "guard_blocked")
    assert b"fine" not in answer.body
    up.script = streamed(b'data: {"choices":[{"index":0,"delta":{"content":"fine"}}]}\n\n', b"data: [DONE]\n\n")
    answer = gateway.chat({**ASK, "stream": True})
    assert b"fine" not in answer.body
    assert b"content_filter" in answer.body or answer.status == 400


def test_people_are_asked_told_and_heard(start: Start, up: Upstream, service: Upstream, chat: Upstream) -> None:
    service.script = found("payment")
    chat.script = whole(b"ok")
    told = {"notify": [{"url": f"{chat.url.removesuffix('/v1')}/hook", "form": "slack", "shown": True}]}
    gateway = start(guarded(up, service, {"on": ["request"], "action": "approve"}, approvals=told, admin={"port": 0}))
    pending = gateway.chat(ASK)
    assert (pending.status, pending.error["code"]) == (202, "approval_pending")
    assert up.seen == []
    ticket = gateway.closed_receipt(pending.receipt_id)["approval"]
    assert ticket in pending.error["message"]
    assert gateway.get(f"/v1/approvals/{ticket}").json["state"] == "waiting"
    until(lambda: chat.seen, "nobody was told")
    assert b"pay 500" in chat.seen[0].body

    listed = json.loads(command(gateway, "approvals", "list", "--json", "--key", ADA))
    assert [one["id"] for one in listed["data"]] == [ticket]
    assert "pay 500" in command(gateway, "approvals", "show", ticket, "--key", ADA)
    command(gateway, "approvals", "approve", ticket, "--note", "go on", "--key", ADA)

    ran = gateway.chat(ASK, headers={"x-antiphon-approval": ticket})
    assert ran.status == 200, ran.body
    again = gateway.chat(ASK, headers={"x-antiphon-approval": ticket})
    assert (again.status, again.error["code"]) == (403, "approval_refused")
    assert len(up.seen) == 1
    said = gateway.get(f"/v1/approvals/{ticket}").json
    assert (said["state"], said["used"], said["votes"][0]["note"]) == ("approved", True, "go on")


def command(gateway: Gateway, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "antiphon", *arguments, "--config", str(gateway.file)],
        capture_output=True, text=True, cwd=gateway.home, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran
    return ran.stdout


def test_a_private_upstream_whose_name_leads_elsewhere_is_sent_nothing(start: Start, up: Upstream) -> None:
    up.script = whole(ANSWER)
    base = to_upstream(up.url.replace("127.0.0.1", "localhost"), zone="private")
    base["providers"]["up"]["networks"] = ["10.0.0.0/8"]
    gateway = start(base)
    answer = gateway.chat(ASK)
    receipt = gateway.closed_receipt(answer.receipt_id)
    assert (answer.status, {one["error"] for one in receipt["attempts"]}) == (502, {"egress_refused"})
    assert "10.0.0.0/8" in json.dumps(receipt)
    assert "localhost" not in answer.error["message"]
    assert (up.seen, up.open_connections) == ([], 0)


def test_a_stream_is_judged_before_it_goes_and_cut_off_where_it_was_bad(
    start: Start, up: Upstream, service: Upstream
) -> None:
    async def judging(seen: Seen, writer: asyncio.StreamWriter) -> None:
        bad = b"secret plan" in seen.body
        await whole(b'{"findings": [{"kind": "plan"}]}' if bad else b'{"findings": []}')(seen, writer)

    service.script = judging
    gateway = start(guarded(up, service, {"on": ["answer"]}, {"window_characters": 100}))
    words = ["Good words. " * 12, "More of it. " * 12, "The secret plan is this. " * 6, "And the end."]
    events = [
        b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() for text in words
    ]
    up.script = streamed(*events, b"data: [DONE]\n\n")
    answer = gateway.chat({**ASK, "stream": True})
    assert b"secret plan" not in answer.body
    assert b"And the end" not in answer.body
    assert b"content_filter" in answer.body or answer.status == 400
    receipt = gateway.closed_receipt(answer.receipt_id)
    assert "plan" in {one["kind"] for one in receipt["findings"]}
    up.script = streamed(*events[:2], b"data: [DONE]\n\n")
    assert b"More of it" in gateway.chat({**ASK, "stream": True}).body
