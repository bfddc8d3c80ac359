"""Timestamps and durations: ints of nanoseconds. Source: cel-spec, doc/langdef.md, Standard Definitions."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from antiphon.expr.error import Failure
from antiphon.expr.kinds import INT_LEAST, INT_MOST

SECOND_NS = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_NS = int((datetime(1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND_NS
_LAST_NS = (int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH).total_seconds()) + 1) * SECOND_NS - 1
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_FIXED_ZONE = re.compile(r"([+-]?)([0-9]{2}):([0-9]{2})")
_UNIT_NS = MappingProxyType(
    {
        "h": 3600 * SECOND_NS,
        "m": 60 * SECOND_NS,
        "s": SECOND_NS,
        "ms": 10**6,
        "us": 10**3,
        "µs": 10**3,
        "ns": 1,
    }
)
_PART = re.compile(r"([0-9]{0,20})(?:\.([0-9]{0,20}))?(ns|us|µs|ms|s|m|h)")
_MAX_PARTS = 16


def timestamp(text: str) -> int:
    """Nanoseconds since the epoch. Raises: Failure, when it isn't RFC 3339 or not of the years 1 to 9999."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise Failure(f"{text[:40]!r} is no timestamp: write one such as 2026-01-31T08:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = found.groups()[6:]
    offset_s = (int(zone_hours or 0) * 60 + int(zone_minutes or 0)) * 60 * (-1 if sign == "-" else 1)
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Failure(f"{text} is no timestamp: {error}") from None
    whole_s = (at - _EPOCH) // timedelta(seconds=1) - offset_s
    return in_years(whole_s * SECOND_NS + int((fraction or "0").ljust(9, "0")))


def in_years(at_ns: int) -> int:
    """Raises: Failure, outside of the years 1 to 9999."""
    if not _FIRST_NS <= at_ns <= _LAST_NS:
        raise Failure("the timestamp is out of the range of the years 1 to 9999")
    return at_ns


def duration(text: str) -> int:
    """Nanoseconds. Raises: Failure, when it isn't a row of numbers with units, or over 292 years."""
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    total, at, parts = 0, 0, 0
    while at < len(rest) and parts < _MAX_PARTS:
        found = _PART.match(rest, at)
        if found is None or not (found[1] or found[2]):
            break
        scale = _UNIT_NS[found[3]]
        fraction = found[2] or ""
        total += int(found[1] or 0) * scale + int(fraction or 0) * scale // 10 ** len(fraction)
        at, parts = found.end(), parts + 1
    if not rest or (at < len(rest) and rest != "0"):
        raise Failure(f"{text[:40]!r} is no duration: write one such as 90s, 1h30m or 250ms")
    return in_range(-total if negative else total)


def in_range(length_ns: int) -> int:
    """Raises: Failure, over 292 years."""
    if not INT_LEAST <= length_ns <= INT_MOST:
        raise Failure("the duration is out of range: at most 292 years")
    return length_ns


def write_timestamp(at_ns: int) -> str:
    seconds, fraction_ns = divmod(at_ns, SECOND_NS)
    at = _EPOCH + timedelta(seconds=seconds)
    return f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}{_fraction(fraction_ns)}Z"


def write_duration(length_ns: int) -> str:
    seconds, fraction_ns = divmod(abs(length_ns), SECOND_NS)
    return f"{'-' if length_ns < 0 else ''}{seconds}{_fraction(fraction_ns)}s"


def _fraction(fraction_ns: int) -> str:
    return f".{fraction_ns:09d}".rstrip("0") if fraction_ns else ""


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """`UTC`, a name such as `Europe/Paris`, or an offset such as `+02:00`. Raises: Failure, when there is none."""
    fixed = _FIXED_ZONE.fullmatch(name)
    if fixed is not None and int(fixed[2]) < 24 and int(fixed[3]) < 60:
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-offset if fixed[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Failure(f"there is no time zone {name[:40]!r}: write UTC, Europe/Paris or +02:00") from None


def _local(at_ns: int, zone_name: str) -> datetime:
    try:
        return (_EPOCH + timedelta(seconds=at_ns // SECOND_NS)).astimezone(zone(zone_name))
    except OverflowError:
        raise Failure("the timestamp is out of the range of the years 1 to 9999") from None


def _of(read: Callable[[datetime], int]) -> Callable[..., int]:
    def of(at_ns: int, zone_name: str = "UTC") -> int:
        return read(_local(at_ns, zone_name))

    return of


def _milliseconds(at_ns: int, _zone: str = "UTC") -> int:
    return at_ns % SECOND_NS // 10**6


TIMESTAMP_PARTS: Mapping[str, Callable[..., int]] = MappingProxyType(
    {
        "getFullYear": _of(lambda at: at.year),
        "getMonth": _of(lambda at: at.month - 1),
        "getDate": _of(lambda at: at.day),
        "getDayOfMonth": _of(lambda at: at.day - 1),
        "getDayOfWeek": _of(lambda at: at.isoweekday() % 7),
        "getDayOfYear": _of(lambda at: at.timetuple().tm_yday - 1),
        "getHours": _of(lambda at: at.hour),
        "getMinutes": _of(lambda at: at.minute),
        "getSeconds": _of(lambda at: at.second),
        "getMilliseconds": _milliseconds,
    }
)
"""Of a timestamp, and of a time zone's name; from 0, but for the year and the date."""


def _toward_zero(length_ns: int, unit_ns: int) -> int:
    return abs(length_ns) // unit_ns * (-1 if length_ns < 0 else 1)


DURATION_PARTS: Mapping[str, Callable[[int], int]] = MappingProxyType(
    {
        "getHours": lambda length_ns: _toward_zero(length_ns, _UNIT_NS["h"]),
        "getMinutes": lambda length_ns: _toward_zero(length_ns, _UNIT_NS["m"]),
        "getSeconds": lambda length_ns: _toward_zero(length_ns, SECOND_NS),
        "getMilliseconds": lambda length_ns: _toward_zero(length_ns, 10**6) - _toward_zero(length_ns, SECOND_NS) * 1000,
    }
)
"""A duration in whole units; milliseconds are those beyond the seconds."""
