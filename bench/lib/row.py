"""One row of a result: what was measured on each subject, and how it stands to its target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from .rig import Rig

Rounds = dict[str, dict[str, list[float]]]  # subject -> figure -> a value for each round


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int
    seconds: float
    tries: int = 1
    """How often a sample is taken, at most, while others disturb it; the least disturbed counts."""
    patience_s: float = 0.0
    """How long to wait, at most, for a quiet machine before each sample."""


@dataclass(frozen=True)
class Target:
    """A bound on a row's verdict value."""

    bound: Literal["at least", "at most", "under"]
    value: float

    def met_by(self, value: float) -> bool:
        match self.bound:
            case "at least":
                return value >= self.value
            case "at most":
                return value <= self.value
            case "under":
                return value < self.value


@dataclass(kw_only=True)
class Row:
    """A measured row. `figures` maps subject to figure name to value (medians of rounds)."""

    name: str
    title: str
    figures: dict[str, dict[str, float]]
    measure: str  # what the verdict value is, with its unit
    value: float | None  # None: could not be measured, see notes
    target: Target | None = None
    rounds: Rounds = field(default_factory=Rounds)
    details: dict[str, object] = field(default_factory=dict[str, object])
    words: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])  # what -> subject -> words
    faults: list[str] = field(default_factory=list[str])  # any fault fails the row
    notes: list[str] = field(default_factory=list[str])

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None when the row has no target."""
        if self.faults:
            return False
        if self.target is None:
            return None
        return self.value is not None and self.target.met_by(self.value)


RowMaker = Callable[[Rig, Plan], Row]


def medians(rounds: Rounds) -> dict[str, dict[str, float]]:
    """The median of each figure of each subject."""
    return {subject: {name: median(values) for name, values in figures.items()} for subject, figures in rounds.items()}


def ratio(figures: dict[str, dict[str, float]], subject: str, figure: str) -> float | None:
    """A subject's figure as a fraction of nginx's in the same run."""
    yardstick = figures["nginx"][figure]
    return figures[subject][figure] / yardstick if yardstick else None
