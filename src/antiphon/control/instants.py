"""Points in time and durations as people write them."""

import re
from datetime import UTC, datetime, timedelta

NS_PER_S = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_S = 3650 * 86_400
"""Ten years: what is longer has no end that anybody plans for."""


def instant(text: str) -> int | None:
    """Nanoseconds since the epoch of `2026-12-31T00:00:00Z`, any offset in place of Z; None: it is no such text."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000


def said(at_ns: int) -> str:
    """The text of a point in time, in UTC, whole seconds."""
    return (_EPOCH + timedelta(seconds=at_ns // NS_PER_S)).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration_ns(text: str) -> int | None:
    """Nanoseconds of `90s`, `15m`, `24h` or `7d`, of `0s` too; None: it is no such text, or over ten years."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[found[2]]
    return seconds * NS_PER_S if seconds <= LONGEST_S else None
