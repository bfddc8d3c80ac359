import random
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.core.run import Run, Wait
from antiphon.core.tool import Tool, ToolContext
from antiphon.telemetry.settings import OtlpSettings
from antiphon.telemetry.trace import Tracer
from antiphon.telemetry.trace_agents import UNTRACED, AgentSpans, ToolEnd

CAME = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True, state="a=1")
UNSAMPLED = Trace(trace_id=CAME.trace_id, parent_id=CAME.parent_id)
ANN = Principal(tenant="acme", key="ann")
NOW_NS = 5_000


class Sent:
    """Spans of agents that are kept."""

    def __init__(self, sample_percent: float = 100) -> None:
        self._exporter = InMemorySpanExporter()
        settings = OtlpSettings(endpoint="http://127.0.0.1:1/v1/traces", sample_percent=sample_percent)
        self.tracer = Tracer(settings, random.Random(0), lambda _: SimpleSpanProcessor(self._exporter))
        self.spans = AgentSpans(lambda: self.tracer, lambda: NOW_NS)

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()


@pytest.fixture
def sent() -> Iterator[Sent]:
    one = Sent()
    yield one
    one.tracer.close()


def own(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent(span: ReadableSpan) -> str:
    assert span.parent is not None
    return f"{span.parent.span_id:016x}"


def run(trace: Trace | None, segment: int = 1, **more: Any) -> Run:
    return Run(
        id="r",
        tenant="acme",
        agent="clerk",
        version="1",
        principal=ANN,
        created_ns=1_000,
        trace=trace,
        segment=segment,
        **more,
    )


def context(trace: Trace | None) -> ToolContext:
    return ToolContext(principal=ANN, run="r", step="1.0", key="r/1.0", until_s=1.0, agent="clerk", trace=trace)


def test_parts_of_a_run_are_below_its_caller_whichever_process_sends_them(sent: Sent) -> None:
    one = run(CAME, status="waiting", wait=Wait(kind="timer", key="k"))
    elsewhere = Sent()
    assert sent.spans.within(one) == elsewhere.spans.within(one)

    sent.spans.segment(one, 2_000)
    elsewhere.spans.segment(run(CAME, 2, status="failed", stop="steps"), 0)

    (first,), (second,) = sent.all, elsewhere.all
    within = sent.spans.within(one)
    assert within is not None
    assert (within.trace_id, within.state, within.sampled) == (CAME.trace_id, "a=1", True)
    assert own(first) == within.parent_id != CAME.parent_id
    assert own(first) != own(second)
    assert (parent(first), parent(second)) == (CAME.parent_id, CAME.parent_id)
    assert (first.start_time, first.end_time, second.start_time) == (2_000, NOW_NS, 1_000)
    assert (first.status.status_code, second.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert (second.attributes or {})["error.type"] == "steps"


def test_a_run_of_no_trace_begins_one_whose_later_parts_are_below_its_first(sent: Sent) -> None:
    begun = sent.spans.begun(None)
    assert begun is not None
    assert (begun.sampled, begun.parent_id) == (True, "")

    for segment in (1, 2):
        sent.spans.segment(run(begun, segment, status="done", stop="finished"), 2_000)

    first, second = sent.all
    assert first.parent is None
    assert parent(second) == own(first)
    assert {f"{span.context.trace_id:032x}" for span in sent.all if span.context} == {begun.trace_id}


def test_what_is_asked_in_a_run_that_is_not_sampled_is_not_either() -> None:
    sent = Sent(0)
    begun = sent.spans.begun(None)
    assert begun is not None
    assert (begun.sampled, len(begun.parent_id)) == (False, 16)

    for trace in (begun, UNSAMPLED):
        one = run(trace, status="done", stop="finished")
        assert sent.spans.within(one) == trace
        sent.spans.segment(one, 2_000)
        made = sent.spans.calling(context(trace))
        sent.spans.called(Tool(name="look", description="", parameters={}), made, ToolEnd(outcome="ok"))
        assert made.trace == trace
    assert sent.all == ()


def test_a_process_that_traces_nothing_passes_the_callers_context_on(sent: Sent) -> None:
    assert UNTRACED.begun(CAME) == UNTRACED.within(run(CAME)) == CAME
    assert UNTRACED.calling(context(CAME)).trace == CAME
    assert UNTRACED.begun(None) is UNTRACED.within(run(None)) is UNTRACED.within(run(sent.spans.begun(None))) is None


@pytest.mark.parametrize(
    ("source", "name", "kind", "attributes"),
    [
        ("sql", "execute_tool look", SpanKind.INTERNAL, {"gen_ai.tool.name": "look", "gen_ai.tool.type": "datastore"}),
        ("mcp/shop", "execute_tool look", SpanKind.INTERNAL, {"gen_ai.tool.type": "extension"}),
        ("python", "execute_tool look", SpanKind.INTERNAL, {"gen_ai.tool.type": "function"}),
        ("a2a/far", "invoke_agent far", SpanKind.CLIENT, {"gen_ai.agent.id": "a2a/far", "gen_ai.agent.name": "far"}),
    ],
)
def test_a_call_is_told_by_what_stands_behind_it(
    sent: Sent, source: str, name: str, kind: SpanKind, attributes: dict[str, str]
) -> None:
    made = sent.spans.calling(context(CAME))
    tool = Tool(name="look", description="Looks.", parameters={}, source=source)

    sent.spans.called(tool, made, ToolEnd(outcome="failed", failed="timeout", took_us=2, cost_nano_usd=3_000))

    (span,) = sent.all
    assert (span.name, span.kind, span.start_time, span.end_time) == (name, kind, NOW_NS - 2_000, NOW_NS)
    assert made.trace is not None
    assert (own(span), parent(span)) == (made.trace.parent_id, CAME.parent_id)
    said = dict(span.attributes or {})
    assert attributes.items() <= said.items()
    assert (said["error.type"], said["antiphon.run"], said["antiphon.cost_usd"]) == ("timeout", "r", 3e-06)
