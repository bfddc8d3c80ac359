"""A rate limit as an upstream's headers tell it."""

import re
from collections.abc import Mapping
from datetime import datetime
from math import isfinite

from msgspec import Struct

UNSAID_RESET_S = 60.0
"""How long what was learnt holds where no reset is told: limits are by the minute."""
MAX_RESET_S = 86_400.0
"""Limits by the day reset at the latest after one."""
MAX_DIGITS = 15
MAX_RESET_CHARACTERS = 64

_DURATION = re.compile(
    r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?(?:\d+(?:\.\d+)?(?:us|ns))?"
)


class Names(Struct, frozen=True, kw_only=True):
    """The headers of one limit, in lower case."""

    remaining: bytes
    limit: bytes
    reset: bytes


# Source: platform.openai.com/docs/guides/rate-limits, "Rate limits in headers", 2026-06: a count, a count, and a duration
# such as 1s, 6m0s or 20ms. Azure OpenAI says the same names, at times without the limit, and resets in plain seconds.
OPENAI_REQUESTS = Names(
    remaining=b"x-ratelimit-remaining-requests",
    limit=b"x-ratelimit-limit-requests",
    reset=b"x-ratelimit-reset-requests",
)
OPENAI_TOKENS = Names(
    remaining=b"x-ratelimit-remaining-tokens",
    limit=b"x-ratelimit-limit-tokens",
    reset=b"x-ratelimit-reset-tokens",
)
# Source: docs.anthropic.com/en/api/rate-limits, "Response headers", 2026-06: resets are RFC 3339 times; `tokens` is the most
# restrictive of the token limits in effect, and its remainder is rounded to thousands.
ANTHROPIC_REQUESTS = Names(
    remaining=b"anthropic-ratelimit-requests-remaining",
    limit=b"anthropic-ratelimit-requests-limit",
    reset=b"anthropic-ratelimit-requests-reset",
)
ANTHROPIC_TOKENS = Names(
    remaining=b"anthropic-ratelimit-tokens-remaining",
    limit=b"anthropic-ratelimit-tokens-limit",
    reset=b"anthropic-ratelimit-tokens-reset",
)


class Quota(Struct, frozen=True, gc=False, kw_only=True):
    """A limit, what was left of it, and when it is whole again. Times are steady seconds."""

    limit: int
    remaining: int
    learnt_s: float
    resets_s: float
    sent: int
    """Requests that had been sent when it was learnt."""

    def fraction(self, since: int, now_s: float) -> float:
        """What is left now, from 0 to 1, after `since` more were used.

        It fills at a constant rate from what was left up to the limit at its reset: both providers use token buckets.
        """
        if now_s >= self.resets_s:
            return 1.0
        filled = (now_s - self.learnt_s) / (self.resets_s - self.learnt_s)
        left = self.remaining + (self.limit - self.remaining) * filled - since
        return min(max(left / self.limit, 0.0), 1.0)


def learn(
    headers: Mapping[bytes, bytes], names: Names, last: Quota | None, sent: int, now_s: float, wall_s: float
) -> Quota | None:
    """Read a limit; `last` when what remains can't be read. `wall_s` is UTC, seconds since the epoch.

    Where no limit is told, the most that was ever left stands for it.
    """
    remaining = _count(headers.get(names.remaining, b""))
    if remaining is None:
        return last
    limit = _count(headers.get(names.limit, b"")) or max(remaining, last.limit if last else 0)
    if limit == 0:
        return last
    reset_s = _reset_s(headers.get(names.reset, b""), wall_s)
    return Quota(
        limit=limit,
        remaining=min(remaining, limit),
        learnt_s=now_s,
        resets_s=now_s + (UNSAID_RESET_S if reset_s is None else min(max(reset_s, 0.0), MAX_RESET_S)),
        sent=sent,
    )


def _count(said: bytes) -> int | None:
    return int(said) if said.isdigit() and len(said) <= MAX_DIGITS else None


def _reset_s(said: bytes, wall_s: float) -> float | None:
    """Seconds until a reset: of an RFC 3339 time, of a duration as Go prints it, or of a plain number."""
    text = said[:MAX_RESET_CHARACTERS].decode("latin-1")
    if "T" in text:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        return None if at.tzinfo is None else at.timestamp() - wall_s
    found = _DURATION.fullmatch(text) if text else None
    if found is not None:
        hours, minutes, seconds, millis = found.groups("0")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds) + float(millis) / 1000
    try:
        plain = float(text)
    except ValueError:
        return None
    return plain if isfinite(plain) else None
