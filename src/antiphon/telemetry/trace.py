"""Spans made of finished receipts, so that an unsampled request pays nothing for them."""

import random
import threading
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from antiphon.core.plan import Plan
from antiphon.core.receipt import Attempt, Receipt
from antiphon.core.request import Trace
from antiphon.net.egress import Egress
from antiphon.net.session import session
from antiphon.telemetry import names
from antiphon.telemetry.settings import OtlpSettings

Attributes = dict[str, str | int | float | bool]
MOST_NOTES = 64
"""Of what a recipe decided, how many a span has as events: the first."""
CLOSE_S = 2.0
"""How long a process that ends waits for its collector."""
USUAL = Egress()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Tracer:
    """Decides which requests are traced, and sends their spans in the background."""

    def __init__(
        self,
        settings: OtlpSettings,
        source: random.Random,
        processor: Callable[[SpanExporter], SpanProcessor] = BatchSpanProcessor,
        egress: Egress = USUAL,
    ) -> None:
        """`processor` makes what takes the spans and hands them to the exporter; `egress`: where that may be."""
        self._share = settings.sample_percent / 100
        self._random = source
        self._resource = Resource.create({"service.name": settings.service_name})
        exporter = OTLPSpanExporter(
            endpoint=settings.endpoint,
            headers={name: value.reveal() for name, value in settings.headers.items()},
            timeout=10,
            session=session(egress),
        )
        self._processor = processor(exporter)

    def sample(self, came: Trace | None) -> Trace | None:
        """The trace to go on with: this request's own span when it is sampled, what came otherwise."""
        if came is None:
            if self._random.random() >= self._share:
                return None
            return Trace(trace_id=f"{self._random.getrandbits(128) or 1:032x}", parent_id=self.span_id(), sampled=True)
        if not came.sampled:
            return came
        return Trace(trace_id=came.trace_id, parent_id=self.span_id(), sampled=True, state=came.state)

    def root(self) -> Trace:
        """A trace that begins here. Sampled, its first span is still to come, and `parent_id` is empty."""
        sampled = self._random.random() < self._share
        trace_id = f"{self._random.getrandbits(128) or 1:032x}"
        return Trace(trace_id=trace_id, parent_id="" if sampled else self.span_id(), sampled=sampled)

    def span_id(self) -> str:
        """One that no other span has."""
        return f"{self._random.getrandbits(64) or 1:016x}"

    def finished(self, receipt: Receipt, span: Trace, came: Trace | None) -> None:
        """Send the spans of a sampled request: one for it, one for each attempt."""
        parent = context_of(came.trace_id, came.parent_id, is_remote=True) if came is not None else None
        own = context_of(span.trace_id, span.parent_id)
        end_ns = receipt.at_ns + receipt.duration_us * 1000
        times_ns, notes = (receipt.at_ns, end_ns), _notes(receipt)
        self.send(names.SERVER_SPAN, own, parent, SpanKind.SERVER, _request(receipt), times_ns, receipt.error, notes)
        for attempt in receipt.attempts:
            start_ns = receipt.at_ns + attempt.started_us * 1000
            last_us = attempt.timings.last_byte_us
            stop_ns = end_ns if last_us is None else start_ns + last_us * 1000
            context = context_of(span.trace_id, self.span_id())
            name = f"{names.CHAT} {attempt.model}"
            self.send(
                name, context, own, SpanKind.CLIENT, _attempt(receipt, attempt), (start_ns, stop_ns), attempt.error
            )

    def send(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        times_ns: Sequence[int],
        error: str,
        events: Sequence[Event] = (),
    ) -> None:
        """Send one span. `times_ns`: its start and end, UTC; `error`: its code, empty where it went well."""
        if error:
            attributes[names.ERROR_TYPE] = error
        self._processor.on_end(
            ReadableSpan(
                name=name,
                context=context,
                parent=parent,
                resource=self._resource,
                attributes=attributes,
                events=events,
                kind=kind,
                status=Status(StatusCode.ERROR, error) if error else Status(StatusCode.UNSET),
                start_time=times_ns[0],
                end_time=times_ns[1],
            )
        )

    def close(self) -> None:
        """Send what is still held; what the collector has not taken within CLOSE_S is lost."""
        last = threading.Thread(target=self._processor.shutdown, name="antiphon-last-spans", daemon=True)
        last.start()
        last.join(CLOSE_S)


def context_of(trace_id: str, span_id: str, *, is_remote: bool = False) -> SpanContext:
    """A span of a sampled trace, as OpenTelemetry names it."""
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=is_remote, trace_flags=_SAMPLED)


def _request(receipt: Receipt) -> Attributes:
    out: Attributes = {
        names.OPERATION: names.CHAT,
        names.REQUEST_MODEL: receipt.asked,
        names.RECEIPT: receipt.id,
        names.OUTCOME: receipt.outcome,
        names.HTTP_STATUS: receipt.status,
        names.ROUTE: receipt.plan.route if receipt.plan else "",
    }
    if receipt.plan is not None and receipt.plan.steps[0].envelope.output_tokens is not None:
        out[names.MAX_TOKENS] = receipt.plan.steps[0].envelope.output_tokens
    if receipt.plan is not None:
        out.update({name: said for name, said in _planned(receipt.plan).items() if said})
    if receipt.lineage.session:
        out[names.CONVERSATION] = receipt.lineage.session
    if receipt.stopped:
        out[names.STOPPED] = receipt.stopped
    if receipt.shared:
        out[names.SHARED] = receipt.shared
    if receipt.first_token_us is not None:
        out[names.FIRST_TOKEN_S] = receipt.first_token_us / 1e6
    return out


def _planned(plan: Plan) -> dict[str, str]:
    """What led to a plan; empty where nothing did."""
    return {names.RECIPE: plan.named, names.RULE: plan.rule, names.BRANCH: plan.branch}


def _notes(receipt: Receipt) -> tuple[Event, ...]:
    """What its recipe decided, as far as `MOST_NOTES` reach."""
    return tuple(
        Event(
            names.NOTE,
            {
                names.STEP: one.step,
                names.WHAT: one.what,
                **({names.WHY: one.why} if one.why else {}),
                **({names.SCORE: one.score} if one.score is not None else {}),
            },
            receipt.at_ns + one.at_us * 1000,
        )
        for one in receipt.steps[:MOST_NOTES]
    )


def _attempt(receipt: Receipt, attempt: Attempt) -> Attributes:
    out: Attributes = {
        names.OPERATION: names.CHAT,
        names.PROVIDER: attempt.provider,
        names.REQUEST_MODEL: attempt.model,
        names.DEPLOYMENT: attempt.deployment,
    }
    out.update({name: said for name, said in _decided(attempt).items() if said})
    if attempt.timings.waited_us is not None:
        out[names.WAITED_S] = attempt.timings.waited_us / 1e6
    if attempt.status is not None:
        out[names.HTTP_STATUS] = attempt.status
    if attempt.usage is not None:
        out[names.INPUT_TOKENS] = attempt.usage.input_tokens
        out[names.OUTPUT_TOKENS] = attempt.usage.output_tokens
        out[names.CACHED_TOKENS] = attempt.usage.cached_tokens
    if attempt.cost_nano_usd is not None:
        out[names.COST_USD] = attempt.cost_nano_usd / 1e9
    if receipt.served_model and attempt.deployment == receipt.served and not attempt.error:
        out[names.RESPONSE_MODEL] = receipt.served_model
    return out


def _decided(attempt: Attempt) -> dict[str, str]:
    """Why an attempt was made, where it went and what came of it; empty where there is nothing to say."""
    return {
        names.STEP: attempt.step,
        names.REASON: attempt.reason,
        names.FAILURE: attempt.failure,
        names.CHOSEN: attempt.chosen,
        names.KEY: attempt.key,
        names.PASSED_OVER: "; ".join(f"{one.deployment}: {one.lost}" for one in attempt.passed_over),
    }
