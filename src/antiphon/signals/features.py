"""What the small models see of a request: its words, their pairs and beginnings, and its form."""

import re
from collections.abc import Iterator
from itertools import chain, pairwise

from antiphon.signals.folded import folded, words_of

HEAD, TAIL = 600, 300
"""Characters of a text's start and end that are looked at."""
STEM = 5
"""Letters of a longer word's beginning that count as a word of their own: endings differ."""
OPENING = 3
"""Words at the start of a text, and of its last paragraph, that count as such too."""
NUMBER = "0"
MOST_NUMBERS = 3
"""How many numbers are told apart."""
_NUMBER = re.compile(r"\d+")
_LENGTHS = ((40, "#tiny"), (200, "#short"), (800, "#middle"))


def clipped(text: str) -> str:
    """The part of a text that is looked at."""
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n\n{text[-TAIL:]}"


def words(text: str) -> Iterator[str]:
    """Words, pairs of words, and beginnings of longer words; every number is the same word."""
    found = [NUMBER if word.isdigit() else word for word in words_of(folded(text))]
    return chain(
        found,
        map("%s %s".__mod__, pairwise(found)),
        (f"{word[:STEM]}*" for word in found if len(word) > STEM),
    )


def openings(text: str) -> Iterator[str]:
    """How a text, and its last paragraph, begin."""
    paragraphs = text.strip().split("\n\n")
    for mark, part in zip("^$", (paragraphs[0], paragraphs[-1]), strict=True):
        first = words_of(folded(part[:60]))[:OPENING]
        yield from (f"{mark}{' '.join(first[: at + 1])}" for at in range(len(first)))


def form(text: str, *, code: bool, math: bool, choice: bool) -> Iterator[str]:
    """Marks of a text's form."""
    yield next((mark for most, mark in _LENGTHS if len(text) < most), "#long")
    if code:
        yield "#code"
    if math:
        yield "#math"
    if choice:
        yield "#choice"
    if "?" in text or "\uff1f" in text:
        yield "#question"
    if "%" in text:
        yield "#percent"
    yield f"#numbers{min(len(_NUMBER.findall(text)), MOST_NUMBERS)}"


def of_task(text: str, *, code: bool, math: bool, choice: bool) -> set[str]:
    """What the model of tasks sees: each once, however often it is there."""
    seen = clipped(text)
    return {*words(seen), *openings(seen), *form(text, code=code, math=math, choice=choice)}


def of_domain(text: str) -> set[str]:
    """What the model of domains sees."""
    return set(words(clipped(text)))
