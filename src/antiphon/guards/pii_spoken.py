"""What the words before a number speak of."""

from typing import Protocol


class Told(Protocol):
    """Finds words that speak of kinds."""

    def before(self, text: str, at: int) -> dict[str, int]:
        """Where the last word ends that speaks of a kind, by kind."""
        ...


class Spoken:
    """The kinds that are spoken of before a unit. It looks only when it is asked."""

    __slots__ = ("_at", "_found", "_text", "_words")

    def __init__(self, words: Told, text: str, at: int) -> None:
        self._words, self._text, self._at = words, text, at
        self._found: dict[str, int] | None = None

    def of(self, kind: str) -> int:
        """How late it is spoken of: the later, the nearer; 0: not at all."""
        if self._found is None:
            self._found = self._words.before(self._text, self._at)
        return self._found.get(kind, 0)
