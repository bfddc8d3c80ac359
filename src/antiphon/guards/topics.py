"""Banned topics: by their words in one pass, with a letter wrong where asked for, and by likeness to examples."""

import re
from collections.abc import Iterator, Mapping, Sequence
from math import log

from ahocorasick_rs import AhoCorasick

from antiphon.guards.folding import Places, folded, sound, whole_word
from antiphon.guards.overlaps import apart
from antiphon.guards.port import LONGEST_TAIL, Detector, Granularity, Match
from antiphon.guards.settings_content import TopicSettings, TopicsSettings

_WORD = re.compile(r"\w+")
LEAST_FUZZY = 6
"""Letters of the shortest word that may be nearly right."""
STEM = 5
"""Letters of a word that are compared with examples: endings differ."""
LEAST_WORD = 4
"""Letters of the shortest word that tells of a topic."""
LEAST_SHARED = 2
"""Words that a text has to share with an example."""


class TopicsDetector(Detector):
    """One match for each place of a word; a text that is like an example is one match."""

    def __init__(self, settings: TopicsSettings) -> None:
        topics = settings.topics
        self._whose = [
            (name, phrase, topic.whole_words)
            for name, topic in topics.items()
            for word in topic.words
            if (phrase := folded(word))
        ]
        self._search = AhoCorasick([phrase for _, phrase, _ in self._whose])
        self._begun = {phrase[: at + 1] for _, phrase, _ in self._whose for at in range(min(len(phrase), LONGEST_TAIL))}
        self._whole = all(whole for _, _, whole in self._whose)
        self._nearly = _nearly(topics)
        self._longest = max(map(len, self._nearly), default=0)
        self._examples = _Examples(topics)
        self.granularity: Granularity = "sentence" if self._examples else "span"

    def find(self, text: str) -> Sequence[Match]:
        text = sound(text)
        plain = folded(text)
        found = [*self._phrases(text, plain), *self._words(text, plain)]
        if not found:
            found = list(self._examples.like(text, plain))
        return apart(found)

    def _phrases(self, text: str, plain: str) -> Iterator[Match]:
        found = self._search.find_matches_as_indexes(plain, overlapping=True)
        places = Places(text) if found else None
        for at, start, end in found:
            name, _, whole = self._whose[at]
            if places is not None and (not whole or whole_word(plain, start, end)):
                yield Match(*places.span(start, end), name, f"topics.{name}")

    def _words(self, text: str, plain: str) -> Iterator[Match]:
        """Words that are nearly right."""
        if not self._nearly:
            return
        for word in _WORD.finditer(plain):
            if not LEAST_FUZZY - 1 <= len(word[0]) <= self._longest + 1:
                continue
            name = next((name for one in _shorter(word[0]) if (name := self._nearly.get(one))), None)
            if name is not None:
                yield Match(*Places(text).span(*word.span()), name, f"topics.{name}.fuzzy", 0.8)

    def tail(self, text: str) -> int:
        first = max(len(text) - LONGEST_TAIL, 0)
        for at in range(first, len(text)):
            if text[at].isspace() or (self._whole and at and text[at - 1].isalnum() and text[at - 1].isascii()):
                continue
            rest = text[at:]
            plain = folded(rest) + (" " if rest[-1].isspace() else "")
            if plain in self._begun or plain.rstrip() in self._begun or (self._nearly and plain.isalnum()):
                return at
        return len(text)


def _nearly(topics: Mapping[str, TopicSettings]) -> dict[str, str]:
    """Words less a letter each, and their topics: two words are a letter apart where they share one of these.

    Source: symmetric deletion, Garbe 2012, https://github.com/wolfgarbe/SymSpell.
    """
    return {
        one: name
        for name, topic in topics.items()
        if topic.fuzzy
        for word in topic.words
        if len(plain := folded(word)) >= LEAST_FUZZY and _WORD.fullmatch(plain)
        for one in _shorter(plain)
    }


def _shorter(word: str) -> Iterator[str]:
    """A word, and it less each of its letters."""
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


class _Examples:
    """Sentences about topics, by their words: rare ones among all examples tell more."""

    def __init__(self, topics: Mapping[str, TopicSettings]) -> None:
        found = [
            (name, topic.likeness, stems)
            for name, topic in topics.items()
            for one in topic.examples
            if len(stems := _stems(folded(one))) >= LEAST_SHARED
        ]
        many: dict[str, int] = {}
        for _, _, stems in found:
            for stem in stems:
                many[stem] = many.get(stem, 0) + 1
        self._weights = {stem: log(1 + len(found) / times) for stem, times in many.items()}
        self._found = [(name, least, stems, sum(self._weights[one] for one in stems)) for name, least, stems in found]

    def __bool__(self) -> bool:
        return bool(self._found)

    def like(self, text: str, plain: str) -> Iterator[Match]:
        """The topic whose example a text is most like."""
        if not self._found:
            return
        seen = _stems(plain)
        best: tuple[float, str] = (0.0, "")
        for name, least, stems, whole in self._found:
            shared = stems & seen
            if len(shared) >= LEAST_SHARED:
                likeness = sum(self._weights[one] for one in shared) / whole
                if likeness >= least:
                    best = max(best, (likeness, name))
        if best[1]:
            yield Match(0, len(text), best[1], f"topics.{best[1]}.example", round(min(best[0], 1.0), 3))


def _stems(plain: str) -> set[str]:
    return {word[:STEM] for word in _WORD.findall(plain) if len(word) >= LEAST_WORD or not word.isascii()}
