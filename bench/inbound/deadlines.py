"""Deadlines that cost two dictionary operations each: looked at a few times a second, as the listener does."""

from __future__ import annotations

import asyncio
import time
from typing import Any


class Deadlines:
    """Cancels tasks that wait for a caller for too long."""

    def __init__(self) -> None:
        self._until_s: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()

    def begin(self, task: asyncio.Task[Any], timeout_s: float) -> None:
        self._until_s[task] = time.monotonic() + timeout_s

    def end(self, task: asyncio.Task[Any]) -> bool:
        """Returns: whether it was cancelled for being late."""
        self._until_s.pop(task, None)
        if task in self._overdue:
            self._overdue.discard(task)
            return True
        return False

    async def sweep(self, every_s: float) -> None:
        """Run until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            now_s = time.monotonic()
            for task, until_s in tuple(self._until_s.items()):
                if now_s >= until_s:
                    del self._until_s[task]
                    self._overdue.add(task)
                    task.cancel()


def this_task() -> asyncio.Task[Any]:
    """The task that runs now."""
    task = asyncio.current_task()
    assert task is not None
    return task
