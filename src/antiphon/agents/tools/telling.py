"""Calls of tools, counted and traced."""

from antiphon.agents.tools.toolbox import Teller, ToolTold
from antiphon.core.tool import ToolContext
from antiphon.telemetry.metrics_agents import AgentMetrics
from antiphon.telemetry.trace_agents import AgentSpans, ToolEnd


class Telling(Teller):
    """Tells a process's metrics and its tracer."""

    def __init__(self, metrics: AgentMetrics, spans: AgentSpans) -> None:
        self._metrics, self._spans = metrics, spans

    def begins(self, context: ToolContext) -> ToolContext:
        return self._spans.calling(context)

    def told(self, told: ToolTold) -> None:
        self._metrics.called(told.tool.name, told.outcome, told.took_us)
        self._spans.called(
            told.tool,
            told.context,
            ToolEnd(outcome=told.outcome, failed=told.failed, took_us=told.took_us, cost_nano_usd=told.cost_nano_usd),
        )
