"""Seeded chance: the same parts give the same numbers in any process, in any order."""

import math
import random
from hashlib import sha256

from antiphon.providers.lab.settings import Spread

Z99 = 2.3263478740408408
"""Standard deviations from the median to the 99th percentile of a normal distribution."""


def chance(*parts: str | int) -> random.Random:
    """A generator seeded by SHA-256 over `parts`."""
    digest = sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return random.Random(digest)  # noqa: S311 - simulates; it guards nothing


def normal(source: random.Random) -> float:
    """A standard normal number. Source: Box and Muller 1958, "A Note on the Generation of Random Normal Deviates"."""
    return math.sqrt(-2.0 * math.log(1.0 - source.random())) * math.cos(2.0 * math.pi * source.random())


def delay_s(spread: Spread, source: random.Random) -> float:
    """A log-normal delay in seconds, at most ten times the 99th percentile: no draw may hang a test."""
    if spread.p50_ms <= 0 or spread.p99_ms <= spread.p50_ms:
        return spread.p50_ms / 1000
    sigma = math.log(spread.p99_ms / spread.p50_ms) / Z99
    return min(spread.p50_ms * math.exp(sigma * normal(source)), 10 * spread.p99_ms) / 1000
