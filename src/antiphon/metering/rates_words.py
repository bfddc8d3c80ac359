"""What callers are told of limits: errors and header lines."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from antiphon.core.error import OverLimit
from antiphon.core.limit import Limit, LimitKind
from antiphon.metering.rates_meter import Meter

_MS_NS = 1_000_000
_WORDS: Mapping[LimitKind, str] = {
    "requests": "requests",
    "tokens": "tokens",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "concurrent_requests": "requests at once",
    "concurrent_streams": "streams at once",
}


def said(limit: Limit) -> str:
    """A limit in words: `600 requests a minute, 60 at once`."""
    rate = f"{limit.number} {_WORDS[limit.kind]}"
    if limit.at_once:
        return rate
    burst = f", {limit.most} at once" if limit.most != limit.number else ""
    return f"{rate} {'an' if limit.per == 'hour' else 'a'} {limit.per}{burst}"


def of_whom(meter: Meter) -> str:
    """Whose use it is: `team support`."""
    _, _, tenant, *values = (part.replace("%7C", "|").replace("%25", "%") for part in meter.key.split("|"))
    pairs = [f"{scope} {value}" for scope, value in zip(meter.limit.scopes, values, strict=False)]
    if tenant and "tenant" not in meter.limit.scopes:
        pairs.append(f"tenant {tenant}")
    return ", ".join(pairs) or "all"


def never(meter: Meter, units: int) -> OverLimit:
    """The refusal of a request that is larger than the limit."""
    limit = meter.limit
    error = OverLimit(
        f"the limit {limit.name} of {of_whom(meter)} is {said(limit)}, and this request needs {units}: it can never "
        "pass; make it shorter, or ask for fewer output tokens"
    )
    error.spent = True
    return error


def over(meter: Meter, units: int, wait_s: float, now_ns: int) -> OverLimit:
    """The refusal of a request that may pass in so many seconds."""
    limit = meter.limit
    left = f"{meter.remaining(now_ns)} remain and {units} {'is' if units == 1 else 'are'} needed"
    if limit.at_once:
        text = f"{left}; try again when one of them has ended"
    else:
        text = (
            f"{left}; it passes in {seconds(wait_s)} s, and all are back in {seconds(meter.reset_ns(now_ns) / 1e9)} s"
        )
    return OverLimit(f"the limit {limit.name} of {of_whom(meter)} is {said(limit)}: {text}", retry_after_s=wait_s)


def seconds(value_s: float) -> str:
    return f"{value_s:.3f}".rstrip("0").rstrip(".")


def tightest(meters: Iterable[Meter], now_ns: int) -> dict[LimitKind, tuple[int, Meter]]:
    """Of each kind the limit of which least remains, with how much."""
    found: dict[LimitKind, tuple[int, Meter]] = {}
    for meter in meters:
        remaining, kind = meter.remaining(now_ns), meter.limit.kind
        best = found.get(kind)
        if best is None or remaining < best[0]:
            found[kind] = (remaining, meter)
    return found


_OPENAI: tuple[tuple[LimitKind, str], ...] = (("requests", "requests"), ("tokens", "tokens"))
_ANTHROPIC: tuple[tuple[LimitKind, str], ...] = (
    ("requests", "requests"),
    ("tokens", "tokens"),
    ("input_tokens", "input-tokens"),
    ("output_tokens", "output-tokens"),
)


def openai_lines(meters: Iterable[Meter], now_ns: int) -> bytes:
    """As OpenAI's API has them: `x-ratelimit-limit-requests`, the time to the reset as `6m0s`.

    Source: developers.openai.com, "Rate limits", headers.
    """
    found, lines = tightest(meters, now_ns), ""
    for kind, name in _OPENAI:
        if kind in found:
            remaining, meter = found[kind]
            lines += (
                f"x-ratelimit-limit-{name}: {meter.limit.number}\r\n"
                f"x-ratelimit-remaining-{name}: {remaining}\r\n"
                f"x-ratelimit-reset-{name}: {duration(meter.reset_ns(now_ns))}\r\n"
            )
    return lines.encode()


def anthropic_lines(meters: Iterable[Meter], now_ns: int, wall_ns: int) -> bytes:
    """As Anthropic's API has them: `anthropic-ratelimit-requests-limit`, the reset as a time of day.

    Source: platform.claude.com/docs, "Rate limits", response headers.
    """
    found, lines = tightest(meters, now_ns), ""
    for kind, name in _ANTHROPIC:
        if kind in found:
            remaining, meter = found[kind]
            at_s = -(-(wall_ns + meter.reset_ns(now_ns)) // 1_000_000_000)
            lines += (
                f"anthropic-ratelimit-{name}-limit: {meter.limit.number}\r\n"
                f"anthropic-ratelimit-{name}-remaining: {remaining}\r\n"
                f"anthropic-ratelimit-{name}-reset: {datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}\r\n"
            )
    return lines.encode()


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
