"""Kills and restarts while the load runs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def children(pid: int) -> list[int]:
    """Processes that a process has started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


@dataclass
class Weather:
    """What is done to the gateways and their stores, and how often it was."""

    seed: int
    done: Counter[str] = field(default_factory=Counter[str])

    async def kill(self, victims: Callable[[], list[int]], every_s: float) -> None:
        """SIGKILL one process of the gateways at a time, of those that `victims` says run."""
        chance = random.Random(self.seed)
        while every_s:
            await asyncio.sleep(every_s * chance.uniform(0.8, 1.2))
            if running := victims():
                os.kill(chance.choice(running), signal.SIGKILL)
                self.done["processes killed"] += 1

    async def disturb(self, stores: dict[str, Callable[[], None]], every_s: float) -> None:
        """Do one of these to a store at a time."""
        chance = random.Random(self.seed + 1)
        while every_s and stores:
            await asyncio.sleep(every_s * chance.uniform(0.8, 1.2))
            name = chance.choice(sorted(stores))
            await asyncio.to_thread(stores[name])
            self.done[name] += 1
