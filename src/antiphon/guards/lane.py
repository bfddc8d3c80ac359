"""Text of one lane of a stream on its way: what may go, and what is held because more could make a match of it."""

import re
from collections.abc import Callable, Sequence

from msgspec import structs

from antiphon.guards.piece import Decision, Found, Piece, joined
from antiphon.guards.port import CONTEXT, LONGEST_TAIL, Guard, Match

Decide = Callable[[Guard, Match], Decision]
_LETTER = "A-Za-zÀ-ÖØ-öø-\u0130\u0132-\u024f"
_WORD = rf"[{_LETTER}][{_LETTER}'\-]{{0,17}}"
_OTHER = "[\u0370-\u03ff\u0400-\u052f]{1,40}"  # Greek, Cyrillic
_BREAK = (
    r"[ \n\t\r,;\u3000-\u3002\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f"
    r"\u05d0-\u05ea\u0620-\u064a\u0900-\u0d7f\u0e01-\u0e7f\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u9fff\uac00-\ud7a3]"
)
"""White space and commas, and signs that no match has: Chinese, Japanese, Korean, Thai, Indic, Arabic, Hebrew."""
_PLAIN = re.compile(
    rf"((?:{_BREAK}|(?:{_WORD}|{_OTHER})(?:{_BREAK}|(?:[.\")!?]{{1,4}}|:)[ \n\t\r]))*)"
    rf"((?:(?:{_WORD}|{_OTHER})(?:[.\")!?]{{1,4}}|:)?)?)"
)
"""Plain words, as `Detector.plain_words` has them: those that are complete, and the last."""
_MAY_BEGIN = re.compile(
    rf"(?:^|[^{_LETTER}])(?:[A-Z]{{1,3}}|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{{0,6}})[^{_LETTER}]{{1,6}}$"
)
"""Last words that a match may begin with."""
_BREAKS = re.compile(_BREAK)
_SHORT = 64
"""Longest chunk that is looked at as plain words."""
_SPARE = 1024
"""Characters that the buffer may have beyond what is needed, so that it is not copied for each chunk."""


class Lane:
    """Text of one lane of a stream: what may go now, what is held.

    Whatever the chunks, the pieces put together are those of `piece.pieces` over the whole text, but for two things:
    text that passes comes in more than one piece, and a place longer than `LONGEST_TAIL` comes as a first piece and
    others that `goes_on`; its winner is the one of its first `LONGEST_TAIL` characters, and so is what is told of its end.
    Positions in matches count from the lane's start.
    """

    def __init__(self, guards: Sequence[Guard], decide: Decide) -> None:
        """`decide` is asked once for each match, when it is certain."""
        self._guards = tuple(guards)
        self._decide = decide
        self._text = ""  # context, then what is held
        self._base = 0  # position of its first character
        self._out = 0  # where in it what is held begins
        self._from = [0] * len(guards)  # where in it each guard goes on
        self._wait: list[Found] = []  # certain, not told of yet
        self._open: dict[int, Found] = {}  # matches longer than the longest tail, by guard
        self._cover = 0  # position up to which characters belong to what has gone already
        self._plain = all(guard.detector.plain_words for guard in guards)
        self._words = self._plain  # what is held is the beginning of a plain word, or nothing

    @property
    def position(self) -> int:
        """Characters that were decided, from the lane's start."""
        return self._base + self._out

    @property
    def held(self) -> int:
        """Characters that wait, at most `LONGEST_TAIL`."""
        return len(self._text) - self._out

    def push(self, text: str) -> list[Piece]:
        """Take text that follows what came before. Returns: pieces that are decided, in order."""
        if self._words and len(text) <= _SHORT:
            begin = self._out
            joint = self._text[begin:] + text
            found = _PLAIN.fullmatch(joint)
            if found is not None and "--" not in joint:
                size = found.end(1)
                if not size:
                    self._text += text
                    return []
                if joint.islower() or _MAY_BEGIN.search(found[1]) is None:
                    self._text += text
                    self._out = begin + size
                    if begin > CONTEXT + _SPARE:
                        self._trim(self._out)
                    return [Piece(found[1], self._base + self._out - size)]
        self._text += text
        return self._settled(ended=False)

    def end(self) -> list[Piece]:
        """The text is complete. Returns: all that was held."""
        return self._settled(ended=True) if self._out < len(self._text) else []

    def _settled(self, *, ended: bool) -> list[Piece]:
        """Run the guards over what is not decided, and give away what is."""
        if self._words:
            self._from = [self._out] * len(self._guards)
        size = len(self._text)
        safe = size
        for index, guard in enumerate(self._guards):
            safe = min(safe, self._looked(index, guard, ended=ended))
        out = self._given(size if ended else safe, size, ended=ended)
        self._trim(min(self._out, *self._from) if self._from else self._out)
        self._words = (
            self._plain
            and not (self._wait or self._open)
            and self._cover <= self._base + self._out
            and (_BREAKS.match(self._text, self._out - 1) is not None if self._out else not self._base)
        )
        return out

    def _looked(self, index: int, guard: Guard, *, ended: bool) -> int:
        """Take a guard's certain matches. Returns: where its tail begins."""
        text, start = self._text, self._from[index]
        detector = guard.detector
        opened = self._open.get(index)
        if opened is not None:
            start = self._from[index] = detector.reach(opened.match, text, start)
            if opened.decision.strictness:
                self._cover = max(self._cover, self._base + start)
            if start == len(text):
                return start
            del self._open[index]
        if ended:
            self._take(guard, detector.find_from(text, start))
            return len(text)
        matches, tail = detector.scan(text, start)
        last = self._take(guard, matches)
        if len(text) - tail > LONGEST_TAIL:
            tail = self._forced(index, guard, tail)
        self._from[index] = max(tail, last)
        return tail

    def _forced(self, index: int, guard: Guard, tail: int) -> int:
        """Decide what is longer than may be held. Returns: where the tail begins."""
        text = self._text
        first = next(iter(guard.detector.find_from(text, tail)), None)
        if first is None or first.start != tail or first.end != len(text):
            return len(text) - LONGEST_TAIL
        self._take(guard, [first])
        if self._wait and self._wait[-1].guard is guard:
            self._open[index] = self._wait[-1]
        return len(text)

    def _take(self, guard: Guard, matches: Sequence[Match]) -> int:
        """Note matches that are certain. Returns: where the last ends; 0: there is none."""
        base, last = self._base, 0
        for match in matches:
            last = match.end
            if match.score < guard.threshold:
                continue
            placed = structs.replace(match, start=base + match.start, end=base + match.end) if base else match
            self._wait.append(Found(guard, placed, self._decide(guard, placed)))
        return last

    def _given(self, safe: int, size: int, *, ended: bool) -> list[Piece]:
        """Pieces up to where everything is certain."""
        base = self._base
        if not self._wait and self._cover <= base + self._out:
            if safe <= self._out:
                return []
            begin, self._out = self._out, safe
            return [Piece(self._text[begin:safe], base + begin)]
        self._wait.sort(key=_start)
        pieces: list[Piece] = []
        limit = base + safe
        for start, end, winner in joined(self._wait):
            if start < self._cover:
                self._cover = max(self._cover, end)
                continue
            self._go_on(pieces)
            if end > limit and not ended and base + size - start <= LONGEST_TAIL:
                limit = min(limit, start)
                break
            self._give(pieces, start)
            self._give(pieces, end, winner)
            self._cover = end
        self._go_on(pieces)
        self._give(pieces, limit)
        return pieces

    def _go_on(self, pieces: list[Piece]) -> None:
        """Give away what belongs to what has gone already."""
        self._give(pieces, min(self._cover, self._base + len(self._text)), goes_on=True)

    def _give(self, pieces: list[Piece], end: int, winner: Found | None = None, *, goes_on: bool = False) -> None:
        """Give away the characters up to a position, and tell of the matches that begin before it."""
        begin, stop = self._out, end - self._base
        if stop <= begin:
            return
        told = 0
        while told < len(self._wait) and self._wait[told].match.start < end:
            told += 1
        found, self._wait = tuple(self._wait[:told]), self._wait[told:]
        pieces.append(Piece(self._text[begin:stop], self._base + begin, winner, found, goes_on))
        self._out = stop

    def _trim(self, needed: int) -> None:
        """Forget what is further back than the context of what is needed."""
        spare = needed - CONTEXT
        if spare > _SPARE:
            self._text = self._text[spare:]
            self._base += spare
            self._out -= spare
            self._from = [max(0, one - spare) for one in self._from]


def _start(found: Found) -> int:
    return found.match.start
