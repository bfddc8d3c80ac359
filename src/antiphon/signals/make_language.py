"""Makes the table of languages from the profiles of langdetect: counts of letters, pairs and triples in Wikipedias."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import log
from pathlib import Path
from types import MappingProxyType

import msgspec

from antiphon.signals.linear import ZERO, Written, written

SCRIPTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "latin": (
            "af",
            "ca",
            "cs",
            "cy",
            "da",
            "de",
            "en",
            "es",
            "et",
            "fi",
            "fr",
            "hr",
            "hu",
            "id",
            "it",
            "lt",
            "lv",
            "nl",
            "no",
            "pl",
            "pt",
            "ro",
            "sk",
            "sl",
            "sq",
            "sv",
            "sw",
            "tr",
            "vi",
        ),
        "cyrillic": ("bg", "mk", "ru", "uk"),
        "arabic": ("ar", "fa", "ur"),
        "devanagari": ("hi", "mr", "ne"),
    }
)
GRAMS = 600
"""Of each language: its most frequent pairs and triples."""
FLOOR = 2e-6
"""Chance of what a language's profile doesn't have."""
SCALE = 0.05


def make_language(profiles: Path, source: str, cooling: Mapping[str, float]) -> dict[str, Written]:
    """A model for each script.

    Args:
        profiles: Folder of profiles, a JSON file for each language: `{"freq": {gram: count}, "n_words": [by length]}`.
        cooling: Of each script's chances.
    """
    return {
        script: _model([(name, _chances(profiles / name)) for name in names], source, cooling.get(script, 1.0))
        for script, names in SCRIPTS.items()
    }


def _chances(profile: Path) -> dict[str, float]:
    """Of pairs and triples, case aside: each among those of its length."""
    counts: Counter[str] = Counter()
    for gram, count in msgspec.json.decode(profile.read_bytes())["freq"].items():
        if len(gram) > 1 and gram.strip():
            counts[gram.lower()] += count
    wholes = {length: sum(count for gram, count in counts.items() if len(gram) == length) for length in (2, 3)}
    return {gram: count / wholes[len(gram)] for gram, count in counts.items() if len(gram) in wholes}


def _model(languages: list[tuple[str, dict[str, float]]], source: str, cooling: float) -> Written:
    kept = sorted({gram for _, chances in languages for gram in _frequent(chances)})
    return written(
        kept,
        bytes(weight for gram in kept for weight in _row([chances.get(gram, 0.0) for _, chances in languages])),
        source=source,
        names=tuple(name for name, _ in languages),
        bias=tuple(0.0 for _ in languages),
        scale=SCALE,
        cooling=cooling,
        rooted=True,
    )


def _frequent(chances: Mapping[str, float]) -> Iterator[str]:
    return iter(sorted(chances, key=lambda gram: (-chances[gram], gram))[:GRAMS])


def _row(chances: list[float]) -> list[int]:
    """Logarithms of the chances, around their mean."""
    logs = [log(max(chance, FLOOR)) for chance in chances]
    middle = sum(logs) / len(logs)
    return [max(0, min(255, round((one - middle) / SCALE) + ZERO)) for one in logs]
