"""A checked tree's value, node by node: the meaning that compiled code has to keep.

`&&` and `||` are commutative: an operand that decides wins over errors and unknown facts of the others, and unknown facts
win over errors. Every other function has a value when all its arguments have. Source: cel-spec, doc/langdef.md, Logical
Operators; cel-go, docs on partial evaluation (unknown before error).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from antiphon.core.signal import FactKind, Value
from antiphon.expr.error import Failure, Unknown
from antiphon.expr.outcome import FALSE, TRUE, Outcome, Result
from antiphon.expr.typed import Apply, Const, Each, Every, Fact, Has, If, Items, Not, Some, Typed, Var

Lookup = Callable[[str], Value]
"""A fact's value by its name; None: unknown. A list may be asked for more than once."""
MAX_STEPS = 100_000
"""Rounds of all macros of one evaluation."""
_TYPES: dict[FactKind, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "double": (float, int),
    "string": str,
    "strings": (tuple, list),
    "timestamp": int,
}


def evaluate(root: Typed, lookup: Lookup) -> Outcome:
    """What comes of it."""
    try:
        value = _Run(lookup).value(root, {})
    except Unknown as error:
        return Outcome(unknown=tuple(sorted(error.names)))
    except Failure as error:
        return Outcome(why=str(error))
    return TRUE if value is True else FALSE if value is False else Outcome(value=cast("Result", value))


class _Run:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._steps = 0

    def value(self, node: Typed, scope: Mapping[str, object]) -> object:
        """Raises: Unknown, Failure."""
        match node:
            case Const(value=value):
                return value
            case Fact():
                return self._fact(node)
            case Var(name=name):
                return scope[name]
            case Items(items=items):
                return tuple(self.value(one, scope) for one in items)
            case Apply(args=args, do=do):
                return do(*[self.value(one, scope) for one in args])
            case Each():
                return self._each(node, scope)
            case _:
                return self._logic(node, scope)

    def _logic(self, node: Has | Not | Every | Some | If, scope: Mapping[str, object]) -> object:
        match node:
            case Has(fact=fact):
                return self._lookup(fact.name) is not None
            case Not(of=of):
                return not self.value(of, scope)
            case Every(of=of) | Some(of=of):
                return self._decided(((one, scope) for one in of), ends=isinstance(node, Some))
            case If(condition=condition, yes=yes, no=no):
                return self.value(yes if self.value(condition, scope) else no, scope)

    def _fact(self, fact: Fact) -> object:
        value = self._lookup(fact.name)
        if value is None:
            raise Unknown(frozenset((fact.name,)))
        if not isinstance(value, _TYPES[fact.says]) or (isinstance(value, bool) and fact.says != "bool"):
            raise Failure(f"the fact {fact.name} is declared as {fact.says}, and was given as {type(value).__name__}")
        return tuple(value) if isinstance(value, list) else value

    def _decided(self, operands: Iterator[tuple[Typed, Mapping[str, object]]], *, ends: bool) -> bool:
        """`ends` is what decides: false for `&&`, true for `||`."""
        unknown: frozenset[str] = frozenset()
        failed: Failure | None = None
        for operand, scope in operands:
            try:
                if self.value(operand, scope) is ends:
                    return ends
            except Unknown as error:
                unknown |= error.names
            except Failure as error:
                failed = failed or error
        if unknown:
            raise Unknown(unknown)
        if failed is not None:
            raise failed
        return not ends

    def _each(self, node: Each, scope: Mapping[str, object]) -> object:
        items = cast("tuple[object, ...]", self.value(node.over, scope))
        self._steps += len(items)
        if self._steps > MAX_STEPS:
            raise Failure(f"its macros take over {MAX_STEPS} rounds")
        scopes: Iterator[dict[str, Any]] = ({**scope, node.var: item} for item in items)
        match node.way:
            case "exists" | "all":
                return self._decided(((node.body, one) for one in scopes), ends=node.way == "exists")
            case "map":
                return tuple(self.value(node.body, one) for one in scopes)
            case "filter":
                return tuple(one[node.var] for one in scopes if self.value(node.body, one))
            case "exists_one":
                return [self.value(node.body, one) for one in scopes].count(True) == 1
