"""Says in words what a setting takes and what was found instead."""

from typing import assert_never, cast

from msgspec import inspect

from antiphon.wire.yaml_node import Items, Node, Scalar, Table

LONGEST = 60
"""Characters of an offending value that a message shows."""
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
            return "true or false"
        case inspect.IntType():
            return " ".join(filter(None, ("a whole number", bounds(kind))))
        case inspect.FloatType():
            return " ".join(filter(None, ("a number", bounds(kind))))
        case inspect.StrType():
            return " ".join(filter(None, ("text", shape(kind))))
        case inspect.LiteralType() | inspect.EnumType():
            return f"one of {', '.join(f'`{choice}`' for choice in choices(kind))}"
        case inspect.DictType():
            return f"a section of names, each with {expected(kind.value_type)}"
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            return f"a list, each item {expected(kind.item_type)}"
        case inspect.StructType():
            return "a section"
        case _:
            return "text"


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


def found(node: Node, *, secret: bool = False) -> str:
    """What stands in the file. The value of a secret, or of what was put in by `${…}`, is not shown."""
    match node:
        case Table():
            return "a section"
        case Items():
            return "a list"
        case Scalar():
            return _scalar(node, secret=secret)
        case _:
            assert_never(node)


def _scalar(node: Scalar, *, secret: bool) -> str:
    kinds = {
        "null": "nothing",
        "bool": "a truth value",
        "int": "a whole number",
        "float": "a number",
        "text": "text",
        "broken": "nothing",
    }
    kind = kinds[node.kind]
    if secret or node.kind in {"null", "broken"}:
        return kind
    if node.written is not None:
        return f"something else from {_short(node.written)}"
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    return f"{kind} {_short(str(node.value))}" if node.kind != "text" else f"the text {_short(str(node.value))!r}"


def _short(text: str) -> str:
    line = text.split("\n", 1)[0]
    return line if len(text) <= LONGEST else line[:LONGEST] + "…"
