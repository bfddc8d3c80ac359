"""A caller that leaves takes its upstream request with it, and the receipt says so."""

import pytest

from rig.config import to_upstream
from rig.fixtures import Measure, Start
from rig.gateway import Gateway
from rig.raw import Caller, request
from rig.upstream import Upstream, endless, flood, half, silent
from rig.wait import until

pytestmark = pytest.mark.processes

EVENT = b'data: {"id":"c","model":"up-1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
USED = EVENT.replace(b"}]}\n", b'}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n')
ASK = {"model": "gpt-test", "messages": [], "stream": True}
SOON_S = 10.0
"""Far above the 50 ms that are promised, and far below any timeout of theirs: a busy machine is no defect. What was measured
is told at the end.
"""


def gone(upstream: Upstream, left_s: float) -> float:
    """Milliseconds from the caller's leaving to the upstream's noticing."""
    seen = upstream.last
    until(lambda: seen.gone_s is not None, "the upstream's connection is closed")
    assert seen.gone_s is not None
    assert seen.gone_s - left_s < SOON_S
    return (seen.gone_s - left_s) * 1000


def receipt_of(gateway: Gateway, session: str) -> dict[str, object]:
    def found() -> list[str]:
        return [one.id for one in gateway.stored() if one.lineage.session == session]

    return gateway.receipt(until(found, f"the receipt of {session}")[0])


@pytest.mark.parametrize("turn", range(20))
def test_amid_a_stream(relayed: tuple[Gateway, Upstream], measure: Measure, turn: int) -> None:
    gateway, upstream = relayed
    upstream.script = endless(EVENT)
    with Caller(gateway) as caller:
        caller.send(request(gateway, ASK))
        caller.read_until(b"data: ")
        receipt_id = caller.receipt_id
        left_s = caller.leave()

    measure("client gone to upstream closed, stream [ms]", gone(upstream, left_s))

    receipt = gateway.closed_receipt(receipt_id)
    assert (receipt["outcome"], receipt["status"], receipt["served"]) == ("client_gone", 200, "gpt-test")
    assert "usage" not in receipt
    assert any("events were released" in note for note in receipt["notes"])
    until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "no attempt runs")


def test_what_had_been_used_is_booked(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    upstream.script = endless(USED)
    with Caller(gateway) as caller:
        caller.send(request(gateway, ASK))
        caller.read_until(b"data: ")
        receipt_id = caller.receipt_id

    receipt = gateway.closed_receipt(receipt_id)
    assert receipt["outcome"] == "client_gone"
    assert receipt["usage"] == receipt["attempts"][0]["usage"] == {"input_tokens": 5, "output_tokens": 2}
    assert receipt["cost_nano_usd"] == 5 * 1000 + 2 * 2000


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_before_the_upstream_answers(relayed: tuple[Gateway, Upstream], measure: Measure, stream: bool) -> None:
    gateway, upstream = relayed
    upstream.script = silent
    before = len(upstream.seen)
    session = f"before-{stream}"
    with Caller(gateway) as caller:
        caller.send(request(gateway, {**ASK, "stream": stream}, x_antiphon_session=session))
        until(lambda: len(upstream.seen) > before, "the upstream has the request")
        left_s = caller.leave()

    measure("client gone to upstream closed, no answer yet [ms]", gone(upstream, left_s))

    receipt = receipt_of(gateway, session)
    assert (receipt["outcome"], receipt.get("status", 0)) == ("client_gone", 0)


def test_amid_a_whole_answer(relayed: tuple[Gateway, Upstream], measure: Measure) -> None:
    gateway, upstream = relayed
    upstream.script = half(b'{"id":"c","choi')
    before = len(upstream.seen)
    with Caller(gateway) as caller:
        caller.send(request(gateway, {**ASK, "stream": False}, x_antiphon_session="amid-whole"))
        until(lambda: len(upstream.seen) > before, "the upstream has the request")
        left_s = caller.leave()

    measure("client gone to upstream closed, whole [ms]", gone(upstream, left_s))

    assert receipt_of(gateway, "amid-whole")["outcome"] == "client_gone"


def test_while_it_sends_its_body(relayed: tuple[Gateway, Upstream]) -> None:
    gateway, upstream = relayed
    before = len(upstream.seen)
    with Caller(gateway) as caller:
        caller.send(request(gateway, ASK)[:-10])

    until(lambda: gateway.metric("antiphon_client_connections") <= 1, "the connection is forgotten")
    assert len(upstream.seen) == before


def test_one_that_stops_reading_holds_the_upstream_back_and_is_cut_off(start: Start, up: Upstream) -> None:
    config = to_upstream(up.url)
    config["server"] = {"limits": {"send_timeout_s": 0.5}}
    gateway = start(config)
    event = EVENT.replace(b'"a"', b'"%b"' % (b"a" * 60_000))
    up.script = flood(event, 10_000)
    with Caller(gateway, receive_bytes=8192) as caller:
        caller.send(request(gateway, ASK))
        receipt_id = caller.receipt_id
        until(lambda: up.last.gone_s is not None, "the upstream's connection is closed")

    assert up.last.sent * len(event) < 40_000_000
    receipt = gateway.closed_receipt(receipt_id)
    assert (receipt["outcome"], receipt["status"]) == ("client_gone", 200)
