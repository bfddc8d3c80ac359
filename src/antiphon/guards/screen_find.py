"""What one guard finds in many texts: those that see spans alone look at all texts at once, joined."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from msgspec import structs

from antiphon.core.finding import Channel, Side
from antiphon.guards.port import Asked, Detector, Guard, Match, Text

JOINS = frozenset({"pii", "secrets"})
"""Kinds whose detectors find the same in a joined text as in its parts, but for context."""
_BETWEEN = "\n\x00\n"
_BEFORE_VALUE = '": "'
"""Between a key and its value, so that a secret is known by the key that it stands under."""
_TOKEN = re.compile(r"\[\[[A-Z]{1,24}\d{0,3}(?:[_-][A-Z]{1,24}\d{0,3}){0,6}_(?=\d*[A-F])[0-9A-F]{16}\]\]")
"""As the vault makes them. One of digits alone is none: it could be a card that somebody wrote so."""
_AROUND = 160
Found = list[tuple[int, Match]]


def within_token(text: str, start: int, end: int) -> bool:
    """Whether characters are of a token that stands for what was masked before, and of nothing else."""
    begin = max(0, start - _AROUND)
    if text.find("[[", begin, end) < 0:
        return False
    found = _TOKEN.finditer(text, begin, end + _AROUND)
    return any(one.start() <= start and end <= one.end() for one in found)


class Lookup:
    """Texts as guards look at them."""

    def __init__(self, texts: Sequence[Text], asked: Asked, side: Side) -> None:
        self._texts = texts
        self._asked = asked
        self._side: Side = side
        self._joined: dict[frozenset[Channel] | None, _Joined] = {}

    def finds(self, guard: Guard) -> Found:
        """(place of the text, match) of all that a guard finds. Raises: whatever its detector does."""
        channels = guard.channels if self._side == "request" else None
        if guard.kind in JOINS and type(guard.detector).find_for is Detector.find_for and len(self._texts) > 1:
            joined = self._joined.get(channels)
            if joined is None:
                joined = self._joined[channels] = _Joined(self._texts, channels)
            return joined.finds(guard.detector)
        out: Found = []
        for at, text in enumerate(self._texts):
            if channels is None or text.channel in channels:
                out += [(at, match) for match in guard.detector.find_for(text, self._asked, self._side)]
        return out


class _Joined:
    """Texts as one."""

    def __init__(self, texts: Sequence[Text], channels: frozenset[Channel] | None) -> None:
        self._texts = texts
        self._places: list[int] = []
        """Of the texts that are in it."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        out: list[str] = []
        position = 0
        for at, text in enumerate(texts):
            if channels is not None and text.channel not in channels:
                continue
            self._places.append(at)
            self._starts.append(position)
            self._ends.append(position + len(text.text))
            between = _BEFORE_VALUE if text.within == "key" else _BETWEEN
            out += (text.text, between)
            position += len(text.text) + len(between)
        self._text = "".join(out)

    def finds(self, detector: Detector) -> Found:
        """What a detector finds. A match that would span texts is looked for in each of them by itself."""
        out: Found = []
        again: set[int] = set()
        for match in detector.find(self._text):
            first = bisect_right(self._starts, match.start) - 1
            if match.end <= self._ends[first] and match.start < self._ends[first]:
                out.append((self._places[first], _moved(match, self._starts[first])))
            else:
                again.update(range(first, bisect_right(self._starts, match.end - 1)))
        if again:
            known = {(at, match.start, match.end, match.rule) for at, match in out}
            out += [
                (at, match)
                for at, match in self._apart(detector, again)
                if (at, match.start, match.end, match.rule) not in known
            ]
        return out

    def _apart(self, detector: Detector, among: set[int]) -> Iterator[tuple[int, Match]]:
        for index in sorted(among):
            at = self._places[index]
            text = self._texts[at]
            before = self._texts[at - 1] if index and self._places[index - 1] == at - 1 else None
            head = before.text + _BEFORE_VALUE if before is not None and before.within == "key" else ""
            for match in detector.find(head + text.text):
                if match.end > len(head):
                    yield at, _moved(match, len(head))


def _moved(match: Match, by: int) -> Match:
    if not by:
        return match
    return structs.replace(match, start=max(match.start - by, 0), end=match.end - by)
