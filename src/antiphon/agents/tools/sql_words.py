"""SQL as it is written: where arguments stand in it, and how it begins."""

import re
from collections.abc import Callable, Sequence

_PIECES = re.compile(
    r"""
    (?P<skip>'(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \[[^\]\n]*\]
      | --[^\n]* | /\*.*?\*/ | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | :: )
    | :(?P<name>[A-Za-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)
_READS = frozenset({"select", "with", "values", "table", "explain", "show", "pragma"})
_FIRST = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)


def placeholders(sql: str) -> list[str]:
    """Names that stand in it as `:NAME`, each once, in order; those in texts and comments aside."""
    return list(dict.fromkeys(one.group("name") for one in _PIECES.finditer(sql) if one.group("name")))


def rewritten(sql: str, place: Callable[[str], str]) -> str:
    """The same with every `:NAME` as a database writes it."""
    return _PIECES.sub(lambda one: place(one.group("name")) if one.group("name") else one.group(0), sql)


def dollars(sql: str, names: Sequence[str]) -> str:
    """With `$1` for the first name, and so on."""
    at = {name: f"${number}" for number, name in enumerate(names, 1)}
    return rewritten(sql, lambda name: at[name])


def reads(sql: str) -> bool:
    """Whether it begins as what reads does. Whether it does read alone is the database's to hold."""
    return first_word(sql) in _READS


def first_word(sql: str) -> str:
    """In lower case; comments and brackets aside."""
    first = _FIRST.match(sql)
    return first.group(1).lower() if first else ""
