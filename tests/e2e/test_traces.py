"""Traces: spans with GenAI's names, W3C context in and out, nothing of an unsampled request."""

from collections.abc import Iterator

import pytest

from antiphon.telemetry import names
from rig.collector import Span, accept, spans
from rig.config import to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.upstream import Upstream, streamed, upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ASK = {"model": "gpt-test", "messages": [{"role": "user", "content": "SECRET"}]}
ANSWER = (
    b'{"id":"c","model":"up-1-0125","choices":[{"message":{"content":"SECRET"}}],'
    b'"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
)


@pytest.fixture
def collector(servers: LoopThread) -> Iterator[Upstream]:
    context = upstream()
    one = servers.enter(context)
    accept(one)
    yield one
    servers.leave(context)


def traced(up: Upstream, collector: Upstream, percent: float = 100.0) -> Config:
    endpoint = f"http://127.0.0.1:{collector.port}/v1/traces"
    otlp = {"endpoint": endpoint, "sample_percent": percent, "service_name": "gate", "headers": {"x-token": "t-1"}}
    return {**to_upstream(up.url), "telemetry": {"otlp": otlp}}


def started(start: Start, config: Config) -> Gateway:
    return start(config, OTEL_BSP_SCHEDULE_DELAY="20")


def trace_of(collector: Upstream, trace_id: str, count: int = 2) -> dict[str, Span]:
    """The spans of one trace by kind."""
    found = until(
        lambda: (
            [one for one in mine if len(mine) >= count]
            if (mine := [one for one in spans(collector) if one.trace_id == trace_id])
            else []
        ),
        f"the spans of {trace_id}",
    )
    return {one.kind: one for one in found}


def test_spans_of_a_request_in_a_callers_trace(start: Start, up: Upstream, collector: Upstream) -> None:
    gateway = started(start, traced(up, collector))
    up.script = whole(ANSWER)

    answer = gateway.chat(
        ASK,
        headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "v=1", "x-antiphon-session": "conversation-1"},
    )
    found = trace_of(collector, TRACE)
    receipt = gateway.receipt(answer)

    server, call = found["SERVER"], found["CLIENT"]
    assert (server.name, server.parent_id, server.service) == (names.SERVER_SPAN, PARENT, "gate")
    assert (call.name, call.parent_id) == ("chat up-model-1", server.span_id)
    assert up.last.headers["traceparent"] == f"00-{TRACE}-{server.span_id}-01"
    assert up.last.headers["tracestate"] == "v=1"
    assert receipt["trace_id"] == TRACE
    assert collector.seen[0].headers["x-token"] == "t-1"

    first_token_s = server.attributes.pop(names.FIRST_TOKEN_S)
    assert first_token_s == pytest.approx(receipt["first_token_us"] / 1e6)
    assert server.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-test",
        "gen_ai.conversation.id": "conversation-1",
        "antiphon.receipt": answer.receipt_id,
        "antiphon.outcome": "ok",
        "antiphon.route": "gpt-test",
        "http.response.status_code": 200,
    }
    assert call.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "up",
        "gen_ai.request.model": "up-model-1",
        "gen_ai.response.model": "up-1-0125",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "antiphon.deployment": "gpt-test",
        "antiphon.cost_usd": pytest.approx(20e-6),
        "http.response.status_code": 200,
    }
    assert server.start_ns <= call.start_ns <= call.end_ns <= server.end_ns
    assert not server.failed
    assert all(b"SECRET" not in seen.body for seen in collector.seen)


def test_a_request_of_no_trace_begins_one(start: Start, up: Upstream, collector: Upstream) -> None:
    gateway = started(start, traced(up, collector))
    up.script = whole(ANSWER)

    trace_id = gateway.receipt(gateway.chat(ASK))["trace_id"]

    server = trace_of(collector, trace_id)["SERVER"]
    assert server.parent_id == ""
    assert up.last.headers["traceparent"] == f"00-{trace_id}-{server.span_id}-01"


def test_a_failed_request_says_why(start: Start, up: Upstream, collector: Upstream) -> None:
    gateway = started(start, traced(up, collector))
    up.script = streamed(b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')

    trace_id = gateway.receipt(gateway.chat({**ASK, "stream": True}))["trace_id"]

    found = trace_of(collector, trace_id)
    assert {one.attributes["error.type"] for one in found.values()} == {"upstream_broken"}
    assert all(one.failed for one in found.values())
    assert found["SERVER"].attributes["antiphon.outcome"] == "failed"

    refused = gateway.chat({**ASK, "model": "none"}, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert refused.status == 404
    server = trace_of(collector, TRACE, count=1)["SERVER"]
    assert (server.attributes["error.type"], server.parent_id) == ("model_not_found", PARENT)


def test_an_unsampled_trace_passes_unchanged(start: Start, up: Upstream, collector: Upstream) -> None:
    gateway = started(start, traced(up, collector))
    up.script = whole(ANSWER)
    came = {"traceparent": f"00-{TRACE}-{PARENT}-00", "tracestate": "a=1,b=2"}

    answer = gateway.chat(ASK, headers=came)

    assert {name: up.last.headers[name] for name in came} == came
    assert gateway.receipt(answer)["trace_id"] == TRACE
    assert gateway.stop() == 0
    assert spans(collector) == []


def test_a_gateway_that_traces_nothing_passes_the_context_on(start: Start, up: Upstream) -> None:
    gateway = start(to_upstream(up.url))
    up.script = whole(ANSWER)

    answer = gateway.chat(ASK, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})

    assert up.last.headers["traceparent"] == f"00-{TRACE}-{PARENT}-01"
    assert gateway.receipt(answer)["trace_id"] == TRACE
    gateway.chat(ASK)
    assert "traceparent" not in up.last.headers


@pytest.mark.parametrize(
    "came", ["", "00-zz-1-01", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}"]
)
def test_a_context_that_is_not_valid_is_as_none(start: Start, up: Upstream, collector: Upstream, came: str) -> None:
    gateway = started(start, traced(up, collector, percent=0.0))
    up.script = whole(ANSWER)

    answer = gateway.chat(ASK, headers={"traceparent": came})

    assert answer.status == 200
    assert "traceparent" not in up.last.headers
    assert "trace_id" not in gateway.receipt(answer)


def test_a_collector_that_is_away_costs_no_request_and_no_stop(start: Start, up: Upstream, collector: Upstream) -> None:
    config = traced(up, collector)
    config["telemetry"]["otlp"]["endpoint"] = "http://127.0.0.1:1/v1/traces"
    gateway = started(start, config)
    up.script = whole(ANSWER)

    assert all(gateway.chat(ASK).status == 200 for _ in range(5))

    assert gateway.stop() == 0
    assert len(gateway.stored()) == 5


def test_traces_follow_a_reload(start: Start, up: Upstream, collector: Upstream) -> None:
    gateway = started(start, traced(up, collector, percent=0.0))
    up.script = whole(ANSWER)
    assert "trace_id" not in gateway.receipt(gateway.chat(ASK))

    gateway.write(traced(up, collector, percent=100.0))
    gateway.event("config.taken")

    trace_id = gateway.receipt(gateway.chat(ASK))["trace_id"]
    assert trace_of(collector, trace_id).keys() == {"SERVER", "CLIENT"}
