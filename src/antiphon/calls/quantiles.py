"""Quantiles of latency over a sliding window, in bounded memory."""

from bisect import bisect_right
from itertools import accumulate
from math import log

GROWTH = 1.1
"""Each bucket ends this many times further out than the one before: a quantile is off by under 5 %."""
LEAST_S = 0.001
BUCKETS = 160
"""1 ms to over an hour."""
SLICES = 6
"""The window moves on by a sixth of itself."""
REFRESH_S = 0.25
"""A quantile is looked up again this often; in between its last value holds."""
_PER_BUCKET = 1 / log(GROWTH)
_ENDS_S = tuple(LEAST_S * GROWTH**index for index in range(BUCKETS))


class Quantiles:
    """Counts values into buckets that grow by a constant factor, for the last `window_s`.

    Source: DDSketch, Masson, Rim, Lee 2019, "DDSketch: a fast and fully-mergeable quantile sketch with
    relative-error guarantees", PVLDB 12(12); the window is SLICES such sketches that expire one by one.
    """

    __slots__ = (
        "_counts",
        "_ends_s",
        "_kept",
        "_kept_until_s",
        "_least",
        "_slice_s",
        "_slices",
        "_total",
        "_window_s",
        "count",
    )

    def __init__(self, window_s: float, least: int, now_s: float) -> None:
        """`least` is how many values there must be before a quantile is told."""
        self._window_s = window_s
        self._slice_s = window_s / SLICES
        self._least = least
        self._slices = [[0] * BUCKETS for _ in range(SLICES)]
        self._counts = self._slices[-1]
        self._total = [0] * BUCKETS
        self._ends_s = now_s + self._slice_s
        self._kept: dict[float, float] = {}
        self._kept_until_s = 0.0
        self.count = 0
        """Values in the window, when it was last moved on."""

    def fits(self, window_s: float, least: int) -> bool:
        """Whether it was made with these arguments."""
        return self._window_s == window_s and self._least == least

    def add(self, value_s: float, now_s: float) -> None:
        """Count a value, in seconds."""
        if now_s >= self._ends_s:
            self._move(now_s)
        index = int(log(value_s / LEAST_S) * _PER_BUCKET) + 1 if value_s > LEAST_S else 0
        if index >= BUCKETS:
            index = BUCKETS - 1
        self._counts[index] += 1
        self._total[index] += 1
        self.count += 1

    def read(self, q: float, now_s: float) -> float | None:
        """The q-quantile in seconds, at most REFRESH_S old; None while there are too few values."""
        if now_s >= self._ends_s:
            self._move(now_s)
        if self.count < self._least:
            return None
        if now_s >= self._kept_until_s:
            self._kept.clear()
            self._kept_until_s = now_s + REFRESH_S
        kept = self._kept.get(q)
        if kept is None:
            kept = self._kept[q] = self._quantile(q)
        return kept

    def _quantile(self, q: float) -> float:
        index = bisect_right(list(accumulate(self._total)), q * (self.count - 1))
        return _ENDS_S[index] * 2 / (GROWTH + 1)

    def _move(self, now_s: float) -> None:
        """Expire the oldest slices, each once its time has come."""
        passed = int((now_s - self._ends_s) / self._slice_s) + 1
        self._ends_s += passed * self._slice_s
        for _ in range(min(passed, SLICES)):
            oldest = self._slices.pop(0)
            self._total = [whole - gone for whole, gone in zip(self._total, oldest, strict=True)]
            self._slices.append([0] * BUCKETS)
        self._counts = self._slices[-1]
        self.count = sum(self._total)
        self._kept_until_s = 0.0
