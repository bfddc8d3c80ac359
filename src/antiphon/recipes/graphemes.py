"""Where a text may be cut without taking apart what a reader sees as one character.

Source: Unicode UAX #29, revision 45, extended grapheme clusters, rules GB3 and GB6 to GB13, by general category and the few
characters that it names beside: wherever it says that two characters belong together, so does this; a few that it lets part
stay together here.
"""

from unicodedata import category

_JOINER = "\u200d"
_MARKS = frozenset({"Mn", "Mc", "Me"})
_EXTENDING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")
"""Extend or SpacingMark, and no mark by category."""
_PREPENDED = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3"
    "\U0001193f\U00011941\U00011a3a\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88\U00011a89\U00011d46\U00011f02"
)
_LINKERS = frozenset("\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d")
"""Of consonants, in Devanagari, Bengali, Gujarati, Oriya, Telugu and Malayalam."""
_LOOK = 64
"""Characters that are looked at: a longer run of marks or flags is cut anywhere."""


def starts(text: str, place: int) -> bool:
    """Whether a character as a reader sees it begins at a place of a text; so do its beginning and its end."""
    if place <= 0 or place >= len(text):
        return True
    after, before = text[place], text[place - 1]
    if after.isascii() and before.isascii():
        return not (before == "\r" and after == "\n")
    if _extends(after) or before == _JOINER or before in _PREPENDED or _linked(text, place):
        return False
    if _is_flag(after) and _is_flag(before):
        return _flags_before(text, place) % 2 == 0
    if _is_jamo(after):
        return not (_is_jamo(before) or _is_syllable(before))
    return not (_is_syllable(after) and _is_jamo(before))


def at_or_after(text: str, place: int) -> int:
    """The first place that a text may be cut at, from `place` on."""
    place = max(0, min(place, len(text)))
    near = range(place, min(place + _LOOK, len(text)) + 1)
    return next((one for one in near if starts(text, one)), place)


def at_or_before(text: str, place: int) -> int:
    """The last place that a text may be cut at, up to `place`."""
    place = max(0, min(place, len(text)))
    near = range(place, max(place - _LOOK, 0) - 1, -1)
    return next((one for one in near if starts(text, one)), place)


def _extends(character: str) -> bool:
    if character in _EXTENDING or category(character) in _MARKS:
        return True
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


def _linked(text: str, place: int) -> bool:
    """Whether a linker stands before a place, with nothing but marks between."""
    for one in range(place - 1, max(place - _LOOK, 0) - 1, -1):
        if text[one] in _LINKERS:
            return True
        if not _extends(text[one]):
            return False
    return False


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, place: int) -> int:
    count = 0
    while count < _LOOK and place - count > 0 and _is_flag(text[place - count - 1]):
        count += 1
    return count


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff" or "\ua960" <= character <= "\ua97f" or "\ud7b0" <= character <= "\ud7ff"


def _is_syllable(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"
