"""Text of one lane of a stream on its way: what may go, and what is held because more could make a match of it."""

from collections.abc import Callable, Sequence

from antiphon.guards.piece import Decision, Found, Piece
from antiphon.guards.port import Guard, Match

Decide = Callable[[Guard, Match], Decision]


class Lane:
    """Text of one lane of a stream: what may go now, what is held.

    Whatever the chunks, the pieces put together are those of `piece.pieces` over the whole text, but for two things:
    text that passes comes in more than one piece, and a place longer than `LONGEST_TAIL` comes as a first piece and
    others that `goes_on`. Positions in matches count from the lane's start.
    """

    def __init__(self, guards: Sequence[Guard], decide: Decide) -> None:
        """`decide` is asked once for each match, when it is certain."""
        self._guards = tuple(guards)
        self._decide = decide
        self._text = ""
        self.position = 0
        """Characters that were decided, from the lane's start."""

    @property
    def held(self) -> int:
        """Characters that wait, at most `LONGEST_TAIL`."""
        return len(self._text)

    def push(self, text: str) -> list[Piece]:
        """Take text that follows what came before. Returns: pieces that are decided, in order."""
        self._text += text
        return []

    def end(self) -> list[Piece]:
        """The text is complete. Returns: all that was held."""
        from antiphon.guards.piece import pieces

        found = [
            Found(guard, match, self._decide(guard, match))
            for guard in self._guards
            for match in guard.detector.find(self._text)
        ]
        text, self._text = self._text, ""
        self.position += len(text)
        return pieces(text, found)
