"""What the model of expected gain sees of a request's text: its words, by buckets, and marks of its form."""

import re
from math import log
from zlib import crc32

BUCKETS = 1024
MARKS = ("length", "digits", "lines", "options", "code", "formulas", "operators")
SEEN = 6000
"""Characters of a text that are looked at: half from its start, half from its end."""
_WORD = re.compile(r"\w+|[^\w\s]")
_OPTION = re.compile(r"^\(?[A-J][.):] ", re.MULTILINE)
_DIGIT = re.compile(r"\d")
_OPERATOR = re.compile(r"[-+*/=^<>]")


def seen(text: str) -> str:
    """The part of a text that is looked at."""
    return text if len(text) <= SEEN else f"{text[: SEEN // 2]}\n{text[-SEEN // 2 :]}"


def buckets(text: str) -> tuple[int, ...]:
    """Buckets of the words that stand in a text, each once, in order."""
    return tuple(sorted({crc32(word.encode()) % BUCKETS for word in _WORD.findall(seen(text).casefold())}))


def marks(text: str) -> tuple[float, ...]:
    """Marks of a text's form, in the order of MARKS, each between 0 and about 3."""
    looked = seen(text)
    size = len(looked) + 1
    return (
        log(len(text) + 1) / 4,
        3 * len(_DIGIT.findall(looked)) / size,
        log(looked.count("\n") + 1) / 2,
        min(len(_OPTION.findall(looked)), 12) / 5,
        float("def " in looked or "assert" in looked or "```" in looked),
        log(looked.count("\\") + looked.count("$") + 1) / 2,
        5 * len(_OPERATOR.findall(looked)) / size,
    )
