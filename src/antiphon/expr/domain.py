"""Sets of values of one fact: what a condition leaves of them. All are sets of known values."""

import math
from typing import TypeAlias

from msgspec import Struct

from antiphon.expr.kinds import Kind

Number: TypeAlias = int | float
Cut: TypeAlias = tuple[Number, int]
"""A place between numbers: (x, 0) is just before x. (inf, 1) is behind all of them."""
START: Cut = (-math.inf, 0)
END: Cut = (math.inf, 1)


class Among(Struct, frozen=True):
    """Texts or bools: these, or all but these."""

    values: frozenset[str | bool]
    these: bool = True

    @property
    def empty(self) -> bool:
        return self.these and not self.values

    def without(self) -> "Among":
        return Among(self.values, not self.these)

    def meet(self, other: "Among") -> "Among":
        match self.these, other.these:
            case True, True:
                return Among(self.values & other.values)
            case True, False:
                return Among(self.values - other.values)
            case False, True:
                return Among(other.values - self.values)
            case _:
                return Among(self.values | other.values, these=False)

    def join(self, other: "Among") -> "Among":
        return self.without().meet(other.without()).without()

    def within(self, other: "Among") -> bool:
        return self.meet(other.without()).empty


class Spans(Struct, frozen=True):
    """Numbers: spans in order, none of which touch, each from a cut up to another; and whether no number (NaN) is in it."""

    spans: tuple[tuple[Cut, Cut], ...]
    nan: bool = False

    @property
    def empty(self) -> bool:
        return not self.spans and not self.nan

    def without(self) -> "Spans":
        cuts = [START, *(cut for span in self.spans for cut in span), END]
        gaps = tuple((low, high) for low, high in zip(cuts[::2], cuts[1::2], strict=True) if low < high)
        return Spans(gaps, not self.nan)

    def meet(self, other: "Spans") -> "Spans":
        found = [
            (max(low, low_too), min(high, high_too))
            for low, high in self.spans
            for low_too, high_too in other.spans
            if max(low, low_too) < min(high, high_too)
        ]
        return Spans(tuple(sorted(found)), self.nan and other.nan)

    def join(self, other: "Spans") -> "Spans":
        return self.without().meet(other.without()).without()

    def within(self, other: "Spans") -> bool:
        if self.nan and not other.nan:
            return False
        return all(any(low >= start and high <= end for start, end in other.spans) for low, high in self.spans)


Domain: TypeAlias = Among | Spans


def meet(one: Domain, other: Domain) -> Domain:
    """What is in both; both are of one fact."""
    if isinstance(one, Among):
        assert isinstance(other, Among)
        return one.meet(other)
    assert isinstance(other, Spans)
    return one.meet(other)


def join(one: Domain, other: Domain) -> Domain:
    """What is in either; both are of one fact."""
    if isinstance(one, Among):
        assert isinstance(other, Among)
        return one.join(other)
    assert isinstance(other, Spans)
    return one.join(other)


def within(one: Domain, other: Domain) -> bool:
    """Whether all of one is in the other; both are of one fact."""
    if isinstance(one, Among):
        return isinstance(other, Among) and one.within(other)
    return isinstance(other, Spans) and one.within(other)


def without(domain: Domain, kind: Kind) -> Domain:
    """All other values of the kind."""
    found = domain.without()
    match found:
        case Among() if kind == "bool":
            return Among(frozenset(one for one in (True, False) if one not in found.values))
        case Spans() if kind != "double":
            return Spans(found.spans)
        case _:
            return found


def compared(sign: str, value: Number, kind: Kind) -> Spans:
    """Values of a numeric fact for which `fact sign value` is true."""
    before, after = _before(value, kind), _after(value, kind)
    match sign:
        case "<":
            spans = ((START, before),)
        case "<=":
            spans = ((START, after),)
        case ">":
            spans = ((after, END),)
        case ">=":
            spans = ((before, END),)
        case "==":
            spans = ((before, after),)
        case _:
            spans = ((START, before), (after, END)) if before < after else ((START, END),)
    return Spans(tuple(span for span in spans if span[0] < span[1]), sign == "!=" and kind == "double")


def _before(value: Number, kind: Kind) -> Cut:
    """The cut before the first value of the kind that is at least this one."""
    if kind != "double":
        return (math.ceil(value), 0)
    return (_double(value) if _double(value) >= value else math.nextafter(_double(value), math.inf), 0)


def _after(value: Number, kind: Kind) -> Cut:
    """The cut before the first value of the kind that is over this one."""
    if kind != "double":
        return (math.floor(value) + 1, 0)
    return (_double(value) if _double(value) > value else math.nextafter(_double(value), math.inf), 0)


def _double(value: Number) -> float:
    return float(value)
