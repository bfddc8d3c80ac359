"""Parts of a text that could hold personal data: runs of characters around digits, `@` and colons.

A text is read from left to right, once. Whether a unit stands somewhere depends on what is before it by at most
`BACK` characters, and on what follows by less than `LONGEST_TAIL`; so a stream that begins anew at the end of a unit,
with its context before it, finds the same units as the whole text has.
"""

import re

from antiphon.guards.port import LONGEST_TAIL

BACK = 64
"""Most characters of a unit before the first digit, `@` or colon."""
_WORD = r"0-9A-Za-zÀ-ÖØ-öø-ɏ_.@%+:~‐-–\-"
_SPACE = r"[ \u00a0\u2009\u202f]"
_AFTER = ("office", "mobile", "cell", "home", "work", "fax", "tel", "phone", "ext", "x")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _begun(words: tuple[str, ...]) -> str:
    """A pattern of all beginnings of words that are no whole word."""
    return "|".join(sorted({word[:end] for word in words for end in range(1, len(word))}, key=len, reverse=True))


TRIGGER = re.compile(r"[0-9@:](?<!:(?![:A-Fa-f]))")
"""What no unit is without."""
_JOIN = (
    rf"(?<=[0-9A-Z)]){_SPACE}?\(?\+?(?=[0-9])"  # 12 34; (0)12; 12 (34
    rf"|(?<=[0-9]){_SPACE}(?=[A-Z]{{1,5}}(?![A-Za-zÀ-ɏ]))"  # 1234 ABC
    rf"|(?<=[A-Z]){_SPACE}(?=[A-Z]{{1,5}}{_SPACE}?[0-9])"  # 34 AB CD12
    rf"|(?<=[0-9])\)?{_SPACE}?[-./]?{_SPACE}?\(?(?=[0-9])"  # 12) 34; 12 - 34; 12/34
    r"|(?<=[0-9])/(?=[0-9])"
    rf"|(?<=[0-9]){_SPACE}(?=(?:x|ext\.?){_SPACE}?[0-9])"
    r"|(?<=[0-9a-z]), ?(?=[0-9]{4}(?![0-9]))"  # May 1st, 1977
    rf"|(?<=[0-9dhtnse]){_SPACE}(?=(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?,?{_SPACE}?[0-9])"  # 1 May 1977
    rf"|(?<=[a-z]){_SPACE}(?=[0-9]{{4}}(?![0-9]))"
    rf"|(?<=[0-9]){_SPACE}(?=(?:{'|'.join(_AFTER[:8])})(?![A-Za-z]))"
)
_UNIT = re.compile(rf"[{_WORD}]+(?:(?:{_JOIN})[{_WORD}]+)*[)]?")
_GROWS = re.compile(
    rf"{_SPACE}?\(?\+?|[)]{_SPACE}?[-./]?{_SPACE}?\(?|{_SPACE}[-./]{_SPACE}?\(?|[-./]{_SPACE}?|/\(?|,{_SPACE}?(?:[0-9]{{1,3}})?"
    rf"|{_SPACE}(?:{_begun(_AFTER)}|{'|'.join(_AFTER)}|x{_SPACE}|ext\.?{_SPACE}?|{_begun(_MONTHS)}|[0-9]{{1,3}})|{_SPACE}(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?,?{_SPACE}?"
    rf"|{_SPACE}[A-Z]{{1,5}}{_SPACE}?"
)
"""What may follow a unit and become part of it with more text."""
_REVERSED_MONTHS = "|".join(month[::-1] for month in _MONTHS)
_BACK = re.compile(
    rf"([{_WORD}]{{0,{BACK}}})[(+]{{0,2}}(?:{_SPACE}[A-Z]{{1,3}}(?![{_WORD}])){{0,2}}"
    rf"(?:,?\.?{_SPACE}?,?[a-z]{{0,6}}(?:{_REVERSED_MONTHS})(?![{_WORD}]))?"
)
"""A unit before its first digit, read backwards."""


def begins(text: str, at: int, floor: int) -> tuple[int, int]:
    """Where the unit begins whose first digit, `@` or colon is at `at`, or would be, and its last word before that.

    Neither is before `floor`.
    """
    low = max(floor, at - BACK - 24)
    found = _BACK.match(text[low:at][::-1])
    assert found is not None  # nothing at all matches
    return at - found.end(), at - found.end(1)


def ends(text: str, begin: int, word: int, at: int) -> tuple[int, bool]:
    """Where the unit ends that begins at `begin`, and whether more text could make it longer."""
    cap = begin + LONGEST_TAIL
    found = _UNIT.match(text, word, cap)
    end = max(found.end() if found is not None else 0, at + 1)
    if cap <= len(text):
        return end, False
    return end, end == len(text) or _GROWS.fullmatch(text, end) is not None
