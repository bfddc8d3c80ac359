"""What an expression is when it is read: literals, names, lists and calls. Operators are calls named as CEL names them."""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

Scalar: TypeAlias = bool | int | float | str
AND, OR, NOT, MINUS, CHOOSE, INDEX, IN = "_&&_", "_||_", "!_", "-_", "_?_:_", "_[_]", "@in"
BINARY = {
    "||": (1, OR),
    "&&": (2, AND),
    **{sign: (3, f"_{sign}_") for sign in ("<", "<=", ">=", ">", "==", "!=")},
    "in": (3, IN),
    "+": (4, "_+_"),
    "-": (4, "_-_"),
    "*": (5, "_*_"),
    "/": (5, "_/_"),
    "%": (5, "_%_"),
}
"""How strongly a sign binds, and the function that it calls. Source: cel-spec, doc/langdef.md, Syntax."""
SIGNS = {function: (power, sign) for sign, (power, function) in BINARY.items()}


class Literal(Struct, frozen=True):
    """`at` is the offset of its first character, here and in other nodes."""

    at: int
    value: Scalar


class Name(Struct, frozen=True):
    """Dotted, as facts are."""

    at: int
    parts: tuple[str, ...]


class Listed(Struct, frozen=True):
    at: int
    items: tuple["Node", ...]


class Call(Struct, frozen=True):
    """`target` stands before the dot: `target.function(args)`."""

    at: int
    function: str
    args: tuple["Node", ...]
    target: "Node | None" = None


Node: TypeAlias = Literal | Name | Listed | Call


def below(node: Node) -> Iterator[Node]:
    """What a node is made of."""
    match node:
        case Listed(items=items):
            yield from items
        case Call(args=args, target=target):
            if target is not None:
                yield target
            yield from args
        case _:
            pass
