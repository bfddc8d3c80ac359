"""Time as a port: the wall clock for records, a steady clock for waiting."""

import time
from abc import ABC, abstractmethod


class Clock(ABC):
    """Where time comes from. Tests pass a virtual one; nothing else reads the time."""

    @abstractmethod
    def now_ns(self) -> int:
        """UTC, nanoseconds since the epoch."""

    @abstractmethod
    def steady_s(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""


class SystemClock(Clock):
    """The machine's clocks."""

    def now_ns(self) -> int:
        return time.time_ns()

    def steady_s(self) -> float:
        return time.monotonic()
