"""Numbers made of facts, and the bands that they fall in."""

from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter
from math import isnan

from msgspec import Struct

from antiphon.core.signal import Declared, Value
from antiphon.expr.expression import Expression
from antiphon.expr.expression import compile as compiled
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

    def value(self, lookup: Lookup) -> float | None:
        """What it adds; None: unknown, or it can't be worked out."""
        found = self.expression.value(lookup).value
        if not isinstance(found, bool | int | float) or isnan(found):
            return None
        if self.per is None:
            return self.weight if found is True else 0.0
        return self.weight * min(max(found / self.per, 0.0), self.most)


class Score(Struct, frozen=True, kw_only=True):
    """A score, ready to be worked out."""

    terms: tuple[Term, ...]
    bands: tuple[tuple[float | None, str], ...] = ()
    """Where each ends, the lowest first; None: nowhere."""
    partly: bool = False
    """Terms that are unknown are left out; else one of them makes the whole unknown."""

    @property
    def names(self) -> frozenset[str]:
        """Facts that it may ask for."""
        return frozenset(name for term in self.terms for name in term.expression.names)

    def value(self, lookup: Lookup) -> float | None:
        """The sum of its terms; None: unknown."""
        total, known = 0.0, False
        for term in self.terms:
            added = term.value(lookup)
            if added is not None:
                total += added
                known = True
            elif not self.partly:
                return None
        return total if known else None

    def band(self, value: float | None) -> str | None:
        """The band that a value is in; None: it is unknown."""
        if value is None:
            return None
        return next((name for end, name in self.bands if end is None or value < end), None)


def made(settings: Mapping[str, ScoreSettings], env: Mapping[str, Declared]) -> dict[str, Score]:
    """Scores, ready to be worked out, each after those that it needs.

    Raises: ExpressionError; CycleError, when some need each other: its second argument lists them.
    """
    out = {
        name: Score(
            terms=tuple(term(one, env) for one in stated.add),
            bands=tuple((one.below, one.name) for one in stated.bands),
            partly=stated.unknown == "nothing",
        )
        for name, stated in settings.items()
    }
    return {name: out[name] for name in in_order({name: needs(one.names) for name, one in out.items()})}


def term(settings: TermSettings, env: Mapping[str, Declared]) -> Term:
    """A part of a score. Raises: ExpressionError."""
    if settings.of is None:
        return Term(expression=compiled(settings.when or "false", env), weight=settings.weight)
    number = compiled(settings.of, env, "number")
    return Term(expression=number, weight=settings.weight, per=settings.per, most=settings.most)


def needs(names: Iterable[str]) -> frozenset[str]:
    """Scores that facts of these names are worked out from."""
    return frozenset(name[len(prefix) :] for name in names for prefix in (SCORE, BAND) if name.startswith(prefix))


def in_order(graph: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Scores, each after those that it needs. Raises: CycleError."""
    sorter = TopologicalSorter({name: sorted(after) for name, after in graph.items()})
    return tuple(name for name in sorter.static_order() if name in graph)
