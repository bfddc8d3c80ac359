"""Header lines that tell a caller how its limits stand, kept for a moment: those that are alike are told nearly the same."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime

from antiphon.core.limit import LimitKind
from antiphon.metering.rates_meter import Meter
from antiphon.metering.rates_words import seconds

KEPT_NS = 50_000_000
"""The longest that a caller is told what another was."""
CLOSE = 128
"""Nor is it, once what this worker holds has moved by one part in so many of what remained, or where fewer remain."""
_MS_NS = 1_000_000
_OPENAI: Mapping[LimitKind, str] = {"requests": "requests", "tokens": "tokens"}
_ANTHROPIC: Mapping[LimitKind, str] = {
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "input-tokens",
    "output_tokens": "output-tokens",
}
Wall = Callable[[], int]
Tight = tuple[int, Meter]
"""The limit of which least remains, and how much."""
Seen = tuple[Meter, int, int, int]
"""A limit that was told of: when its counters had been asked, and between what its `left` has to lie."""


class Lines:
    """What the last of those that are alike was told."""

    __slots__ = ("_dialect", "_meters", "_seen", "_text", "_tokens", "_until_ns")

    def __init__(self) -> None:
        self._meters: tuple[Meter, ...] = ()
        self._tokens: tuple[Meter, ...] = ()
        self._seen: tuple[Seen, ...] = ()
        self._dialect, self._text = "", b""
        self._until_ns = 0

    def of(
        self, meters: tuple[Meter, ...], tokens: tuple[Meter, ...], dialect: str, now_ns: int, wall_ns: Wall
    ) -> bytes:
        """Lines for one that falls under these limits. `lines` has the rest of the arguments."""
        if now_ns < self._until_ns and meters is self._meters and tokens is self._tokens and dialect == self._dialect:
            for meter, asked_ns, least, most in self._seen:
                if meter.asked_ns != asked_ns or not least <= meter.left <= most:
                    break
            else:
                return self._text
        found = tightest((*meters, *tokens), now_ns, _ANTHROPIC if dialect == "anthropic_messages" else _OPENAI)
        self._text = _lines(found, dialect, now_ns, wall_ns)
        self._seen = tuple(
            (meter, meter.asked_ns, meter.left - remaining // CLOSE, meter.left + remaining // CLOSE)
            for remaining, meter in found.values()
        )
        self._meters, self._tokens, self._dialect = meters, tokens, dialect
        self._until_ns = now_ns + KEPT_NS if all(remaining >= CLOSE for remaining, _ in found.values()) else 0
        return self._text


def lines(meters: Iterable[Meter], dialect: str, now_ns: int, wall_ns: Wall) -> bytes:
    """Lines in a caller's dialect; empty where no limit that its headers tell of applies.

    Args:
        now_ns: Of the steady clock.
        wall_ns: Tells UTC, nanoseconds since the epoch.
    """
    found = tightest(meters, now_ns, _ANTHROPIC if dialect == "anthropic_messages" else _OPENAI)
    return _lines(found, dialect, now_ns, wall_ns)


def tightest(meters: Iterable[Meter], now_ns: int, kinds: Collection[LimitKind]) -> dict[LimitKind, Tight]:
    """Of each of these kinds the limit of which least remains."""
    found: dict[LimitKind, Tight] = {}
    for meter in meters:
        kind = meter.limit.kind
        if kind in kinds:
            remaining, best = meter.remaining(now_ns), found.get(kind)
            if best is None or remaining < best[0]:
                found[kind] = (remaining, meter)
    return found


def _lines(found: Mapping[LimitKind, Tight], dialect: str, now_ns: int, wall_ns: Wall) -> bytes:
    if not found:
        return b""
    return _anthropic(found, now_ns, wall_ns()) if dialect == "anthropic_messages" else _openai(found, now_ns)


def _openai(found: Mapping[LimitKind, Tight], now_ns: int) -> bytes:
    """As OpenAI's API has them: `x-ratelimit-limit-requests`, the time to the reset as `6m0s`.

    Source: developers.openai.com, "Rate limits", headers.
    """
    text = ""
    for kind, name in _OPENAI.items():
        if kind in found:
            remaining, meter = found[kind]
            text += (
                f"x-ratelimit-limit-{name}: {meter.limit.number}\r\n"
                f"x-ratelimit-remaining-{name}: {remaining}\r\n"
                f"x-ratelimit-reset-{name}: {duration(meter.reset_ns(now_ns))}\r\n"
            )
    return text.encode()


def _anthropic(found: Mapping[LimitKind, Tight], now_ns: int, wall_ns: int) -> bytes:
    """As Anthropic's API has them: `anthropic-ratelimit-requests-limit`, the reset as a time of day.

    Source: platform.claude.com/docs, "Rate limits", response headers.
    """
    text = ""
    for kind, name in _ANTHROPIC.items():
        if kind in found:
            remaining, meter = found[kind]
            at_s = -(-(wall_ns + meter.reset_ns(now_ns)) // 1_000_000_000)
            text += (
                f"anthropic-ratelimit-{name}-limit: {meter.limit.number}\r\n"
                f"anthropic-ratelimit-{name}-remaining: {remaining}\r\n"
                f"anthropic-ratelimit-{name}-reset: {datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}\r\n"
            )
    return text.encode()


def duration(ns: int) -> str:
    """Milliseconds, rounded up, as Go writes a duration: `17ms`, `1.5s`, `6m0s`, `1h0m0s`."""
    ms = -(-ns // _MS_NS)
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    minutes, rest = divmod(ms, 60_000)
    text = f"{seconds(rest / 1000)}s"
    if minutes:
        text = f"{minutes % 60}m{text}"
    return f"{minutes // 60}h{text}" if minutes >= 60 else text
