"""Characters that nobody sees, and letters that pass for others."""

import re
from collections.abc import Iterator, Sequence
from unicodedata import bidirectional, combining

from antiphon.guards.folding import LOOKS_LIKE, mixed
from antiphon.guards.port import LONGEST_TAIL, Detector, Match
from antiphon.guards.settings_content import UnicodeSettings

JOINERS = "\u200c\u200d"
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Source: Unicode 16.0, DerivedCoreProperties.txt, Default_Ignorable_Code_Point, without what turns the direction."""
_INVISIBLE = re.compile(f"[{_UNSEEN}]+")
_TURNS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BIDI = re.compile(f"[{_TURNS}]+")
_OVERRIDES = frozenset("\u202d\u202e")
_FOREIGN = "\u0370-\u03ff\u0400-\u052f\u0131\u0261"
_LETTERS = re.compile(f"[{_FOREIGN}]+")
_OPEN = re.compile(f"[{_UNSEEN}{_TURNS}{_FOREIGN}]+[A-Za-z]?\\Z")
"""What may become a match, or a longer one."""
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_FLAG = "\U0001f3f4"
_REGION = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""A flag of a region: letters and digits as tags, and their end. Source: UTS 51, ED-14a."""
_JOINING = re.compile(
    "[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1700-\u18af\u1a00-\u1aff\u1b00-\u1cff\ua800-\uabff\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
"""Scripts in which joiners change how letters are drawn: Arabic, Syriac, Indic, Mongolian and others."""
_PICTURE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297"
    "\u3299\U0001f000-\U0001faff]"
)
_KEYCAP = frozenset("0123456789#*")
_MONGOLIAN = re.compile("[\u1800-\u18aa]")
_HAN = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_MATHS = re.compile("[\u2190-\u22ff\u2a00-\u2aff]")
_HANGUL = re.compile("[\u1100-\u11ff\ua960-\ud7ff]")
_NEIGHBOURS = 40
"""Characters before one that turns the direction, among which a letter written from the right has to be."""


class UnicodeDetector(Detector):
    """Each stretch of such characters is a match of its own; ASCII has none."""

    context = _NEIGHBOURS + 1
    plain_words = True

    def __init__(self, settings: UnicodeSettings) -> None:
        self._settings = settings

    def find(self, text: str) -> Sequence[Match]:
        if text.isascii():
            return ()
        found: list[Match] = []
        if self._settings.invisible:
            found += _invisible(text)
        if self._settings.bidi:
            found += _turning(text)
        if self._settings.lookalikes:
            found += _lookalikes(text)
        found.sort(key=lambda match: match.start)
        return found

    def tail(self, text: str) -> int:
        if text[-2:].isascii():
            return len(text)
        found = _OPEN.search(text, max(len(text) - LONGEST_TAIL, 0))
        return len(text) if found is None else found.start()

    def mended(self, text: str, match: Match) -> str:
        """Look-alikes become the letters that they look like; all else is taken out."""
        if match.rule != "unicode.lookalike":
            return ""
        return "".join(_latin(one) for one in text[match.start : match.end])


def _latin(letter: str) -> str:
    found = LOOKS_LIKE.get(letter)
    if found is None:
        return letter
    return found.upper() if letter.isupper() else found


def _invisible(text: str) -> Iterator[Match]:
    for found in _INVISIBLE.finditer(text):
        start, end = found.span()
        for first, last in _hiding(text, start, end):
            yield Match(first, last, "invisible", _rule(text[first:last]))


def _rule(stretch: str) -> str:
    if any("\U000e0000" <= one <= "\U000e007f" for one in stretch):
        return "unicode.tags"
    return "unicode.selectors" if _SELECTORS.search(stretch) else "unicode.zero_width"


def _hiding(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a stretch of invisible characters that nothing visible needs."""
    before = text[start - 1] if start else ""
    at = start
    if before == _FLAG:
        region = _REGION.match(text, at, end)
        if region is not None:
            at = region.end()
    while at < end and _needed(text, at, before, end):
        before = text[at]
        at += 1
    if at < end:
        yield at, end


def _needed(text: str, at: int, before: str, end: int) -> bool:
    """Whether the sign at a place changes how its neighbours are drawn."""
    sign, after = text[at], text[end] if end < len(text) else ""
    if not before:
        return sign == "\ufeff"
    if sign in JOINERS:
        return _joins(before, after) and at + 1 >= end - 1
    if sign == "\u00ad":
        return before.isalpha() and after.isalpha() and end - at == 1
    if "\ufe00" <= sign <= "\ufe0f":
        return _selects(before)
    if "\U000e0100" <= sign <= "\U000e01ef":
        return _HAN.match(before) is not None
    if "\u180b" <= sign <= "\u180f":
        return _MONGOLIAN.match(before) is not None
    if "\u115f" <= sign <= "\u1160":
        return _HANGUL.match(after) is not None
    return False


def _joins(before: str, after: str) -> bool:
    """Emoji are joined with emoji, letters of joining scripts with such letters; a lone one at the end stays there."""
    if _PICTURE.match(before) or before in {"\ufe0f", "\u200d"} or "\U0001f3fb" <= before <= "\U0001f3ff":
        return not after or _PICTURE.match(after) is not None
    joining = _JOINING.match(before) is not None or combining(before) > 0
    return joining and (not after or not after.isascii() or after.isspace() or not after.isalnum())


def _selects(before: str) -> bool:
    return before in _KEYCAP or any(kind.match(before) is not None for kind in (_PICTURE, _HAN, _MATHS, _MONGOLIAN))


def _turning(text: str) -> Iterator[Match]:
    for found in _BIDI.finditer(text):
        start, end = found.span()
        overrides = not _OVERRIDES.isdisjoint(found[0])
        if overrides or not _from_right(text[max(start - _NEIGHBOURS, 0) : end + 1]):
            yield Match(start, end, "bidi", "unicode.override" if overrides else "unicode.bidi")


def _from_right(stretch: str) -> bool:
    return any(bidirectional(one) in _RIGHT and one not in _TURNING for one in stretch)


_RIGHT = frozenset({"R", "AL", "AN"})
_TURNING = frozenset("\u200f\u061c")


def _lookalikes(text: str) -> Iterator[Match]:
    """Cyrillic and Greek letters in a word of Latin ones; a single one beside a single Latin one may be a formula's."""
    if not mixed(text):
        return
    for found in _LETTERS.finditer(text):
        start, end = found.span()
        before, after = _latin_beside(text[max(start - 2, 0) : start][::-1]), _latin_beside(text[end : end + 2])
        beside = before + after > 1 or (end - start > 1 and before + after)
        if (
            beside
            and all(one in LOOKS_LIKE for one in found[0])
            and not _ending(text[max(start - 2, 0) : start], found[0])
        ):
            yield Match(start, end, "lookalike", "unicode.lookalike")


def _latin_beside(letters: str) -> int:
    """How many Latin letters stand first, two at most."""
    return next((at for at, one in enumerate(letters) if not (one.isascii() and one.isalpha())), len(letters))


def _ending(before: str, letters: str) -> bool:
    """Whether letters are an ending that another language gives to an acronym."""
    return before.isupper() and letters.islower()
