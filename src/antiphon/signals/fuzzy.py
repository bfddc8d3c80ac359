"""Words that are nearly those that are looked for."""

from collections import Counter
from collections.abc import Iterable

from antiphon.signals.folded import words_of

SHORT = 4
"""Letters below which a word has to be right."""
LONG = 8
"""Letters from which two may be wrong."""
MOST_LETTERS = 40
NONE: frozenset[str] = frozenset()


class Alike:
    """Phrases, found where each of their words is right but for a letter or two.

    A word is compared with those of about its length alone, and letter by letter only where both have nearly the same set
    of letters: each letter that is wrong changes that set by two at most.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = {phrase: words for phrase in dict.fromkeys(phrases) if (words := tuple(words_of(phrase)))}
        self._near: dict[int, list[tuple[str, frozenset[str], int]]] = {}
        for word in sorted({word for words in self._phrases.values() for word in words}):
            most = wrong(word)
            for length in range(len(word) - most, len(word) + most + 1):
                self._near.setdefault(length, []).append((word, frozenset(word), most))

    def find(self, text: str) -> "Counter[str]":
        """How often each phrase is in a folded text."""
        words = words_of(text)
        alike = {word: found for word in set(words) if len(word) <= MOST_LETTERS and (found := self._like(word))}
        if not alike:
            return Counter()
        heard = [alike.get(word, NONE) for word in words]
        return +Counter({phrase: _times(wanted, heard) for phrase, wanted in self._phrases.items()})

    def _like(self, word: str) -> frozenset[str]:
        """The words looked for that a word may be meant for."""
        near = self._near.get(len(word))
        if near is None:
            return NONE
        letters = frozenset(word)
        return frozenset(
            one
            for one, theirs, most in near
            if len(letters ^ theirs) <= 2 * most and (word == one or (most and distance(word, one) <= most))
        )


def wrong(word: str) -> int:
    """How many letters of a word may be wrong."""
    return 0 if len(word) < SHORT else 1 if len(word) < LONG else 2


def _times(wanted: tuple[str, ...], heard: list[frozenset[str]]) -> int:
    if len(wanted) == 1:
        return sum(wanted[0] in one for one in heard)
    return sum(
        all(word in heard[at + step] for step, word in enumerate(wanted)) for at in range(len(heard) - len(wanted) + 1)
    )


def distance(one: str, other: str) -> int:
    """Letters that are wrong, missing, extra, or swapped with the next one (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        line = [row]
        for column, wanted in enumerate(other, 1):
            least = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted:
                least = min(least, before[column - 2] + 1)
            line.append(least)
        before, last = last, line
    return last[-1]
