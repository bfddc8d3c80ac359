"""SIGTERM: what runs finishes, nothing new begins, every receipt is shipped, and the exit code is 0."""

import os
import signal
import socket

import pytest

from rig.config import to_upstream
from rig.crowd import Gate
from rig.fixtures import Start
from rig.gateway import Gateway, stored
from rig.loop import LoopThread
from rig.processes import runs, workers
from rig.raw import PATIENCE_S, Caller, request
from rig.upstream import Upstream, silent, whole
from rig.wait import until

pytestmark = pytest.mark.processes

STREAM = {"model": "gpt-test", "messages": [], "stream": True, "seed": 0}
ANSWER = b'{"id":"c","object":"chat.completion","choices":[]}'


def refuses(gateway: Gateway) -> bool:
    """Whether the port takes no connection any more; one that is reset came as the port was let go of."""
    with socket.socket() as one:
        one.settimeout(PATIENCE_S)
        try:
            one.connect(("127.0.0.1", gateway.port))
        except ConnectionRefusedError:
            return True
        except ConnectionError:
            return False
    return False


@pytest.mark.parametrize("count", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_stream_finishes_and_new_connections_are_refused(
    start: Start, up: Upstream, servers: LoopThread, number: signal.Signals, count: str
) -> None:
    gateway = start(to_upstream(up.url), "--workers", count)
    gate = Gate()
    up.script = gate.script
    with Caller(gateway) as caller:
        caller.send(request(gateway, STREAM))
        receipt_id = caller.receipt_id

        gateway.signal(number)
        until(lambda: refuses(gateway), "new connections are refused")
        assert gateway.process is not None
        assert gateway.process.poll() is None
        servers.run(gate.open())
        said = caller.read_all()

    assert said.endswith(b"0\r\n\r\n")
    assert b"data: [DONE]" in said
    assert gateway.ended() == 0
    kept = {one.id: one for one in stored(gateway.data)}
    assert kept.pop(receipt_id).outcome == "ok"
    # A probe that the kernel had taken already is told 503 by a worker that drains, and every refusal has its receipt.
    assert all((one.outcome, one.status, one.dialect) == ("refused", 503, "http") for one in kept.values())
    assert list((gateway.data / "journal").iterdir()) == []


def test_what_outlasts_the_drain_is_cut_and_says_so(start: Start, up: Upstream) -> None:
    config = to_upstream(up.url)
    config["server"] = {"drain_timeout_s": 0.3}
    gateway = start(config)
    gate = Gate()
    up.script = gate.script
    with Caller(gateway) as streaming, Caller(gateway) as waiting:
        streaming.send(request(gateway, STREAM))
        begun = streaming.receipt_id
        up.script = silent
        waiting.send(request(gateway, {**STREAM, "stream": False}))
        until(lambda: len(up.seen) == 2, "both requests are upstream")

        gateway.signal()
        streaming.read_all()
        waiting.read_all()

    assert b"[DONE]" not in streaming.received
    assert gateway.ended() == 0
    by_id = {receipt.id: receipt for receipt in stored(gateway.data)}
    assert {receipt.outcome for receipt in by_id.values()} == {"interrupted"}
    assert {receipt.error for receipt in by_id.values()} == {"drain_timeout"}
    assert by_id[begun].status == 200
    until(lambda: up.open_connections == 0, "the upstream sees both go")


def test_an_idle_connection_does_not_hold_it_up(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    with Caller(gateway) as caller:
        caller.send(request(gateway, {**STREAM, "stream": False}))
        caller.read_until(ANSWER)

        assert gateway.stop() == 0
        caller.read_all()


def test_a_request_that_is_half_sent_when_it_drains_is_still_answered(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    data = request(gateway, {**STREAM, "stream": False})
    with Caller(gateway) as caller:
        caller.send(data[:-5])
        until(lambda: gateway.metric("antiphon_client_connections") >= 2, "the gateway reads it")
        gateway.signal()
        until(lambda: refuses(gateway), "it drains")
        caller.send(data[-5:])
        said = caller.read_all()

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in said
    assert gateway.ended() == 0


def test_an_interrupt_from_the_keyboard_lets_an_answer_of_its_own_lab_finish(start: Start, up: Upstream) -> None:
    config = to_upstream(up.url)
    config["providers"]["lab"] = {"lab": {"models": {"sim": {"tokens_per_s": 40, "answer_tokens": 20}}}}
    config["models"]["sim"] = {"provider": "lab"}
    gateway = start(config)
    with Caller(gateway) as caller:
        caller.send(request(gateway, {**STREAM, "model": "sim", "messages": [{"role": "user", "content": "hi"}]}))
        caller.read_until(b"data: ")

        os.killpg(gateway.pid, signal.SIGINT)
        said = caller.read_all()

    assert b"data: [DONE]" in said
    assert gateway.ended() == 0


def test_children_end_when_their_supervisor_is_killed(start: Start, up: Upstream, servers: LoopThread) -> None:
    config = to_upstream(up.url)
    config["providers"]["lab"] = {"lab": {"models": {"sim": {}}}}
    config["models"]["sim"] = {"provider": "lab"}
    gateway = start(config, "--workers", "2")
    children = gateway.children()
    assert len(children) == 4
    assert len(workers(gateway)) == 2
    gate = Gate()
    up.script = gate.script
    with Caller(gateway) as caller:
        caller.send(request(gateway, STREAM))
        receipt_id = caller.receipt_id
        gateway.signal(signal.SIGKILL)
        gateway.ended()
        servers.run(gate.open())
        caller.read_until(b"data: [DONE]")

    until(lambda: not any(runs(pid) for pid in children), "no child outlives its supervisor")
    gateway.start()
    assert gateway.receipt(receipt_id)["outcome"] == "ok"


def test_a_second_gateway_is_kept_off_the_data(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    second = Gateway(gateway.home, gateway.config)
    try:
        second.launch()
        assert second.ended() == 1
    finally:
        second.close()
    assert f"another gateway uses {gateway.data}" in gateway.log_file.read_text()
    up.script = whole(ANSWER)
    assert gateway.chat({**STREAM, "stream": False}).status == 200
