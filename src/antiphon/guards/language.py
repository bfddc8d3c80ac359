"""Which language a text is in: by its script where one is enough, else by the words that every text has."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec

from antiphon.guards.port import Detector, Granularity, Match
from antiphon.guards.settings_content import LanguageSettings

SAMPLE = 2000
"""Characters that are looked at."""
_ASIDE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{0,200}`|https?://\S+|[^\s@]{1,64}@\S+", re.DOTALL)
"""What is in no language."""
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        "ja": "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9d",
        "zh": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
        "ko": "\u1100-\u11ff\uac00-\ud7af",
        "el": "\u0370-\u03ff\u1f00-\u1fff",
        "he": "\u0590-\u05ff",
        "hy": "\u0530-\u058f",
        "ka": "\u10a0-\u10ff",
        "th": "\u0e00-\u0e7f",
        "hi": "\u0900-\u097f",
        "bn": "\u0980-\u09ff",
        "ta": "\u0b80-\u0bff",
        "te": "\u0c00-\u0c7f",
        "arabic": "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc",
        "cyrillic": "\u0400-\u052f",
        "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    }
)
_LETTERS = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
_SEVERAL = frozenset({"latin", "cyrillic", "arabic"})
"""Scripts that several languages are told apart in, by words."""
MIXED = 0.1
"""Share of kana from which Han belongs to Japanese."""
LEAST_SHARE = 0.6
"""Of the letters that are in the main script."""
LEAST_WORDS = 3
"""Frequent words of a language that have to be there."""
LEAD = 1.3
"""How many times what tells of the next language."""


@cache
def frequent() -> dict[str, dict[str, frozenset[str]]]:
    """Frequent words of languages, by script."""
    table = (files("antiphon.guards") / "data" / "frequent_words.json").read_bytes()
    found = msgspec.json.decode(table, type=dict[str, dict[str, str]])
    return {script: {name: frozenset(words.split()) for name, words in of.items()} for script, of in found.items()}


@cache
def worth() -> dict[str, dict[str, float]]:
    """What each word tells, by script: one part for each language that has it."""
    return {
        script: {word: 1 / many for word, many in Counter(word for own in of.values() for word in own).items()}
        for script, of in frequent().items()
    }


def language_of(text: str, least_letters: int) -> str:
    """ISO 639-1 code; empty: nothing tells."""
    sample = _ASIDE.sub(" ", text[: 2 * SAMPLE])[:SAMPLE]
    many = {name: len(letters.findall(sample)) for name, letters in _LETTERS.items()}
    if many["ja"] > MIXED * many["zh"]:
        many["ja"] += many.pop("zh")
    script = max(many, key=many.__getitem__)
    letters = many[script] * (2 if script in {"ja", "zh", "ko"} else 1)
    if letters < least_letters or many[script] < LEAST_SHARE * sum(many.values()):
        return ""
    return _by_words(sample, script) if script in _SEVERAL else script


def _by_words(sample: str, script: str) -> str:
    """The language whose frequent words are there; those that fewer languages have tell more."""
    known, shares = frequent()[script], worth()[script]
    words = [word for word in _WORD.findall(sample.lower()) if word in shares]
    scores = {name: sum(shares[word] for word in words if word in own) for name, own in known.items()}
    first, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    there = sum(word in known[first] for word in words)
    return first if there >= LEAST_WORDS and scores[first] >= LEAD * scores[second] else ""


class LanguageDetector(Detector):
    """A text in a language that is not allowed is one match; one whose language nothing tells is none."""

    granularity: Granularity = "whole"

    def __init__(self, settings: LanguageSettings) -> None:
        self._allowed = frozenset(settings.allowed)
        self._least = settings.least_letters
        worth()

    def find(self, text: str) -> Sequence[Match]:
        name = language_of(text, self._least)
        if not name or name in self._allowed:
            return ()
        return (Match(0, len(text), "language", f"language.{name}"),)
