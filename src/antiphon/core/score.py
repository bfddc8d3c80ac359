"""How good answers were, as somebody or something said, and what many such scores come to."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Literal

from msgspec import Struct

from antiphon.core.view import Quality

Source = Literal["feedback", "evaluation", "contract", "judge"]
"""`feedback` of whoever read the answer; `evaluation` by a caller's own checks; a recipe's `contract`, kept or broken; a
recipe's `judge`.
"""
Z95 = 1.959964
"""97.5 % of the standard normal distribution lie below it."""
DAY_S = 86_400.0
NS = 1e9
Id = tuple[str, Source, str]
"""Receipt, source, and who said it: of several scores of one id the last counts."""
Name = tuple[str, str, str, str, Source]
"""Tenant (empty: all), deployment, route, task class (empty: all), source."""


class Score(Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """How good one answer was."""

    receipt: str
    tenant: str
    deployment: str
    route: str
    task: str = ""
    """Task class; empty: unknown."""
    source: Source
    score: float
    """0 to 1."""
    at_ns: int
    """When it was said: UTC, nanoseconds since the epoch."""
    by: str
    """Name of the key; of a recipe's own the step that was judged."""
    sealed: bytes = b""
    """A note beside it, encrypted; empty: there is none."""

    @property
    def id(self) -> Id:
        return self.receipt, self.source, self.by

    @property
    def names(self) -> set[Name]:
        """Tallies that it counts in."""
        return {
            (tenant, self.deployment, self.route, task, self.source)
            for tenant in (self.tenant, "")
            for task in (self.task, "")
        }


class Tally(Struct, frozen=True, gc=False, kw_only=True):
    """What scores of one name come to, at a moment."""

    deployment: str
    route: str
    task: str
    source: Source
    at_ns: int
    """The moment: of the newest of its scores."""
    count: float
    """Scores, each for what it weighs at that moment."""
    total: float
    """The same, times their values."""


class Forgetting(Struct, frozen=True, kw_only=True):
    """How much a score counts."""

    half_life_s: float = 30 * DAY_S
    """After so long it counts for half, after twice as long for a quarter."""
    weights: Mapping[Source, float] = {}
    """What a fresh score of each source counts for, 0 to 1; 1 where nothing is said."""

    @property
    def half_life_days(self) -> float:
        return self.half_life_s / DAY_S

    def kept(self, age_ns: int) -> float:
        """What is left of a score's weight. One of the future counts as fresh."""
        return 2.0 ** (-max(0, age_ns) / NS / self.half_life_s)


def latest(scores: Iterable[Score]) -> dict[Id, Score]:
    """Of each id the score that counts, in whatever order they came; of two of one time the first."""
    found: dict[Id, Score] = {}
    for score in scores:
        known = found.get(score.id)
        if known is None or known.at_ns < score.at_ns:
            found[score.id] = score
    return found


def interval(mean: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a mean of values between 0 and 1.

    For n scores of mean p it is (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n). It is Wilson's for shares; no
    values between 0 and 1 of that mean vary more than shares do, so it is no too narrow for any.

    Args:
        count: n, the sum of the scores' weights: less than their number, so that what is old widens it.
    Sources: Wilson 1927, "Probable Inference", JASA 22(158); Bhatia and Davis 2000, "A Better Bound on the Variance",
        American Mathematical Monthly 107(4).
    """
    if count <= 0:
        return 0.0, 1.0
    square = Z95 * Z95 / count
    middle = (mean + square / 2) / (1 + square)
    half = Z95 / (1 + square) * sqrt(max(0.0, mean * (1 - mean)) / count + square / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def qualities(tallies: Iterable[Tally], now_ns: int, forgetting: Forgetting) -> list[Quality]:
    """What tallies of all sources come to now: by deployment, route and task class, all tasks before each class."""
    sums: dict[tuple[str, str, str], tuple[float, float]] = {}
    for one in tallies:
        weight = forgetting.weights.get(one.source, 1.0) * forgetting.kept(now_ns - one.at_ns)
        name = one.deployment, one.route, one.task
        count, total = sums.get(name, (0.0, 0.0))
        sums[name] = count + one.count * weight, total + one.total * weight
    return [_quality(name, *sums[name]) for name in sorted(sums) if sums[name][0] > 0]


def _quality(name: tuple[str, str, str], count: float, total: float) -> Quality:
    mean = min(1.0, max(0.0, total / count))
    low, high = interval(mean, count)
    return Quality(deployment=name[0], route=name[1], task=name[2], count=count, mean=mean, low=low, high=high)
