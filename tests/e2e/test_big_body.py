"""A 20 MB body passes, bytes and digest right, while others are served; one over the limit is refused."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest

from rig.config import to_upstream
from rig.fixtures import Measure, Start
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.raw import Caller
from rig.scripts import Held
from rig.upstream import Seen, Upstream, whole

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","choices":[]}'
SMALL = b'{"model":"gpt-test","messages":[]}'
MB = 1_000_000
LONG: dict[str, bytes] = {
    "one long text": b'{"messages":[{"role":"user","content":"%b"}],"model":"gpt-test"}'
    % (b"lorem ipsum " * (20 * MB // 12)),
    "escapes": rb'{"model":"gpt-test","messages":[{"role":"user","content":"%b"}]}'
    % (rb"\"\\\u00e9\n" * (20 * MB // 12)),
    "many messages": b'{"model":"gpt-test","messages":[%b]}'
    % b",".join([b'{"role":"user","content":"%b"}' % (b"x" * 1000)] * (20 * MB // 1030)),
    "model behind it all": b'{"messages":[%b],"model":"gpt-test","stream":false}'
    % b",".join([b'{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:%b"}}]}' % (b"A" * MB)] * 20),
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG.keys())
def test_it_passes_while_others_are_served(
    start: Start, up: Upstream, servers: LoopThread, measure: Measure, body: bytes
) -> None:
    gateway = start(to_upstream(up.url))
    held = Held(whole(ANSWER))

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await (held.script if len(seen.body) > MB else whole(ANSWER))(seen, writer)

    up.script = script
    assert gateway.chat(SMALL).status == 200
    waits_ms: list[float] = []

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(gateway.chat, body)
        while not long.done():
            began_s = time.perf_counter()
            assert gateway.chat(SMALL).status == 200
            waits_ms.append((time.perf_counter() - began_s) * 1000)
            if len(waits_ms) == 2:  # the long one's answer waits for them, however fast it is
                servers.run(held.release())
        answer = long.result()

    assert answer.status == 200
    (seen,) = [one for one in up.seen if len(one.body) > MB]
    assert sha256(seen.body).digest() == sha256(body.replace(b'"gpt-test"', b'"up-model-1"')).digest()
    receipt = gateway.receipt(answer)
    assert (receipt["digest"], receipt["size_bytes"]) == (sha256(body).hexdigest(), len(body))
    assert len(waits_ms) > 1
    measure("a small request beside a 20 MB one, longest [ms]", max(waits_ms))
    measure("loop lag while a 20 MB body passes [ms]", gateway.metric("antiphon_loop_lag_max_seconds") * 1000)


@pytest.fixture
def bounded(start: Start, up: Upstream) -> Gateway:
    """A gateway that takes bodies of a million bytes."""
    config = to_upstream(up.url)
    config["server"] = {"limits": {"max_body_bytes": MB}}
    return start(config)


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes(bounded: Gateway, up: Upstream) -> None:
    with Caller(bounded) as caller:
        caller.send(HEAD + b"content-length: 1000001\r\n\r\n")
        said = caller.read_all()

    assert said.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"request_too_large"' in said
    assert b"1000000 bytes" in said
    assert up.seen == []


def test_a_body_that_turns_out_too_long_is_refused(bounded: Gateway, up: Upstream) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    with Caller(bounded) as caller:
        caller.send(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk * 17)
        said = caller.read_all()

    assert said.startswith(b"HTTP/1.1 413 ")
    assert up.seen == []


def test_a_body_of_just_the_limit_passes(bounded: Gateway, up: Upstream) -> None:
    up.script = whole(ANSWER)
    frame = b'{"model":"gpt-test","messages":[],"x":"%b"}'

    answer = bounded.chat(frame % (b"x" * (MB - len(frame) + 2)))

    assert answer.status == 200
    assert bounded.receipt(answer)["size_bytes"] == MB
    assert bounded.chat(frame % (b"x" * (MB - len(frame) + 3))).status == 413
