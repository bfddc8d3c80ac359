"""What an expression is when it is read: literals, names, lists and calls. Operators are calls named as CEL names them."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct, field

Scalar: TypeAlias = bool | int | float | str


class Node(Struct, frozen=True):
    """`at` is the offset of its token, in characters. It doesn't count when trees are compared."""

    at: int


class Literally(Node, frozen=True, eq=False, tag=True):
    value: Scalar

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literally) and (type(self.value), repr(self.value)) == (
            type(other.value),
            repr(other.value),
        )

    def __hash__(self) -> int:
        return hash(repr(self.value))


class Name(Node, frozen=True, eq=False):
    """Dotted, as facts are."""

    parts: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


class Listed(Node, frozen=True, eq=False):
    items: tuple["Tree", ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listed) and self.items == other.items

    def __hash__(self) -> int:
        return hash(self.items)


class Call(Node, frozen=True, eq=False):
    """`target` stands before the dot: `target.function(args)`."""

    function: str
    args: tuple["Tree", ...]
    target: "Tree | None" = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and (self.function, self.target, self.args) == (
            other.function,
            other.target,
            other.args,
        )

    def __hash__(self) -> int:
        return hash((self.function, self.target, self.args))
