"""A scalar of the file as the value that a setting takes."""

import math
import re
from difflib import get_close_matches

from msgspec import Struct, inspect

from antiphon.config.describe import bare, choices, expected, found
from antiphon.core.secret import Secret
from antiphon.wire.yaml_node import Scalar
from antiphon.wire.yaml_scalar import Kind, Value, meaning

MOST_INT = 2**63 - 1
"""What a database column and every JSON reader take."""


class Mismatch(Struct, frozen=True, kw_only=True):
    """Why a scalar is not what a setting takes."""

    wrong: str
    remedy: str


def scalar(node: Scalar, kind: inspect.Type) -> object:
    """The value, or a Mismatch. A scalar that was interpolated is read by the setting's type."""
    kind = bare(kind)
    as_text = isinstance(kind, inspect.StrType | inspect.CustomType)
    known, value = _known(node, as_text=as_text)
    match kind:
        case inspect.BoolType() if known == "bool":
            return value
        case inspect.IntType() | inspect.FloatType() if isinstance(value, int | float) and known in {"int", "float"}:
            return _number(node, kind, value)
        case inspect.StrType() if known == "text":
            return _text(node, kind, str(value))
        case inspect.LiteralType() | inspect.EnumType():
            return _choice(node, kind, value)
        case inspect.CustomType() if known == "text" and kind.cls is Secret:
            return Secret(str(value))
        case _:
            return mismatch(node, kind)


def _known(node: Scalar, *, as_text: bool) -> tuple[Kind, Value]:
    if node.kind == "broken":
        return "null", None
    if node.written is not None and not as_text:
        return meaning(str(node.value))
    return node.kind, node.value


def mismatch(node: Scalar, kind: inspect.Type) -> Mismatch:
    """Found that; what was expected is in the remedy, or before it where the remedy is another."""
    as_text = isinstance(kind, inspect.StrType | inspect.CustomType)
    quoted = as_text and node.kind in {"bool", "int", "float"}
    shown = not quoted and not isinstance(kind, inspect.CustomType)
    wrong = f"found {found(node, shown=shown)}"
    if quoted:
        return Mismatch(wrong=f"expected {expected(kind)}, {wrong}", remedy="put it in quotes")
    return Mismatch(wrong=wrong, remedy=f"write {expected(kind)}")


def _number(node: Scalar, kind: inspect.IntType | inspect.FloatType, value: float) -> object:
    if isinstance(kind, inspect.IntType) and not isinstance(value, int):
        return mismatch(node, kind)
    if (isinstance(value, int) and abs(value) > MOST_INT) or not math.isfinite(value):
        return mismatch(node, kind)
    fits = (
        (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )
    if not fits:
        return mismatch(node, kind)
    return float(value) if isinstance(kind, inspect.FloatType) else value


def _text(node: Scalar, kind: inspect.StrType, value: str) -> object:
    fits = (
        (kind.min_length is None or len(value) >= kind.min_length)
        and (kind.max_length is None or len(value) <= kind.max_length)
        and (kind.pattern is None or _matches(kind.pattern, value))
    )
    return value if fits else mismatch(node, kind)


def _matches(pattern: str, value: str) -> bool:
    """As in JSON Schema: anywhere in the text, and `$` is its very end."""
    return re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), value) is not None


def _choice(node: Scalar, kind: inspect.LiteralType | inspect.EnumType, value: Value) -> object:
    known = choices(kind)
    for choice in known:
        if type(choice) is type(value) and choice == value:
            return kind.cls(choice) if isinstance(kind, inspect.EnumType) else choice
    said = mismatch(node, kind)
    wrong = f"expected {expected(kind)}, {said.wrong}"
    if not isinstance(value, str):
        quoted = isinstance(value, int | float) and str(value) in known
        return Mismatch(wrong=wrong, remedy="put it in quotes") if quoted else said
    near = get_close_matches(value, [str(choice) for choice in known], n=1)
    return Mismatch(wrong=wrong, remedy=f"did you mean `{near[0]}`?") if near else said
