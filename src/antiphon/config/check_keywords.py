"""Mistakes in lists of keywords."""

from collections.abc import Iterator

from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.signals.patterns import BadPattern, Pattern
from antiphon.signals.settings import SignalSettings

MOST_FUZZY = 200
"""Each of them is compared with each word of a request: 200 take 1.7 ms for 1 KB."""


def check_keywords(signals: SignalSettings, written: Written) -> Iterator[Problem]:
    """Patterns that are none, and a threshold that nothing asks for."""
    for name, asked in signals.keywords.items():
        at = ("signals", "keywords", name)
        for place, text in enumerate(asked.any if asked.match == "regex" else ()):
            try:
                Pattern(text)
            except BadPattern as error:
                remedy = "write RE2's syntax, which has no references back and no looking around"
                yield written.problem((*at, "any", place), f"is no pattern: {error}", remedy)
        if asked.match == "fuzzy" and len(asked.any) > MOST_FUZZY:
            remedy = "write several lists, or `match: word`"
            yield written.problem(
                (*at, "any"), f"has {len(asked.any)} words, of at most {MOST_FUZZY} fuzzy ones", remedy
            )
        if asked.match != "bm25" and written.has((*at, "threshold")):
            yield written.problem((*at, "threshold"), f"has no effect with `match: {asked.match}`", "leave it out")
        if asked.match in {"fuzzy", "bm25"} and written.has((*at, "case")):
            yield written.problem((*at, "case"), f"has no effect with `match: {asked.match}`", "leave it out")
        if asked.match == "bm25" and written.has((*at, "at_least")):
            yield written.problem((*at, "at_least"), "has no effect with `match: bm25`", "write `threshold` instead")
