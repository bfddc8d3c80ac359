"""What a lab keeps of the requests that it received."""

import asyncio
import hashlib
import json
from contextlib import closing
from typing import Any

import httptools
import pytest
from openai import AsyncOpenAI

from antiphon.core.clock import Clock
from antiphon.net.listener import bind
from antiphon.providers.lab.records import KEPT_BODY_BYTES, KEPT_BYTES, KEPT_REQUESTS, Records
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import Fault, FaultSettings, LabModel, LabSettings

QUICK = LabModel(tokens_per_s=1e6)


class StandingClock(Clock):
    """Time that the test moves."""

    def __init__(self) -> None:
        self.at_ns = 1_700_000_000_000_000_000

    def now_ns(self) -> int:
        return self.at_ns

    def steady_s(self) -> float:
        return self.at_ns / 1e9


class Reply:
    """A whole answer, parsed; status 0 when the connection was closed without one."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.status = 0
        if data:
            parser = httptools.HttpResponseParser(self)
            parser.feed_data(data)
            self.status = parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.body += body


async def ask(lab: Running, method: str, path: str, body: bytes = b"", key: str = "none") -> Reply:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection(lab.host, lab.port)
    head = f"{method} {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\nauthorization: Bearer {key}\r\n"
    writer.write(head.encode() + b"content-length: %d\r\n\r\n%b" % (len(body), body))
    reply = Reply(await reader.read())
    writer.close()
    return reply


async def ask_json(lab: Running, method: str, path: str) -> Any:
    return json.loads((await ask(lab, method, path)).body)


def chat(content: str, model: str = "lab", **more: object) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": content}], **more}).encode()


async def test_a_record_says_what_came_and_what_was_done() -> None:
    clock = StandingClock()
    body = chat("Hello there, lab")
    async with running(LabSettings(models={"lab": QUICK}), clock=clock) as lab:
        answer = json.loads((await ask(lab, "POST", "/v1/chat/completions", body, key="sk-1")).body)
        listed = await ask_json(lab, "GET", "/lab/requests")
    [received] = listed
    assert received == {
        "id": 1,
        "path": "/v1/chat/completions",
        "dialect": "openai_chat",
        "number": 1,
        "at_ns": clock.at_ns,
        "ended_ns": clock.at_ns,
        "model": "lab",
        "body": body.decode(),
        "body_bytes": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "headers": {
            "host": "lab",
            "connection": "close",
            "authorization": "Bearer sk-1",
            "content-length": str(len(body)),
        },
        "key": received["key"],
        "stream": False,
        "fault": None,
        "status": 200,
        "error": "",
        "input_tokens": 4,
        "output_tokens": answer["usage"]["completion_tokens"],
        "left_early": False,
    }
    assert answer["created"] == clock.at_ns // 10**9


async def test_requests_that_can_not_be_read_are_recorded_with_their_error() -> None:
    async with running(LabSettings(models={"lab": QUICK})) as lab:
        bad = await ask(lab, "POST", "/v1/chat/completions", b"{")
        other = await ask(lab, "POST", "/v1/chat/completions", chat("x", model="other"))
        listed = await ask_json(lab, "GET", "/lab/requests")
    assert (bad.status, other.status) == (400, 404)
    assert [(one["status"], one["error"], one["number"]) for one in listed] == [
        (400, "invalid_request", 0),
        (404, "model_not_found", 0),
    ]


async def test_requests_are_numbered_by_model_and_listed_by_model_newest_last() -> None:
    async with running(LabSettings(models={"a": QUICK, "b": QUICK})) as lab:
        for model in "abaa":
            await ask(lab, "POST", "/v1/chat/completions", chat("x", model=model))
        every = await ask_json(lab, "GET", "/lab/requests")
        some = await ask_json(lab, "GET", "/lab/requests?model=a&last=2")
        wrong = await ask(lab, "GET", "/lab/requests?last=many")
        cleared = await ask_json(lab, "DELETE", "/lab/requests")
        none = await ask_json(lab, "GET", "/lab/requests")
        stats = await ask_json(lab, "GET", "/lab/stats")
    assert [(one["id"], one["model"], one["number"]) for one in every] == [
        (1, "a", 1), (2, "b", 1), (3, "a", 2), (4, "a", 3),
    ]  # fmt: skip
    assert [one["id"] for one in some] == [3, 4]
    assert wrong.status == 400
    assert cleared == none == []
    assert stats["requests"] == 4
    assert stats["tokens"]["b"]["input"] == 1
    assert stats["tokens"]["a"]["input"] == 3


@pytest.mark.parametrize("fault", ["hang", "slow_drip", "huge_body"])
async def test_a_caller_that_leaves_early_is_recorded(fault: Fault) -> None:
    settings = LabSettings(models={"lab": LabModel(tokens_per_s=1e6, faults=[FaultSettings(kind=fault)])})
    async with running(settings) as lab:
        reader, writer = await asyncio.open_connection(lab.host, lab.port)
        body = chat("x", stream=True)
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: lab\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        if fault != "hang":
            await reader.read(1)
        stats = await ask_json(lab, "GET", "/lab/stats")
        assert (stats["running"], stats["open_streams"], stats["open_connections"]) == (1, 1, 2)
        writer.transport.abort()
        while stats["running"]:
            stats = await ask_json(lab, "GET", "/lab/stats")
        [received] = await ask_json(lab, "GET", "/lab/requests")
    assert received["left_early"]
    assert (stats["left_early"], stats["open_streams"], stats["open_connections"]) == (1, 0, 1)


async def test_a_stream_that_its_caller_leaves_stops_being_made() -> None:
    settings = LabSettings(models={"lab": LabModel(tokens_per_s=500, answer_tokens=100_000)})
    async with (
        running(settings) as lab,
        AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="any", max_retries=0) as client,
    ):
        stream = await client.chat.completions.create(
            model="lab", messages=[{"role": "user", "content": "x"}], stream=True
        )
        async for _ in stream:
            break
        await stream.close()
        [received] = await ask_json(lab, "GET", "/lab/requests")
        while received["ended_ns"] is None:
            [received] = await ask_json(lab, "GET", "/lab/requests")
    assert received["left_early"]


async def test_who_is_cut_off_by_the_lab_has_not_left_early() -> None:
    settings = LabSettings(models={"lab": LabModel(faults=[FaultSettings(kind="hang")])})
    async with running(settings) as lab:
        waiting = asyncio.create_task(ask(lab, "POST", "/v1/chat/completions", chat("x")))
        while not (await ask_json(lab, "GET", "/lab/stats"))["running"]:
            pass
        await lab.server.stop()
        assert (await waiting).status == 0
        with closing(bind(lab.host, lab.port)) as sock:
            await lab.server.start(sock)
            [received] = await ask_json(lab, "GET", "/lab/requests")
            await lab.server.stop()
    assert not received["left_early"]
    assert received["ended_ns"] is not None


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("POST", "/v1/models"), ("GET", "/v1/chat/completions"), ("PUT", "/lab/faults")]
)
async def test_what_it_does_not_serve_is_not_found(method: str, path: str) -> None:
    async with running(LabSettings(models={"lab": QUICK})) as lab:
        reply = await ask(lab, method, path)
    assert reply.status == (400 if method == "PUT" else 404)
    assert json.loads(reply.body)["error"]["type"] == "invalid_request_error"


def test_records_are_a_ring() -> None:
    kept = Records()
    for number in range(KEPT_REQUESTS + 5):
        kept.open(b"x%d" % number, {}, number)
    listed = kept.listed(None, KEPT_REQUESTS + 5)
    assert len(listed) == KEPT_REQUESTS
    assert (listed[0].id, listed[-1].id) == (6, KEPT_REQUESTS + 5)
    assert kept.tally(0).requests == KEPT_REQUESTS + 5


def test_of_a_long_body_the_start_is_kept_and_the_whole_is_hashed() -> None:
    body = b"ab" * KEPT_BODY_BYTES
    received = Records().open(body, {}, 0)
    assert received.body == body[:KEPT_BODY_BYTES].decode()
    assert (received.body_bytes, received.sha256) == (len(body), hashlib.sha256(body).hexdigest())


def test_all_records_together_keep_a_bounded_number_of_bytes() -> None:
    kept = Records()
    body = b"x" * KEPT_BODY_BYTES
    most = KEPT_BYTES // KEPT_BODY_BYTES
    for _ in range(most + 3):
        kept.open(body, {b"a": b"b"}, 0)
    listed = kept.listed(None, KEPT_REQUESTS)
    assert sum(received.kept_bytes for received in listed) <= KEPT_BYTES
    assert [bool(received.body) for received in listed[:6]] == [False] * 4 + [True] * 2
    assert listed[0].sha256 == listed[-1].sha256
