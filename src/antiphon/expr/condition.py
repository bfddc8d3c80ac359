"""When a condition is true: alternatives, of each of which all has to hold.

Only truth is looked at: unknown and error are not true. So `a && b` is true where both are, and `!a` where `a` is false.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from msgspec import Struct

from antiphon.expr import domain
from antiphon.expr.domain import Among, Domain, Number, compared
from antiphon.expr.kinds import is_list
from antiphon.expr.typed import Apply, Const, Each, Every, Fact, Has, If, Not, Some, Typed, Var, below

MAX_ALTERNATIVES = 16
_MIRRORED = {"_<_": ">", "_<=_": ">=", "_>_": "<", "_>=_": "<=", "_==_": "==", "_!=_": "!="}
_NUMERIC = frozenset({"int", "double", "timestamp"})


class Alternative(Struct, frozen=True):
    """What has to hold together: values of facts, and atoms of any other kind by their text (`!` before: false)."""

    domains: Mapping[str, Domain]
    atoms: frozenset[str] = frozenset()

    @property
    def never(self) -> bool:
        """Whether it can't hold."""
        return (
            any(one.empty for one in self.domains.values())
            or any(f"!{one}" in self.atoms for one in self.atoms)
            or any(f"!{_has(name)}" in self.atoms for name in self.domains)
        )

    def within(self, other: "Alternative") -> bool:
        """Whether the other holds where this does. False may mean that it isn't known."""
        return all(
            name in self.domains and domain.within(self.domains[name], values) for name, values in other.domains.items()
        ) and all(atom in self.atoms or any(atom == _has(name) for name in self.domains) for atom in other.atoms)


class _TooMany(Exception):
    """Over `MAX_ALTERNATIVES`."""


def alternatives(root: Typed) -> tuple[Alternative, ...] | None:
    """Those that can hold; none: it is never true. None: there are too many to tell."""
    try:
        return _true(root, wanted=True)
    except _TooMany:
        return None


def _true(node: Typed, *, wanted: bool) -> tuple[Alternative, ...]:
    """When a node is what is wanted."""
    match node:
        case Const(value=value):
            return (Alternative({}),) if value is wanted else ()
        case Fact(name=name):
            return (Alternative({name: Among(frozenset((wanted,)))}),)
        case Not(of=of):
            return _true(of, wanted=not wanted)
        case Every(of=of) | Some(of=of):
            parts = [_true(one, wanted=wanted) for one in of]
            return _all(parts) if isinstance(node, Every) is wanted else _any(parts)
        case If(condition=condition, yes=yes, no=no):
            return _any(
                [
                    _all([_true(condition, wanted=True), _true(yes, wanted=wanted)]),
                    _all([_true(condition, wanted=False), _true(no, wanted=wanted)]),
                ]
            )
        case _:
            return _atom(node, wanted=wanted)


def _all(parts: Iterable[tuple[Alternative, ...]]) -> tuple[Alternative, ...]:
    found: tuple[Alternative, ...] = (Alternative({}),)
    for part in parts:
        found = _bounded([_both(one, other) for one in found for other in part])
    return found


def _any(parts: Iterable[tuple[Alternative, ...]]) -> tuple[Alternative, ...]:
    merged: list[Alternative] = []
    for alternative in (one for part in parts for one in part):
        for at, one in enumerate(merged):
            if (joined := _joined(one, alternative)) is not None:
                merged[at] = joined
                break
        else:
            merged.append(alternative)
    return _bounded(merged)


def _bounded(found: list[Alternative]) -> tuple[Alternative, ...]:
    kept = tuple(one for one in found if not one.never)
    if len(kept) > MAX_ALTERNATIVES:
        raise _TooMany
    return kept


def _both(one: Alternative, other: Alternative) -> Alternative:
    domains = dict(one.domains)
    for name, values in other.domains.items():
        domains[name] = domain.meet(domains[name], values) if name in domains else values
    return Alternative(domains, one.atoms | other.atoms)


def _joined(one: Alternative, other: Alternative) -> Alternative | None:
    """One alternative for both, when they are about the same fact alone."""
    if one.atoms or other.atoms or len(one.domains) != 1 or one.domains.keys() != other.domains.keys():
        return None
    (name,) = one.domains
    return Alternative({name: domain.join(one.domains[name], other.domains[name])})


def _atom(node: Typed, *, wanted: bool) -> tuple[Alternative, ...]:
    if isinstance(node, Apply) and len(node.args) == 2:
        found = _of_fact(node.function, node.args[0], node.args[1])
        if found is not None:
            fact, values = found
            return _bounded([Alternative({fact.name: values if wanted else domain.without(values, fact.kind)})])
    return (Alternative({}, frozenset((_key(node) if wanted else f"!{_key(node)}",))),)


def _of_fact(function: str, one: Typed, other: Typed) -> tuple[Fact, Domain] | None:
    """The fact and its values, for which the relation to a constant is true."""
    match one, other:
        case Fact(), Const(value=tuple()) if function == "@in":
            values = cast("tuple[object, ...]", other.value)
            if one.kind in _NUMERIC:
                found: Domain = domain.Spans(())
                for value in values:
                    found = domain.join(found, compared("==", cast("Number", value), one.kind))
                return one, found
            return None if is_list(one.kind) else (one, Among(cast("frozenset[str | bool]", frozenset(values))))
        case Fact(), Const() if function in _MIRRORED:
            return _related(function.strip("_"), one, other)
        case Const(), Fact() if function in _MIRRORED:
            return _related(_MIRRORED[function], other, one)
        case _:
            return None


def _related(sign: str, fact: Fact, constant: Const) -> tuple[Fact, Domain] | None:
    if fact.kind in _NUMERIC:
        return fact, compared(sign, cast("Number", constant.value), fact.kind)
    if is_list(fact.kind) or sign not in ("==", "!="):
        return None
    these: Domain = Among(frozenset((cast("str | bool", constant.value),)))
    return fact, these if sign == "==" else domain.without(these, fact.kind)


def _has(name: str) -> str:
    return f"has({name})"


def _key(node: Typed) -> str:
    """A text that is the same for nodes that mean the same."""
    match node:
        case Const(value=value):
            return repr(value)
        case Fact(name=name):
            return name
        case Var(name=name):
            return f"${name}"
        case Has(fact=fact):
            return _has(fact.name)
        case Each():
            return f"{node.way}({_key(node.over)}, ${node.var}, {_key(node.body)})"
        case _:
            of = node.function if isinstance(node, Apply) else type(node).__name__
            return f"{of}({', '.join(map(_key, below(node)))})"
