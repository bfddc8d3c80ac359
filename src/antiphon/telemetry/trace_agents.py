"""Spans of agents: parts of runs, turns of planning, and calls of tools.

The span of a run's part has an id that its run and number give, so that what happens in it is under it whichever process
goes on with it, and before it is sent.
"""

from collections.abc import Callable
from hashlib import sha256

from msgspec import Struct, structs
from opentelemetry.trace import SpanContext, SpanKind

from antiphon.core.request import Trace
from antiphon.core.run import Run
from antiphon.core.tool import Tool, ToolContext
from antiphon.telemetry import names
from antiphon.telemetry.trace import Attributes, Tracer, context_of

REMOTE = "a2a/"
"""Begins the source of an agent elsewhere."""
DATASTORES = frozenset({"sql", "documents"})
EXTENSIONS = ("http", "openapi", "mcp/", "browser", "ticket")
"""How sources begin that are asked over the network. Source: GenAI conventions, `gen_ai.tool.type`, read 2026-11."""
MOST_DESCRIPTION = 256
"""Characters."""


class ToolEnd(Struct, frozen=True, kw_only=True):
    """What came of a call of a tool."""

    outcome: str
    failed: str = ""
    """Code of the error; empty: it went well."""
    took_us: int = 0
    cost_nano_usd: int = 0


class AgentSpans:
    """Sends spans of agents by the tracer of the present revision, where there is one and the run is sampled."""

    def __init__(self, tracer: Callable[[], Tracer | None], now_ns: Callable[[], int]) -> None:
        self._tracer, self._now_ns = tracer, now_ns

    def begun(self, came: Trace | None) -> Trace | None:
        """The trace that a run is in, given the one that its caller came with."""
        if came is not None:
            return came
        tracer = self._tracer()
        return None if tracer is None else tracer.root()

    def within(self, run: Run) -> Trace | None:
        """What is asked in the present part of a run is within this."""
        came = run.trace
        if came is None or not came.sampled:
            return came
        if self._tracer() is None:
            return came if came.parent_id else None
        return structs.replace(came, parent_id=_segment(run, came, run.segment))

    def child(self, within: Trace | None) -> Trace | None:
        """A span below; None: it isn't to be sent."""
        tracer = self._tracer()
        if tracer is None or within is None or not within.sampled:
            return None
        return structs.replace(within, parent_id=tracer.span_id())

    def segment(self, run: Run, began_ns: int) -> None:
        """Send a part of a run that has ended now."""
        tracer, came = self._tracer(), run.trace
        if tracer is None or came is None or not came.sampled:
            return
        attributes = _of(run)
        attributes[names.SEGMENT] = run.segment
        attributes[names.STATUS] = run.status
        if run.stop is not None:
            attributes[names.STOP] = run.stop
        if run.wait is not None:
            attributes[names.WAIT] = run.wait.kind
        now_ns = self._now_ns()
        tracer.send(
            f"{names.INVOKE_AGENT} {run.agent}",
            context_of(came.trace_id, _segment(run, came, run.segment)),
            _above(run, came),
            SpanKind.INTERNAL,
            {names.OPERATION: names.INVOKE_AGENT, **attributes},
            (min(now_ns, max(began_ns, run.created_ns)), now_ns),
            run.stop or "" if run.status == "failed" else "",
        )

    def planned(self, run: Run, own: Trace, within: Trace, times_ns: tuple[int, int], failed: str) -> None:
        """Send a turn of planning, which `child` gave its span."""
        tracer = self._tracer()
        if tracer is not None:
            context, parent = context_of(own.trace_id, own.parent_id), context_of(within.trace_id, within.parent_id)
            attributes = {names.OPERATION: names.PLAN, **_of(run)}
            tracer.send(names.PLAN, context, parent, SpanKind.INTERNAL, attributes, times_ns, failed)

    def calling(self, context: ToolContext) -> ToolContext:
        """The context of a call that is to be told of by `called`: what it asks is below its own span."""
        within, own = context.trace, self.child(context.trace)
        return context if within is None or own is None else structs.replace(context, trace=own, above=within.parent_id)

    def called(self, tool: Tool, context: ToolContext, end: ToolEnd) -> None:
        """Send a call of a tool, or of an agent elsewhere, that has ended now."""
        tracer, own = self._tracer(), context.trace
        if tracer is None or own is None or not context.above:
            return
        elsewhere = tool.source.startswith(REMOTE)
        name = tool.source.removeprefix(REMOTE) if elsewhere else tool.name
        operation = names.INVOKE_AGENT if elsewhere else names.EXECUTE_TOOL
        attributes = _remote(name, tool) if elsewhere else _local(tool, context)
        attributes |= {names.OPERATION: operation, names.OUTCOME: end.outcome}
        attributes |= {key: said for key, said in _asked(context).items() if said}
        if end.cost_nano_usd:
            attributes[names.COST_USD] = end.cost_nano_usd / 1e9
        now_ns = self._now_ns()
        tracer.send(
            f"{operation} {name}",
            context_of(own.trace_id, own.parent_id),
            context_of(own.trace_id, context.above),
            SpanKind.CLIENT if elsewhere else SpanKind.INTERNAL,
            attributes,
            (now_ns - end.took_us * 1000, now_ns),
            end.failed,
        )


def _nobody() -> None:
    return None


UNTRACED = AgentSpans(_nobody, int)
"""Sends nothing."""


def _segment(run: Run, came: Trace, segment: int) -> str:
    return sha256(f"{came.trace_id}/{run.id}.{segment}".encode()).hexdigest()[:16]


def _above(run: Run, came: Trace) -> SpanContext | None:
    """What a part of a run is below: its caller, or its parent's part; else the run's first part."""
    if came.parent_id:
        return context_of(came.trace_id, came.parent_id, is_remote=not run.parent)
    return None if run.segment == 1 else context_of(came.trace_id, _segment(run, came, 1))


def _of(run: Run) -> Attributes:
    said = {
        names.AGENT_ID: f"agent/{run.agent}",
        names.AGENT_NAME: run.agent,
        names.AGENT_VERSION: run.version,
        names.CONVERSATION: run.session,
        names.RUN: run.id,
    }
    return {name: value for name, value in said.items() if value}


def _asked(context: ToolContext) -> dict[str, str]:
    """For whom a tool is called; empty where there is nothing to say."""
    return {names.CONVERSATION: context.session, names.RUN: context.run}


def _remote(name: str, tool: Tool) -> Attributes:
    return {names.AGENT_ID: tool.source, names.AGENT_NAME: name}


def _local(tool: Tool, context: ToolContext) -> Attributes:
    source = tool.source
    kind = "datastore" if source in DATASTORES else "extension" if source.startswith(EXTENSIONS) else "function"
    out: Attributes = {names.TOOL_NAME: tool.name, names.TOOL_TYPE: kind, names.TOOL_CALL: context.step}
    if tool.description:
        out[names.TOOL_DESCRIPTION] = tool.description[:MOST_DESCRIPTION]
    if context.agent:
        out |= {names.AGENT_ID: f"agent/{context.agent}", names.AGENT_NAME: context.agent}
    return out
