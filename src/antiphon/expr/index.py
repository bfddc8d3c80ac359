"""Ordered rules, of which the first that is true is found without evaluating all."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from msgspec import Struct

from antiphon.core.signal import Value
from antiphon.expr.condition import Alternative, alternatives
from antiphon.expr.domain import END, START, Among, Cut, Domain, Spans
from antiphon.expr.evaluate import Lookup
from antiphon.expr.expression import Expression
from antiphon.expr.outcome import Outcome
from antiphon.expr.typed import facts

_EXACT = 2**53
"""Doubles hold ints up to here."""


class Traced(Struct, frozen=True):
    """What became of the rules, in order, up to the first that is true."""

    first: int | None
    tried: tuple[Outcome, ...]


_Column = tuple[str, bool, Callable[[Value], int]]
"""One fact: its name; whether it is free, so that it is looked up at once; which alternatives its value leaves, as bits."""


class _Memo(dict[str, Value]):
    """Facts that were looked up in this decision."""

    def __init__(self, lookup: Lookup) -> None:
        super().__init__()
        self._lookup = lookup

    def __missing__(self, name: str) -> Value:
        value = self[name] = self._lookup(name)
        return value


class Index:
    """Rules in order. Positions count from 0."""

    def __init__(self, rules: Sequence[Expression]) -> None:
        self.rules = tuple(rules)
        found = [(at, one) for at, rule in enumerate(rules) for one in _alternatives(rule)]
        self._all = (1 << len(found)) - 1
        self._rule_of = [at for at, _ in found]
        self._others = [self._all] * len(self.rules)
        for bit, at in enumerate(self._rule_of):
            self._others[at] &= ~(1 << bit)
        ranks = {fact.name: fact.rank for rule in rules for fact in facts(rule.root)}
        by_name: dict[str, list[tuple[int, Domain]]] = {}
        for bit, (_, one) in enumerate(found):
            for name, values in one.domains.items():
                by_name.setdefault(name, []).append((bit, values))
        columns: dict[str, _Column] = {
            name: (name, ranks[name] == 0, _left(rows, self._all)) for name, rows in by_name.items()
        }
        self._columns = [
            tuple(columns[name] for name in self.rules[at].names if name in one.domains) for at, one in found
        ]
        """Of each alternative, the cheapest facts first."""

    def first(self, lookup: Lookup) -> int | None:
        """The first rule that is true: the same as evaluating them in order.

        Each fact is looked up once. Free facts may be looked up for rules that would not need them; others are only
        when evaluating in order would.
        """
        memo = _Memo(lookup)
        get = memo.__getitem__
        seen: set[str] = set()
        left = self._all
        while left:
            lowest = left & -left
            bit = lowest.bit_length() - 1
            for name, at_once, leaves in self._columns[bit]:
                if name in seen:
                    continue
                if name in memo:
                    value = memo[name]
                elif at_once:
                    value = memo[name] = lookup(name)
                else:
                    continue
                seen.add(name)
                left &= leaves(value)
                if not left & lowest:
                    break
            else:
                at = self._rule_of[bit]
                if self.rules[at].holds(get):
                    return at
                left &= self._others[at]
        return None

    def trace(self, lookup: Lookup) -> Traced:
        """The same, with what became of each rule before it. Evaluates them in order."""
        get = _Memo(lookup).__getitem__
        tried: list[Outcome] = []
        for at, rule in enumerate(self.rules):
            outcome = rule.value(get)
            tried.append(outcome)
            if outcome.value is True:
                return Traced(at, tuple(tried))
        return Traced(None, tuple(tried))


def _alternatives(rule: Expression) -> tuple[Alternative, ...]:
    found = alternatives(rule.root)
    return (Alternative({}),) if found is None else found


def _left(rows: Sequence[tuple[int, Domain]], everything: int) -> Callable[[Value], int]:
    """What alternatives are left by a fact's value. `rows`: alternatives that it bears on, and for which values."""
    silent = everything
    for bit, _ in rows:
        silent &= ~(1 << bit)
    if isinstance(rows[0][1], Among):
        return _by_value(cast("Sequence[tuple[int, Among]]", rows), silent)
    return _by_number(cast("Sequence[tuple[int, Spans]]", rows), silent)


def _by_value(rows: Sequence[tuple[int, Among]], silent: int) -> Callable[[Value], int]:
    other = silent | _bits(bit for bit, one in rows if not one.these)
    masks: dict[object, int] = {None: silent}
    for value in {value for _, one in rows for value in one.values}:
        masks[value] = silent | _bits(bit for bit, one in rows if (value in one.values) is one.these)
    return lambda value: masks.get(value, other)


def _by_number(rows: Sequence[tuple[int, Spans]], silent: int) -> Callable[[Value], int]:
    starts: dict[Cut, int] = {}  # bits that change at each cut
    for bit, one in rows:
        for cut in (cut for span in one.spans for cut in span):
            starts[cut] = starts.get(cut, 0) ^ (1 << bit)
    now = silent | starts.pop(START, 0)
    starts.pop(END, 0)
    cuts = sorted(starts)
    masks = [now]
    for cut in cuts:
        now ^= starts[cut]
        masks.append(now)
    numbers = [cut[0] for cut in cuts]
    no_number = silent | _bits(bit for bit, one in rows if one.nan)
    every = silent | _bits(bit for bit, _ in rows)

    def left(value: Value) -> int:
        if not isinstance(value, int | float):
            return silent if value is None else every
        if value.__class__ is int and not -_EXACT <= value <= _EXACT:
            return every
        return masks[bisect_right(numbers, value)] if value == value else no_number  # noqa: PLR0124  # NaN

    return left


def _bits(bits: Iterable[int]) -> int:
    found = 0
    for bit in bits:
        found |= 1 << bit
    return found
