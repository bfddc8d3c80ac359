"""Numbers made of facts, and the bands that they fall in."""

from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from msgspec import Struct

from antiphon.core.signal import Value
from antiphon.expr.compile import Environment, Expression, compile_
from antiphon.expr.error import Failure, Unknown
from antiphon.routing.settings_rules import ScoreSettings, TermSettings

SCORE, BAND = "score.", "band."
Lookup = Callable[[str], Value]


class Term(Struct, frozen=True, kw_only=True):
    """A part of a score, ready to be worked out."""

    expression: Expression
    weight: float
    per: float | None = None
    """None: it is a condition."""
    most: float = 1.0

    def value(self, lookup: Lookup) -> float:
        """What it adds. Raises: Unknown, Failure."""
        found = self.expression.value(lookup)
        if self.per is None:
            return self.weight if found is True else 0.0
        assert isinstance(found, int | float)
        return self.weight * min(max(found / self.per, 0.0), self.most)


class Score(Struct, frozen=True, kw_only=True):
    """A score, ready to be worked out."""

    name: str
    terms: tuple[Term, ...]
    bands: tuple[tuple[float, str], ...] = ()
    """Where each ends, the lowest first; the last one ends nowhere."""
    partly: bool = False
    """Terms that are unknown are left out; else one of them makes the whole unknown."""

    def value(self, lookup: Lookup) -> float | None:
        """The sum of its terms; None: unknown."""
        total, known = 0.0, False
        for term in self.terms:
            try:
                total += term.value(lookup)
            except (Unknown, Failure):
                if not self.partly:
                    return None
            else:
                known = True
        return total if known else None

    def band(self, value: float | None) -> str | None:
        """The band that a value is in; None: it is unknown."""
        if value is None:
            return None
        return next((name for end, name in self.bands if value < end), None)
