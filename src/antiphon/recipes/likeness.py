"""How alike texts are, in any script: for answers that nothing can be extracted from."""

from collections import Counter
from collections.abc import Sequence
from math import sqrt

_GRAM = 3
_MOST_CHARACTERS = 8000
"""The beginning of a text that is looked at."""


def likeness(one: str, other: str) -> float:
    """0 to 1: the cosine of counts of three characters in a row, spaces and case aside."""
    return _cosine(_grams(one), _grams(other))


def medoid(texts: Sequence[str], weights: Sequence[float] | None = None) -> tuple[int, float]:
    """The place of the text that is most like all others, the first of equals, and its mean likeness to them.

    Args:
        weights: How much likeness to each counts. Default: all the same.
    Raises: ValueError for no text.
    """
    if not texts:
        raise ValueError("no texts")
    grams, counts = [_grams(text) for text in texts], weights or [1.0] * len(texts)
    best, best_mean = 0, -1.0
    for place, gram in enumerate(grams):
        others = [(counts[at], _cosine(gram, other)) for at, other in enumerate(grams) if at != place]
        total = sum(weight for weight, _ in others)
        mean = sum(weight * alike for weight, alike in others) / total if total else 1.0
        if mean > best_mean + 1e-12:
            best, best_mean = place, mean
    return best, best_mean


def _grams(text: str) -> Counter[str]:
    plain = f" {' '.join(text[:_MOST_CHARACTERS].casefold().split())} "
    return Counter(plain[at : at + _GRAM] for at in range(max(1, len(plain) - _GRAM + 1)))


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    if len(one) > len(other):
        one, other = other, one
    both = sum(count * other[gram] for gram, count in one.items())
    return both / sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values())) if both else 0.0
