"""Which language a text is in: by its script where one is enough, else by pairs and triples of letters."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain, pairwise
from types import MappingProxyType

from antiphon.signals.linear import Linear, load
from antiphon.signals.script import main_script

SAMPLE = 320
"""Characters that are looked at."""
_ALONE: Mapping[str, str] = MappingProxyType(
    {
        "han": "zh",
        "kana": "ja",
        "hangul": "ko",
        "greek": "el",
        "hebrew": "he",
        "armenian": "hy",
        "georgian": "ka",
        "thai": "th",
        "lao": "lo",
        "khmer": "km",
        "myanmar": "my",
        "tibetan": "bo",
        "ethiopic": "am",
        "sinhala": "si",
        "bengali": "bn",
        "gurmukhi": "pa",
        "gujarati": "gu",
        "oriya": "or",
        "tamil": "ta",
        "telugu": "te",
        "kannada": "kn",
        "malayalam": "ml",
    }
)
"""The language that nearly all texts of a script are in, ISO 639-1."""
_GAP = re.compile(r"[\W\d_]+")
_ASIDE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\S+@\S+", re.DOTALL)
"""What is in no language: code, addresses."""
LEAST_CHANCE = 0.5


@cache
def _models() -> dict[str, Linear]:
    return load("language")


def prepare() -> None:
    """Read the table."""
    _models()


def grams(text: str) -> Iterator[str]:
    """Pairs and triples of a text's letters, its words parted by one space."""
    line = f" {_GAP.sub(' ', text.lower()).strip()} "
    return chain(
        map("".join, pairwise(line)),
        map("".join, zip(line, line[1:], line[2:], strict=False)),
    )


def sample_of(text: str) -> str:
    """The part of a text that is looked at: its start, without what is in no language."""
    head = text[: 4 * SAMPLE]
    plain = _ASIDE.sub(" ", head) if "`" in head or "/" in head or "@" in head else head
    return plain[:SAMPLE]


def language_of(text: str) -> tuple[str, float]:
    """ISO 639-1 code of a text's language, and the chance that it is right. No code and 0.0: nothing tells."""
    sample = sample_of(text)
    script, share = main_script(sample)
    alone = _ALONE.get(script)
    if alone is not None:
        return alone, share
    model = _models().get(script)
    if model is None:
        return "", 0.0
    name, chance = model.best(grams(sample))
    return (name, chance * share) if chance >= LEAST_CHANCE else ("", 0.0)


def script(text: str) -> tuple[str, float]:
    """The script of a text's start, and its share there. No name and 0.0: it has no letters."""
    return main_script(sample_of(text))
