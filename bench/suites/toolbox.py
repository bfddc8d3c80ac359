"""Our tool layer around functions of a suite, and what else a run needs."""

from __future__ import annotations

import random
from collections.abc import Sequence

from fakes.clock import StoppedClock

from antiphon.agents.hands import Hand
from antiphon.agents.tools.grip import Handling, Surroundings
from antiphon.agents.tools.kept import Kept
from antiphon.agents.tools.toolbox import Toolbox
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.settings_failure import BreakerSettings


def toolbox(hands: Sequence[Hand]) -> Toolbox:
    """Checking, mending and bounding as always; the clock stands still, so that nothing runs into a deadline."""
    around = Surroundings(clock=StoppedClock(10**9), fraction=random.Random(1).random, breakers=MemoryBreakers())  # noqa: S311
    made = Toolbox(around, Kept(entries=10, size_bytes=10_000))
    made.put(
        "suite", [(hand, Handling(retries=0, breaker=BreakerSettings(consecutive_failures=1000))) for hand in hands]
    )
    if made.unready:
        raise SystemExit(f"tools that can't be used: {made.unready}")
    return made
