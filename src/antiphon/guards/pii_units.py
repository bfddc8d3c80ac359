"""Parts of a text that could hold personal data: runs of characters around digits, `@` and colons.

A text is read from left to right, once. Whether a unit stands somewhere depends on what is before it by at most
`BACK` characters, and on what follows by less than `LONGEST_TAIL`; so a stream that begins anew at the end of a unit,
with its context before it, finds the same units as the whole text has.
"""

import re

from antiphon.guards.port import LONGEST_TAIL

BACK = 64
"""Most characters of a unit before the first digit, `@` or colon."""
_LETTERS = "A-Za-zÀ-ÖØ-öø-ɏ"
_SPACE = r"[ \u00a0\u2009\u202f]"
_AFTER = ("office", "mobile", "cell", "home", "work", "fax", "tel", "phone")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LINK = re.compile(r"[^\s\"'<>(){}|\\^`]*")
"""Characters of a link."""


def _begun(words: tuple[str, ...]) -> str:
    """A pattern of all beginnings of words, whole ones included."""
    return "|".join(sorted({word[:end] for word in words for end in range(1, len(word) + 1)}, key=len, reverse=True))


_JOIN = (
    rf"(?<=[0-9A-Z)]){_SPACE}?\(?\+?(?=[0-9])"  # 12 34; (0)12; 12 (34
    rf"|(?<=[0-9A-Z]){_SPACE}(?=[A-Z]{{1,5}}(?![{_LETTERS}]))"  # 1234 ABC
    rf"|(?<=[0-9])\)?{_SPACE}?[-./]?{_SPACE}?\(?(?=[0-9])"  # 12) 34; 12 - 34; 12/34
    rf"|(?<=[0-9]){_SPACE}(?=(?:x|ext\.?){_SPACE}?[0-9])"
    r"|(?<=[0-9a-z]), ?(?=[0-9]{4}(?![0-9]))"  # May 1st, 1977
    rf"|(?<=[0-9dhtnse]){_SPACE}(?=(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?,?{_SPACE}?[0-9])"  # 1 May 1977
    rf"|(?<=[a-z]){_SPACE}(?=[0-9]{{4}}(?![0-9]))"
    rf"|(?<=[0-9]){_SPACE}(?=(?:{'|'.join(_AFTER)})(?![A-Za-z]))"
)
_GROWS = re.compile(
    rf"{_SPACE}?\(?\+?|[)]{_SPACE}?[-./]?{_SPACE}?\(?|{_SPACE}?[-./]{_SPACE}?\(?|,{_SPACE}?(?:[0-9]{{1,3}})?"
    rf"|{_SPACE}(?:{_begun((*_AFTER, *_MONTHS))}|x{_SPACE}|ext?\.?{_SPACE}?|e|[0-9]{{1,3}})"
    rf"|{_SPACE}(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?,?{_SPACE}?|{_SPACE}[A-Z]{{1,5}}{_SPACE}?"
)
"""What may follow a unit and become part of it with more text."""
_REVERSED_MONTHS = "|".join(month[::-1] for month in _MONTHS)


class Units:
    """Finds units."""

    def __init__(self, *, links: bool = False) -> None:
        """`links`: a link is one unit."""
        self._link = re.compile(r"(?:https?|ftp)://(?=[^\s\"'<>(){}|\\^`.,;:!?])") if links else None
        word = rf"0-9{_LETTERS}_.@%+:~\u2010-\u2013\-" + (r"/?=&#;,!$*\[\]" if links else "")
        self.trigger = re.compile(rf"[0-9@:](?<!:(?![:A-Fa-f{'/' if links else ''}]))")
        """What no unit is without."""
        self._unit = re.compile(rf"[{word}]+(?:(?:{_JOIN})[{word}]+)*[)]?")
        self._back = re.compile(
            rf"([{word}]{{0,{BACK}}})[(+]{{0,2}}(?:{_SPACE}[A-Z]{{1,3}}(?![{word}])){{0,2}}"
            rf"(?:,?\.?{_SPACE}?,?[a-z]{{0,6}}(?:{_REVERSED_MONTHS})(?![{word}]))?"
        )  # read backwards

    def begins(self, text: str, at: int, floor: int) -> tuple[int, int]:
        """Where the unit begins whose first digit, `@` or colon is at `at`, or would be, and its last word before that.

        Neither is before `floor`.
        """
        low = max(floor, at - BACK - 24)
        found = self._back.match(text[low:at][::-1])
        assert found is not None  # nothing at all matches
        return at - found.end(), at - found.end(1)

    def ends(self, text: str, begin: int, word: int, at: int) -> tuple[int, bool]:
        """Where the unit ends that begins at `begin`, and whether more text could make it longer."""
        cap = begin + LONGEST_TAIL
        found = self._unit.match(text, word, cap)
        end = max(found.end() if found is not None else 0, at + 1)
        if cap <= len(text):
            return end, False
        return end, end == len(text) or _GROWS.fullmatch(text, end) is not None

    def link(self, text: str, begin: int, end: int) -> int:
        """Where a link begins in a unit; -1: none does."""
        found = self._link.search(text, begin, end) if self._link is not None else None
        return -1 if found is None else found.start()
