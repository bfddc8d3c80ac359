"""Calls of tools, counted."""

from antiphon.agents.tools.toolbox import Teller, ToolTold
from antiphon.telemetry.metrics_agents import AgentMetrics


class Counting(Teller):
    """Counts in a process's metrics."""

    def __init__(self, metrics: AgentMetrics) -> None:
        self._metrics = metrics

    def told(self, told: ToolTold) -> None:
        self._metrics.called(told.tool.name, told.outcome, told.took_us)
