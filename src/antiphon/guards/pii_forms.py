"""Personal data that is no number of a fixed shape: addresses of mail, hosts and coins, dates of birth, links.

Each function takes a unit and gives (kind, start, end, score).
"""

import re
from collections.abc import Collection, Iterator
from ipaddress import IPv6Address

from antiphon.guards.pii_checks import base58_check, bech32, real_date
from antiphon.guards.pii_spoken import Spoken
from antiphon.guards.port import LONGEST_TAIL, Match

Place = tuple[str, int, int, float]
DIGIT = re.compile(r"[0-9]")
_LETTER = "A-Za-zÀ-ÖØ-öø-ɏ0-9"
_EMAIL = re.compile(
    rf"[{_LETTER}_%+\-](?:[{_LETTER}_.%+~\-]{{0,62}}[{_LETTER}_%+\-])?@"
    rf"(?:[{_LETTER}](?:[{_LETTER}\-]{{0,61}}[{_LETTER}])?\.)+(?:xn--[A-Za-z0-9\-]{{2,59}}|[A-Za-zÀ-ÖØ-öø-ɏ]{{2,24}})(?![{_LETTER}@])"
)
_IPV4 = r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4 = re.compile(rf"(?<![\w.:+\-])(?<![\w])({_IPV4})(?:/\d{{1,2}})?(?!\.?[\w]|[\-]\w)|(?<=:)({_IPV4})(?!\.?\w)")
_V6 = re.compile(
    r"(?<![\w:.])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:\d{1,3}(?:\.\d{1,3}){3})?(?:%\w{1,16})?)(?![\w:]|\.\d)"
)
_LONG_GROUP = re.compile(r"[0-9A-Fa-f]{3}")
_NOBODY = frozenset({"127.0.0.1", "0.0.0.0"})  # noqa: S104  # nothing is bound to them
_MAC = re.compile(
    r"(?<![\w:\-.])(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2})(?![\w:\-]|\.\w)"
)
_COIN = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:bc1|BC1|tb1|ltc1)[A-Za-z0-9]{25,71}|0x[0-9a-fA-F]{40}|[13][1-9A-HJ-NP-Za-km-z]{25,34})(?![A-Za-z0-9])"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DATE = re.compile(
    r"(?<![\w/.\-])(?:(?P<a>\d{1,2})[/.\-](?P<b>\d{1,2})[/.\-](?P<y>(?:19|20)\d\d|\d\d)"
    r"|(?P<y2>(?:19|20)\d\d)[/.\-](?P<b2>\d{1,2})[/.\-](?P<a2>\d{1,2})"
    rf"|{_MONTH}\.? ?\d{{1,2}}(?:st|nd|rd|th)?,? ?(?:19|20)\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\.?[ \-]?{_MONTH}\.?,?[ \-]?(?:19|20)\d\d)(?![\w/\-])"
)
WORDS: dict[str, tuple[str, ...]] = {
    "date_of_birth": (
        "date of birth", "birth", "born", "dob", "birthday", "geboren", "geburtsdatum", "né le", "née le", "nacimiento",
        "nascita", "nascimento", "d.o.b",
    ),
    "phone": (
        "phone", "tel", "call", "mobile", "cell", "fax", "dial", "ring", "text me", "whatsapp", "reach", "answering",
        "contact", "hotline", "telefon", "handy", "teléfono", "telefono", "téléphone", "number is", "cn number", "sms",
        "ext", "office", "cep no", "sim", "signal", "telegram", "телефон", "τηλέφωνο", "电话", "電話", "手机", "手機", "携帯", "전화",
    ),
}  # fmt: skip


def emails(unit: str) -> Iterator[Place]:
    """Addresses of mail."""
    for found in _EMAIL.finditer(unit):
        yield "email", found.start(), found.end(), 1.0


def hosts(unit: str, kinds: Collection[str], *, anyhow: bool) -> Iterator[Place]:
    """Addresses of hosts and of network cards. `anyhow`: those of this machine and of none, too."""
    if "mac_address" in kinds:
        for found in _MAC.finditer(unit):
            if found[0].strip("Ff:-.") and found[0].strip("0:-."):
                yield "mac_address", found.start(), found.end(), 0.95
    if "ip_address" not in kinds:
        return
    if ":" in unit:
        for found in _V6.finditer(unit):
            if _v6(found[0]) and (anyhow or _likely(found[0])):
                yield "ip_address", found.start(), found.end(), 0.95
    for found in _V4.finditer(unit):
        group = 1 if found[1] else 2
        if anyhow or found[group] not in _NOBODY:
            yield "ip_address", found.start(group), found.end(group), 0.95


def _likely(text: str) -> bool:
    """It is no slice, and no name in code, such as `1::2` and `a::b`."""
    return _LONG_GROUP.search(text) is not None and any(one.isdigit() for one in text)


def _v6(text: str) -> bool:
    if _MAC.fullmatch(text):
        return False
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def crypto(unit: str) -> Iterator[Place]:
    """Addresses of wallets."""
    for found in _COIN.finditer(unit):
        text = found[0]
        if text.startswith("0x") or (bech32(text) if text[:2].lower() in {"bc", "tb", "lt"} else base58_check(text)):
            yield "crypto_address", found.start(), found.end(), 0.95


def link(text: str, start: int, end: int) -> Match:
    """A link, without what ends its sentence."""
    if end - start <= LONGEST_TAIL:
        end = start + len(text[start:end].rstrip(".,;:!?"))
    return Match(start, end, "url", "pii.url", 0.9)


def births(unit: str, spoken: Spoken, *, anyhow: bool) -> Iterator[Place]:
    """Dates near a word that speaks of birth."""
    for found in _DATE.finditer(unit):
        if (anyhow or spoken.of("date_of_birth")) and _dated(found):
            yield "date_of_birth", found.start(), found.end(), 0.85


def _dated(found: re.Match[str]) -> bool:
    year, one, other = (found["y"], found["a"], found["b"]) if found["a"] else (found["y2"], found["a2"], found["b2"])
    if year is None:
        return True
    full = int(year) if len(year) == 4 else 1900 + int(year)
    return real_date(full, int(one), int(other)) or real_date(full, int(other), int(one))
