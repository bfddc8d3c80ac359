"""Texts in a form in which what is written alike compares alike."""

import re
from itertools import pairwise
from unicodedata import is_normalized, normalize

_DENSE = (
    "\u0e00-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\uff66-\uff9d\U00020000-\U000323af"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana, Han and Hangul: words run into each other there. In Korean, which has spaces,
endings hang on words, so it is treated alike."""
_UNSPACED = re.compile(f"[{_DENSE}]")
_WORD = re.compile(f"[{_DENSE}]+|(?:(?![{_DENSE}])[\\w\u0300-\u036f\u0900-\u0dff])+")
"""Letters, digits, and marks that stand on letters: a run without spaces, or a word."""
_ASCII_WORD = re.compile(r"\w+")


def folded(text: str) -> str:
    """Without case, and full-width or composed letters like plain ones (NFKC)."""
    if text.isascii():
        return text.lower()
    return (text if is_normalized("NFKC", text) else normalize("NFKC", text)).casefold()


def unspaced(character: str) -> bool:
    """Whether words of its script run into each other."""
    return _UNSPACED.match(character) is not None


def whole_word(text: str, start: int, end: int) -> bool:
    """Whether a stretch of a text begins and ends where words do."""
    return (start == 0 or _parted(text[start - 1], text[start])) and (
        end == len(text) or _parted(text[end - 1], text[end])
    )


def _parted(before: str, after: str) -> bool:
    return not (_in_word(before) and _in_word(after)) or unspaced(before) or unspaced(after)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def words_of(text: str) -> list[str]:
    """A text's words; where they aren't parted, its pairs of signs."""
    if text.isascii():
        return _ASCII_WORD.findall(text)
    found: list[str] = []
    for word in _WORD.findall(text):
        if len(word) > 1 and unspaced(word):
            found += map("".join, pairwise(word))
        else:
            found.append(word)
    return found
