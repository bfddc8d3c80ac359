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
from urllib.parse import unquote_to_bytes

import re2
from msgspec import Struct

LONGEST = 4096
"""Characters of a run that are decoded."""
MOST_RUNS = 8
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
    r"|\x{E0020}|[\x{E0021}-\x{E007E}]|(?i:vtaber|qvfertneq|vafgehpgvba|flfgrz cebzcg|cnffjbeq|erongi|erongi|snoitcurtsni|tpmorp metsys|tpmorp|drowssap)"
    r"|(?:\b\pL[ ._-]){7}|\b[A-Za-z]*(?:[A-Za-z][013457@$]|[013457@$][A-Za-z])[A-Za-z013457@$]*[ ,]+[A-Za-z]*(?:[A-Za-z][013457@$]|[013457@$][A-Za-z])"
)
"""One pass that says whether anything below is worth trying."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :,]?){9,}[0-9a-fA-F]{2}")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2}|[\w.+-]){8,}")
_ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|[ \w]){8,}")
_ONE_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_GAPS = re.compile(r"(?<!\w)\w(?:[ ._-]+\w){6,}(?!\w)")
_GAP = re.compile(r"(?<=\w)[ ._-](?=\w)")
_ROT13 = re.compile(r"vtaber|qvfertneq|vafgehpgvba|flfgrz cebzcg|cnffjbeq", re.IGNORECASE)
_BACKWARDS = re.compile(r"erongi|snoitcurtsni|tpmorp|drowssap", re.IGNORECASE)
_LEET_WORD = re.compile(r"\b(?=[A-Za-z013457@$]*[A-Za-z])(?=[A-Za-z013457@$]*[013457@$])[A-Za-z013457@$]{3,}")
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
        for at, found in enumerate(pattern.finditer(text)):
            if at >= MOST_RUNS:
                break
            plain = decode(found[0][:LONGEST])
            if plain is not None:
                yield Decoded(plain, writing, *found.span())


def _whole(text: str) -> Iterator[Decoded]:
    head = text[:LONGEST]
    if _ROT13.search(head):
        yield Decoded(encode(head, "rot13"), "rot13", 0, len(head))
    if _BACKWARDS.search(head):
        yield Decoded(head[::-1], "backwards", 0, len(head))
    if len(_LEET_WORD.findall(head)) >= LEAST_LEET:
        yield Decoded(_LEET_WORD.sub(lambda word: word[0].translate(_LEET), head), "leetspeak", 0, len(head))


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


def _percent(run: str) -> str | None:
    return _plain(unquote_to_bytes(run.replace("+", " "))) if run.count("%") >= 3 else None  # noqa: PLR2004 - fewer hide nothing


def _escapes(run: str) -> str | None:
    if run.count("\\") < 4:  # noqa: PLR2004 - fewer hide nothing
        return None
    return _ONE_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), run)


def _tags(run: str) -> str | None:
    return "".join(chr(ord(one) - 0xE0000) for one in run)


def _gaps(run: str) -> str | None:
    return _GAP.sub("", run.replace("   ", " \x00 ").replace("  ", " \x00 ")).replace("\x00", " ")


_WRITINGS: tuple[tuple[str, re.Pattern[str], Callable[[str], str | None]], ...] = (
    ("base64", _BASE64, _base64),
    ("hex", _HEX, _hex),
    ("percent", _PERCENT, _percent),
    ("escapes", _ESCAPES, _escapes),
    ("tags", _TAGS, _tags),
    ("gaps", _GAPS, _gaps),
)
