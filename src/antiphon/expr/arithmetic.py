"""What operators and conversions do with values. All raise Failure where there is no value."""

import math
import re

from antiphon.expr import moments
from antiphon.expr.error import Failure
from antiphon.expr.kinds import INT_LEAST, INT_MOST

MAX_CHARACTERS = 4_000_000
"""Of a text that is put together."""
MAX_ITEMS = 10_000
"""Of a list that is put together."""
_INT = re.compile(r"[+-]?[0-9]{1,19}")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:Infinity|Inf|NaN)", re.IGNORECASE)
_BOOLS = {
    **dict.fromkeys(("true", "True", "TRUE", "t", "1"), True),
    **dict.fromkeys(("false", "False", "FALSE", "f", "0"), False),
}


def in_int(value: int) -> int:
    """An int in its range."""
    if INT_LEAST <= value <= INT_MOST:
        return value
    raise Failure("the int is over its range")


def add(one: int, other: int) -> int:
    return in_int(one + other)


def subtract(one: int, other: int) -> int:
    return in_int(one - other)


def multiply(one: int, other: int) -> int:
    return in_int(one * other)


def negate(value: int) -> int:
    return in_int(-value)


def divide(one: int, other: int) -> int:
    """Towards zero."""
    if other == 0:
        raise Failure("it divides by zero")
    whole = abs(one) // abs(other)
    return in_int(whole if (one < 0) == (other < 0) else -whole)


def remainder(one: int, other: int) -> int:
    """With the sign of the first."""
    if other == 0:
        raise Failure("it takes a remainder by zero")
    left = abs(one) % abs(other)
    return -left if one < 0 else left


def multiply_double(one: float, other: float) -> float:
    return float(one) * float(other)


def negate_double(value: float) -> float:
    return -float(value)


def add_double(one: float, other: float) -> float:
    return float(one) + float(other)


def subtract_double(one: float, other: float) -> float:
    return float(one) - float(other)


def divide_double(one: float, other: float) -> float:
    """As IEEE 754 has it: by zero it is infinite, or no number."""
    if other != 0:
        return float(one) / float(other)
    if one == 0 or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def contains(text: str, part: str) -> bool:
    return part in text


def join(one: str, other: str) -> str:
    if len(one) + len(other) > MAX_CHARACTERS:
        raise Failure(f"the text is over {MAX_CHARACTERS} characters")
    return one + other


def join_lists(one: tuple[object, ...], other: tuple[object, ...]) -> tuple[object, ...]:
    if len(one) + len(other) > MAX_ITEMS:
        raise Failure(f"the list is over {MAX_ITEMS} items")
    return one + other


def later(at_ns: int, length_ns: int) -> int:
    return moments.in_years(at_ns + length_ns)


def earlier(at_ns: int, length_ns: int) -> int:
    return moments.in_years(at_ns - length_ns)


def after(length_ns: int, at_ns: int) -> int:
    return later(at_ns, length_ns)


def opposite(length_ns: int) -> int:
    return moments.in_range(-length_ns)


def to_seconds(at_ns: int) -> int:
    return at_ns // moments.SECOND_NS


def from_seconds(seconds: int) -> int:
    return moments.in_years(seconds * moments.SECOND_NS)


def longer(one_ns: int, other_ns: int) -> int:
    return moments.in_range(one_ns + other_ns)


def shorter(one_ns: int, other_ns: int) -> int:
    return moments.in_range(one_ns - other_ns)


def at_index(items: tuple[object, ...], index: int) -> object:
    if not 0 <= index < len(items):
        raise Failure(f"there is no item {index} in a list of {len(items)}")
    return items[index]


def to_int(value: float) -> int:
    """A double towards zero."""
    if not INT_LEAST <= value < 2**63:
        raise Failure("the double is over the range of int")
    return int(value)


def read_int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise Failure(f"{text[:40]!r} is no int")
    return in_int(int(text))


def read_double(text: str) -> float:
    if not _DOUBLE.fullmatch(text):
        raise Failure(f"{text[:40]!r} is no double")
    return float(text)


def read_bool(text: str) -> bool:
    if text not in _BOOLS:
        raise Failure(f"{text[:40]!r} is no bool")
    return _BOOLS[text]


def write_double(value: float) -> str:
    """As CEL's own implementations do: 1.0 is `1`."""
    said = repr(float(value))
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(said) or said.removesuffix(".0")


def write_bool(value: bool) -> str:  # noqa: FBT001  # the one argument
    return "true" if value else "false"


def lower_ascii(text: str) -> str:
    """Letters A to Z alone."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """Letters a to z alone."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


_LOWER = {code: code + 32 for code in range(65, 91)}
_UPPER = {code: code - 32 for code in range(97, 123)}
