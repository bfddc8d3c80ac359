"""Rows that load nginx and the gateway in turn and compare CPU time, and latency alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cpu import wait_quiet
from .load import LoadSpec, Sample
from .rig import Rig, Subject
from .row import Plan, Rounds, Row, Target, medians, ratio

# A stream has 51 events. Fewer reads than this for each stream mean that events were relayed
# several at a time, which makes their CPU cost look better than it is.
MIN_READS_PER_STREAM = 46
# Others on the subject's core cost it cache and turns; above this a run is better repeated.
MAX_OTHERS_FRACTION = 0.05


@dataclass(frozen=True, kw_only=True)
class Case:
    """A load and the figures to keep of each sample of it."""

    body: str
    connections: int
    stream: bool = False
    tls: bool = False
    figures: dict[str, Callable[[Sample], float]]

    def spec(self, subject: Subject, seconds: float) -> LoadSpec:
        return LoadSpec(
            path=subject.stream_path if self.stream else subject.chat_path,
            body=self.body,
            connections=self.connections,
            seconds=seconds,
            stream=self.stream,
        )


@dataclass(frozen=True)
class Measured:
    """What the rounds of a case gave."""

    rounds: Rounds
    faults: list[str]
    notes: list[str]


REQUEST_FIGURES: dict[str, Callable[[Sample], float]] = {
    "requests_per_cpu_s": lambda s: s.requests_per_cpu_s,
    "requests_per_s": lambda s: s.load.rps,
    "cpu_us_per_request": lambda s: 1e6 * s.cpu.seconds / max(1, s.load.requests),
    "core_busy_fraction": lambda s: s.cpu.seconds / s.load.elapsed_s,
    "p50_us": lambda s: s.load.p50_us,
    "p99_us": lambda s: s.load.p99_us,
}
PROCESS_FIGURES: dict[str, Callable[[Sample], float]] = {
    "worker_us_per_request": lambda s: 1e6 * s.cpu.busiest_s / max(1, s.load.requests),
    "background_us_per_request": lambda s: 1e6 * (s.cpu.seconds - s.cpu.busiest_s) / max(1, s.load.requests),
}
"""Of a gateway with one worker: what the busiest process used, and all others, of which the shipper is most."""
STREAM_FIGURES: dict[str, Callable[[Sample], float]] = {
    "events_per_cpu_s": lambda s: s.events_per_cpu_s,
    "events_per_s": lambda s: s.load.events_per_s,
    "reads_per_stream": lambda s: s.reads_per_stream,
    "reads_per_cpu_s": lambda s: s.load.reads / s.cpu.seconds if s.cpu.seconds else 0.0,
    "core_busy_fraction": lambda s: s.cpu.seconds / s.load.elapsed_s,
    "first_byte_p50_us": lambda s: s.load.first_byte_p50_us,
    "first_byte_p99_us": lambda s: s.load.first_byte_p99_us,
}
LATENCY_FIGURES: dict[str, Callable[[Sample], float]] = {
    "p50_us": lambda s: s.load.p50_us,
    "p99_us": lambda s: s.load.p99_us,
}


def _others(result: Sample) -> float:
    """What others used of the subject's core, as a fraction."""
    return result.cpu.others_seconds / result.load.elapsed_s


def _disturbances(subject: Subject, result: Sample) -> list[str]:
    """What makes a sample's CPU figure doubtful."""
    notes: list[str] = []
    if result.cpu.ended:
        notes.append(f"{len(result.cpu.ended)} processes ended: their CPU time is lost")
    others = _others(result)
    if others > MAX_OTHERS_FRACTION and subject.name != "direct":
        notes.append(f"others used {others:.0%} of the subject's core")
    return notes


def _sample(rig: Rig, plan: Plan, case: Case, subject: Subject) -> Sample:
    """The least disturbed of a few samples; the first that is not disturbed ends the search."""
    best = _try(rig, plan, case, subject)
    for _ in range(plan.tries - 1):
        if _others(best) <= MAX_OTHERS_FRACTION:
            break
        best = min(best, _try(rig, plan, case, subject), key=_others)
    return best


def _try(rig: Rig, plan: Plan, case: Case, subject: Subject) -> Sample:
    wait_quiet((rig.settings.subject_core, rig.settings.load_core), plan.patience_s)
    port = subject.tls_port if case.tls else subject.port
    return rig.sample(subject, port, case.spec(subject, plan.seconds))


def measure(rig: Rig, plan: Plan, case: Case, subjects: Sequence[Subject]) -> Measured:
    """Measure the subjects in turn, round after round, every other round in reverse order."""
    rounds: Rounds = {subject.name: {} for subject in subjects}
    faults: list[str] = []
    notes: list[str] = []
    for number in range(plan.rounds):
        for subject in subjects if number % 2 == 0 else reversed(subjects):
            result = _sample(rig, plan, case, subject)
            for name, figure in case.figures.items():
                rounds[subject.name].setdefault(name, []).append(round(figure(result), 4))
            where = f"{subject.name}, round {number + 1}: "
            faults += [where + fault for fault in result.load.faults()]
            notes += [where + note for note in _disturbances(subject, result)]
    return Measured(rounds, faults, notes)


def _compare(
    rig: Rig, plan: Plan, case: Case, *, name: str, title: str, target: Target | None, gateway: Subject | None = None
) -> Row:
    """A row whose verdict is the gateway's first figure as a fraction of nginx's. `gateway`: another than the usual."""
    gateway = gateway or rig.gateway()
    measured = measure(rig, plan, case, [rig.nginx(), gateway])
    figures = medians(measured.rounds)
    first = next(iter(case.figures))
    return Row(
        name=name,
        title=title,
        figures=figures,
        measure=f"{first}, of nginx",
        value=ratio(figures, gateway.name, first),
        target=target,
        rounds=measured.rounds,
        faults=measured.faults,
        notes=measured.notes,
    )


def chat_1k(rig: Rig, plan: Plan) -> Row:
    """1 KB prompts at 32 connections."""
    case = Case(body="chat-1k.json", connections=32, figures=REQUEST_FIGURES)
    title = "1 KB prompt, 32 connections"
    return _compare(rig, plan, case, name="chat-1k", title=title, target=Target("at least", 0.20))


def chat_32k(rig: Rig, plan: Plan) -> Row:
    """32 KB prompts at 32 connections."""
    case = Case(body="chat-32k.json", connections=32, figures=REQUEST_FIGURES)
    title = "32 KB prompt, 32 connections"
    return _compare(rig, plan, case, name="chat-32k", title=title, target=Target("at least", 0.15))


def governed_1k(rig: Rig, plan: Plan) -> Row:
    """As `chat_1k`, through a gateway that counts each request on six hard budgets and by six limits, under ten policies."""
    title = "1 KB prompt, 32 connections, 6 budgets, 6 limits, 10 policies"
    return _profile(rig, plan, "governed", rig.settings.governed, title, Target("at least", 0.125))


def guarded_1k(rig: Rig, plan: Plan) -> Row:
    """As `governed_1k`, with guards for hidden characters, secrets and personal data on both sides."""
    title = "1 KB prompt, 32 connections, governed, 3 rule guards"
    return _profile(rig, plan, "guarded", rig.settings.guarded, title, Target("at least", 0.065))


def _profile(rig: Rig, plan: Plan, name: str, config: Path, title: str, target: Target) -> Row:
    """A row of 1 KB prompts through a gateway of another configuration."""
    settings, case = rig.settings, Case(body="chat-1k.json", connections=32, figures=REQUEST_FIGURES | PROCESS_FIGURES)
    if settings.stand_in:
        return _compare(rig, plan, case, name=f"{name}-1k", title=title, target=target)
    gateway = rig.beside(name, settings.gateway_command, config, settings.port + 1)
    try:
        return _compare(rig, plan, case, name=f"{name}-1k", title=title, target=target, gateway=gateway)
    finally:
        rig.end(gateway)


def stream(rig: Rig, plan: Plan) -> Row:
    """Event streams, 256 at a time, an event each 5 ms."""
    case = Case(body="stream-1k.json", connections=256, stream=True, figures=STREAM_FIGURES)
    title = "stream events, 256 streams"
    row = _compare(rig, plan, case, name="stream", title=title, target=Target("at least", 0.55))
    for subject, figures in row.figures.items():
        if 0 < figures["reads_per_stream"] < MIN_READS_PER_STREAM:
            row.notes.append(
                f"{subject}: {figures['reads_per_stream']:.1f} reads for 51 events: events were "
                "relayed several at a time, so the figure flatters"
            )
    return row


def tls_upstream(rig: Rig, plan: Plan) -> Row:
    """1 KB prompts to an upstream behind TLS 1.3 (a pool of kept connections)."""
    case = Case(body="chat-1k-tls.json", connections=32, tls=True, figures=REQUEST_FIGURES)
    title = "1 KB prompt, TLS upstream"
    return _compare(rig, plan, case, name="tls-upstream", title=title, target=None)


def latency(rig: Rig, plan: Plan) -> Row:
    """What the subjects add to the mock's own latency at one connection."""
    case = Case(body="chat-1k.json", connections=1, figures=LATENCY_FIGURES)
    measured = measure(rig, plan, case, [rig.direct(), *rig.subjects()])
    figures = medians(measured.rounds)
    for name, values in figures.items():
        if name != "direct":
            values["added_p50_us"] = values["p50_us"] - figures["direct"]["p50_us"]
            values["added_p99_us"] = values["p99_us"] - figures["direct"]["p99_us"]
    return Row(
        name="latency",
        title="latency, one connection",
        figures=figures,
        measure="added p50, µs",
        value=figures[rig.settings.gateway_name]["added_p50_us"],
        target=Target("at most", 200),
        rounds=measured.rounds,
        faults=measured.faults,
        notes=measured.notes,
    )
