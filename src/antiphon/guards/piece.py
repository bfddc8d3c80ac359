"""Pieces of a text: what passes as it is, and what stands in the place of something else."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from antiphon.core.finding import GuardAction
from antiphon.guards.port import Guard, Match

EDITS: dict[GuardAction, int] = {"mask": 1, "rewrite": 2, "block": 3}
"""Actions that keep the characters of a match from the reader, with their strictness."""


class Decision(Struct, frozen=True, gc=False):
    """What is done about a match."""

    action: GuardAction
    shadow: bool = False
    """It is only told of."""

    @property
    def strictness(self) -> int:
        """0: the characters pass as they are."""
        return 0 if self.shadow else EDITS.get(self.action, 0)


class Found(Struct, frozen=True, gc=False):
    """A match, and what is done about it. Its positions count from the beginning of the text, or of the lane."""

    guard: Guard
    match: Match
    decision: Decision


class Piece(Struct, frozen=True, gc=False):
    """Characters that follow one another."""

    text: str
    """As they came."""
    start: int
    """Characters from the beginning of the text, or of the lane."""
    winner: Found | None = None
    """What keeps them from the reader; None: they pass."""
    found: tuple[Found, ...] = ()
    """Matches that are told of with this piece, the winner included. Each is told of once."""
    goes_on: bool = False
    """Belongs to what the piece before stands for: something has been put in its place already."""

    @property
    def end(self) -> int:
        """Position after the last character."""
        return self.start + len(self.text)


def joined(found: Iterable[Found]) -> list[tuple[int, int, Found]]:
    """Places that edits make: (start, end, winner), in order, apart from each other.

    Edits that overlap make one place, from the first character of any of them to the last. The strictest wins,
    of these the longest, of these the first. Matches that pass make none.
    """
    places: list[tuple[int, int, Found]] = []
    edits = [one for one in found if one.decision.strictness]
    edits.sort(key=lambda one: one.match.start)
    for one in edits:
        if places and one.match.start < places[-1][1]:
            start, end, winner = places[-1]
            places[-1] = (start, max(end, one.match.end), _stricter(winner, one))
        else:
            places.append((one.match.start, one.match.end, one))
    return places


def pieces(text: str, found: Sequence[Found]) -> list[Piece]:
    """A whole text in pieces: what a lane makes of it, whichever way it comes in."""
    out: list[Piece] = []
    told = sorted(found, key=lambda one: one.match.start)
    at = 0
    for start, end, winner in joined(told):
        if start > at:
            out.append(_plain(text[at:start], at, told))
        inside = tuple(one for one in told if start <= one.match.start < end)
        out.append(Piece(text[start:end], start, winner, inside))
        at = end
    if at < len(text):
        out.append(_plain(text[at:], at, told))
    return out


def _plain(text: str, start: int, told: Sequence[Found]) -> Piece:
    return Piece(text, start, None, tuple(one for one in told if start <= one.match.start < start + len(text)))


def _stricter(one: Found, other: Found) -> Found:
    def rank(found: Found) -> tuple[int, int]:
        return found.decision.strictness, found.match.end - found.match.start

    return other if rank(other) > rank(one) else one
