"""Texts in a form in which what is written alike compares alike."""

import re
from unicodedata import is_normalized, normalize

from antiphon.signals.script import script_of

_UNSPACED = frozenset({"han", "kana", "thai", "lao", "khmer", "myanmar", "tibetan"})
"""Scripts whose words aren't parted by spaces. Of Korean's, which are, endings hang on words, so it is treated alike."""

_WORD = re.compile(r"[\w\u0300-\u036f\u0900-\u0dff\u0e00-\u0fff]+")
"""Letters, digits, and marks that stand on letters."""


def folded(text: str) -> str:
    """Without case, and full-width or composed letters like plain ones (NFKC)."""
    if text.isascii():
        return text.lower()
    return (text if is_normalized("NFKC", text) else normalize("NFKC", text)).casefold()


def unspaced(character: str) -> bool:
    """Whether words of its script run into each other."""
    return character > "\u0dff" and (script_of(character) in _UNSPACED or script_of(character) == "hangul")


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
    words = _WORD.findall(text)
    if text.isascii():
        return words
    return [part for word in words for part in (_pairs(word) if any(map(unspaced, word)) else (word,))]


def _pairs(run: str) -> list[str]:
    """Pairs of signs that stand beside each other, and the words between them."""
    found: list[str] = []
    word = ""
    for at, sign in enumerate(run):
        if not unspaced(sign):
            word += sign
            continue
        if word:
            found.append(word)
            word = ""
        after = run[at + 1 : at + 2]
        if after and unspaced(after):
            found.append(sign + after)
    return [*found, word] if word else found
