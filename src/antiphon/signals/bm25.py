"""How like a few texts a text is, by the words that they share.

Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond", equation 3.15, with the
inverse frequency that Lucene takes, which is never below 0.
"""

from collections import Counter
from collections.abc import Sequence
from math import log

K1 = 1.2
B = 0.75


class Shelf:
    """Texts that a question is compared with."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self._texts = [Counter(words) for words in texts]
        lengths = [counts.total() for counts in self._texts]
        mean = sum(lengths) / len(lengths) or 1.0
        self._norms = [K1 * (1 - B + B * length / mean) for length in lengths]
        seen = Counter(word for counts in self._texts for word in counts)
        self._rarity = {word: log(1 + (len(texts) - many + 0.5) / (many + 0.5)) for word, many in seen.items()}
        self._most = [self._score(at, counts) or 1.0 for at, counts in enumerate(self._texts)]

    def likest(self, words: Sequence[str]) -> float:
        """The score of the likest text, by what that text would score itself: 0 to 1."""
        asked = set(words)
        return max(self._score(at, asked) / self._most[at] for at in range(len(self._texts)))

    def _score(self, at: int, words: "set[str] | Counter[str]") -> float:
        counts, norm = self._texts[at], self._norms[at]
        return sum(
            self._rarity[word] * counts[word] * (K1 + 1) / (counts[word] + norm) for word in counts if word in words
        )
