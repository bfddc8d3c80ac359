"""Identifiers: UUID version 7, so that ids sort by the time at which they were made."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable

from antiphon.core.clock import Clock

_CLEAR = ~(0xF << 76 | 0x3 << 62)
_SET = 0x7 << 76 | 0x2 << 62
"""Version 7 and variant 2, where RFC 9562 has them."""


class Ids(ABC):
    """Where identifiers come from."""

    @abstractmethod
    def new(self) -> str:
        """A new id, 36 characters, never given before."""


class Random(ABC):
    """Where chance comes from. A plan keeps its seed, so that it can be made again."""

    @abstractmethod
    def seed(self) -> int:
        """A new seed, 0 <= seed < 2**32."""


class Uuid7(Ids):
    """UUIDv7: 48 bits of milliseconds, then 74 random bits. Source: RFC 9562, section 5.7."""

    def __init__(self, clock: Clock, bits: Callable[[int], int] | None = None) -> None:
        self._now_ns = clock.now_ns
        self._bits = bits or random.SystemRandom().getrandbits

    def new(self) -> str:
        millis = self._now_ns() // 1_000_000
        number = millis << 80 | self._bits(80)
        text = f"{number & _CLEAR | _SET:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class SystemRandom(Random):
    """A process-wide generator, seeded by the operating system."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._bits = (source or random.Random()).getrandbits  # noqa: S311 - spreads load, guards nothing

    def seed(self) -> int:
        return self._bits(32)
