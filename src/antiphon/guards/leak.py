"""The system prompt and the tools' definitions in an answer, and canaries."""

import re
from collections.abc import Sequence
from functools import lru_cache

from ahocorasick_rs import AhoCorasick

from antiphon.core.finding import Side
from antiphon.guards.decoding import decoded
from antiphon.guards.folding import sound
from antiphon.guards.overlaps import apart
from antiphon.guards.port import Asked, Detector, Granularity, Match, Text
from antiphon.guards.settings_content import LeakSettings

KIND = "prompt_leak"
LEAST = 5
"""Words of the shortest sentence that counts where the whole of it is in the prompt."""
_WORD = re.compile(r"\w+")
KEPT = 64
"""System prompts whose words are kept."""


class LeakDetector(Detector):
    """A run of the prompt's words is a match, and a whole sentence that is in the prompt."""

    granularity: Granularity = "sentence"

    def __init__(self, settings: LeakSettings) -> None:
        self._words = settings.words
        self._canaries = AhoCorasick(settings.canaries) if settings.canaries else None

    def find(self, text: str) -> Sequence[Match]:
        if self._canaries is None:
            return ()
        return [
            Match(start, end, KIND, "leak.canary")
            for _, start, end in self._canaries.find_matches_as_indexes(sound(text), overlapping=False)
        ]

    def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
        said = sound(text.text)
        found = list(self.find(said))
        if side == "answer" and asked.system:
            runs = runs_of(asked.system, self._words)
            found += self._runs(said, runs)
            if not found:
                found += self._hidden(said, runs)
        return apart(found)

    def _runs(self, text: str, runs: "Runs") -> list[Match]:
        """Runs of words, from the first word to the last."""
        words = [(word[0].casefold(), word.start(), word.end()) for word in _WORD.finditer(text)]
        said = [word for word, _, _ in words]
        if LEAST <= len(words) < self._words:
            whole = f" {' '.join(said)} " in runs.text
            score = round(len(words) / self._words, 3)
            return [Match(words[0][1], words[-1][2], KIND, "leak.sentence", score)] if whole else []
        found: list[Match] = []
        begun = -1
        last = len(words) - self._words
        for at in range(last + 1):
            if hash(tuple(said[at : at + self._words])) in runs.shingles:
                begun = at if begun < 0 else begun
                if at < last:
                    continue
                at += 1  # noqa: PLW2901 - the run goes on to the end
            if begun >= 0:
                found.append(Match(words[begun][1], words[at + self._words - 2][2], KIND, "leak.words"))
                begun = -1
        return found

    def _hidden(self, text: str, runs: "Runs") -> list[Match]:
        """The same behind another writing, such as Base64."""
        return [
            Match(one.start, one.end, KIND, f"leak.words.{one.writing}")
            for one in decoded(text)
            if any(match.rule == "leak.words" for match in self._runs(one.text, runs))
        ][:1]


class Runs:
    """A prompt's words, and hashes of all their runs of one length."""

    def __init__(self, system: str, length: int) -> None:
        words = [word.casefold() for word in _WORD.findall(system)]
        self.text = f" {' '.join(words)} "
        self.shingles = frozenset(hash(tuple(words[at : at + length])) for at in range(len(words) - length + 1))


@lru_cache(KEPT)
def runs_of(system: str, length: int) -> Runs:
    """Kept, as one prompt stands before many answers and each of their sentences."""
    return Runs(system, length)
