"""Own patterns, in time that grows with the text alone. Source: https://github.com/google/re2/wiki/Syntax."""

# The library brings no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from typing import Any

import re2

from antiphon.guards.folding import sound
from antiphon.guards.overlaps import apart
from antiphon.guards.port import Detector, Match
from antiphon.guards.settings_custom import PatternSettings, RegexSettings


class BadPattern(ValueError):
    """What is wrong with a pattern."""


def compiled(settings: PatternSettings) -> Any:
    """Raises: BadPattern."""
    options: Any = re2.Options()
    options.case_sensitive = not settings.ignore_case
    options.log_errors = False
    try:
        return re2.compile(settings.pattern, options=options)
    except (re2.error, UnicodeEncodeError) as error:
        said: Any = error.args[0] if error.args else error
        raise BadPattern(said.decode() if isinstance(said, bytes) else str(said)) from error


class RegexDetector(Detector):
    """Each place of each pattern; where two overlap, the one that begins first, and of these the longest."""

    def __init__(self, settings: RegexSettings) -> None:
        """Raises: BadPattern."""
        patterns = settings.patterns
        self._patterns = [(f"regex.{name}", one, compiled(one)) for name, one in patterns.items()]
        self._replacements = {f"regex.{name}": one.replacement for name, one in patterns.items()}
        self._longest = max(one.longest for one in patterns.values())

    def find(self, text: str) -> Sequence[Match]:
        text = sound(text)
        return apart(
            Match(one.start(), one.end(), of.kind, rule, of.score)
            for rule, of, pattern in self._patterns
            if pattern.search(text) is not None
            for one in pattern.finditer(text)
            if one.end() > one.start()
        )

    def tail(self, text: str) -> int:
        return max(len(text) - self._longest, 0)

    def mended(self, text: str, match: Match) -> str:
        return self._replacements[match.rule]
