"""Sums over the outcomes of a load."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from .load import Outcome

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def quantile(values: Iterable[float], fraction: float) -> float:
    """The smallest value that at least this fraction of all values don't exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)] if ordered else 0.0


def quantiles_ms(values_s: Sequence[float], prefix: str) -> dict[str, float]:
    return {f"{prefix}_{name}_ms": 1000 * quantile(values_s, part) for name, part in QUANTILES.items()}


def jain(shares: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all have the same, 1/n when one has all.

    Source: Jain, Chiu, Hawe 1984, "A Quantitative Measure of Fairness", DEC-TR-301.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0


def good(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.kind == "ok"]


def success_share(outcomes: Sequence[Outcome]) -> float:
    """Answers that came whole, of the requests whose stream was not cut after its first content."""
    judged = [one for one in outcomes if one.kind != "cut"]
    return len(good(judged)) / len(judged) if judged else 0.0


def success(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """How many came whole, were cut, failed, and said exactly what the lab says to the body as it was sent."""
    whole = good(outcomes)
    return {
        "requests": len(outcomes),
        "success_percent": 100 * success_share(outcomes),
        "whole": len(whole),
        "cut_after_first_content": sum(one.kind == "cut" for one in outcomes),
        "failed": sum(one.kind == "error" for one in outcomes),
        "exact_percent": 100 * sum(one.exact for one in whole) / len(whole) if whole else 0.0,
    }


def latency(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Times of whole answers to their end, of streams among them to their first content, and of failures."""
    whole = good(outcomes)
    figures = quantiles_ms([one.whole_s for one in whole], "whole")
    figures |= quantiles_ms([one.first_s for one in whole if one.first_s is not None], "first_token")
    figures["failed_p50_ms"] = 1000 * quantile([one.whole_s for one in outcomes if one.kind == "error"], 0.5)
    figures["sent_late_p99_ms"] = 1000 * quantile([one.late_s for one in outcomes], 0.99)
    return figures


def whole_p99_ms(outcomes: Iterable[Outcome]) -> float:
    return 1000 * quantile([one.whole_s for one in good(outcomes)], 0.99)


def fairness(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Each tenant's success and p99, and Jain's index over success shares and over speeds (1 / mean time)."""
    tenants = sorted({one.tenant for one in outcomes})
    shares: list[float] = []
    speeds: list[float] = []
    figures: dict[str, float] = {}
    for tenant in tenants:
        own = [one for one in outcomes if one.tenant == tenant]
        whole = good(own)
        shares.append(len(whole) / len(own))
        speeds.append(len(whole) / sum(one.whole_s for one in whole) if whole else 0.0)
        figures[f"{tenant}_whole_percent"] = 100 * shares[-1]
        figures[f"{tenant}_p99_ms"] = whole_p99_ms(own)
    return {"jain_success": jain(shares), "jain_speed": jain(speeds)} | figures


def errors(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How often each error came, the most frequent first; cuts are named as such."""
    names = (f"cut: {one.error}" if one.kind == "cut" else one.error for one in outcomes if one.kind != "ok")
    return dict(Counter(names).most_common())
