"""Texts in a form in which what reads alike compares alike, and the way back to their own places."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from types import MappingProxyType
from unicodedata import is_normalized, normalize

_APOSTROPHES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\uff07": "'"})
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Characters that are not drawn. Source: Unicode 16.0, DerivedCoreProperties.txt, Default_Ignorable_Code_Point."""
LOOKS_LIKE: Mapping[str, str] = MappingProxyType(
    dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u0432\u043a\u043c\u043d\u0442\u0433\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
            "\u03b1\u03bf\u03c1\u03bd\u03b9\u03ba\u03c5\u03c7\u03b5\u03c4\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0131\u0261",
            "aeopcyxijshdqwbkmhtrabekmhopctxijs" + "aopvikyxetabezhikmnoptyxig",
            strict=True,
        )
    )
)
"""Cyrillic and Greek letters that are drawn like Latin ones. Source: Unicode 16.0, confusables.txt."""
_AS_LATIN = str.maketrans(dict(LOOKS_LIKE))
_MIXED = re.compile(
    "[a-zA-Z][\u0370-\u03ff\u0400-\u052f\u0131\u0261]|[\u0370-\u03ff\u0400-\u052f\u0131\u0261][a-zA-Z]",
)


_SURROGATE = re.compile("[\ud800-\udfff]")


def sound(text: str) -> str:
    """The same with U+FFFD in the place of lone surrogates, which libraries that work on UTF-8 don't take."""
    return text if text.isascii() or _SURROGATE.search(text) is None else _SURROGATE.sub("\ufffd", text)


def folded(text: str) -> str:
    """Without case, what isn't drawn, and runs of white space; full-width and composed letters like plain ones (NFKC),
    and look-alikes of Latin letters as those in words that mix both.
    """
    if not text.isascii():
        text = _UNSEEN.sub("", text)
        if not is_normalized("NFKC", text):
            text = normalize("NFKC", text)
        text = text.translate(_APOSTROPHES)
        if mixed(text):
            text = text.translate(_AS_LATIN)
        text = text.casefold()
    else:
        text = text.lower()
    return " ".join(text.split())


def mixed(text: str) -> bool:
    """Whether a word mixes Latin letters with Cyrillic or Greek ones."""
    return _MIXED.search(text) is not None


class Places:
    """Where the characters of a text's folded form are in the text itself."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words: list[tuple[int, int, int, int]] = []
        """Where each word begins and ends, folded and as it is."""
        at = 0
        for word in _WORDS.finditer(text):
            length = len(said) if (said := word[0]).isascii() else len(folded(said))
            if length:
                self._words.append((at, at + length, word.start(), word.end()))
                at += length + 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Of a stretch of the folded form, to a character or two where letters fall into several."""
        return self._place(start, first=True), self._place(end, first=False)

    def _place(self, at: int, *, first: bool) -> int:
        if not self._words:
            return 0
        word = bisect_right(self._words, at if first else at - 1, key=_begin) - 1
        begin, end, raw, raw_end = self._words[max(word, 0)]
        if end - begin == raw_end - raw:
            return min(raw + at - begin, raw_end)
        wanted, low, high = at - begin + first, 0, raw_end - raw
        while low < high:
            middle = (low + high) // 2
            if len(folded(self._text[raw : raw + middle])) < wanted:
                low = middle + 1
            else:
                high = middle
        return raw + max(low - first, 0)


def _begin(word: tuple[int, int, int, int]) -> int:
    return word[0]


_WORDS = re.compile(r"\S+")


def whole_word(text: str, start: int, end: int) -> bool:
    """Whether a stretch of a text begins and ends where words do; scripts without spaces have no such places."""
    return not (
        (start > 0 and _joined(text[start - 1], text[start])) or (end < len(text) and _joined(text[end - 1], text[end]))
    )


def _joined(before: str, after: str) -> bool:
    return _in_word(before) and _in_word(after)


def _in_word(character: str) -> bool:
    return (character.isalnum() and character < "\u0e00") or character == "_"
