"""A journal that can't be written: nothing is sent, the caller is told, nothing is lost once there is room again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rig.config import Config, to_upstream
from rig.crowd import Gate
from rig.fixtures import Start
from rig.gateway import Answer, Gateway
from rig.loop import LoopThread
from rig.processes import shipper, stopped, workers
from rig.raw import Caller, request
from rig.upstream import Upstream, silent, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ASK = {"model": "gpt-test", "messages": []}
STREAM = {**ASK, "stream": True, "seed": 0}
ANSWER = b'{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
OPEN = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


JOURNAL_BYTES = 65_536


def small(up: Upstream) -> Config:
    """A configuration whose journal is soon full, if nothing empties it."""
    config = to_upstream(up.url)
    config["storage"]["journal_bytes"] = JOURNAL_BYTES
    return config


@contextmanager
def full_disk(gateway: Gateway) -> Iterator[None]:
    """The shipper stands still, and the worker can begin no other journal, as if the disk were full."""
    (worker,) = workers(gateway)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (JOURNAL_BYTES, resource.RLIM_INFINITY))
    try:
        with stopped(shipper(gateway)):
            yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, OPEN)


def filled(gateway: Gateway, up: Upstream) -> list[Answer]:
    """Ask until the journal has no room for another request. Returns: the answers."""
    told: list[Answer] = []
    while True:
        sent = len(up.seen)
        told.append(gateway.chat(ASK))
        assert len(told) < 200
        if len(up.seen) == sent:
            return told


def outcomes(gateway: Gateway, *answers: Answer | str) -> list[tuple[str, int, str]]:
    """(outcome, status, error) of receipts."""
    receipts = [gateway.receipt(answer) for answer in answers]
    return [(one["outcome"], one["status"], one.get("error", "")) for one in receipts]


def test_nothing_is_sent_and_the_caller_is_told(start: Start, up: Upstream) -> None:
    gateway = start(small(up))
    up.script = whole(ANSWER)
    before = gateway.chat(ASK)
    assert before.status == 200

    with full_disk(gateway):
        answers = filled(gateway, up)
        sent = len(up.seen)
        told = [gateway.chat(ASK), gateway.chat({**ASK, "stream": True}), gateway.chat({**ASK, "model": "none"})]
        assert len(up.seen) == sent
    after = gateway.chat(ASK)

    good = [one for one in answers if one.status == 200]
    lost = [*(one for one in answers if one.status != 200), *told]
    assert len(good) > 10
    assert answers[: len(good)] == good
    assert [(one.status, one.error["code"]) for one in lost] == [(503, "store_error")] * len(lost)
    assert all("make room" in one.error["message"] for one in lost)
    assert after.status == 200
    assert outcomes(gateway, before, *good, after) == [("ok", 200, "")] * (len(good) + 2)
    later = outcomes(gateway, *lost)
    assert {(status, error) for _, status, error in later} == {(503, "store_error")}
    assert [outcome for outcome, _, _ in later] == ["failed"] * (sent - len(good) - 1) + ["refused"] * (
        len(lost) - (sent - len(good) - 1)
    )
    assert gateway.metric("antiphon_requests_total", 'error="store_error"') == len(lost)
    assert gateway.metric("antiphon_attempts_in_flight") == 0

    assert gateway.stop() == 0
    ids = [one.id for one in gateway.stored()]
    assert len(ids) == len(set(ids)) == len(good) + len(lost) + 2
    assert {one.receipt_id for one in (before, *good, *lost, after)} == set(ids)
    assert list((gateway.data / "journal").iterdir()) == []


def test_an_answer_that_can_not_be_recorded_is_not_released(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(small(up))
    gate = Gate()
    up.script = gate.script
    with Caller(gateway) as caller:
        caller.send(request(gateway, STREAM))
        receipt_id = caller.receipt_id
        with full_disk(gateway):
            up.script = whole(ANSWER)
            filled(gateway, up)
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
    gateway = start(small(up))
    up.script = silent
    with Caller(gateway) as caller:
        caller.send(request(gateway, ASK, x_antiphon_session="left"))
        until(lambda: up.seen, "the request is upstream")
        with full_disk(gateway):
            up.script = whole(ANSWER)
            answers = filled(gateway, up)
            caller.leave()
            until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "the attempt is over")
    assert gateway.chat(ASK).status == 200

    count = len(answers) + 2
    receipts = until(lambda: gateway.stored() if len(gateway.stored()) == count else [], "all receipts")
    assert [one.outcome for one in receipts if one.lineage.session == "left"] == ["client_gone"]


def test_a_database_that_can_not_be_written_holds_no_request_up(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)
    first = gateway.chat(ASK)
    until(gateway.stored, "the first receipt is shipped")
    size = (gateway.data / "antiphon.db-wal").stat().st_size
    writer = shipper(gateway)
    resource.prlimit(writer, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    answers = [gateway.chat(ASK) for _ in range(20)]
    event = gateway.event("journal.not_shipped")

    assert event["level"] == "error"
    assert outcomes(gateway, first, *answers) == [("ok", 200, "")] * 21
    assert gateway.metric("antiphon_journal_unshipped_bytes") >= 0
    assert len(gateway.stored()) == 1
    resource.prlimit(writer, resource.RLIMIT_FSIZE, OPEN)
    until(lambda: len(gateway.stored()) == 21, "everything is shipped")
