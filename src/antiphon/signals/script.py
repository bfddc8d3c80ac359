"""Which script a text is written in, by its characters."""

from bisect import bisect_right
from collections import Counter

_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x005A, "latin"),
    (0x0061, 0x007A, "latin"),
    (0x00AA, 0x00AA, "latin"),
    (0x00BA, 0x00BA, "latin"),
    (0x00C0, 0x02AF, "latin"),
    (0x0370, 0x03FF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0530, 0x058F, "armenian"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x077F, "arabic"),
    (0x08A0, 0x08FF, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bengali"),
    (0x0A00, 0x0A7F, "gurmukhi"),
    (0x0A80, 0x0AFF, "gujarati"),
    (0x0B00, 0x0B7F, "oriya"),
    (0x0B80, 0x0BFF, "tamil"),
    (0x0C00, 0x0C7F, "telugu"),
    (0x0C80, 0x0CFF, "kannada"),
    (0x0D00, 0x0D7F, "malayalam"),
    (0x0D80, 0x0DFF, "sinhala"),
    (0x0E00, 0x0E7F, "thai"),
    (0x0E80, 0x0EFF, "lao"),
    (0x0F00, 0x0FFF, "tibetan"),
    (0x1000, 0x109F, "myanmar"),
    (0x10A0, 0x10FF, "georgian"),
    (0x1100, 0x11FF, "hangul"),
    (0x1200, 0x139F, "ethiopic"),
    (0x1780, 0x17FF, "khmer"),
    (0x1E00, 0x1EFF, "latin"),
    (0x1F00, 0x1FFF, "greek"),
    (0x3040, 0x30FF, "kana"),
    (0x3130, 0x318F, "hangul"),
    (0x31F0, 0x31FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xAC00, 0xD7AF, "hangul"),
    (0xF900, 0xFAFF, "han"),
    (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFC, "arabic"),
    (0xFF21, 0xFF3A, "latin"),
    (0xFF41, 0xFF5A, "latin"),
    (0xFF66, 0xFF9D, "kana"),
    (0x20000, 0x323AF, "han"),
)
"""First and last code point of each stretch of letters. Source: Unicode 16.0, Blocks.txt."""
_STARTS = [first for first, _, _ in _RANGES]
_LETTERS_OF_A_SIGN = 2
"""A sign of Han, kana or Hangul says about as much as two letters: a sentence with a foreign name in it keeps its script."""
_DENSE = frozenset({"han", "kana", "hangul"})


def script_of(character: str) -> str:
    """Empty: it is no letter of a script that is known here."""
    point = ord(character)
    at = bisect_right(_STARTS, point) - 1
    if at < 0:
        return ""
    _, last, name = _RANGES[at]
    return name if point <= last else ""


def shares(sample: str) -> Counter[str]:
    """How much of a text each script writes."""
    found: Counter[str] = Counter()
    for character, times in Counter(sample).items():
        name = script_of(character)
        if name:
            found[name] += times * (_LETTERS_OF_A_SIGN if name in _DENSE else 1)
    return found


def main_script(sample: str) -> tuple[str, float]:
    """The script that most of a text is in, and how much of it. No name and 0.0: it has no letters.

    Japanese mixes three: where there is more than a little kana, all of Han is `kana`'s.
    """
    if sample.isascii():
        return ("latin", 1.0) if any(map(str.isalpha, sample)) else ("", 0.0)
    found = shares(sample)
    if found["kana"] and found["kana"] * 10 >= found["han"]:
        found["kana"] += found.pop("han", 0)
    if not found:
        return "", 0.0
    name, most = found.most_common(1)[0]
    return name, most / found.total()
