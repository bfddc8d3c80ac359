"""What is counted of agents' runs. Labels are agents and tools of the documents, and fixed sets."""

from antiphon.telemetry.slots import Number, Slots

RUNS = "Runs that ended, by how."
WAITS = "Waits that runs went into, by what for."
TAKEOVERS = "Segments of runs that were taken over from processes that died."
LIVE = "Segments that run in this process."


class AgentMetrics:
    """One process's counters of runs. None: nothing is counted."""

    def __init__(self, slots: Slots | None = None) -> None:
        self._slots = slots
        self._numbers: dict[tuple[str, ...], Number] = {}
        self._live = None if slots is None else slots.number("gauge", "antiphon_agent_segments", LIVE)

    def ended(self, agent: str, status: str, stop: str) -> None:
        """Count a run that has ended."""
        self._count("antiphon_agent_runs_total", RUNS, agent=agent, status=status, stop=stop)

    def waited(self, agent: str, kind: str) -> None:
        """Count a run that began to wait."""
        self._count("antiphon_agent_waits_total", WAITS, agent=agent, kind=kind)

    def taken_over(self) -> None:
        """Count a segment that goes on here."""
        self._count("antiphon_agent_takeovers_total", TAKEOVERS)

    def live(self, segments: int) -> None:
        """Set how many run."""
        if self._live is not None:
            self._live.set(segments)

    def _count(self, name: str, help: str, **labels: str) -> None:
        if self._slots is None:
            return
        key = (name, *labels.values())
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._slots.number("counter", name, help, labels)
        number.add()
