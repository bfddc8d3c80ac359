import random
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from receipts import receipt

from antiphon.core.plan import Candidate, Envelope, Plan, Step
from antiphon.core.receipt import Attempt, Noted, Receipt, Timings
from antiphon.core.request import Lineage, Trace
from antiphon.core.usage import Usage
from antiphon.telemetry.settings import OtlpSettings
from antiphon.telemetry.trace import MOST_NOTES, Tracer

CAME = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True, state="a=1")
SECOND = 1_000_000_000


class Told:
    """A tracer whose spans are kept."""

    def __init__(self, sample_percent: float = 100) -> None:
        self.exporter = InMemorySpanExporter()
        settings = OtlpSettings(endpoint="http://127.0.0.1:1/v1/traces", sample_percent=sample_percent)
        self.tracer = Tracer(settings, random.Random(0), lambda exporter: SimpleSpanProcessor(self.exporter))

    def spans(self, done: Receipt, came: Trace | None = None) -> tuple[ReadableSpan, ...]:
        span = self.tracer.sample(came)
        assert span is not None
        self.tracer.finished(done, span, came)
        return self.exporter.get_finished_spans()


@pytest.fixture
def told() -> Iterator[Told]:
    one = Told()
    yield one
    one.tracer.close()


def done(**fields: Any) -> Receipt:
    attempts = (
        Attempt(
            deployment="small",
            provider="openai",
            model="gpt-4o-mini",
            started_us=1000,
            timings=Timings(last_byte_us=2000),
            error="upstream_stale_connection",
        ),
        Attempt(
            deployment="small",
            provider="openai",
            model="gpt-4o-mini",
            started_us=3000,
            timings=Timings(last_byte_us=6000),
            status=200,
            usage=Usage(input_tokens=10, cached_tokens=4, output_tokens=5),
            cost_nano_usd=2_000_000,
        ),
    )
    plan = Plan(
        recipe="single",
        route="fast",
        steps=(Step(name="answer", deployments=("small",), envelope=Envelope()),),
        candidates=(),
    )
    told = {
        "at_ns": 5 * SECOND,
        "duration_us": 10_000,
        "status": 200,
        "asked": "fast",
        "served": "small",
        "served_model": "gpt-4o-mini-2026",
        "first_token_us": 4000,
        "plan": plan,
        "attempts": attempts,
        "lineage": Lineage(session="s-1"),
    }
    return receipt(1, **{**told, **fields})


def test_a_request_is_a_span_and_its_attempts_are_children(told: Told) -> None:
    request, first, second = told.spans(done())

    assert (request.name, request.kind, request.parent) == ("antiphon.request", SpanKind.SERVER, None)
    assert [span.name for span in (first, second)] == ["chat gpt-4o-mini"] * 2
    for attempt in (first, second):
        assert attempt.kind is SpanKind.CLIENT
        assert attempt.parent is not None
        assert attempt.parent.span_id == request.context.span_id
        assert attempt.context.trace_id == request.context.trace_id
    assert len({span.context.span_id for span in (request, first, second)}) == 3


def test_spans_last_as_long_as_what_they_tell_of(told: Told) -> None:
    request, first, second = told.spans(done())

    assert (request.start_time, request.end_time) == (5 * SECOND, 5 * SECOND + 10_000_000)
    assert (first.start_time, first.end_time) == (5 * SECOND + 1_000_000, 5 * SECOND + 3_000_000)
    assert (second.start_time, second.end_time) == (5 * SECOND + 3_000_000, 5 * SECOND + 9_000_000)


def test_an_attempt_without_an_end_ends_with_its_request(told: Told) -> None:
    attempt = Attempt(deployment="small", provider="p", model="m", started_us=1000)

    request, span = told.spans(done(attempts=(attempt,)))

    assert span.end_time == request.end_time


def test_the_request_tells_what_was_asked_and_came_out(told: Told) -> None:
    request, *_ = told.spans(done())

    assert dict(request.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "fast",
        "gen_ai.conversation.id": "s-1",
        "antiphon.receipt": done().id,
        "antiphon.outcome": "ok",
        "antiphon.route": "fast",
        "antiphon.first_token_seconds": 0.004,
        "http.response.status_code": 200,
    }
    assert request.resource.attributes["service.name"] == "antiphon"
    assert request.status.status_code is StatusCode.UNSET


def test_an_attempt_tells_where_it_went_and_what_it_cost(told: Told) -> None:
    _, first, second = told.spans(done())

    assert dict(first.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "antiphon.deployment": "small",
        "error.type": "upstream_stale_connection",
    }
    assert dict(second.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2026",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.output_tokens": 5,
        "antiphon.deployment": "small",
        "antiphon.cost_usd": 0.002,
        "http.response.status_code": 200,
    }


def test_an_attempt_tells_why_it_was_made_and_how_its_deployment_was_picked(told: Told) -> None:
    attempt = Attempt(
        deployment="big",
        provider="openai",
        model="gpt-4o",
        timings=Timings(waited_us=250_000),
        reason="other_deployment: broken",
        failure="timeout",
        chosen="weighted",
        key="billing",
        passed_over=(Candidate(deployment="small", lost="failed: broken"), Candidate(deployment="tiny", lost="full")),
    )

    _, span = told.spans(done(attempts=(attempt,)))

    assert span.attributes is not None
    said = {name: one for name, one in span.attributes.items() if name.startswith("antiphon.attempt.")}
    assert said == {
        "antiphon.attempt.reason": "other_deployment: broken",
        "antiphon.attempt.failure": "timeout",
        "antiphon.attempt.chosen": "weighted",
        "antiphon.attempt.key": "billing",
        "antiphon.attempt.waited_seconds": 0.25,
        "antiphon.attempt.passed_over": "small: failed: broken; tiny: full",
    }


def test_an_ordinary_attempt_has_nothing_of_that_to_tell(told: Told) -> None:
    _, *attempts = told.spans(done())

    for span in attempts:
        assert not [name for name in span.attributes or {} if name.startswith("antiphon.attempt.")]


def test_a_request_tells_why_no_more_was_tried_and_whose_call_it_shared(told: Told) -> None:
    span, *_ = told.spans(done(stopped="2 of 2 attempts were made", shared="another"))

    assert span.attributes is not None
    assert span.attributes["antiphon.stopped"] == "2 of 2 attempts were made"
    assert span.attributes["antiphon.shared"] == "another"


def test_a_failure_is_told_on_every_span_that_had_it(told: Told) -> None:
    failed = Attempt(deployment="small", provider="p", model="m", error="upstream_timeout")

    request, attempt = told.spans(done(outcome="failed", error="upstream_timeout", attempts=(failed,), served=""))

    for span in (request, attempt):
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "upstream_timeout")
        assert (span.attributes or {})["error.type"] == "upstream_timeout"


def test_a_trace_that_came_is_gone_on_with(told: Told) -> None:
    request, *attempts = told.spans(done(), CAME)

    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == CAME.parent_id
    assert request.parent.is_remote
    assert {f"{span.context.trace_id:032x}" for span in (request, *attempts)} == {CAME.trace_id}


def test_what_goes_on_upstream_names_our_own_span(told: Told) -> None:
    span = told.tracer.sample(CAME)

    assert span is not None
    assert (span.trace_id, span.state, span.sampled) == (CAME.trace_id, "a=1", True)
    assert span.parent_id != CAME.parent_id


@pytest.mark.parametrize("percent", [0, 100])
def test_a_caller_that_decided_not_to_trace_is_heard(percent: float) -> None:
    told = Told(percent)
    came = Trace(trace_id=CAME.trace_id, parent_id=CAME.parent_id, sampled=False)

    assert told.tracer.sample(came) == came


@pytest.mark.parametrize("percent", [0, 25, 100])
def test_the_stated_share_is_sampled(percent: float) -> None:
    told = Told(percent)

    sampled = sum(told.tracer.sample(None) is not None for _ in range(4000))

    assert sampled == pytest.approx(40 * percent, abs=150)


def test_a_callers_decision_to_trace_counts_more_than_the_share() -> None:
    span = Told(0).tracer.sample(CAME)

    assert span is not None
    assert span.sampled


def test_a_recipe_s_plan_steps_and_notes_are_told(told: Told) -> None:
    plan = Plan(
        recipe="cascade",
        route="auto",
        steps=(Step(name="stage-1", deployments=("small",), envelope=Envelope()),),
        candidates=(),
        named="cheap-first",
        rule="hard",
        branch="canary",
    )
    attempt = Attempt(deployment="small", provider="openai", model="m", started_us=10, step="stage-1")
    notes = (
        Noted(step="stage-1", what="escalated", why="less than 0.6", score=0.4, at_us=250),
        *(Noted(step="stage-2", what="failed") for _ in range(2 * MOST_NOTES)),
    )

    tried, request = told.spans(receipt(1, at_ns=7 * SECOND, plan=plan, attempts=(attempt,), steps=notes))[::-1]

    assert request.attributes is not None
    assert tried.attributes is not None
    said = {name: request.attributes[name] for name in ("antiphon.recipe", "antiphon.rule", "antiphon.branch")}
    assert said == {"antiphon.recipe": "cheap-first", "antiphon.rule": "hard", "antiphon.branch": "canary"}
    assert tried.attributes["antiphon.step"] == "stage-1"
    assert len(request.events) == MOST_NOTES
    first, second = request.events[:2]
    assert (first.name, first.timestamp) == ("antiphon.note", 7 * SECOND + 250_000)
    assert dict(first.attributes or {}) == {
        "antiphon.step": "stage-1",
        "antiphon.note.what": "escalated",
        "antiphon.note.why": "less than 0.6",
        "antiphon.note.score": 0.4,
    }
    assert dict(second.attributes or {}) == {"antiphon.step": "stage-2", "antiphon.note.what": "failed"}


def test_a_plain_request_has_no_recipe_and_no_notes(told: Told) -> None:
    (request,) = told.spans(receipt(1))

    assert not {name for name in request.attributes or {} if name.startswith(("antiphon.recipe", "antiphon.rule"))}
    assert not request.events
