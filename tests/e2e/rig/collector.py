"""An OpenTelemetry collector that keeps the spans it is sent."""

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Raw

from rig.upstream import Upstream, whole


@dataclass
class Span:
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    failed: bool
    attributes: dict[str, Any]
    service: str
    start_ns: int
    end_ns: int


def accept(collector: Upstream) -> None:
    """Let an upstream answer as a collector does."""
    collector.script = whole(b"", kind=b"application/x-protobuf")


def spans(collector: Upstream) -> list[Span]:
    """Every span so far."""
    out: list[Span] = []
    for seen in collector.seen:
        assert seen.headers.get("content-encoding", "none") == "none"
        for resource in ExportTraceServiceRequest.FromString(seen.body).resource_spans:
            service = _attributes(resource.resource.attributes)["service.name"]
            out += [_span(raw, service) for scope in resource.scope_spans for raw in scope.spans]
    return out


def _span(raw: Raw, service: str) -> Span:
    return Span(
        name=raw.name,
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        parent_id=raw.parent_span_id.hex(),
        kind=Raw.SpanKind.Name(raw.kind).removeprefix("SPAN_KIND_"),
        failed=raw.status.code == 2,
        attributes=_attributes(raw.attributes),
        service=service,
        start_ns=raw.start_time_unix_nano,
        end_ns=raw.end_time_unix_nano,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
