"""Attempts of a receipt, each with a waterfall of where its time went."""

import sys
from collections.abc import Iterator

from antiphon.cli import text
from antiphon.core.receipt import Attempt, Receipt

WIDTH = 40
"""Characters of the longest bar."""
PHASES = ("queue", "connect", "first_byte", "first_token", "last_byte")


def attempt_lines(receipt: Receipt) -> list[str]:
    """Every attempt; their bars share one scale, from the request's coming to its end."""
    if not receipt.attempts:
        return ["none: nothing was sent"]
    ends = [one.started_us + (one.timings.last_byte_us or 0) for one in receipt.attempts]
    span_us = max(receipt.duration_us, *ends, 1)
    lines: list[str] = []
    for number, attempt in enumerate(receipt.attempts, 1):
        rows = [*_facts(attempt, receipt), *_phases(attempt, span_us)]
        lines += [f"{number}. {_head(attempt)}", *text.indented(text.pairs(rows))]
    return lines


def _head(attempt: Attempt) -> str:
    where = " ".join(part for part in (attempt.tier, attempt.zone, attempt.region) if part)
    return f"{attempt.deployment}: {attempt.model} at {attempt.provider}" + (f" ({where})" if where else "")


def _facts(attempt: Attempt, receipt: Receipt) -> list[tuple[str, str]]:
    nothing = "nothing" if receipt.duration_us else "that is not known"
    cost = "" if attempt.cost_nano_usd is None else f", {text.dollars(attempt.cost_nano_usd)}"
    waited = attempt.timings.waited_us
    return [
        ("step", attempt.step),
        ("why", attempt.reason),
        ("picked", _picked(attempt)),
        ("waited", "" if waited is None else text.micros(waited)),
        ("answered", f"HTTP {attempt.status}" if attempt.status is not None else nothing),
        ("error", f"{attempt.error}: {attempt.detail}" if attempt.error else attempt.detail),
        ("usage", text.tokens(attempt.usage) + cost if attempt.usage is not None else _assumed(attempt)),
        ("ids", _ids(attempt)),
    ]


def _picked(attempt: Attempt) -> str:
    """How it was chosen, and who was passed over for a stated reason."""
    others = "; ".join(f"{one.deployment}: {one.lost}" for one in attempt.passed_over)
    key = f"key {attempt.key}" if attempt.key else ""
    return "; ".join(one for one in (attempt.chosen and f"by {attempt.chosen}", key, others) if one)


def _assumed(attempt: Attempt) -> str:
    """What an attempt surely cost whose usage was never told."""
    if attempt.cost_nano_usd is None:
        return ""
    return f"not told; at least {text.dollars(attempt.cost_nano_usd)}"


def _ids(attempt: Attempt) -> str:
    request = f"upstream's request {attempt.request_id}" if attempt.request_id else ""
    ticket = f"ticket {attempt.ticket}" if attempt.ticket else ""
    return ", ".join(one for one in (ticket, request) if one)


def _phases(attempt: Attempt, span_us: int) -> Iterator[tuple[str, str]]:
    """Each moment that came: when it did since the attempt began, and a bar of what led to it."""
    before_us = 0
    for name in PHASES:
        at_us: int | None = getattr(attempt.timings, f"{name}_us")
        if at_us is None or (name == "queue" and at_us == 0):
            continue
        begun_us, before_us = min(before_us, at_us), max(before_us, at_us)
        bar = _bar(attempt.started_us + begun_us, attempt.started_us + at_us, span_us)
        yield name.replace("_", " "), f"{text.micros(at_us):>8}  {bar}"


def _bar(start_us: int, end_us: int, span_us: int) -> str:
    start = min(start_us * WIDTH // span_us, WIDTH - 1)
    end = max(end_us * WIDTH // span_us, start + 1)
    return " " * start + _mark() * (end - start)


def _mark() -> str:
    """A heavy line where stdout can say it."""
    return "━" if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else "="
