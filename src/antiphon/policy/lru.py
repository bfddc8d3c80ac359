"""A table that forgets what was not asked for longest."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Lru(Generic[V]):
    """For one thread."""

    __slots__ = ("_kept", "_most", "hits", "misses")

    def __init__(self, most: int) -> None:
        """`most` entries; 0: none."""
        self._kept: OrderedDict[Hashable, V] = OrderedDict()
        self._most = most
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> V | None:
        """What is kept under a key. Raises: TypeError, for one that can't be hashed."""
        value = self._kept.get(key)
        if value is None:
            self.misses += 1
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Keep it."""
        if self._most == 0:
            return
        self._kept[key] = value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
