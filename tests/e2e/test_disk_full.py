"""A journal that can't be written: nothing is sent, the caller is told, nothing is lost once there is room again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.config import to_upstream
from rig.crowd import Gate
from rig.fixtures import Start
from rig.gateway import Answer, Gateway
from rig.loop import LoopThread
from rig.processes import shipper, workers
from rig.raw import Caller, request
from rig.upstream import Upstream, silent, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ASK = {"model": "gpt-test", "messages": []}
STREAM = {**ASK, "stream": True, "seed": 0}
ANSWER = b'{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
OPEN = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@contextmanager
def full_disk(gateway: Gateway, room_bytes: int = 0) -> Iterator[None]:
    """The worker's file can grow by so many bytes only, as if the disk were full behind them."""
    (worker,) = workers(gateway)
    (segment,) = (gateway.data / "journal").glob("*.journal")
    limit = segment.stat().st_size + room_bytes
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, OPEN)


def grown(gateway: Gateway) -> int:
    """Make the journal longer than the log and the names of metrics: the limit is for every file of the process.

    Returns: requests that it took.
    """
    (segment,) = (gateway.data / "journal").glob("*.journal")
    asked = 0
    while segment.stat().st_size < 20_000:
        assert gateway.chat(ASK).status == 200
        asked += 1
    return asked


def outcomes(gateway: Gateway, *answers: Answer | str) -> list[tuple[str, int, str]]:
    """(outcome, status, error) of receipts."""
    receipts = [gateway.receipt(answer) for answer in answers]
    return [(one["outcome"], one["status"], one.get("error", "")) for one in receipts]


@pytest.mark.parametrize("room_bytes", [0, 100, 1500], ids=["no room", "room for a part", "room for one record"])
def test_nothing_is_sent_and_the_caller_is_told(start: Start, up: Upstream, room_bytes: int) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    warmed = grown(gateway)
    before = gateway.chat(ASK)
    assert before.status == 200

    with full_disk(gateway, room_bytes):
        told = [gateway.chat(ASK), gateway.chat({**ASK, "stream": True}), gateway.chat({**ASK, "model": "none"})]
        sent = len(up.seen) - warmed
        told.append(gateway.chat(ASK))
        assert len(up.seen) - warmed == sent
    after = gateway.chat(ASK)

    assert [(one.status, one.error["code"]) for one in told] == [(503, "store_error")] * 4
    assert all("make room" in one.error["message"] or "disk full" in one.error["message"] for one in told)
    assert (after.status, sent) == (200, 1 + (room_bytes == 1500))
    assert outcomes(gateway, before, after) == [("ok", 200, "")] * 2
    later = outcomes(gateway, *told)
    assert {(status, error) for _, status, error in later} == {(503, "store_error")}
    assert [outcome for outcome, _, _ in later[1:]] == ["refused"] * 3
    assert later[0][0] == ("failed" if room_bytes == 1500 else "refused")
    assert gateway.metric("antiphon_requests_total", 'error="store_error"') == 4
    assert gateway.metric("antiphon_attempts_in_flight") == 0

    assert gateway.stop() == 0
    ids = [one.id for one in gateway.stored()]
    assert len(ids) == len(set(ids)) == warmed + 6
    assert {one.receipt_id for one in (before, *told, after)} <= set(ids)
    assert list((gateway.data / "journal").iterdir()) == []


def test_an_answer_that_can_not_be_recorded_is_not_released(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(to_upstream(up.url))
    gate = Gate()
    up.script = gate.script
    with Caller(gateway) as caller:
        caller.send(request(gateway, STREAM))
        receipt_id = caller.receipt_id
        with full_disk(gateway):
            servers.run(gate.open())
            said = caller.read_until(b"0\r\n\r\n")
        up.script = whole(ANSWER)
        assert gateway.chat(ASK).status == 200

    assert b"[DONE]" not in said
    assert b'"code":"store_error"' in said
    assert outcomes(gateway, receipt_id) == [("failed", 200, "store_error")]
    receipt = gateway.receipt(receipt_id)
    assert receipt["usage"] == {"input_tokens": 3, "output_tokens": 4}


def test_a_caller_that_leaves_meanwhile_has_its_receipt_later(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = silent
    with Caller(gateway) as caller:
        caller.send(request(gateway, ASK, x_antiphon_session="left"))
        until(lambda: up.seen, "the request is upstream")
        with full_disk(gateway):
            caller.leave()
            until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "the attempt is over")
    up.script = whole(ANSWER)
    assert gateway.chat(ASK).status == 200

    receipts = until(lambda: gateway.stored() if len(gateway.stored()) == 2 else [], "both receipts")
    assert [one.outcome for one in receipts if one.lineage.session == "left"] == ["client_gone"]


def test_a_database_that_can_not_be_written_holds_no_request_up(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    first = gateway.chat(ASK)
    until(gateway.stored, "the first receipt is shipped")
    size = (gateway.data / "antiphon.db-wal").stat().st_size
    resource.prlimit(shipper(gateway), resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    answers = [gateway.chat(ASK) for _ in range(20)]
    event = gateway.event("journal.not_shipped")

    assert event["level"] == "error"
    assert outcomes(gateway, first, *answers) == [("ok", 200, "")] * 21
    assert gateway.metric("antiphon_journal_unshipped_bytes") >= 0
    assert len(gateway.stored()) == 1
    resource.prlimit(shipper(gateway), resource.RLIMIT_FSIZE, OPEN)
    until(lambda: len(gateway.stored()) == 21, "everything is shipped")
