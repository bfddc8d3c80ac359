"""How alike texts are, in any script: for answers that nothing can be extracted from."""

from collections import Counter
from collections.abc import Sequence
from math import sqrt

from msgspec import Struct

_GRAM = 3
_MOST_CHARACTERS = 8000
"""The beginning of a text that is looked at."""
_MOST_IN_ALL = 60_000
"""Of several texts together: each of them less, so that comparing them stays within some tens of milliseconds."""


def likeness(one: str, other: str) -> float:
    """0 to 1: the cosine of counts of three characters in a row, spaces and case aside."""
    return _cosine(_grams(one, _MOST_CHARACTERS), _grams(other, _MOST_CHARACTERS))


def medoid(texts: Sequence[str], weights: Sequence[float] | None = None) -> tuple[int, float]:
    """The place of the text that is most like all others, the first of equals, and its mean likeness to them.

    Args:
        weights: How much likeness to each counts. Default: all the same.
    Raises: ValueError for no text.
    """
    if not texts:
        raise ValueError("no texts")
    most = min(_MOST_CHARACTERS, _MOST_IN_ALL // len(texts))
    grams, counts = [_grams(text, most) for text in texts], weights or [1.0] * len(texts)
    sums = [0.0] * len(texts)
    for at, one in enumerate(grams):
        for other in range(at):
            alike = _cosine(one, grams[other])
            sums[at] += counts[other] * alike
            sums[other] += counts[at] * alike
    whole = sum(counts)
    means = [found / left if (left := whole - own) > 0 else 1.0 for found, own in zip(sums, counts, strict=True)]
    best = max(range(len(texts)), key=lambda at: (round(means[at], 12), -at))
    return best, means[best]


class _Grams(Struct, frozen=True):
    counts: Counter[str]
    norm: float


def _grams(text: str, most: int) -> _Grams:
    plain = f" {' '.join(text[:most].casefold().split())} "
    counts = Counter(plain[at : at + _GRAM] for at in range(max(1, len(plain) - _GRAM + 1)))
    return _Grams(counts, sqrt(sum(count * count for count in counts.values())))


def _cosine(one: _Grams, other: _Grams) -> float:
    few, many = (one, other) if len(one.counts) <= len(other.counts) else (other, one)
    known = many.counts
    both = sum(count * known[gram] for gram, count in few.counts.items() if gram in known)
    return min(1.0, both / (one.norm * other.norm))
