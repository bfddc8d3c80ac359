"""Where a request's time went, as bars on one axis: the request, the steps of its recipe, each attempt and its phases."""

from collections.abc import Iterator

from msgspec import Struct

from antiphon.core.receipt import Attempt, Receipt

SCALE = 10_000
"""Length of the axis: places are whole ten-thousandths of it."""
LEAST = 20
"""The shortest bar, so that it can be seen."""
TICKS = 5
_PHASES = ("queue", "connect", "first_byte", "first_token", "last_byte")


class Phase(Struct, frozen=True, kw_only=True):
    """A part of a bar."""

    name: str
    """`waited`, `queue`, `connect`, `first_byte`, `first_token` or `last_byte`: what it ended with."""
    start: int
    length: int
    us: int


class Bar(Struct, frozen=True, kw_only=True):
    """One line of the waterfall."""

    label: str
    kind: str
    """`request` or `attempt`."""
    step: str
    start: int
    length: int
    start_us: int
    took_us: int
    state: str
    """`ok`, `failed`, `lost` or `running`."""
    number: int = 0
    """Of an attempt, from 1."""
    phases: tuple[Phase, ...] = ()


class Waterfall(Struct, frozen=True, kw_only=True):
    """All of them."""

    span_us: int
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[int, int], ...]
    """(place, microseconds)."""


def waterfall(receipt: Receipt) -> Waterfall:
    """From the request's coming to its end, or the last attempt's."""
    ends = [one.started_us + _took(one) for one in receipt.attempts]
    span_us = max(receipt.duration_us, *ends, 1)
    bars = [_request(receipt, span_us)]
    bars += [_attempt(number, one, receipt, span_us) for number, one in enumerate(receipt.attempts, 1)]
    ticks = tuple((SCALE * at // (TICKS - 1), span_us * at // (TICKS - 1)) for at in range(TICKS))
    return Waterfall(span_us=span_us, bars=tuple(bars), ticks=ticks)


def _request(receipt: Receipt, span_us: int) -> Bar:
    return Bar(
        label="request",
        kind="request",
        step="",
        start=0,
        length=max(receipt.duration_us * SCALE // span_us, LEAST),
        start_us=0,
        took_us=receipt.duration_us,
        state="ok" if receipt.outcome == "ok" else "running" if receipt.outcome == "running" else "failed",
    )


def _attempt(number: int, one: Attempt, receipt: Receipt, span_us: int) -> Bar:
    took_us = _took(one)
    start = min(one.started_us * SCALE // span_us, SCALE - LEAST)
    return Bar(
        label=one.deployment,
        kind="attempt",
        step=one.step,
        start=start,
        length=min(max(took_us * SCALE // span_us, LEAST), SCALE - start),
        start_us=one.started_us,
        took_us=took_us,
        state=_state(one, receipt),
        number=number,
        phases=tuple(_phases(one, span_us)),
    )


def _took(one: Attempt) -> int:
    """To the last moment that is known of it."""
    times = one.timings
    known = (times.last_byte_us, times.first_token_us, times.first_byte_us, times.connect_us, times.queue_us)
    return max((at for at in known if at is not None), default=0)


def _state(one: Attempt, receipt: Receipt) -> str:
    if one.error:
        return "failed"
    if one.open and receipt.outcome == "running":
        return "running"
    return "lost" if one.detail else "ok"


def _phases(one: Attempt, span_us: int) -> Iterator[Phase]:
    waited = one.timings.waited_us
    if waited:
        begun = max(one.started_us - waited, 0)
        yield _phase("waited", begun, one.started_us, span_us)
    before_us = 0
    for name in _PHASES:
        at_us: int | None = getattr(one.timings, f"{name}_us")
        if at_us is None or at_us <= before_us:
            continue
        yield _phase(name, one.started_us + before_us, one.started_us + at_us, span_us)
        before_us = at_us


def _phase(name: str, from_us: int, to_us: int, span_us: int) -> Phase:
    start = min(from_us * SCALE // span_us, SCALE - LEAST)
    length = min(max((to_us - from_us) * SCALE // span_us, 1), SCALE - start)
    return Phase(name=name, start=start, length=length, us=to_us - from_us)
