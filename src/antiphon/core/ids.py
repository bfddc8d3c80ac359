"""Identifiers: UUID version 7, so that ids sort by the time at which they were made."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable

from antiphon.core.clock import Clock

_VARIANT = 0x8000
"""The two highest bits of an id's fourth part. Source: RFC 9562, section 4.1."""


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
        bits = self._bits(80)
        return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 - a third faster than an f-string
            millis >> 16,
            millis & 0xFFFF,
            bits >> 64 & 0xFFF,
            bits >> 48 & 0x3FFF | _VARIANT,
            bits & 0xFFFFFFFFFFFF,
        )


def first_id(at_ns: int) -> str:
    """What ids of UUIDv7 of this millisecond and later are not below. Source: RFC 9562, section 5.7."""
    text = f"{min(max(at_ns, 0) // 1_000_000, 2**48 - 1):012x}"
    return f"{text[:8]}-{text[8:]}"


class SystemRandom(Random):
    """A process-wide generator, seeded by the operating system."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._bits = (source or random.Random()).getrandbits  # noqa: S311 - spreads load, guards nothing

    def seed(self) -> int:
        return self._bits(32)
