"""Every fault of the lab, whole and streamed: a clear typed error, a receipt, nothing hung, nothing leaked."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from antiphon.providers.lab.run import Running
from antiphon.providers.lab.settings import Fault
from rig.config import UPSTREAM_KEY
from rig.gateway import Gateway
from rig.labs import FAULTS, RETRY_S
from rig.wait import until

pytestmark = pytest.mark.processes


@dataclass
class Told:
    """What the caller is told: a status and a code; `begun`: the stream had begun, so the error is its last event."""

    status: int
    code: str
    upstream_status: int | None = None
    retry_after: str | None = None
    begun: bool = False


BROKEN = Told(502, "upstream_broken")
TIMEOUT = Told(504, "upstream_timeout")
MALFORMED = Told(502, "upstream_malformed", 200)
AFTER = f"{RETRY_S:.0f}"

WHOLE: dict[Fault, Told | None] = {
    "refuse": BROKEN,
    "hang": TIMEOUT,
    "rate_limited": Told(429, "upstream_rate_limited", 429, AFTER),
    "unauthorized": Told(502, "upstream_auth", 401),
    "payment_required": Told(429, "upstream_quota", 402),
    "hidden_quota": Told(429, "upstream_quota", 400),
    "error_500": Told(502, "upstream_error", 500),
    "error_502": Told(502, "upstream_error", 502),
    "error_503": Told(503, "upstream_overloaded", 503, AFTER),
    "error_529": Told(503, "upstream_overloaded", 529),
    "slow_drip": Told(504, "upstream_timeout", 200),
    "cut": Told(502, "upstream_broken", 200),
    "malformed_json": MALFORMED,
    "malformed_sse": MALFORMED,
    "no_usage": None,
    "wrong_usage": None,
    "wrong_content_type": MALFORMED,
    "huge_body": MALFORMED,
}
STREAM: dict[Fault, Told | None] = {
    **WHOLE,
    "cut": Told(502, "upstream_broken", 200, begun=True),
    "malformed_sse": Told(502, "upstream_malformed", 200, begun=True),
}


def stats(lab: Running) -> dict[str, Any]:
    with urllib.request.urlopen(f"{lab.url}/lab/stats", timeout=10) as response:
        return json.load(response)


def assert_nothing_is_left(gateway: Gateway, lab: Running) -> None:
    """No attempt runs, and the lab has no connection open but those that we keep, and the one that asks."""

    def quiet() -> bool:
        told = stats(lab)
        return (
            told["running"] == told["open_streams"] == 0
            and gateway.metric("antiphon_attempts_in_flight") == 0
            and gateway.metric("antiphon_upstream_connections") == told["open_connections"] - 1
        )

    until(quiet, "an upstream connection or attempt is left open")


def ask(gateway: Gateway, fault: Fault, *, stream: bool) -> tuple[int, dict[str, str], bytes]:
    body = {"model": f"fault-{fault}", "messages": [{"role": "user", "content": "Hello!"}], "stream": stream}
    answer = gateway.chat(body)
    return answer.status, answer.headers, answer.body


def test_every_fault_has_an_expectation() -> None:
    assert WHOLE.keys() == STREAM.keys() == set(FAULTS)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", [fault for fault, told in WHOLE.items() if told is not None])
def test_a_fault_is_told(gateway: Gateway, lab: Running, fault: Fault, stream: bool) -> None:
    told = (STREAM if stream else WHOLE)[fault]
    assert told is not None

    status, headers, body = ask(gateway, fault, stream=stream)

    assert status == (200 if told.begun else told.status), body
    error = json.loads(_last_event(body) if told.begun else body)["error"]
    assert error["code"] == told.code
    assert error["message"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert headers.get("retry-after") == told.retry_after
    assert UPSTREAM_KEY.encode() not in body

    receipt = gateway.closed_receipt(headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt["error"], receipt["status"]) == ("failed", told.code, status)
    assert receipt["detail"]
    last = receipt["attempts"][-1]
    assert (last["deployment"], last["error"], last.get("status")) == (
        f"fault-{fault}",
        told.code,
        told.upstream_status,
    )
    assert last["timings"]["last_byte_us"] > 0
    assert "usage" not in receipt
    assert receipt["cost_basis"] == "no_usage"
    assert_nothing_is_left(gateway, lab)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", ["no_usage", "wrong_usage"])
def test_usage_that_is_missing_or_absurd_is_not_booked(
    gateway: Gateway, lab: Running, fault: Fault, stream: bool
) -> None:
    status, headers, body = ask(gateway, fault, stream=stream)

    assert status == 200
    assert b"a simulated model" in body or stream
    receipt = gateway.receipt(headers["x-antiphon-receipt"])
    assert receipt["outcome"] == "ok"
    assert "usage" not in receipt
    assert "cost_nano_usd" not in receipt
    assert receipt["cost_basis"] == "no_usage"
    assert ("usage" in str(receipt.get("notes", ""))) == (fault == "wrong_usage")
    assert_nothing_is_left(gateway, lab)


def test_what_was_said_before_a_stream_broke_has_reached_the_caller(gateway: Gateway) -> None:
    _, headers, body = ask(gateway, "cut", stream=True)

    assert body.count(b'"object":"chat.completion.chunk"') == 3
    assert b"[DONE]" not in body
    assert "stream: 3 events were released" in gateway.closed_receipt(headers["x-antiphon-receipt"])["notes"]


def test_faults_all_at_once_leave_nothing_behind(gateway: Gateway, lab: Running) -> None:
    quick = [fault for fault in FAULTS if fault != "huge_body"]
    before = stats(lab)["requests"]
    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(ask, gateway, fault, stream=bool(turn % 2)) for turn in range(4) for fault in quick]
        answers = [one.result() for one in asked]

    ids = {headers["x-antiphon-receipt"] for _, headers, _ in answers}
    assert len(ids) == len(answers)
    receipts = [gateway.closed_receipt(one) for one in ids]
    assert {receipt["outcome"] for receipt in receipts} == {"ok", "failed"}
    assert_nothing_is_left(gateway, lab)
    attempts = sum(len(receipt["attempts"]) for receipt in receipts)
    stale = sum(a.get("error") == "upstream_stale_connection" for one in receipts for a in one["attempts"])
    assert attempts - stale <= stats(lab)["requests"] - before <= attempts


def _last_event(body: bytes) -> bytes:
    return body.rstrip().rpartition(b"data: ")[2]
