"""Addresses within text, and whether a value occurs in a text as a whole.

An address leads out of the run: a URL, a host, an e-mail address, a bank account, a phone number.
"""

import re
import unicodedata

_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SPACE = re.compile(r"\s+")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)[^\s\"'<>()\[\]{}|`]+", re.IGNORECASE)
_HOST = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|edu|gov|int|info|biz|app|dev|cloud|online|site|xyz|"
    r"shop|store|tech|page|link|click|top|club|live|news|blog|[a-z]{2})(?![\w-])(?:[/:?#][^\s\"'<>()\[\]{}|`]*)?",
    re.IGNORECASE,
)
_ADDRESS_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)(?::\d+)?(?:/[^\s\"'<>()]*)?")
_ACCOUNT = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){2,8}(?!\w)|(?<![\w.])\d{9,}(?!\w)")
_PHONE = re.compile(r"\+\d[\d ()/-]{6,}\d")
_FORMS = (_EMAIL, _URL, _HOST, _ADDRESS_V4, _ACCOUNT, _PHONE)
_FILES = frozenset({"py", "md", "sh", "js", "ts", "cc", "rs", "go", "pl", "rb", "so", "ai", "ps"})
"""Endings of two letters that files have far more often than hosts."""


def plain(text: str) -> str:
    """As it is compared: compatible forms folded, without case and hidden characters, spaces as one."""
    folded = unicodedata.normalize("NFKC", _HIDDEN.sub("", text)).casefold()
    return _SPACE.sub(" ", folded).strip()


def addresses(text: str) -> tuple[str, ...]:
    """Those within a text, as they are written there, longest forms first; each once."""
    cleaned = unicodedata.normalize("NFKC", _HIDDEN.sub("", text))
    found: dict[str, None] = {}
    for form in _FORMS:
        for match in form.finditer(cleaned):
            said = match.group().rstrip(".,;:!?")
            if form is _HOST and said.rpartition(".")[2].lower() in _FILES:
                continue
            found[said] = None
    return tuple(found)


def bare(address: str) -> str:
    """An address as it is compared: without scheme and trailing slash."""
    return _SCHEME.sub("", plain(address)).rstrip("/")


def occurs(value: str, text: str) -> bool:
    """Whether a value stands in a text as a whole, not as a part of a longer name or address. Both `plain`.

    `evil.co` is not in `evil.com`, `bank.com` not in `my-bank.com`, `a.com` not in `a.com.evil.net` and not in `x@a.com`;
    `a.com` is in `a.com/page`, whose place it is.
    """
    if not value:
        return True
    at = text.find(value)
    while at >= 0:
        if _begins(text, at, value) and _ends(text, at + len(value), value):
            return True
        at = text.find(value, at + 1)
    return False


def _begins(text: str, at: int, value: str) -> bool:
    if at == 0 or not (value[0].isalnum() or value[0] == "_"):
        return True
    before = text[at - 1]
    if before in ".-+" and at >= 2:
        return not (text[at - 2].isalnum() or text[at - 2] == "_")
    return not (before.isalnum() or before in "_@")


def _ends(text: str, at: int, value: str) -> bool:
    if at >= len(text) or not (value[-1].isalnum() or value[-1] == "_"):
        return True
    after = text[at]
    if after in ".-+:@" and at + 1 < len(text):
        return not (text[at + 1].isalnum() or text[at + 1] == "_")
    return not (after.isalnum() or after in "_@")
