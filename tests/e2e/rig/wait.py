"""Waiting on a condition, never on a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
STEP_S = 0.01


def until(probe: Callable[[], Found], what: str, deadline_s: float = 30.0) -> Found:
    """Ask again and again until there is something. Raises: AssertionError when it takes too long."""
    end_s = time.monotonic() + deadline_s
    while True:
        found = probe()
        if found:
            return found
        assert time.monotonic() < end_s, f"{what}: not within {deadline_s} s; last seen {found!r}"
        time.sleep(STEP_S)
