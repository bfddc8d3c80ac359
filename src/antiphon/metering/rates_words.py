"""What callers are told whom a limit refuses, and the words of it."""

from collections.abc import Mapping

from antiphon.core.error import OverLimit
from antiphon.core.limit import Limit, LimitKind
from antiphon.metering.rates_meter import Meter

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
