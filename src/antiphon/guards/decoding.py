"""What a text says in another writing: Base64, hexadecimal, percent and backslash escapes, tag characters, rot13, backwards,
leetspeak, letters with gaps. Every step is bounded.
"""

# RE2 brings no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from base64 import urlsafe_b64decode
from binascii import Error as NotBase64
from codecs import encode
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import unquote

import re2
from msgspec import Struct

LONGEST = 4096
"""Characters of a run that are decoded."""
MOST_RUNS = 8
"""Of each writing."""
MOST_TRIED = 64
DEPTH = 2
"""Writings within writings."""
LEAST_PLAIN = 0.85
"""Share of what comes out that has to be printable."""
LEAST_LETTERS = 8


class Decoded(Struct, frozen=True):
    """A text behind another, and where it is written."""

    text: str
    writing: str
    start: int
    end: int


_HINT = re2.compile(
    r"[A-Za-z0-9+/_-]{24}|(?:[0-9a-fA-F]{2}[ :,]?){10}|(?:%[0-9a-fA-F]{2}[^%]{0,2}){5}|(?:\\[ux][0-9a-fA-F]{2}){4}|(?:\\[ux][0-9a-fA-F]{2,4}){4}"
    r"|\x{E0020}|[\x{E0021}-\x{E007E}]|(?i:vtaber|qvfertneq|vafgehpgvba|flfgrz cebzcg|cnffjbeq|erongi|snoitcurtsni|tpmorp|drowssap)"
    r"|(?:\b\pL[ ._-]){7}|\b[A-Za-z]*(?:[A-Za-z][013457@$]|[013457@$][A-Za-z])[A-Za-z013457@$]*[ ,]+[A-Za-z]*(?:[A-Za-z][013457@$]|[013457@$][A-Za-z])"
)
"""One pass that says whether anything below is worth trying."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :,]?){9,}[0-9a-fA-F]{2}")
_PERCENT = re.compile(r"%[0-9a-fA-F]{2}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
LEAST_ESCAPES = 4
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_GAPS = re.compile(r"(?<!\w)\w(?:[ ._-]+\w){6,}(?!\w)")
_GAP = re.compile(r"(?<=\w)[ ._-](?=\w)")
_ROT13 = re.compile(r"vtaber|qvfertneq|vafgehpgvba|flfgrz cebzcg|cnffjbeq", re.IGNORECASE)
_BACKWARDS = re.compile(r"erongi|snoitcurtsni|tpmorp|drowssap", re.IGNORECASE)
_LEET_WORD = re.compile(r"[A-Za-z013457@$]{3,}")
_LEET = str.maketrans("013457@$", "oieastas")
LEAST_LEET = 3


def decoded(text: str, depth: int = DEPTH) -> Iterator[Decoded]:
    """Texts behind a text. Places are those of the outermost text."""
    if depth == 0 or _HINT.search(text) is None:
        return
    for way in (_runs, _whole):
        for found in way(text):
            yield found
            for inner in decoded(found.text[:LONGEST], depth - 1):
                yield Decoded(inner.text, f"{found.writing}.{inner.writing}", found.start, found.end)


def _runs(text: str) -> Iterator[Decoded]:
    for writing, pattern, decode in _WRITINGS:
        many = 0
        for found in islice(pattern.finditer(text), MOST_TRIED):
            plain = decode(found[0][:LONGEST])
            if plain is not None:
                yield Decoded(plain, writing, *found.span())
                many += 1
                if many == MOST_RUNS:
                    break


def _whole(text: str) -> Iterator[Decoded]:
    head = text[:LONGEST]
    for writing, found in (("percent", _percent(head)), ("escapes", _escapes(head)), ("leetspeak", _leetspeak(head))):
        if found is not None:
            yield Decoded(found, writing, 0, len(head))
    if _ROT13.search(head):
        yield Decoded(encode(head, "rot13"), "rot13", 0, len(head))
    if _BACKWARDS.search(head):
        yield Decoded(head[::-1], "backwards", 0, len(head))


def _plain(raw: bytes) -> str | None:
    """The text that bytes are; None: they are none."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    letters = sum(map(str.isalpha, text))
    printable = sum(one.isprintable() or one.isspace() for one in text)
    return text if letters >= LEAST_LETTERS and printable >= LEAST_PLAIN * len(text) else None


def _base64(run: str) -> str | None:
    bare = run.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return _plain(urlsafe_b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "=" * (-len(bare) % 4)))
    except NotBase64:
        return None


def _hex(run: str) -> str | None:
    digits = re.sub(r"[^0-9a-fA-F]", "", run)
    return _plain(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _percent(head: str) -> str | None:
    return unquote(head) if len(_PERCENT.findall(head)) >= LEAST_ESCAPES else None


def _escapes(head: str) -> str | None:
    plain, many = _ESCAPE.subn(lambda found: chr(int(found[1] or found[2], 16)), head)
    return plain if many >= LEAST_ESCAPES else None


def _leetspeak(head: str) -> str | None:
    many = 0

    def read(word: re.Match[str]) -> str:
        nonlocal many
        plain = word[0].translate(_LEET)
        if plain == word[0] or not any(map(str.isalpha, word[0])):
            return word[0]
        many += 1
        return plain

    plain = _LEET_WORD.sub(read, head)
    return plain if many >= LEAST_LEET else None


def _tags(run: str) -> str | None:
    return "".join(chr(ord(one) - 0xE0000) for one in run)


def _gaps(run: str) -> str | None:
    return _GAP.sub("", run.replace("   ", " \x00 ").replace("  ", " \x00 ")).replace("\x00", " ")


_WRITINGS: tuple[tuple[str, re.Pattern[str], Callable[[str], str | None]], ...] = (
    ("base64", _BASE64, _base64),
    ("hex", _HEX, _hex),
    ("tags", _TAGS, _tags),
    ("gaps", _GAPS, _gaps),
)
