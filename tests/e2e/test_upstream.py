"""Connections to upstreams: kept, queued for, bounded in time, and tried again only where that is safe."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rig.config import once, to_upstream
from rig.fixtures import Start
from rig.gateway import Config
from rig.loop import LoopThread
from rig.scripts import Held
from rig.upstream import JSON, Seen, Upstream, endless, head, silent, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ASK = {"model": "gpt-test", "messages": []}
ANSWER = b'{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'


def within(url: str, connections: int = 1000, **timeouts: float) -> Config:
    config = to_upstream(url, timeouts=timeouts)
    config["providers"]["up"]["connections"] = connections
    return once(config)


def test_connections_are_kept_and_used_again(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)

    receipts = [gateway.receipt(gateway.chat(ASK)) for _ in range(10)]

    assert up.open_connections == 1
    first, *others = [receipt["attempts"][0]["timings"] for receipt in receipts]
    assert first["connect_us"] > 0
    assert all("connect_us" not in one for one in others)


def test_a_stream_that_never_ends_is_ended(start: Start, up: Upstream) -> None:
    gateway = start(within(up.url, total_s=2.0))
    up.script = endless(EVENT)

    answer = gateway.chat({**ASK, "stream": True})

    assert answer.status == 200
    assert b'"code":"upstream_timeout"' in answer.body.rpartition(b"data: ")[2]
    receipt = gateway.receipt(answer)
    assert (receipt["outcome"], receipt["error"], receipt["status"]) == ("failed", "upstream_timeout", 200)
    assert receipt["duration_us"] >= 2_000_000
    until(lambda: up.last.gone_s is not None, "the upstream's connection is closed")


@pytest.mark.parametrize(
    ("timeouts", "phase"),
    [({"first_byte_s": 1.0}, "first byte"), ({"total_s": 1.0}, "whole answer")],
    ids=["first byte", "total"],
)
def test_an_upstream_that_says_nothing_is_given_up(
    start: Start, up: Upstream, timeouts: dict[str, float], phase: str
) -> None:
    gateway = start(within(up.url, **timeouts))
    up.script = silent

    answer = gateway.chat(ASK)

    assert (answer.status, answer.error["code"], answer.error["type"]) == (504, "upstream_timeout", "timeout_error")
    assert phase in answer.error["message"]


def test_more_requests_than_connections_wait_their_turn(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(within(up.url, connections=2))
    held = Held(whole(ANSWER))
    up.script = held.script

    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(gateway.chat, ASK) for _ in range(20)]
        until(lambda: gateway.metric("antiphon_attempts_in_flight") == 10, "as many as ask at once have come")
        assert len(up.seen) <= 2
        servers.run(held.release())
        answers = [one.result() for one in asked]

    assert {answer.status for answer in answers} == {200}
    assert up.open_connections <= 2
    receipts = [gateway.receipt(answer) for answer in answers]
    assert any(receipt["attempts"][0]["timings"].get("queue_us", 0) > 1000 for receipt in receipts)
    assert gateway.metric("antiphon_upstream_connections") <= 2


def test_a_wait_for_a_connection_has_an_end(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(within(up.url, connections=1, connect_s=1.0))
    held = Held(whole(ANSWER))
    up.script = held.script
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gateway.chat, ASK)
        until(lambda: up.seen, "the first is upstream")

        second = gateway.chat(ASK)
        servers.run(held.release())

        assert (second.status, second.error["code"]) == (504, "upstream_timeout")
        assert "no connection" in second.error["message"]
        assert first.result().status == 200
    assert len(up.seen) == 1
    assert gateway.metric("antiphon_attempts_in_flight") == 0


def test_a_kept_connection_that_was_closed_is_no_failure(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    assert gateway.chat(ASK).status == 200
    up.script = _closing_once(up)

    answer = gateway.chat(ASK)

    assert answer.status == 200
    attempts = gateway.receipt(answer)["attempts"]
    assert [attempt.get("error", "") for attempt in attempts] == ["upstream_stale_connection", ""]
    assert len({attempt["ticket"] for attempt in attempts}) == 2
    assert "connect_us" in attempts[1]["timings"]


def test_a_new_connection_that_is_closed_is_a_failure_and_tried_again_as_one(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = _closing_once(up)

    answer = gateway.chat(ASK)

    assert answer.status == 200
    attempts = gateway.receipt(answer)["attempts"]
    assert [attempt.get("failure", "") for attempt in attempts] == ["broken", ""]
    assert attempts[1]["reason"] == "same_key: broken"


def test_where_one_attempt_is_allowed_it_is_told(start: Start, up: Upstream) -> None:
    gateway = start(once(to_upstream(up.url)))
    up.script = _closing_once(up)

    answer = gateway.chat(ASK)

    assert (answer.status, answer.error["code"]) == (502, "upstream_broken")
    assert gateway.receipt(answer)["stopped"] == "1 of 1 attempts were made"
    assert len(up.seen) == 1


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (b"400 Bad Request", b'{"error":{"message":"m","type":"t","param":"p","code":"c"}}', (400, "p", "c")),
        (
            b"404 Not Found",
            b'{"error":{"message":"no such model","code":"model_not_found"}}',
            (404, None, "model_not_found"),
        ),
        (b"422 Unprocessable Entity", b"plain words", (422, None, "upstream_refused")),
        (b"418 I'm a teapot", b"", (502, None, "upstream_error")),
        (b"302 Found", b"", (502, None, "upstream_error")),
        (b"201 Created", ANSWER, (502, None, "upstream_error")),
        (b"500 Internal Server Error", b"x" * 200_000, (502, None, "upstream_error")),
    ],
)
def test_what_an_upstream_refuses_is_told_with_its_status(
    start: Start, up: Upstream, status: bytes, body: bytes, told: tuple[Any, ...]
) -> None:
    gateway = start(once(to_upstream(up.url)))
    up.script = whole(body, status=status)

    answer = gateway.chat(ASK)

    assert (answer.status, answer.error["param"], answer.error["code"]) == told
    receipt = gateway.receipt(answer)
    assert receipt["attempts"][0]["status"] == int(status[:3])
    assert receipt["outcome"] == "failed"


def test_an_error_amid_a_stream_is_told_once_and_in_our_words(start: Start, up: Upstream) -> None:
    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", b"text/event-stream", b"transfer-encoding: chunked\r\n\r\n"))
        error = b'data: {"error":{"message":"overloaded","code":"x"}}\n\n'
        for piece in (EVENT, error, b"data: [DONE]\n\n"):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    gateway = start(to_upstream(up.url))
    up.script = script

    answer = gateway.chat({**ASK, "stream": True})

    assert answer.body.startswith(EVENT)
    assert answer.body.count(b'"error"') == 1
    assert b'"code":"upstream_error"' in answer.body
    assert b"[DONE]" not in answer.body
    assert gateway.receipt(answer)["outcome"] == "failed"


def _closing_once(up: Upstream) -> Any:
    """Closes the connection of one request without an answer, and answers those after it."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        up.script = whole(ANSWER, kind=JSON)
        writer.close()
        raise ConnectionResetError

    return script
