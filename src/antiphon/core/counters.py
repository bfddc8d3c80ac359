"""Counters: what workers share so that a limit holds for all of them together.

For each key there is a bucket that holds `most` units. What passed stands in it until it has flowed off, one unit each
`each_ns`. What a worker holds - taken ahead, or in use - stands in it and does not flow. At every grant

    passed and not flowed off + held by all workers <= most

so in no window more passes than `most` and what flows off in it, whatever is taken ahead and however late it is told.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from msgspec import Struct

SPREAD = 8
"""A worker takes at most one part in `SPREAD * workers` of what is free ahead, so that all together hold an eighth of
it at most without using it. A worker that is alone may take all."""


def divisor(workers: int) -> int:
    """By how much what is free is divided for what one worker takes ahead."""
    return 1 if workers == 1 else SPREAD * workers


class Told(Struct, frozen=True, gc=False):
    """What a worker tells of one key."""

    key: str
    each_ns: int
    """0: nothing flows off, as units are held while they are in use."""
    most: int
    held: int
    """Units that this worker holds: not used yet, or in use. In all, so telling it twice changes nothing."""
    passed: int
    """Units that passed since it told last. They were held, and no longer are."""


class Want(Struct, frozen=True, gc=False):
    """Units that a request needs of a key."""

    at: int
    """Which of the keys told."""
    need: int
    like: int
    """The total that the worker would like; what it gets beyond the need is taken ahead, less the nearer the limit is."""
    passes: bool
    """The need passes at once. Else it is held until the worker tells."""


class Standing(Struct, frozen=True, gc=False):
    """How a key stands after the grants."""

    level_ns: int
    """Time until what passed has flowed off."""
    held: int
    """By all workers."""


class Granted(Struct, frozen=True, gc=False):
    """What became of one request's wants: all of them were granted, or none."""

    units: tuple[int, ...]
    """Of each want, with what was taken ahead. Empty: refused."""
    short: int = -1
    """The want that has to wait longest."""
    wait_ns: int = 0
    """How long, if what is held passes. Where nothing flows off, that isn't known: 0."""


class CountersAway(Exception):
    """The counters can't be asked at the moment."""


class Counters(ABC):
    """One worker's access to what all share."""

    @property
    def away(self) -> bool:
        """They could not be asked the last time."""
        return False

    @abstractmethod
    async def ask(self, told: Sequence[Told], groups: Sequence[Sequence[Want]]) -> tuple[list[Standing], list[Granted]]:
        """Take in what is told, then grant each group of wants whole or not at all, in order.

        Returns: one standing for each key told, one answer for each group.
        Raises: CountersAway; then it is unknown what was done, and the next call makes it right.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of them. What this worker holds is given back, at once or when it hasn't told for a while."""


class NearCounters(Counters):
    """Counters that answer in microseconds, amid a request."""

    @abstractmethod
    def ask_now(self, told: Sequence[Told], groups: Sequence[Sequence[Want]]) -> tuple[list[Standing], list[Granted]]:
        """The same at once."""

    @abstractmethod
    def lower(self, key: str, held: int) -> None:
        """Tell that this worker holds no more than so much of a key, what passed and wasn't told included."""

    async def ask(self, told: Sequence[Told], groups: Sequence[Sequence[Want]]) -> tuple[list[Standing], list[Granted]]:
        return self.ask_now(told, groups)
