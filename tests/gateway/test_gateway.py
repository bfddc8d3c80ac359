import asyncio
import io
import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asks import asking, gone, told
from fakes.house import AT_NS, DONE, KEY, USAGE, House, NotedReply, chunk, completion, deployed, events_of, usage_event
from fakes.upstream import Answer, Hangs
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from receipts import ALICE

from antiphon.calls.answer import MAX_ANSWER_BYTES
from antiphon.calls.settings import CallsSettings
from antiphon.calls.settings_flow import AdmissionSettings
from antiphon.core.error import (
    AntiphonError,
    BadRequest,
    OverLimit,
    StaleConnection,
    UpstreamBroken,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from antiphon.core.principal import Principal
from antiphon.core.receipt import Loss
from antiphon.core.request import Lineage, Request, Trace
from antiphon.core.usage import Usage
from antiphon.routing.route import Prompt
from antiphon.telemetry import log
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.settings import OtlpSettings
from antiphon.telemetry.trace import Tracer

COST = 10 * 150 + 5 * 600
"""Nano-dollars of USAGE at the price of the house's deployment."""
OPEN = ["tickets.reserve", "journal.opened", "transport.send"]
STREAM = [chunk("a"), chunk("b"), chunk(finish="stop")]


# --- answers


async def test_a_whole_answer_goes_out_as_it_came_once_it_is_recorded(tmp_path: Path) -> None:
    answer = Answer(completion()[:20], completion()[20:])
    house = House(tmp_path, answer)

    reply = await told(house)

    assert reply.out == completion()
    assert house.events == [*OPEN, "tickets.settle", "journal.closed", "reply.whole"]
    assert answer.over
    assert reply.served is not None
    assert (reply.served.receipt_id, reply.served.deployment) == (house.receipt.id, "small")


async def test_a_receipt_tells_the_whole_story(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion(), headers={b"x-request-id": b"req-1"}))
    asked = msgspec.structs.replace(
        asking(user="eve", max_tokens=9, n=2), lineage=Lineage(session="s", run="r", step="1", parent="p")
    )

    await told(house, asked)

    receipt = house.receipt
    assert (receipt.id, receipt.at_ns, receipt.revision) == ("00000001-0000-7000-8000-000000000000", AT_NS, "rev-1")
    assert (receipt.outcome, receipt.status, receipt.error, receipt.detail) == ("ok", 200, "", "")
    assert (receipt.principal, receipt.user, receipt.worker) == (ALICE, "eve", 3)
    assert (receipt.endpoint, receipt.dialect, receipt.stream) == ("/v1/chat/completions", "openai_chat", False)
    assert (receipt.asked, receipt.served, receipt.served_model) == ("fast", "small", "gpt-4o-mini-2026")
    assert (receipt.fingerprint, receipt.digest, receipt.size_bytes) == ("fp_1", asked.digest, asked.body.size_bytes)
    assert (receipt.needs, receipt.output_tokens, receipt.answers) == (("multiple_answers",), 9, 2)
    assert receipt.verdict is not None
    assert receipt.verdict.allowed
    assert receipt.plan is not None
    assert (receipt.plan.route, receipt.seed) == ("fast", 0)
    assert receipt.plan.steps[0].envelope.output_tokens == 18
    assert (receipt.usage, receipt.cost_nano_usd) == (Usage(input_tokens=10, output_tokens=5), COST)
    assert receipt.cost_basis == "reported"
    assert receipt.lineage == asked.lineage
    assert (receipt.losses, receipt.notes, receipt.captured) == ((), (), False)
    assert receipt.duration_us > 0
    assert receipt.first_token_us is not None
    (attempt,) = receipt.attempts
    assert (attempt.deployment, attempt.status, attempt.request_id, attempt.error) == ("small", 200, "req-1", "")
    assert (attempt.usage, attempt.cost_nano_usd) == (receipt.usage, COST)


async def test_the_open_record_says_what_is_known_before_anything_is_sent(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), profile="groq")

    await told(house, asking(logprobs=False))

    (draft,) = house.journal.open
    receipt = house.receipt
    assert (draft.outcome, draft.id, draft.asked, draft.digest) == ("running", receipt.id, "fast", receipt.digest)
    assert (draft.plan, draft.verdict, draft.principal) == (receipt.plan, receipt.verdict, ALICE)
    assert (draft.needs, draft.losses) == (receipt.needs, receipt.losses)
    assert len(draft.losses) == 1
    assert [attempt.ticket for attempt in draft.attempts] == [attempt.ticket for attempt in receipt.attempts]


async def test_a_stream_goes_out_event_by_event_and_ends_once_it_is_recorded(tmp_path: Path) -> None:
    answer = events_of(*STREAM, usage_event(), DONE)
    house = House(tmp_path, answer)

    reply = await told(house, asking(stream=True))

    assert reply.out == b"".join(STREAM) + DONE
    writes = ["reply.begin", "reply.write", "reply.write", "reply.write"]
    assert house.events == [*OPEN, *writes, "tickets.settle", "journal.closed", "reply.end"]
    assert (house.receipt.outcome, house.receipt.stream) == ("ok", True)
    assert (house.receipt.served_model, house.receipt.fingerprint) == ("gpt-4o-mini-2026", "fp_1")
    assert (house.receipt.usage, house.receipt.cost_nano_usd) == (Usage(input_tokens=10, output_tokens=5), COST)
    assert answer.closed == 1


async def test_the_last_byte_of_a_stream_waits_for_its_record(tmp_path: Path) -> None:
    """All in one piece: nothing of it but the head may be begun before the record stands."""
    house = House(tmp_path, events_of(b"".join([*STREAM, DONE])))

    reply = await told(house, asking(stream=True))

    assert reply.out == b"".join([*STREAM, DONE])
    assert house.events == [*OPEN, "reply.begin", "tickets.settle", "journal.closed", "reply.end"]


async def test_a_caller_that_wants_the_usage_event_gets_it(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(*STREAM, usage_event(), DONE))

    reply = await told(house, asking(stream=True, stream_options={"include_usage": True}))

    assert reply.out == b"".join([*STREAM, usage_event(), DONE])


async def test_a_stream_without_its_done_is_whole_when_it_has_finished(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(*STREAM))

    reply = await told(house, asking(stream=True))

    assert reply.out == b"".join(STREAM)
    assert (house.receipt.outcome, house.receipt.cost_basis) == ("ok", "no_usage")
    assert house.events[-3:] == ["tickets.settle", "journal.closed", "reply.end"]


async def test_a_last_event_without_its_end_goes_out_too(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk("a"), chunk(finish="stop").rstrip()), capture_most_bytes=10_000)

    reply = await told(house, asking(stream=True))

    assert reply.out == chunk("a") + chunk(finish="stop").rstrip()
    assert captured(house)["answer"] == reply.out


async def test_first_token_is_the_first_content_not_the_first_event(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk(), chunk(finish="stop"), DONE))

    await told(house, asking(stream=True))

    assert house.receipt.first_token_us is None
    assert house.receipt.attempts[0].timings.first_token_us is None


async def test_a_callers_pressure_reaches_the_upstream_while_a_stream_runs(tmp_path: Path) -> None:
    answer = events_of(*STREAM, hangs=True)
    house = House(tmp_path, answer)
    reply = NotedReply(house.events)
    task = asyncio.ensure_future(house.gateway.answer(asking(stream=True), ALICE, house.arrival(), reply))
    while "reply.write" not in house.events:
        await asyncio.sleep(0)

    assert reply.pressure is not None
    reply.pressure(True)
    paused = answer.paused
    reply.pressure(False)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (paused, answer.paused) == (True, False)
    assert reply.pressure is None


async def test_a_stale_connection_shows_as_an_attempt_of_its_own(tmp_path: Path) -> None:
    house = House(tmp_path, StaleConnection("gone"), Answer(completion()), attempts=2)

    await told(house)

    assert [attempt.error for attempt in house.receipt.attempts] == ["upstream_stale_connection", ""]
    assert house.receipt.outcome == "ok"
    assert len({attempt.ticket for attempt in house.receipt.attempts}) == 2


async def test_what_goes_upstream_is_the_callers_body_with_our_edits(tmp_path: Path) -> None:
    prompt = Prompt(id="brief", version="0123456789ab", text="Be brief.")
    house = House(tmp_path, events_of(*STREAM, DONE), prompt=prompt)

    await told(house, asking(stream=True, temperature=0.5))

    sent, _ = house.transport.sent[0]
    assert json.loads(b"".join(sent.body)) == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
    }
    assert sent.head.startswith(house.target.ways["openai_chat"].heads[0])
    assert house.receipt.plan is not None
    assert house.receipt.plan.prompt == "brief@0123456789ab"


async def test_what_a_provider_can_not_carry_is_in_the_receipt(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), profile="groq")

    await told(house, asking(logit_bias={}))

    assert house.receipt.losses == (Loss(field="logit_bias", why="groq refuses it", effect="left out of the request"),)


@pytest.mark.parametrize(
    ("usage", "basis", "noted"),
    [(None, "no_usage", False), ({"prompt_tokens": -1, "completion_tokens": 1}, "no_usage", True)],
)
async def test_a_use_that_is_not_known_is_not_made_up(
    tmp_path: Path, usage: dict[str, Any] | None, basis: str, noted: bool
) -> None:
    house = House(tmp_path, Answer(completion(usage=usage)))

    await told(house)

    assert (house.receipt.usage, house.receipt.cost_nano_usd, house.receipt.cost_basis) == (None, None, basis)
    assert any(note.startswith("usage: ") for note in house.receipt.notes) == noted


async def test_an_unpriced_deployment_costs_what_nobody_knows(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), deployment=deployed(price=None))

    await told(house)

    assert (house.receipt.cost_nano_usd, house.receipt.cost_basis) == (None, "unpriced")
    assert house.receipt.usage is not None


# --- refusals


async def refused(house: House, asked: Request, code: str, status: int, principal: Principal = ALICE) -> NotedReply:
    reply = await told(house, asked, principal)
    assert reply.failure is not None
    assert (reply.failure.said_code, reply.failure.said_status) == (code, status)
    assert reply.receipt_id == house.receipt.id
    assert (house.receipt.outcome, house.receipt.error, house.receipt.status) == ("refused", code, status)
    assert "transport.send" not in house.events
    assert (house.receipt.served, house.receipt.attempts, house.receipt.cost_basis) == ("", (), "")
    return reply


async def test_a_model_that_a_key_may_not_ask_for_is_refused(tmp_path: Path) -> None:
    limited = Principal(tenant="acme", key="limited", models=("other",))
    house = House(tmp_path)

    reply = await refused(house, asking(), "model_not_allowed", 403, limited)

    assert house.receipt.verdict is not None
    assert not house.receipt.verdict.allowed
    assert reply.failure is not None
    assert reply.failure.param == "model"
    assert house.events == ["journal.closed", "reply.error"]


async def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path)

    await refused(house, asking(model="nope"), "model_not_found", 404)

    assert (house.receipt.asked, house.receipt.plan) == ("nope", None)


async def test_whether_a_model_is_there_is_not_told_to_who_may_not_ask(tmp_path: Path) -> None:
    limited = Principal(tenant="acme", key="limited", models=("other",))

    await refused(House(tmp_path), asking(model="nope"), "model_not_allowed", 403, limited)


async def test_a_request_that_no_model_can_take_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path, deployment=deployed(capabilities=frozenset()))

    await refused(house, asking(tools=[{"type": "function"}]), "no_capable_model", 400)

    assert "small: lacks tools" in house.receipt.detail


async def test_a_full_deployment_refuses_where_none_may_wait(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        Answer(completion(), hangs=True),
        deployment=deployed(concurrency=1),
        calls=CallsSettings(admission=AdmissionSettings(room=0)),
    )
    first = asyncio.ensure_future(house.answer(asking()))
    while "transport.send" not in house.events:
        await asyncio.sleep(0)

    reply = await house.answer(asking())

    assert reply.failure is not None
    assert (reply.failure.said_status, reply.failure.retry_after_s) == (429, 1)
    (receipt,) = house.journal.shut
    assert (receipt.outcome, receipt.error) == ("refused", "rate_limit_exceeded")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    house.check_settled()


async def test_a_request_waits_for_a_full_deployment_until_it_has_room(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion("1")), Answer(completion("2")), deployment=deployed(concurrency=1))

    replies = await asyncio.gather(house.answer(asking()), house.answer(asking()))

    assert [reply.out for reply in replies] == [completion("1"), completion("2")]
    first, second = house.journal.shut
    assert first.attempts[0].timings.waited_us is None
    assert second.attempts[0].timings.waited_us is not None
    sends = [at for at, event in enumerate(house.events) if event == "transport.send"]
    assert house.events.index("tickets.settle") < sends[1], "one after the other"
    house.check_settled()


async def test_a_spent_budget_refuses(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.tickets.refuses = True

    await refused(house, asking(), "rate_limit_exceeded", 429)


async def test_a_request_that_can_not_be_written_down_is_not_sent(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.journal.failing.add("opened")

    await refused(house, asking(), "store_error", 503)

    assert house.events == ["tickets.reserve", "journal.opened", "tickets.settle", "journal.closed", "reply.error"]


async def test_a_request_that_could_not_be_read_has_a_receipt_too(tmp_path: Path) -> None:
    house = House(tmp_path)
    for principal in (None, ALICE):
        reply = NotedReply(house.events)

        house.gateway.refuse(BadRequest("not JSON", param="x"), house.arrival(), reply, principal)

        receipt = house.journal.shut[-1]
        assert (receipt.outcome, receipt.status, receipt.error) == ("refused", 400, "invalid_request")
        assert (receipt.principal, receipt.endpoint, receipt.asked) == (principal, "/v1/chat/completions", "")
        assert (reply.receipt_id, reply.ended) == (receipt.id, True)


# --- failures upstream


async def failed(house: House, asked: Request, code: str, status: int, released: bytes = b"") -> NotedReply:
    reply = await told(house, asked)
    assert reply.failure is not None
    assert reply.failure.said_code == code
    assert (house.receipt.outcome, house.receipt.error, house.receipt.status) == ("failed", code, status)
    assert house.receipt.attempts[-1].error == code
    assert house.events.index("journal.closed") < house.events.index("reply.error")
    assert reply.out == released
    return reply


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UpstreamUnreachable("no"), 502),
        (UpstreamTimeout("no"), 504),
        (UpstreamBroken("no"), 502),
        (UpstreamMalformed("no"), 502),
        (OverLimit("no"), 429),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_upstream_that_gives_no_answer_is_told_of(
    tmp_path: Path, error: AntiphonError, status: int, stream: bool
) -> None:
    house = House(tmp_path, error)

    await failed(house, asking(stream=stream), error.said_code, status)

    assert house.receipt.served == ""


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        (400, "upstream_refused", 400),
        (401, "upstream_auth", 502),
        (402, "upstream_quota", 429),
        (404, "upstream_refused", 404),
        (429, "upstream_rate_limited", 429),
        (500, "upstream_error", 502),
        (503, "upstream_overloaded", 503),
        (529, "upstream_overloaded", 503),
        (204, "upstream_error", 502),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_answer_is_told_by_what_it_means(
    tmp_path: Path, status: int, code: str, shown: int, stream: bool
) -> None:
    answer = Answer(b'{"error":{"message":"no"}}', status=status, headers={b"retry-after": b"9"})
    house = House(tmp_path, answer)

    reply = await failed(house, asking(stream=stream), code, shown)

    assert reply.failure is not None
    assert reply.failure.retry_after_s == 9
    assert house.receipt.attempts[0].status == status
    assert answer.closed == 1


@pytest.mark.parametrize(
    "trouble", [{"fails": UpstreamBroken("cut")}, {"fails": UpstreamTimeout("slow")}, {"pieces": b"x" * 100_000}]
)
async def test_an_error_answer_that_can_not_be_read_is_told_by_its_status(
    tmp_path: Path, trouble: dict[str, Any]
) -> None:
    pieces = [trouble.pop("pieces", b"")]
    house = House(tmp_path, Answer(*pieces, status=429, **trouble))

    await failed(house, asking(), "upstream_rate_limited", 429)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(completion(), kind=b"text/html"),
        Answer(completion(), kind=b""),
        Answer(completion(), kind=b"text/event-stream"),
        Answer(b"{"),
        Answer(b'{"error":{"message":"no"}}'),
        Answer(completion(choices="none")),
        Answer(b"x" * 1000, b"x" * MAX_ANSWER_BYTES),
    ],
    ids=["html", "no type", "a stream", "torn", "an error", "no choices", "too long"],
)
async def test_an_answer_that_is_none_is_malformed(tmp_path: Path, answer: Answer) -> None:
    await failed(House(tmp_path, answer), asking(), "upstream_malformed", 502)

    assert answer.closed >= 1


@pytest.mark.parametrize("error", [UpstreamBroken("cut"), UpstreamTimeout("slow")])
async def test_an_answer_that_breaks_off_is_not_released(tmp_path: Path, error: AntiphonError) -> None:
    await failed(House(tmp_path, Answer(completion()[:10], fails=error)), asking(), error.said_code, error.said_status)


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [
        (events_of(), "upstream_broken", 502),
        (events_of(b": ping"), "upstream_broken", 502),
        (events_of(b"data: {"), "upstream_broken", 502),
        (events_of(b"data: {\n\n"), "upstream_malformed", 502),
        (events_of(fails=UpstreamTimeout("slow")), "upstream_timeout", 504),
        (events_of(b'data: {"error":{"message":"overloaded"}}\n\n', DONE), "upstream_error", 502),
        (events_of(b'data: {"error":{"message":"overloaded"}}\n\n' + DONE), "upstream_error", 502),
        (events_of(b'data: {"error":"overloaded"}'), "upstream_error", 502),
        (Answer(b"".join(STREAM), kind=b"application/json"), "upstream_malformed", 502),
    ],
)
async def test_a_stream_that_fails_before_its_first_event_is_an_error_answer(
    tmp_path: Path, answer: Answer, code: str, status: int
) -> None:
    house = House(tmp_path, answer)

    reply = await failed(house, asking(stream=True), code, status)

    assert not reply.begun
    assert house.receipt.served == ""
    assert answer.closed >= 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (events_of(chunk("a"), chunk("b")), "upstream_broken"),
        (events_of(chunk("a"), chunk("b"), chunk("c")[:20]), "upstream_broken"),
        (events_of(chunk("a"), chunk("b"), fails=UpstreamBroken("cut")), "upstream_broken"),
        (events_of(chunk("a"), chunk("b"), fails=UpstreamTimeout("slow")), "upstream_timeout"),
        (events_of(chunk("a"), chunk("b"), b"data: nonsense\n\n", DONE), "upstream_malformed"),
        (events_of(chunk("a"), chunk("b"), b'data: {"error":{}}\n\n', DONE), "upstream_error"),
        (events_of(chunk("a"), chunk("b") + b'data: {"error":{}}\n\n' + DONE), "upstream_error"),
    ],
)
async def test_a_stream_that_fails_amid_ends_with_an_error(tmp_path: Path, answer: Answer, code: str) -> None:
    house = House(tmp_path, answer)

    reply = await failed(house, asking(stream=True), code, 200, released=chunk("a") + chunk("b"))

    assert reply.begun
    assert (house.receipt.served, house.receipt.served_model) == ("small", "gpt-4o-mini-2026")
    assert any("2 events were released" in note for note in house.receipt.notes) or code == "upstream_error"
    assert answer.closed >= 1


async def test_an_error_in_a_stream_ends_it_although_the_upstream_stays(tmp_path: Path) -> None:
    answer = events_of(chunk("a"), b'data: {"error":{"message":"overloaded"}}\n\n', hangs=True)

    await failed(House(tmp_path, answer), asking(stream=True), "upstream_error", 200, released=chunk("a"))

    assert answer.closed == 1


async def test_what_a_broken_stream_used_is_booked(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk("a", usage=USAGE), fails=UpstreamBroken("cut")))
    asked = asking(stream=True, stream_options={"include_usage": True})

    await failed(house, asked, "upstream_broken", 200, released=chunk("a", usage=USAGE))

    assert (house.receipt.usage, house.receipt.cost_nano_usd) == (Usage(input_tokens=10, output_tokens=5), COST)
    assert house.tickets.counted.spent == COST


async def test_trouble_behind_the_end_of_an_answer_troubles_nobody(tmp_path: Path) -> None:
    for number, trouble in enumerate(({"fails": UpstreamBroken("cut")}, {"fails": UpstreamTimeout("slow")})):
        directory = tmp_path / str(number)
        directory.mkdir()
        house = House(directory, events_of(*STREAM, DONE, b"data: nonsense\n\n", **trouble))

        reply = await told(house, asking(stream=True))

        assert reply.out == b"".join([*STREAM, DONE])
        assert (house.receipt.outcome, house.receipt.attempts[0].error) == ("ok", "")


# --- callers that leave


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_that_leaves_before_an_answer_began(tmp_path: Path, stream: bool) -> None:
    house = House(tmp_path, Hangs())

    reply = await gone(house, asking(stream=stream), when="transport.send")

    assert (house.receipt.outcome, house.receipt.status, house.receipt.error) == ("client_gone", 0, "")
    assert house.receipt.served == "", "nothing was released"
    assert not reply.begun
    assert not reply.ended


@pytest.mark.parametrize("answer", [Answer(completion(), hangs=True), events_of(hangs=True)])
async def test_a_caller_that_leaves_while_an_answer_is_read(tmp_path: Path, answer: Answer) -> None:
    house = House(tmp_path, answer)

    await gone(house, asking(stream=b"event" in answer.headers[b"content-type"]), when="transport.send")

    assert (house.receipt.outcome, house.receipt.status, house.receipt.served) == ("client_gone", 0, "")
    assert house.receipt.attempts[0].status == 200
    assert answer.closed == 1


async def test_a_caller_that_leaves_amid_a_stream(tmp_path: Path) -> None:
    answer = events_of(chunk("a", usage=USAGE), chunk("b"), hangs=True)
    house = House(tmp_path, answer)

    reply = await gone(house, asking(stream=True), when="reply.write")

    receipt = house.receipt
    assert (receipt.outcome, receipt.status, receipt.served) == ("client_gone", 200, "small")
    assert receipt.served_model == "gpt-4o-mini-2026"
    assert (receipt.usage, receipt.cost_nano_usd) == (Usage(input_tokens=10, output_tokens=5), COST)
    assert any("events were released" in note for note in receipt.notes)
    assert (answer.closed, reply.ended) == (1, False)


async def test_a_caller_that_leaves_after_the_end_was_served(tmp_path: Path) -> None:
    answer = events_of(*STREAM, DONE, hangs=True)
    house = House(tmp_path, answer)

    reply = await gone(house, asking(stream=True), when="reply.end")

    assert (house.receipt.outcome, house.receipt.status) == ("ok", 200)
    assert (answer.closed, reply.ended) == (1, True)


async def test_a_caller_that_is_cut_off_was_interrupted(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk("a"), hangs=True))
    house.cutting = True

    await gone(house, asking(stream=True), when="reply.write")

    assert (house.receipt.outcome, house.receipt.error, house.receipt.status) == ("interrupted", "drain_timeout", 200)


# --- a store that fails


async def test_a_whole_answer_that_can_not_be_recorded_is_not_released(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    house.journal.failing.add("closed")

    reply = await told(house)

    assert (reply.out, reply.begun) == (b"", False)
    assert reply.failure is not None
    assert reply.failure.said_status == 503
    (owed,) = house.journal.owed
    assert (owed.outcome, owed.error, owed.status) == ("failed", "store_error", 503)
    assert owed.usage == Usage(input_tokens=10, output_tokens=5), "it was used, whoever got the answer"
    assert house.journal.shut == []


async def test_a_stream_that_can_not_be_recorded_ends_with_an_error(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(*STREAM, DONE))
    house.journal.failing.add("closed")

    reply = await told(house, asking(stream=True))

    assert reply.out == b"".join(STREAM), "all but the end"
    assert reply.failure is not None
    (owed,) = house.journal.owed
    assert (owed.outcome, owed.error, owed.status) == ("failed", "store_error", 200)


async def test_a_refusal_that_can_not_be_recorded_is_still_an_answer(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.journal.failing.add("closed")

    reply = await told(house, asking(model="nope"))

    assert reply.failure is not None
    assert reply.failure.said_code == "store_error"
    assert house.journal.owed[0].outcome == "refused"


async def test_a_departure_that_can_not_be_recorded_is_owed(tmp_path: Path) -> None:
    house = House(tmp_path, Hangs())
    house.journal.failing.add("closed")

    await gone(house, asking(), when="transport.send")

    assert house.receipt.outcome == "client_gone"
    assert len(house.journal.owed) == 1


async def test_content_that_can_not_be_kept_keeps_the_answer_back(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), capture_most_bytes=1000)
    house.journal.failing.add("captured")

    reply = await told(house)

    assert reply.out == b""
    assert house.receipt.error == "store_error"
    assert not house.receipt.captured


# --- our own bugs


@pytest.mark.parametrize("stream", [False, True])
async def test_a_bug_is_answered_and_recorded(tmp_path: Path, stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    house = House(tmp_path, RuntimeError("a bug"))

    reply = await told(house, asking(stream=stream))

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.failure.said_status) == ("internal_error", 500)
    assert "a bug" not in reply.failure.message
    assert (house.receipt.outcome, house.receipt.error, house.receipt.status) == ("failed", "internal_error", 500)
    assert [record.getMessage() for record in caplog.records] == ["request.crashed"]


async def test_a_bug_amid_a_stream_ends_it_with_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = House(tmp_path, events_of(chunk("a"), fails=RuntimeError("a bug")))

    reply = await told(house, asking(stream=True))

    assert (reply.out, reply.failure is not None) == (chunk("a"), True)
    assert (house.receipt.error, house.receipt.status) == ("internal_error", 200)


class BrokenMetrics(Metrics):
    def finished(self, receipt: Any, route: str, plan: Any) -> None:
        raise RuntimeError("a bug in counting")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_bug_in_counting_costs_nobody_the_answer(
    tmp_path: Path, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path, events_of(*STREAM, DONE) if stream else Answer(completion()))
    broken = BrokenMetrics(house.metrics._slots)
    house.gateway.process = msgspec.structs.replace(house.gateway.process, metrics=broken)

    reply = await told(house, asking(stream=stream))

    assert reply.failure is None
    assert house.receipt.outcome == "ok"
    assert [record.getMessage() for record in caplog.records] == ["telemetry.failed"]


# --- content


def captured(house: House) -> dict[str, Any]:
    sealed = house.journal.contents[house.receipt.id]
    context, _, plain = sealed.partition(b"|")
    assert context.decode() == f"acme/{house.receipt.id}"
    return msgspec.msgpack.decode(plain)


@pytest.mark.parametrize("stream", [False, True])
async def test_content_is_kept_when_the_configuration_says_so(tmp_path: Path, stream: bool) -> None:
    house = House(
        tmp_path, events_of(*STREAM, usage_event(), DONE) if stream else Answer(completion()), capture_most_bytes=10_000
    )
    asked = asking(stream=stream)

    reply = await told(house, asked)

    assert captured(house) == {"request": asked.body.whole(), "answer": reply.out, "cut": False}
    assert house.receipt.captured
    assert house.events.index("journal.captured") < house.events.index("journal.closed")


@pytest.mark.parametrize("stream", [False, True])
async def test_content_is_cut_where_the_configuration_says_so(tmp_path: Path, stream: bool) -> None:
    asked = asking(stream=stream)
    for most in (10, len(b"".join(STREAM))):
        directory = tmp_path / str(most)
        directory.mkdir()
        house = House(
            directory, events_of(*STREAM, DONE) if stream else Answer(completion("x" * 1000)), capture_most_bytes=most
        )

        reply = await told(house, asked)

        assert captured(house) == {"request": asked.body.whole()[:most], "answer": reply.out[:most], "cut": True}


@pytest.mark.parametrize("stream", [False, True])
async def test_content_is_not_kept_unless_told(tmp_path: Path, stream: bool) -> None:
    house = House(tmp_path, events_of(*STREAM, DONE) if stream else Answer(completion()))

    await told(house, asking(stream=stream))

    assert house.journal.contents == {}
    assert not house.receipt.captured


async def test_of_a_broken_stream_what_was_released_is_kept(tmp_path: Path) -> None:
    house = House(tmp_path, events_of(chunk("a"), fails=UpstreamBroken("cut")), capture_most_bytes=10_000)

    reply = await told(house, asking(stream=True))

    assert captured(house)["answer"] == reply.out == chunk("a")


# --- traces


async def test_a_sampled_trace_goes_on_upstream_and_its_spans_are_sent(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    tracer = Tracer(
        OtlpSettings(endpoint="http://127.0.0.1:1/v1/traces"),
        random.Random(0),
        lambda _: SimpleSpanProcessor(exporter),
    )
    house = House(tmp_path, Answer(completion()), tracer=tracer)
    came = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True)

    await told(house, msgspec.structs.replace(asking(), trace=came))

    request_span, attempt_span = exporter.get_finished_spans()
    sent, _ = house.transport.sent[0]
    assert f"traceparent: 00-{came.trace_id}-{request_span.context.span_id:016x}-01\r\n".encode() in sent.head
    assert attempt_span.parent is not None
    assert attempt_span.parent.span_id == request_span.context.span_id
    assert house.receipt.trace_id == came.trace_id


async def test_without_a_tracer_a_callers_trace_goes_on_as_it_came(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))
    came = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True, state="a=1")

    await told(house, msgspec.structs.replace(asking(), trace=came))

    sent, _ = house.transport.sent[0]
    assert sent.head.endswith(f"traceparent: 00-{came.trace_id}-{came.parent_id}-01\r\ntracestate: a=1\r\n".encode())
    assert house.receipt.trace_id == came.trace_id


async def test_without_a_trace_none_is_made_up(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()))

    await told(house)

    assert house.transport.sent[0][0].head == house.target.ways["openai_chat"].heads[0]
    assert house.receipt.trace_id == ""


# --- logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.start("info", stream)
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])


@pytest.mark.parametrize(
    ("script", "stream", "events"),
    [
        ([Answer(completion("ANSWER-MARK"))], False, ["request.finished"]),
        ([events_of(chunk("ANSWER-MARK"), chunk(finish="stop"), DONE)], True, ["request.finished"]),
        ([events_of(chunk("ANSWER-MARK"))], True, ["request.failed"]),
        ([Answer(b'{"error":{"message":"ANSWER-MARK PROMPT-MARK"}}', status=400)], False, ["request.failed"]),
        ([Answer(b'{"error":{"message":"ANSWER-MARK PROMPT-MARK"}}', status=500)], False, ["request.failed"]),
        ([Answer(b"ANSWER-MARK")], False, ["request.failed"]),
        ([events_of(b"data: ANSWER-MARK\n\n")], True, ["request.failed"]),
        ([events_of(b'data: {"error":{"message":"ANSWER-MARK"}}\n\n')], True, ["request.failed"]),
        ([RuntimeError("a bug")], False, ["request.crashed", "request.failed"]),
    ],
)
async def test_logs_and_receipts_say_nothing_of_what_was_said(
    tmp_path: Path, written: io.StringIO, script: list[Any], stream: bool, events: list[str]
) -> None:
    house = House(tmp_path, *script, log_requests="all")
    asked = asking(stream=stream, messages=[{"role": "user", "content": "PROMPT-MARK"}])

    await told(house, asked)

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == events
    assert {line["receipt"] for line in lines} == {house.receipt.id}
    receipts = msgspec.json.encode([house.receipt, *house.journal.open]).decode()
    for text in (written.getvalue(), receipts):
        assert "PROMPT-MARK" not in text
        assert "ANSWER-MARK" not in text
        assert KEY not in text


@pytest.mark.parametrize(
    ("setting", "lines"),
    [
        ("all", ["request.finished", "request.failed", "request.failed"]),
        ("errors", ["request.failed"] * 2),
        ("none", []),
    ],
)
async def test_which_requests_are_logged_is_the_configurations_to_say(
    tmp_path: Path, written: io.StringIO, setting: str, lines: list[str]
) -> None:
    house = House(tmp_path, Answer(completion()), UpstreamTimeout("slow"), log_requests=setting)

    for model in ("fast", "fast", "nope"):
        await house.answer(asking(model=model))

    found = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in found] == lines
    if setting == "all":
        assert [
            (line["outcome"], line["status"], line["error"], line["model"], line["deployment"]) for line in found
        ] == [
            ("ok", 200, "", "fast", "small"),
            ("failed", 504, "upstream_timeout", "fast", "small"),
            ("refused", 404, "model_not_found", "nope", ""),
        ]


# --- many at once


async def test_many_requests_at_once_have_each_their_own_story(tmp_path: Path) -> None:
    count = 50
    script: list[Any] = [
        Answer(completion(str(number))) if number % 3 else UpstreamTimeout("slow") for number in range(count)
    ]
    house = House(tmp_path, *script)

    replies = await asyncio.gather(*[house.answer(asking(user=str(number))) for number in range(count)])

    assert len(house.journal.shut) == count
    assert len({receipt.id for receipt in house.journal.shut}) == count
    outcomes = {receipt.id: receipt for receipt in house.journal.shut}
    for reply in replies:
        receipt_id = reply.served.receipt_id if reply.served else reply.receipt_id
        assert outcomes[receipt_id].outcome == ("failed" if reply.failure else "ok")
    house.check_settled()
    assert house.tickets.counted.taken == count
