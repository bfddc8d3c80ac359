"""All chance of a recipe comes from its request's seed."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Sequence[T], seed: int, what: str = "") -> list[T]:
    """The same items in an order that the seed and what it is for decide on."""
    keys = [sha256(f"{seed}:{what}:{place}".encode()).digest() for place in range(len(items))]
    return [item for _, item in sorted(zip(keys, items, strict=True), key=lambda pair: pair[0])]
