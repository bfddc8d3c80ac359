"""Conditions that can't hold together."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

from antiphon.policy.clauses import Clauses
from antiphon.policy.reads import Spot
from antiphon.policy.rule import Tree

Bound = tuple[Spot, str, str | int]
"""An attribute, an operator, and the literal on its right."""


def impossible(part: Clauses) -> str:
    """Why the conditions of a policy can't hold together, as far as their texts tell; empty: nothing tells."""
    trees: list[Tree] = [json.loads(one) for one in sorted(part.conditions)]
    if {"Value": False} in trees or {"!": {"arg": {"Value": True}}} in trees:
        return "a condition is false"
    if any({"!": {"arg": tree}} in trees for tree in trees):
        return "a condition and its opposite"
    bounds = [bound for tree in trees for bound in _bounds(tree)]
    return _two_words(bounds) or _empty_range(bounds)


def _two_words(bounds: Sequence[Bound]) -> str:
    first: dict[Spot, str] = {}
    for spot, operator, value in bounds:
        if isinstance(value, str) and operator == "==" and first.setdefault(spot, value) != value:
            return f"{'.'.join(spot)} is {first[spot]!r} and {value!r} at once"
    return ""


def _empty_range(bounds: Sequence[Bound]) -> str:
    least: dict[Spot, int] = {}
    most: dict[Spot, int] = {}
    for spot, operator, value in bounds:
        if isinstance(value, str):
            continue
        if operator in (">", ">=", "=="):
            least[spot] = max(least.get(spot, value), value + (operator == ">"))
        if operator in ("<", "<=", "=="):
            most[spot] = min(most.get(spot, value), value - (operator == "<"))
    for spot, low in least.items():
        if low > most.get(spot, low):
            return f"{'.'.join(spot)} is {low} or more, and {most[spot]} or less"
    return ""


def _bounds(tree: Tree) -> Iterator[Bound]:
    """An attribute that a condition compares with a literal, on its left."""
    for operator in ("==", "<", "<=", ">", ">="):
        if operator not in tree:
            continue
        sides = cast("Tree", tree[operator])
        access = cast("Tree", cast("Tree", sides["left"]).get(".") or {})
        value: Any = cast("Tree", sides["right"]).get("Value")
        variable: Any = cast("Tree", access.get("left") or {}).get("Var")
        if variable is not None and isinstance(value, str | int) and not isinstance(value, bool):
            yield (variable, access["attr"]), operator, value
