"""What literals stand for, and how values are written. Source: cel-spec, doc/langdef.md, String and Bytes Values."""

import math
import re

from antiphon.expr.error import ExpressionError
from antiphon.expr.kinds import INT_MOST
from antiphon.expr.token import Token
from antiphon.expr.tree import Scalar

_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|.|$)", re.DOTALL
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WRITTEN = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MOST_DIGITS = 20
"""Of an int: longer ones are over its range."""


def number(token: Token, text: str) -> int | float:
    """Raises: ExpressionError, when it is out of range. The least int is read as its opposite; the sign comes later."""
    if token.sort == "double":
        value = float(token.text)
        if math.isinf(value):
            raise ExpressionError(text, token.at, "it is over the range of double", "at most 1.7e308", token=token.text)
        return value
    digits = token.text.lower().removeprefix("0x").lstrip("0") or "0"
    value = int(digits, 16 if token.text[:2] in ("0x", "0X") else 10) if len(digits) <= _MOST_DIGITS else INT_MOST * 2
    if value > INT_MOST + 1:
        raise ExpressionError(
            text, token.at, "it is over the range of int", f"at most {INT_MOST}", token=token.text[:40]
        )
    return value


def string(token: Token, text: str) -> str:
    """A text without its quotes, escapes read. Raises: ExpressionError."""
    raw = token.sort == "raw"
    said = token.text[1:] if raw else token.text
    width = 3 if len(said) >= 6 and said[:3] in ("'''", '"""') else 1
    inner = said[width:-width]
    if raw:
        return inner
    start = token.at + width

    def read(found: re.Match[str]) -> str:
        letter, *codes, octal = found.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        code = next((int(one, 16) for one in codes if one), int(octal, 8) if octal else -1)
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            remedy = r"write \\ for a backslash, or r'…' for a text without escapes"
            raise ExpressionError(text, start + found.start(), "it is no escape", remedy, token=found[0])
        return chr(code)

    return _ESCAPE.sub(read, inner)


def write(value: Scalar) -> str:
    """A value as a literal that reads as this value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + "".join(_WRITTEN.get(one) or _plain(one) for one in value) + "'"
    said = repr(value)
    return said if isinstance(value, int) or "." in said or "e" in said else f"{said}.0"


def _plain(character: str) -> str:
    code = ord(character)
    return character if code >= 0xA0 or 0x20 <= code < 0x7F else f"\\x{code:02x}"
