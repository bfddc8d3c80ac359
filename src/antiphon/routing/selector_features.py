"""What a selector sees of a prompt: its shape in numbers, and which words it has. No word is kept: each is hashed.

The same code runs when a selector is trained and when it is asked, so both see the same.
"""

import re
from itertools import pairwise
from math import log1p
from typing import Final
from zlib import crc32

from msgspec import Struct

VERSION: Final = 1
"""Of everything below: a selector that was trained on another can't be used."""
WORD_BITS: Final = 14
"""Words and pairs of neighbouring words fall into 4,096 places."""
HEAD_CHARACTERS: Final = 3000
TAIL_CHARACTERS: Final = 1000
"""Of a longer text its start and its end are read."""
MOST_KNOWN_WORDS: Final = 65_536
"""Hashes that are remembered; beyond it all are forgotten."""
LETTERS: Final = "a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u052f"
"""Scripts that put spaces between words: Latin, Greek, Cyrillic. Of others each character is a word."""
_TOKEN = re.compile(rf"[{LETTERS}]+|[0-9]+|[^\s{LETTERS}0-9]")
_OPTION = re.compile(r"(?m)^\(?[A-Z][.):] ")
_SPREAD: Final = 0x9E3779B1
"""The golden ratio in 32 bits: spreads neighbouring hashes. Source: Knuth, The Art of Computer Programming 3, 6.4."""
_SIGNS: Final = ("\\", "$", "{", "^", "=", "(", "[", ",", ".", "'", "_", "%", "?", "+")
_PHRASES: Final = ("for ", "while ", "if ", "return", "frac", " not ", "how ", "which ")
SHAPE: Final = (
    "words",
    "numbers",
    "word length",
    "digits share",
    "longest number",
    "distinct share",
    "characters",
    "lines",
    "other scripts",
    "options",
    "option length",
    "option spread",
    "options with digits",
    *(f"sign {sign}" for sign in _SIGNS),
    *(f"phrase {phrase.strip()}" for phrase in _PHRASES),
)
"""Names of the numbers, in their order."""


class Seen(Struct, frozen=True, gc=False):
    """What is seen of one prompt."""

    shape: list[float]
    """In the order of `SHAPE`."""
    places: list[int]
    """Where its words and pairs of words fall, each once."""


class Features:
    """Reads prompts. It remembers what it made of words, up to a bound."""

    def __init__(self) -> None:
        self._hashes: dict[str, int] = {}
        self._letters: dict[str, int] = {}
        """How long it is; 0: it is no word."""
        self._digits: dict[str, int] = {}
        """How long it is; 0: it is no number."""

    def see(self, text: str) -> Seen:
        """What is seen of a prompt. An empty one has no words."""
        read = text if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS else _ends(text)
        lower = read.lower()
        tokens: list[str] = _TOKEN.findall(lower)
        if len(self._hashes) > MOST_KNOWN_WORDS:
            self._forget()
        try:
            hashes = list(map(self._hashes.__getitem__, tokens))
        except KeyError:
            self._learn(tokens)
            hashes = list(map(self._hashes.__getitem__, tokens))
        letters = list(map(self._letters.__getitem__, tokens))
        digits = list(map(self._digits.__getitem__, tokens))
        return Seen([*_counted(tokens, letters, digits, len(read)), *_shape(len(text), read, lower)], _places(hashes))

    def _learn(self, tokens: list[str]) -> None:
        for token in {token for token in tokens if token not in self._hashes}:
            number = "0" <= token[0] <= "9"
            # Numbers count by their length alone: 17 and 42 are the same sign of arithmetic.
            said = "0" * min(len(token), 4) if number else token
            self._hashes[token] = crc32(said.encode("utf-8", "replace")) * _SPREAD & 0xFFFFFFFF
            self._digits[token] = len(token) if number else 0
            self._letters[token] = len(token) if token[0].isalpha() else 0

    def _forget(self) -> None:
        for known in (self._hashes, self._letters, self._digits):
            known.clear()


def _places(hashes: list[int]) -> list[int]:
    shift = 32 - WORD_BITS
    found = {one >> shift for one in hashes}
    found.update([(one * 31 + two & 0xFFFFFFFF) >> shift for one, two in pairwise(hashes)])
    return list(found)


def _counted(tokens: list[str], letters: list[int], digits: list[int], size: int) -> tuple[float, ...]:
    words, numbers = len(tokens) - letters.count(0), len(tokens) - digits.count(0)
    return (
        log1p(words),
        log1p(numbers),
        sum(letters) / max(1, words),
        sum(digits) / max(1, size),
        min(20.0, max(digits, default=0)),
        len(set(tokens)) / max(1, len(tokens)),
    )


def _ends(text: str) -> str:
    return f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"


def _shape(size: int, read: str, lower: str) -> tuple[float, ...]:
    """`size`: of the whole text, in characters."""
    return (
        log1p(size),
        log1p(read.count("\n")),
        0.0 if read.isascii() else (len(read.encode("utf-8", "replace")) - len(read)) / len(read),
        *_options(read),
        *map(log1p, map(read.count, _SIGNS)),
        *map(log1p, map(lower.count, _PHRASES)),
    )


def _options(read: str) -> tuple[float, float, float, float]:
    """Of a multiple choice: how many, how long in the mean, how unlike in length, how many with digits in them."""
    if "B. " not in read and "B) " not in read and "B: " not in read:
        return 0.0, 0.0, 0.0, 0.0
    starts = [found.end() for found in _OPTION.finditer(read)]
    if len(starts) < 2:
        return 0.0, 0.0, 0.0, 0.0
    ends = [*(start - 4 for start in starts[1:]), len(read)]
    texts = [read[start:end] for start, end in zip(starts, ends, strict=True)]
    lengths = [max(0, len(text)) for text in texts]
    mean = sum(lengths) / len(lengths)
    spread = (sum((length - mean) ** 2 for length in lengths) / len(lengths)) ** 0.5
    digits = sum(any("0" <= sign <= "9" for sign in text[:12]) for text in texts)
    return float(min(26, len(starts))), log1p(mean), log1p(spread), digits / len(texts)
