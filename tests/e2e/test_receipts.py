"""Receipts: readable at once by those who may, true in every field, also those of errors."""

import re
import time
from hashlib import sha256

import pytest

from rig.config import ALICE, BOB, ROOT, to_upstream
from rig.fixtures import Start
from rig.gateway import Gateway
from rig.raw import Caller
from rig.upstream import Upstream, streamed, whole

pytestmark = pytest.mark.processes

ASK = {"model": "gpt-test", "messages": [{"role": "user", "content": "SECRET-PROMPT"}], "user": "end-user-7"}
ANSWER = (
    b'{"id":"c","model":"up-1-0125","system_fingerprint":"fp_1","choices":[{"index":0,"message":{"content":'
    b'"SECRET-ANSWER"}}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,'
    b'"prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":10}}}'
)
LINEAGE = {"session": "s-1", "run": "r-2", "step": "t-3", "parent": "p-4"}


def test_a_receipt_tells_the_whole_story(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    upstream.script = whole(ANSWER, more=b"x-request-id: up-req-1\r\n")
    before_ns = time.time_ns()

    answer = gateway.chat(ASK, headers={f"x-antiphon-{name}": value for name, value in LINEAGE.items()})
    receipt = gateway.receipt(answer)

    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", receipt["id"])
    assert abs(int(receipt["id"].replace("-", "")[:12], 16) * 1_000_000 - before_ns) < 10e9
    assert before_ns <= receipt["at_ns"] <= time.time_ns()
    assert receipt["revision"] == gateway.get("/readyz").json["revision"]
    assert (receipt["outcome"], receipt["status"]) == ("ok", 200)
    assert receipt["principal"] == {
        "tenant": "acme",
        "key": "alice",
        "user": "alice@acme.test",
        "team": "search",
        "tags": ["e2e"],
        "models": ["*"],
    }
    assert (receipt["endpoint"], receipt["dialect"]) == ("/v1/chat/completions", "openai_chat")
    assert (receipt["asked"], receipt["served"], receipt["served_model"]) == ("gpt-test", "gpt-test", "up-1-0125")
    assert (receipt["fingerprint"], receipt["user"]) == ("fp_1", "end-user-7")
    assert receipt["size_bytes"] > 0
    assert receipt["verdict"] == {"allowed": True, "reasons": ["key.models"]}
    assert receipt["lineage"] == LINEAGE
    assert receipt["usage"] == {"input_tokens": 100, "output_tokens": 50, "cached_tokens": 40, "reasoning_tokens": 10}
    assert (receipt["cost_nano_usd"], receipt["cost_basis"]) == (100 * 1000 + 50 * 2000, "reported")
    assert 0 < receipt["first_token_us"] <= receipt["duration_us"]

    plan = receipt["plan"]
    assert (plan["recipe"], plan["route"], plan["candidates"]) == ("single", "gpt-test", [{"deployment": "gpt-test"}])
    assert plan["steps"][0]["deployments"] == ["gpt-test"]

    (attempt,) = receipt["attempts"]
    assert (attempt["deployment"], attempt["provider"], attempt["model"]) == ("gpt-test", "up", "up-model-1")
    assert (attempt["status"], attempt["request_id"], attempt["zone"]) == (200, "up-req-1", "public")
    assert attempt["usage"] == receipt["usage"]
    assert attempt["cost_nano_usd"] == receipt["cost_nano_usd"]
    assert attempt["ticket"]
    timings = attempt["timings"]
    assert timings["first_byte_us"] <= timings["first_token_us"] <= timings["last_byte_us"]


def test_a_receipt_is_there_the_moment_the_answer_is(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    upstream.script = whole(ANSWER)

    for _ in range(50):
        assert gateway.receipt(gateway.chat(ASK))["outcome"] == "ok"


def test_who_may_read_it(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    upstream.script = whole(ANSWER)
    path = f"/v1/receipts/{gateway.chat(ASK).receipt_id}"

    assert gateway.get(path, key=ALICE).status == 200
    assert gateway.get(path, key=ROOT).status == 200
    other = gateway.get(path, key=BOB)
    assert (other.status, other.error["code"]) == (404, "receipt_not_found")
    nowhere = gateway.get(f"/v1/receipts/{'0' * 36}", key=BOB)
    assert nowhere.status == 404
    assert nowhere.error["message"].replace("0" * 36, "ID") == other.error["message"].replace(path[-36:], "ID")
    assert gateway.get(path, key="").status == 401
    assert gateway.get(path, key="sk-unknown").status == 401
    assert gateway.ask("DELETE", path).status == 405


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{", 400, "invalid_request"),
        (b'{"model":"gpt-test"}', 400, "invalid_request"),
        (b'{"model":"gpt-none","messages":[]}', 404, "model_not_found"),
    ],
)
def test_errors_have_receipts_that_their_caller_can_read(
    relayed: tuple[Gateway, Upstream], body: bytes, status: int, error: str
) -> None:
    gateway, _ = relayed

    answer = gateway.chat(body, key=BOB if status == 400 else ALICE)
    receipt = gateway.receipt(answer, key=BOB if status == 400 else ALICE)

    assert answer.status == status
    assert (receipt["outcome"], receipt["status"], receipt["error"]) == ("refused", status, error)
    assert receipt["detail"] == answer.error["message"]
    assert "attempts" not in receipt


def test_what_the_listener_refuses_has_a_receipt_too(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, _ = relayed
    with Caller(gateway) as caller:
        caller.send(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n")
        said = caller.read_all()

    assert said.startswith(b"HTTP/1.1 400 ")
    receipt = gateway.receipt(caller.receipt_id, key=ROOT)
    assert (receipt["outcome"], receipt["status"]) == ("refused", 400)


def test_an_unknown_key_has_a_receipt_that_an_admin_can_read(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, _ = relayed

    answer = gateway.chat(ASK, key="sk-unknown")

    assert answer.status == 401
    receipt = gateway.receipt(answer, key=ROOT)
    assert (receipt["error"], receipt.get("principal")) == ("invalid_api_key", None)


def test_lineage_that_is_too_long_is_refused(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, _ = relayed

    answer = gateway.chat(ASK, headers={"x-antiphon-run": "r" * 129})

    assert (answer.status, answer.error["param"]) == (400, "x-antiphon-run")


def test_a_receipt_holds_no_word_of_prompt_or_answer(start: Start, up: Upstream) -> None:
    gateway = start({**to_upstream(up.url), "telemetry": {"log_requests": "all", "log_level": "debug"}})
    up.script = whole(ANSWER)
    assert gateway.chat(ASK).status == 200
    up.script = whole(b'{"error":{"message":"bad: SECRET-PROMPT"}}', status=b"400 Bad Request")
    refused = gateway.chat(ASK)
    assert refused.error["message"] == "bad: SECRET-PROMPT"
    up.script = streamed(b'data: {"error":{"message":"SECRET-ANSWER"}}\n\n')
    gateway.chat({**ASK, "stream": True})
    assert gateway.stop() == 0

    assert len(gateway.stored()) == 3
    finished = [line for line in gateway.events() if line["event"].startswith("request.")]
    assert [(line["outcome"], line["status"]) for line in finished] == [("ok", 200), ("failed", 400), ("failed", 502)]
    assert [line["receipt"] for line in finished] == [receipt.id for receipt in gateway.stored()]
    assert all({"at", "level", "event"} <= line.keys() for line in gateway.events())
    for file in [gateway.log_file, *gateway.data.rglob("*")]:
        content = file.read_bytes() if file.is_file() else b""
        assert b"SECRET" not in content, file
        assert ALICE.encode() not in content, file


def test_the_same_request_has_the_same_digest_and_another_id(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    upstream.script = whole(ANSWER)
    body = b'{"model":"gpt-test","messages":[]}'

    receipts = [gateway.receipt(gateway.chat(body)) for _ in range(2)]

    assert {receipt["digest"] for receipt in receipts} == {sha256(body).hexdigest()}
    assert receipts[0]["id"] < receipts[1]["id"]
