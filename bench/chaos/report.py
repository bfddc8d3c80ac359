"""The rows of a chaos result: figures of all subjects, targets for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lib.row import Row, Target

from . import figures
from .settings import Chaos
from .trial import Measured, Phase

YARDSTICK = "healthy"
Figures = dict[str, float]


@dataclass(frozen=True)
class Runs:
    """All that was measured, by subject."""

    chaos: Chaos
    measured: Mapping[str, Measured]

    @property
    def healthy_p99_ms(self) -> float | None:
        yardstick = self.measured.get(YARDSTICK)
        return figures.whole_p99_ms(yardstick.loud.outcomes) if yardstick is not None else None


@dataclass(frozen=True)
class Measure:
    """A row: how its figures come about, which of them counts, and its bound."""

    name: str
    title: str
    unit: str
    target: Target | None
    take: Callable[[Runs, Measured], Figures]
    value: str  # name of the figure that counts


def _ratio(value: float, by: float | None) -> Figures:
    return {} if not by else {"ratio": value / by}


def _success(_: Runs, one: Measured) -> Figures:
    return figures.success(one.loud.outcomes)


def _latency(runs: Runs, one: Measured) -> Figures:
    times = figures.latency(one.loud.outcomes)
    by_healthy = _ratio(times["whole_p99_ms"], runs.healthy_p99_ms) if times["whole_p99_ms"] else {}
    return times | by_healthy


def _attempts(_: Runs, one: Measured) -> Figures:
    phase = one.loud
    each: Figures = {name: float(count) for name, count in phase.received.by_lab.items()}
    return {"per_request": phase.received.total / len(phase.outcomes)} | each


def _noise(_: Runs, one: Measured) -> Figures:
    if one.quiet is None:
        return {}
    beside, alone = figures.whole_p99_ms(one.others), figures.whole_p99_ms(one.quiet.outcomes)
    return {"others_p99_beside_ms": beside, "others_p99_alone_ms": alone} | _ratio(beside, alone)


def _dead(runs: Runs, one: Measured) -> Figures:
    phase, learn_s = one.loud, runs.chaos.learn_s
    tries = sum(count for name, count in phase.received.by_lab.items() if name.partition("-")[0] == "dead")
    figures: Figures = {"attempts": tries}
    dead, minutes = runs.chaos.fleet.get("dead", 0), (phase.load_s - learn_s) / 60
    if phase.dead_after_learning is not None and one.name != YARDSTICK and dead and minutes > 0:
        figures["per_minute"] = phase.dead_after_learning / minutes / dead
    return figures


def _receipts(_: Runs, one: Measured) -> Figures:
    both = [phase.receipts for phase in _phases(one) if phase.receipts is not None]
    if not both:
        return {}
    return {
        "missing": sum(receipts.missing for receipts in both),
        "unfinished": sum(receipts.unfinished for receipts in both),
        "stored": sum(receipts.stored for receipts in both),
    }


def _sockets(_: Runs, one: Measured) -> Figures:
    left = [phase.left for phase in _phases(one)]
    return {
        "left": sum(one.total for one in left),
        "callers": sum(one.callers for one in left),
        "half_closed": sum(one.half_closed for one in left),
        "requests_running_at_labs": sum(one.running for one in left),
        "after_stop": sum(one.after_stop for one in left),
        "pooled": sum(one.pooled for one in left),
    }


def _fairness(_: Runs, one: Measured) -> Figures:
    return figures.fairness(one.loud.outcomes)


def _cost(_: Runs, one: Measured) -> Figures:
    phase = one.loud
    return {
        "cpu_ms_per_request": 1000 * phase.cpu_s / len(phase.outcomes),
        "core_percent": 100 * phase.cpu_s / phase.elapsed_s,
    }


MEASURES = (
    Measure("success", "success", "whole answers, of requests not cut after first content, %",
            Target("at least", 99.9), _success, "success_percent"),
    Measure("p99", "latency of whole answers", "p99, of the healthy fleet's", Target("at most", 2), _latency, "ratio"),
    Measure("attempts", "attempts", "requests at the labs / requests", Target("at most", 1.2), _attempts,
            "per_request"),
    Measure("noise", "noisy tenant", "others' p99 beside it, of that without it", Target("at most", 1.1), _noise,
            "ratio"),
    Measure("dead", "dead upstream", "attempts a minute at each, once learnt", Target("at most", 5), _dead,
            "per_minute"),
    Measure("receipts", "receipts", "released answers without a receipt", Target("at most", 0), _receipts, "missing"),
    Measure("sockets", "sockets", "sockets and upstream requests left", Target("at most", 0), _sockets, "left"),
    Measure("fairness", "fairness", "Jain index of success over tenants", None, _fairness, "jain_success"),
    Measure("cpu", "CPU", "CPU of the subject, ms a request", None, _cost, "cpu_ms_per_request"),
)  # fmt: skip


def _phases(one: Measured) -> Sequence[Phase]:
    return [one.loud] if one.quiet is None else [one.loud, one.quiet]


def _said(measure: Measure, taken: Figures) -> str:
    """A subject's figure beside its target."""
    value = taken.get(measure.value)
    if value is None:
        return "none"
    text = f"{value:.4g}"
    if measure.target is None:
        return text
    return f"{text} {'pass' if measure.target.met_by(value) else 'FAIL'}"


def _row(measure: Measure, runs: Runs, judged: str) -> Row:
    taken = {name: measure.take(runs, one) for name, one in runs.measured.items()}
    value = taken[judged].get(measure.value)
    return Row(
        name=measure.name,
        title=measure.title,
        figures=taken,
        measure=f"{judged}: {measure.unit}",
        value=value,
        target=measure.target if value is not None or judged == "antiphon" else None,
    )


def _beside(runs: Runs, rows: Sequence[Row], judged: str) -> Row:
    """Every subject's figures and errors in tables."""
    words: dict[str, dict[str, str]] = {}
    for measure, row in zip(MEASURES, rows, strict=True):
        bound = f" ({measure.target.bound} {measure.target.value:g})" if measure.target is not None else ""
        words[f"{measure.unit}{bound}"] = {name: _said(measure, taken) for name, taken in row.figures.items()}
    counts = {name: figures.errors(one.loud.outcomes) for name, one in runs.measured.items()}
    for kind in dict.fromkeys(kind for own in counts.values() for kind in own):
        words[f"error `{kind}`"] = {name: str(own.get(kind, 0)) for name, own in counts.items()}
    missed = sum(row.passed is False for row in rows)
    return Row(
        name="beside",
        title="all subjects",
        figures={},
        measure=f"{judged}: targets missed",
        value=missed,
        words=words,
    )


def _notes(runs: Runs, missing: Mapping[str, str]) -> list[str]:
    notes = [f"{name}: not measured: {why}" for name, why in missing.items()]
    for name, one in runs.measured.items():
        notes += [f"{name}: {one.note}"] if one.note else []
        cost, times = _cost(runs, one), figures.latency(one.loud.outcomes)
        if cost["core_percent"] > 90:
            notes.append(f"{name}: its core was {cost['core_percent']:.0f} % full: these figures tell of its capacity")
        if times["sent_late_p99_ms"] > 20:
            late_ms = times["sent_late_p99_ms"]
            notes.append(f"{name}: requests went out up to {late_ms:.0f} ms late (p99): the load's core was full")
    return notes


def rows(runs: Runs, missing: Mapping[str, str], judged: str) -> list[Row]:
    """All rows. Targets are those of `judged`; in the last row's tables every subject stands beside them."""
    made = [_row(measure, runs, judged) for measure in MEASURES]
    last = _beside(runs, made, judged)
    last.notes = _notes(runs, missing)
    return [*made, last]
