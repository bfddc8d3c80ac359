"""What is counted of agents' runs. Labels are agents and tools of the documents, and fixed sets."""

from antiphon.telemetry.slots import Number, Slots

RUNS = "Runs that ended, by how."
WAITS = "Waits that runs went into, by what for."
TAKEOVERS = "Segments of runs that were taken over from processes that died."
TOOL_CALLS = "Calls of tools, by what came of them."
TOOL_SECONDS = "Seconds that calls of tools took, all together."
TRIGGERS = "Events of triggers, by what came of them."
LIVE = "Segments that run in this process."


class AgentMetrics:
    """One process's counters of runs. None: nothing is counted."""

    def __init__(self, slots: Slots | None = None) -> None:
        self._slots = slots
        self._numbers: dict[tuple[str, ...], Number] = {}
        self._live = None if slots is None else slots.number("gauge", "antiphon_agent_segments", LIVE)
        self._add("antiphon_agent_takeovers_total", TAKEOVERS, 0.0)  # so that the first is a rise

    def ended(self, agent: str, status: str, stop: str) -> None:
        """Count a run that has ended."""
        self._count("antiphon_agent_runs_total", RUNS, agent=agent, status=status, stop=stop)

    def waited(self, agent: str, kind: str) -> None:
        """Count a run that began to wait."""
        self._count("antiphon_agent_waits_total", WAITS, agent=agent, kind=kind)

    def taken_over(self) -> None:
        """Count a segment that goes on here."""
        self._count("antiphon_agent_takeovers_total", TAKEOVERS)

    def called(self, tool: str, outcome: str, took_us: int) -> None:
        """Count a call of a tool: `ok`, `cached`, `failed`, or `unknown` where nobody can say whether it was done."""
        self._count("antiphon_agent_tool_calls_total", TOOL_CALLS, tool=tool, outcome=outcome)
        self._add("antiphon_agent_tool_seconds_total", TOOL_SECONDS, took_us / 1e6, tool=tool)

    def triggered(self, kind: str, came: str) -> None:
        """Count an event of a trigger: of `cron`, `webhook` or `queue`; `begun`, `refused`, `late`, `skipped`, `again` or
        `dead`.
        """
        self._count("antiphon_agent_triggers_total", TRIGGERS, kind=kind, came=came)

    def live(self, segments: int) -> None:
        """Set how many run."""
        if self._live is not None:
            self._live.set(segments)

    def _count(self, name: str, help: str, **labels: str) -> None:
        self._add(name, help, 1.0, **labels)

    def _add(self, name: str, help: str, amount: float, **labels: str) -> None:
        if self._slots is None:
            return
        key = (name, *labels.values())
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._slots.number("counter", name, help, labels)
        number.add(amount)
