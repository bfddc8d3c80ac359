"""What a plain YAML scalar means: the core schema of YAML 1.2.2, section 10.3.2.

`yes`, `no`, `on` and `off` are text here, as are dates and numbers such as 1_000 or 12:30.
"""

import re
from typing import Literal

NULL = frozenset({"", "~", "null", "Null", "NULL"})
TRUE = frozenset({"true", "True", "TRUE"})
FALSE = frozenset({"false", "False", "FALSE"})
INT = re.compile(r"[-+]?[0-9]+")
BASED = {"0o": (re.compile(r"0o[0-7]+"), 8), "0x": (re.compile(r"0x[0-9a-fA-F]+"), 16)}
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)")
NAN = frozenset({".nan", ".NaN", ".NAN"})
MOST_DIGITS = 400
"""Longer numbers are text: no setting has so many digits, and reading them takes quadratic time."""

Kind = Literal["null", "bool", "int", "float", "text"]
Value = bool | int | float | str | None


def meaning(text: str) -> tuple[Kind, Value]:
    """Kind and value of a scalar that is neither quoted nor tagged."""
    if text in NULL:
        return "null", None
    if text in TRUE or text in FALSE:
        return "bool", text in TRUE
    if len(text) <= MOST_DIGITS:
        number = _number(text)
        if number is not None:
            return ("int" if isinstance(number, int) else "float"), number
    return "text", text


def _number(text: str) -> int | float | None:
    """The number that a text is; None when it is none."""
    if INT.fullmatch(text):
        return int(text)
    based = BASED.get(text[:2])
    if based and based[0].fullmatch(text):
        return int(text[2:], based[1])
    if FLOAT.fullmatch(text):
        return float(text)
    infinite = INFINITE.fullmatch(text)
    if infinite:
        return float(f"{infinite[1]}inf")
    return float("nan") if text in NAN else None
