"""An expression's text in tokens. Source: cel-spec, doc/langdef.md, Syntax."""

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from antiphon.expr.error import ExpressionError

Sort = Literal["int", "double", "string", "raw", "name", "quoted", "sign", "end"]
_TOKEN = re.compile(
    r"""
      (?P<space>(?:[\t\n\f\r ]|//[^\r\n]*)+)
    | (?P<double>(?:[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)(?![A-Za-z0-9_]))
    | (?P<int>(?:0[xX][0-9a-fA-F]+|[0-9]+)(?![A-Za-z0-9_]))
    | (?P<raw>[rR](?:'''(?s:.*?)'''|\"\"\"(?s:.*?)\"\"\"|'[^'\r\n]*'|"[^"\r\n]*"))
    | (?P<string>'''(?s:[^\\]|\\.)*?'''|\"\"\"(?s:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")
    | (?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    | (?P<quoted>`[a-zA-Z0-9_\-./ ]+`)
    | (?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:.,()\[\]])
    """,
    re.VERBOSE,
)
IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_WRONG = re.compile(r"[0-9.]*[A-Za-z0-9_]+|.", re.DOTALL)
_INSTEAD = {
    "&": "write `&&`",
    "|": "write `||`",
    "=": "write `==`",
    "{": "there are no maps: write facts by their dotted names",
    "}": "there are no maps: write facts by their dotted names",
    "'": "close the text with the quote that it begins with",
    '"': "close the text with the quote that it begins with",
    "`": "a name in backticks has letters, digits, `_`, `-`, `.`, `/` and spaces",
    "\\": "texts stand in quotes",
}


class Token(Struct, frozen=True):
    sort: Sort
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens in their order, and one that ends them. Raises: ExpressionError."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _wrong(text, at)
        sort, said = found.lastgroup, found[0]
        if sort != "space":
            yield Token(sort, said, at)  # pyright: ignore[reportArgumentType]  # groups are named as sorts are
        at = found.end()
    yield Token("end", "", at)


def _wrong(text: str, at: int) -> ExpressionError:
    found = _WRONG.match(text, at)
    said = found[0] if found else text[at]
    if said[0] in "0123456789.":
        remedy = "write a number such as 12, 0x1f or 0.5; there are no unsigned numbers"
        return ExpressionError(text, at, "it is no number", remedy, token=said[:40])
    remedy = _INSTEAD.get(said, "leave it out")
    wrong = "the text isn't closed" if said in "'\"" else "it has no meaning here"
    return ExpressionError(text, at, wrong, remedy, token=said)
