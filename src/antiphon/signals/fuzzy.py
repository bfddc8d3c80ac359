"""Words that are nearly those that are looked for."""

from collections import Counter
from collections.abc import Iterable, Iterator

from antiphon.signals.folded import words_of

SHORT = 4
"""Letters below which a word has to be right."""
LONG = 8
"""Letters from which two may be wrong."""
MOST_LETTERS = 40


class Alike:
    """Phrases, found where each of their words is right but for a letter or two.

    Words that differ by one letter that is wrong, missing, extra or swapped have a word in common once each is left out in
    turn: so candidates are looked up, not compared one by one. Source: Garbe 2012, "1000x faster spelling correction".
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = {phrase: words for phrase in dict.fromkeys(phrases) if (words := tuple(words_of(phrase)))}
        self._near: dict[str, set[str]] = {}
        for word in {word for words in self._phrases.values() for word in words}:
            for left in _without(word, _most(word)):
                self._near.setdefault(left, set()).add(word)

    def find(self, text: str) -> "Counter[str]":
        """How often each phrase is in a folded text."""
        words = words_of(text)
        alike = {word: self._like(word) for word in set(words) if len(word) <= MOST_LETTERS}
        none: frozenset[str] = frozenset()
        heard = [alike.get(word, none) for word in words]
        found = Counter({phrase: _times(wanted, heard) for phrase, wanted in self._phrases.items()})
        return +found

    def _like(self, word: str) -> frozenset[str]:
        """The words looked for that a word may be meant for."""
        candidates = {one for left in _without(word, _most(word)) for one in self._near.get(left, ())}
        return frozenset(one for one in candidates if distance(word, one) <= _most(one))


def _most(word: str) -> int:
    return 0 if len(word) < SHORT else 1 if len(word) < LONG else 2


def _times(wanted: tuple[str, ...], heard: list[frozenset[str]]) -> int:
    return sum(
        all(word in heard[at + step] for step, word in enumerate(wanted)) for at in range(len(heard) - len(wanted) + 1)
    )


def _without(word: str, most: int) -> Iterator[str]:
    """The word, and what is left of it without up to `most` of its letters."""
    yield word
    if most:
        for at in range(len(word)):
            yield from _without(word[:at] + word[at + 1 :], most - 1)


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
