"""Says in words what a setting takes and what was found instead."""

import re
from typing import assert_never, cast

from msgspec import inspect

from antiphon.wire.yaml_node import Items, Node, Scalar, Table

LONGEST = 60
"""Characters of an offending value that a message shows."""
USER = re.compile(r"(?<=://)[^/@\s]+@")
Sized = inspect.StrType | inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType
Many = inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType


def bare(kind: inspect.Type) -> inspect.Type:
    """A type without its description and without `or null`."""
    if isinstance(kind, inspect.Metadata):
        return bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        return bare(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    return kind


def optional(kind: inspect.Type) -> bool:
    """Whether null is a value of this type."""
    if isinstance(kind, inspect.Metadata):
        return optional(kind.type)
    return isinstance(kind, inspect.UnionType) and kind.includes_none


def expected(kind: inspect.Type) -> str:
    """What a setting takes: `a whole number from 0 to 65535`, `one of a, b`."""
    kind = bare(kind)
    match kind:
        case inspect.BoolType():
            said = "true or false"
        case inspect.IntType() | inspect.FloatType():
            noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            said = f"{noun} {bounds(kind)}"
        case inspect.StrType():
            said = f"text {shape(kind)}"
        case inspect.LiteralType() | inspect.EnumType():
            said = f"one of {', '.join(f'`{choice}`' for choice in choices(kind))}"
        case inspect.DictType():
            said = f"a section of names, each with {expected(kind.value_type)}"
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            said = f"a list {shape(kind)}".rstrip() + f", each item {expected(kind.item_type)}"
        case inspect.StructType():
            said = "a section"
        case _:
            said = "text"
    return said.rstrip()


def choices(kind: inspect.LiteralType | inspect.EnumType) -> list[str | int]:
    """The values of a choice, in the order of the code where that is known."""
    if isinstance(kind, inspect.EnumType):
        return [cast("str | int", member.value) for member in kind.cls]
    return [value for value in kind.values if value is not None]


def bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    """`from 1 to 256`, `above 0, at most 600`; empty without bounds."""
    if kind.ge is not None and kind.le is not None:
        return f"from {number(kind.ge)} to {number(kind.le)}"
    said = (
        (kind.gt, "above"),
        (kind.ge, "of at least"),
        (kind.lt, "below"),
        (kind.le, "at most"),
    )
    return ", ".join(f"{word} {number(limit)}" for limit, word in said if limit is not None)


def shape(kind: Sized) -> str:
    """Length and pattern; empty without either."""
    unit = "characters" if isinstance(kind, inspect.StrType) else "items"
    said: list[str] = []
    if kind.min_length is not None:
        said.append(f"of at least {kind.min_length} {unit}")
    if kind.max_length is not None:
        said.append(f"of at most {kind.max_length} {unit}")
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        said.append(f"that matches {kind.pattern}")
    return ", ".join(said).replace("at least 1 characters", "at least one character")


def number(value: float) -> str:
    """A limit without exponent or needless decimals."""
    return str(int(value)) if float(value).is_integer() else str(value)


def found(node: Node, *, shown: bool) -> str:
    """What stands in the file, with its value if that may be shown; what `${…}` put in never is."""
    match node:
        case Table():
            return "a section"
        case Items():
            return "a list"
        case Scalar():
            return _scalar(node, shown=shown)
        case _:
            assert_never(node)


KINDS = {
    "null": "nothing",
    "bool": "a truth value",
    "int": "a whole number",
    "float": "a number",
    "text": "text",
    "broken": "nothing",
}


def _scalar(node: Scalar, *, shown: bool) -> str:
    kind = KINDS[node.kind]
    if not shown or node.kind in {"null", "broken"}:
        return kind
    if node.written is not None:
        return f"something else from {_short(node.written)}"
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    value = _short(str(node.value))
    return f"the text {value!r}" if node.kind == "text" else f"{kind} {value}"


def _short(text: str) -> str:
    """One line, not too long, without the password of a URL."""
    line = USER.sub("***@", text.split("\n", 1)[0])
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"
