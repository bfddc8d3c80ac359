"""Finds many phrases in one pass over a text."""

from collections.abc import Iterable, Sequence

from ahocorasick_rs import AhoCorasick

from antiphon.signals.folded import whole_word


class Phrases:
    """Phrases of several lists. A text is looked through once, in time that grows with it alone."""

    def __init__(self, lists: Iterable[tuple[str, Sequence[str], bool]]) -> None:
        """`lists`: name, phrases and whether they have to be whole words."""
        self._whose: list[tuple[str, str, bool]] = [
            (name, phrase, whole) for name, phrases, whole in lists for phrase in dict.fromkeys(phrases) if phrase
        ]
        self._search = AhoCorasick([phrase for _, phrase, _ in self._whose])

    def find(self, text: str) -> list[tuple[str, str]]:
        """List and phrase of each place that was found, in order of where they end."""
        return [
            (name, phrase)
            for at, start, end in self._search.find_matches_as_indexes(text, overlapping=True)
            for name, phrase, whole in (self._whose[at],)
            if not whole or whole_word(text, start, end)
        ]

    def __len__(self) -> int:
        return len(self._whose)
