"""Types of expressions: the kinds of facts, durations, and lists of any of these."""

from typing import Literal

from antiphon.core.signal import FactKind

Kind = str
"""`bool`, `int`, `double`, `string`, `timestamp`, `duration`, `list(KIND)`; `list(any)` is the empty list's."""
Gives = Literal["bool", "int", "double", "number", "string", "strings", "timestamp", "any"]
"""What an expression has to give; a number is an int or a double."""
NUMBERS = frozenset({"int", "double"})
ORDERED = frozenset({"bool", "int", "double", "string", "timestamp", "duration"})
ANY_LIST = "list(any)"
INT_LEAST, INT_MOST = -(2**63), 2**63 - 1


def list_of(kind: Kind) -> Kind:
    return f"list({kind})"


def is_list(kind: Kind) -> bool:
    return kind.startswith("list(")


def element(kind: Kind) -> Kind:
    """Of what a list is."""
    return kind[5:-1]


def of_fact(kind: FactKind) -> Kind:
    return "list(string)" if kind == "strings" else kind


def joined(one: Kind, other: Kind) -> Kind | None:
    """The kind that both are of; None, when they are of two kinds. An empty list is of every kind of list."""
    if other in (one, "any"):
        return one
    if one == "any":
        return other
    if is_list(one) and is_list(other):
        inner = joined(element(one), element(other))
        return None if inner is None else list_of(inner)
    return None


def gives(kind: Kind, wanted: Gives) -> bool:
    """Whether an expression of a kind is what is wanted."""
    match wanted:
        case "any":
            return True
        case "number":
            return kind in NUMBERS
        case "strings":
            return joined(kind, "list(string)") == "list(string)"
        case _:
            return kind == wanted
