"""Patterns that a hostile text can't make slow: RE2 takes time that grows with the text alone.

Source: https://github.com/google/re2/wiki/Syntax.
"""

# The library brings no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterable
from typing import Any

import re2


class BadPattern(ValueError):
    """What is wrong with a pattern."""


class Pattern:
    """One pattern."""

    def __init__(self, text: str, *, case: bool = True) -> None:
        """Raises: BadPattern."""
        options: Any = re2.Options()
        options.case_sensitive = case
        options.log_errors = False
        try:
            self._found: Any = re2.compile(text, options=options)
        except (re2.error, UnicodeEncodeError) as error:
            raise BadPattern(_why(error)) from error
        self.text = text

    def count(self, text: str) -> int:
        """How often it is found. One that matches nothing at all is found where nothing stands, too."""
        if self._found.search(text) is None:
            return 0
        return sum(1 for _ in self._found.finditer(text))


class Patterns:
    """Several patterns that are looked for in one pass."""

    def __init__(self, texts: Iterable[str]) -> None:
        options: Any = re2.Options()
        options.log_errors = False
        self._set: Any = re2.Set.SearchSet(options)
        for text in texts:
            self._set.Add(text)
        self._set.Compile()

    def found(self, text: str) -> list[int]:
        """Which of them are in a text, by their place."""
        return list(self._set.Match(text) or ())


def _why(error: Any) -> str:
    said = error.args[0] if error.args else error
    return said.decode() if isinstance(said, bytes) else str(said)
