"""Chance as an argument: the same seed gives the same choice, so that a receipt can be decided again."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from math import log

SEEDS = 2**32
"""A seed is below this."""
_MASK = 2**64 - 1


def mixed(seed: int, salt: int) -> float:
    """A number above 0 and below 1 that looks like chance; salts tell a seed's uses apart.

    Source: the finalizer of SplitMix64, Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
    """
    z = (seed * 0x9E3779B97F4A7C15 + salt) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (((z ^ (z >> 31)) >> 12) + 0.5) / 2**52


@lru_cache(maxsize=4096)
def salt(name: str) -> int:
    """64 bits of a name's digest: the same in every process and revision."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def rank(seed: int, name: str, weight: float) -> float:
    """Where a name stands in the order that a seed gives; the least comes first, with chances as the weights are.

    Taking a name away leaves the others' order as it was.
    Source: weighted sampling without replacement, Efraimidis, Spirakis 2006, "Weighted random sampling with a
    reservoir", IPL 97(5); with the seed a key's hash it is weighted rendezvous hashing, Thaler, Ravishankar 1998,
    "Using name-based mappings to increase hit rates", IEEE/ACM ToN 6(1).
    """
    return -log(mixed(seed, salt(name))) / weight


def drawn(weights: Sequence[float], fraction: float) -> int:
    """Which one a fraction (from 0, below 1) of the weights' sum falls on."""
    bounds = list(accumulate(weights))
    return bisect_right(bounds, fraction * bounds[-1], 0, len(bounds) - 1)


def pair(seed: int, count: int) -> tuple[int, int]:
    """Two different numbers below `count`, each pair as likely as any; `count` is 2 at least."""
    first, second = seed % count, seed // count % (count - 1)
    return first, second + 1 if second >= first else second
