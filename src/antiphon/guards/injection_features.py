"""What the small model of injections sees of a text: its words and their pairs, phrases of attacks, and what these do."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from antiphon.guards.wording import Hit

_WORD = re.compile(r"\w+")
COUNTS = (1, 2, 3, 5, 8)
DENSITIES = (1, 2, 4)
STRETCH = 200
"""Characters for which densities are counted."""
NEAR = 40
"""Characters between two phrases that stand together."""
MOST_KINDS = 8


def words(folded: str) -> Iterator[str]:
    """Words and pairs of words; every number is the same word."""
    found = ["0" if word.isdigit() else word for word in _WORD.findall(folded)]
    yield from found
    yield from map("%s %s".__mod__, pairwise(found))


def concepts(length: int, hits: Sequence[Hit]) -> Iterator[str]:
    """How much each kind of phrase is there, and which are there together."""
    phrases = {(hit.concept, hit.phrase) for hit in hits}
    many = Counter(concept for concept, _ in phrases)
    stretches = max(length / STRETCH, 1)
    for concept, count in many.items():
        yield from (f"@{concept}{least}" for least in COUNTS if count >= least)
        yield from (f"@{concept}/{least}" for least in DENSITIES if count / stretches >= least)
    there = sorted(many)
    yield from (f"@{one}&{other}" for at, one in enumerate(there) for other in there[at + 1 :])
    yield from (
        f"@{one.concept}~{other.concept}"
        for one, other in pairwise(hits)
        if other.start - one.end < NEAR and one.concept != other.concept
    )
    yield from (f"@kinds{least}" for least in range(2, min(len(many), MOST_KINDS) + 1))
    yield from (f"={phrase}" for _, phrase in phrases)


def tokens(folded: str, hits: Sequence[Hit]) -> set[str]:
    """All of it, each once."""
    return {*words(folded), *concepts(len(folded), hits)}
