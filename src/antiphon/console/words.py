"""Values as people read them on pages."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from antiphon.core.money import NanoUsd, as_usd

NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSEEN = frozenset(("Cc", "Cf", "Zl", "Zp", "Co", "Cs"))
"""Categories of characters that show nothing, or change how others are shown."""
_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
"""Words of some languages and many emoji are written with these."""
_SPACES = frozenset("\n\t")
DASH = "\N{EN DASH}"


def said(text: object) -> str:
    """A text from elsewhere: what would show nothing, or turn round what stands beside it, is told by its number."""
    return "".join(map(_seen, str(text)))


def _seen(character: str) -> str:
    return character if _shows(character) else f"⟨U+{ord(character):04X}⟩"


def _shows(character: str) -> bool:
    return character in _JOINERS or character in _SPACES or unicodedata.category(character) not in _UNSEEN


def usd(nano_usd: int | None) -> str:
    """`$1,234.56`; of less than a dollar four digits that count; a dash where it is unknown."""
    if nano_usd is None:
        return DASH
    if nano_usd == 0:
        return "$0"
    sign, size = ("\N{MINUS SIGN}" if nano_usd < 0 else ""), abs(nano_usd)
    if size >= NS:
        cents = (size + 5_000_000) // 10_000_000
        return f"{sign}${cents // 100:,}.{cents % 100:02d}"
    digits = len(str(size))
    places = max(2, 9 - max(digits - 4, 0))
    step = 10 ** (9 - places)
    rounded = (size + step // 2) // step * step
    whole, _, rest = as_usd(NanoUsd(rounded)).partition(".")
    return f"{sign}${whole}.{rest.rstrip('0').ljust(2, '0')}"


def exact_usd(nano_usd: int | None) -> str:
    """Every digit."""
    if nano_usd is None:
        return "unknown"
    whole, _, rest = as_usd(NanoUsd(nano_usd)).partition(".")
    return f"${whole}.{rest.rstrip('0').ljust(2, '0')}"


def count(number: int | None) -> str:
    """`12,345`; a dash where it is unknown."""
    return DASH if number is None else f"{number:,}"


def permille(value: int) -> str:
    """`12.3 %`."""
    return f"{value // 10}.{value % 10} %" if value % 10 else f"{value // 10} %"


def percent(share: float | None) -> str:
    return DASH if share is None else f"{share:.0%}".replace("%", " %")


def micros(value_us: int | None) -> str:
    """`1.20 s`, `48 ms`, `6.2 ms`, `41 µs`."""
    if value_us is None:
        return DASH
    if value_us < 1000:
        return f"{value_us} µs" if value_us else "0"
    if value_us >= 1_000_000:
        return f"{value_us / 1e6:,.2f} s"
    return f"{value_us / 1000:.0f} ms" if value_us >= 10_000 else f"{value_us / 1000:.1f} ms"


def seconds(value_s: float | None) -> str:
    return DASH if value_s is None else micros(round(value_s * 1e6))


def size(bytes_: int) -> str:
    """`512 bytes`, `1.2 MB`; decimal multiples."""
    amount, unit = float(bytes_), "bytes"
    for larger in ("kB", "MB", "GB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"


def instant(at_ns: int) -> str:
    """What the attribute `datetime` takes: UTC, to the millisecond."""
    return f"{_EPOCH + timedelta(microseconds=at_ns // 1000):%Y-%m-%dT%H:%M:%S}.{at_ns // 1_000_000 % 1000:03d}Z"


def utc(at_ns: int) -> str:
    """`2026-11-27 21:36:07`."""
    return f"{_EPOCH + timedelta(microseconds=at_ns // 1000):%Y-%m-%d %H:%M:%S}"


def brief(at_ns: int, now_ns: int) -> str:
    """`21:36:07` of today, else `Nov 24, 21:36`."""
    at, now = _EPOCH + timedelta(microseconds=at_ns // 1000), _EPOCH + timedelta(microseconds=now_ns // 1000)
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%b} {at.day}, {at:%H:%M}"


def ago(at_ns: int, now_ns: int) -> str:
    """`8 s ago`, `in 3 min`."""
    off_s = (now_ns - at_ns) // NS
    length = _length(abs(off_s))
    if abs(off_s) < 1:
        return "now"
    return f"{length} ago" if off_s > 0 else f"in {length}"


def _length(length_s: int) -> str:
    for unit, each_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if length_s >= 2 * each_s or (unit != "d" and length_s >= each_s):
            return f"{length_s // each_s} {unit}"
    return f"{length_s} s"


def pretty(text: bytes) -> str:
    """JSON with two spaces a level, what would show nothing in it escaped, so that it means the same; else as `said`."""
    try:
        written = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return said(text.decode("utf-8", "replace"))
    return "".join(one if _shows(one) else json.dumps(one)[1:-1] for one in written)


def value(fact: Any) -> str:
    """What a fact says."""
    match fact:
        case None:
            return "unknown"
        case bool():
            return "yes" if fact else "no"
        case float():
            return f"{fact:.6g}"
        case tuple() | list():
            return said(", ".join(map(str, fact)))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case _:
            return said(fact)


def compact(fact: object) -> str:
    """A value as JSON on one line."""
    return said(json.dumps(fact, ensure_ascii=False, separators=(", ", ": "), default=str))
