"""Streams of one lane, for tests: texts in chunks, and what becomes of them."""

from collections.abc import Sequence

from antiphon.guards.lane import Lane
from antiphon.guards.piece import Decision, Found, Piece, joined
from antiphon.guards.port import LONGEST_TAIL, Detector, Guard, Match

MASK = Decision("mask")


def guards(*detectors: Detector) -> list[Guard]:
    return [Guard(name=f"guard {at}", kind="any", detector=one, action="mask") for at, one in enumerate(detectors)]


def masked(guard: Guard, match: Match) -> Decision:
    return MASK


def whole(text: str, running: Sequence[Guard]) -> list[tuple[int, int]]:
    """Places that whole-text scanning finds."""
    found = [Found(guard, match, MASK) for guard in running for match in guard.detector.find(text)]
    return [(start, end) for start, end, _ in joined(found)]


def streamed(chunks: Sequence[str], running: Sequence[Guard]) -> list[tuple[int, int]]:
    """Places that a lane edits. Checks what always holds: nothing is lost, told twice, or held too long."""
    lane = Lane(running, masked)
    made: list[Piece] = []
    for chunk in chunks:
        made += lane.push(chunk)
        assert lane.held <= LONGEST_TAIL
        assert lane.position + lane.held == (made[-1].end if made else 0) + lane.held
    made += lane.end()
    assert "".join(piece.text for piece in made) == "".join(chunks)
    assert [piece.start for piece in made[1:]] == [piece.end for piece in made[:-1]]
    told = [(one.guard.name, one.match.start) for piece in made for one in piece.found]
    assert len(told) == len(set(told))
    places: list[tuple[int, int]] = []
    for piece in made:
        if piece.goes_on:
            places[-1] = (places[-1][0], piece.end)
        elif piece.winner is not None:
            places.append((piece.start, piece.end))
    return places


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    """The text in chunks of these sizes, again and again."""
    chunks, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        chunks.append(text[at : at + size])
        at, turn = at + size, turn + 1
    return chunks
