"""Functions and operators, by name and by the kinds of what they are given.

Source: cel-spec, doc/langdef.md, List of Standard Definitions; strings and `math` are CEL's standard extensions
(doc/extensions/strings.md, math_ext).
"""

import operator
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from antiphon.expr import arithmetic, moments
from antiphon.expr.kinds import Kind

Style = Literal["call", "method", "sign"]
"""`f(x)`, `x.f()`, or an operator. A method's first kind is that of what stands before the dot."""


class Overload(Struct, frozen=True):
    takes: tuple[Kind, ...]
    """`list(any)` takes every list."""
    gives: Kind
    do: Callable[..., object]
    code: str = ""
    """The same as Python, with `{0}` for its first operand; empty: a call of `do`."""


def _same(kind: Kind, do: Callable[..., object], code: str = "") -> Overload:
    return Overload((kind, kind), kind, do, code)


SIGNS: Mapping[str, tuple[Overload, ...]] = MappingProxyType(
    {
        "_+_": (
            _same("int", arithmetic.add),
            _same("double", arithmetic.add_double),
            _same("string", arithmetic.join),
            Overload(("timestamp", "duration"), "timestamp", arithmetic.later),
            Overload(("duration", "timestamp"), "timestamp", arithmetic.after),
            _same("duration", arithmetic.longer),
        ),
        "_-_": (
            _same("int", arithmetic.subtract),
            _same("double", arithmetic.subtract_double),
            Overload(("timestamp", "timestamp"), "duration", arithmetic.shorter),
            Overload(("timestamp", "duration"), "timestamp", arithmetic.earlier),
            _same("duration", arithmetic.shorter),
        ),
        "_*_": (_same("int", arithmetic.multiply), _same("double", arithmetic.multiply_double)),
        "_/_": (_same("int", arithmetic.divide), _same("double", arithmetic.divide_double)),
        "_%_": (_same("int", arithmetic.remainder),),
        "-_": (
            Overload(("int",), "int", arithmetic.negate),
            Overload(("double",), "double", arithmetic.negate_double),
            Overload(("duration",), "duration", arithmetic.opposite),
        ),
    }
)
"""Operators but for comparison, logic, `in` and `[]`, whose kinds follow from each other."""


def _least(*values: float) -> float:
    return min(values)


def _greatest(*values: float) -> float:
    return max(values)


_OF_ONE = {
    "size": (Overload(("string",), "int", len, "len({0})"), Overload(("list(any)",), "int", len, "len({0})")),
}
CALLS: Mapping[str, tuple[Overload, ...]] = MappingProxyType(
    {
        **_OF_ONE,
        "bool": (Overload(("bool",), "bool", bool), Overload(("string",), "bool", arithmetic.read_bool)),
        "int": (
            Overload(("int",), "int", int),
            Overload(("double",), "int", arithmetic.to_int),
            Overload(("string",), "int", arithmetic.read_int),
            Overload(("timestamp",), "int", arithmetic.to_seconds),
        ),
        "double": (
            Overload(("double",), "double", float),
            Overload(("int",), "double", float),
            Overload(("string",), "double", arithmetic.read_double),
        ),
        "string": (
            Overload(("string",), "string", str),
            Overload(("int",), "string", str),
            Overload(("double",), "string", arithmetic.write_double),
            Overload(("bool",), "string", arithmetic.write_bool),
            Overload(("timestamp",), "string", moments.write_timestamp),
            Overload(("duration",), "string", moments.write_duration),
        ),
        "timestamp": (
            Overload(("string",), "timestamp", moments.timestamp),
            Overload(("int",), "timestamp", arithmetic.from_seconds),
            Overload(("timestamp",), "timestamp", int),
        ),
        "duration": (
            Overload(("string",), "duration", moments.duration),
            Overload(("duration",), "duration", int),
        ),
        **{
            f"math.{name}": tuple(
                Overload((kind,) * count, kind, do) for count in range(1, 9) for kind in ("int", "double")
            )
            for name, do in (("least", _least), ("greatest", _greatest))
        },
    }
)
"""What is called with its arguments in parentheses. `math.least` and `math.greatest` take up to eight."""
METHODS: Mapping[str, tuple[Overload, ...]] = MappingProxyType(
    {
        **_OF_ONE,
        "contains": (Overload(("string", "string"), "bool", arithmetic.contains, "({1} in {0})"),),
        "startsWith": (Overload(("string", "string"), "bool", str.startswith, "{0}.startswith({1})"),),
        "endsWith": (Overload(("string", "string"), "bool", str.endswith, "{0}.endswith({1})"),),
        "lowerAscii": (Overload(("string",), "string", arithmetic.lower_ascii),),
        "upperAscii": (Overload(("string",), "string", arithmetic.upper_ascii),),
        "trim": (Overload(("string",), "string", str.strip, "{0}.strip()"),),
        **{
            name: (
                Overload(("timestamp",), "int", do),
                Overload(("timestamp", "string"), "int", do),
                *(
                    (Overload(("duration",), "int", moments.DURATION_PARTS[name]),)
                    if name in moments.DURATION_PARTS
                    else ()
                ),
            )
            for name, do in moments.TIMESTAMP_PARTS.items()
        },
    }
)
"""What is called behind a dot. `matches` is apart: its pattern is compiled when it is checked."""
COMPARE: Mapping[str, Callable[..., bool]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)


def is_in(item: object, items: Collection[object]) -> bool:
    return item in items


MACROS = ("all", "exists", "exists_one", "filter", "map")
"""`list.all(name, condition)` and so on."""
