import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class NothingLeft(Exception):
    """The loop would wait for ever: no timer runs and nothing is ready."""


class _Jumps(selectors.SelectSelector):
    """Where a loop would wait for its next timer, time jumps there."""

    def __init__(self) -> None:
        super().__init__()
        self.at_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise NothingLeft
        self.at_s += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs hours in milliseconds: its time stands still while anything is ready, and jumps when nothing is."""

    def __init__(self) -> None:
        self._jumps = _Jumps()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.at_s

    def settle(self) -> None:
        """Run what is ready, and what that makes ready, without letting time pass."""

        async def pause() -> None:
            for _ in range(10):
                await asyncio.sleep(0)

        self.run_until_complete(pause())


def run_virtually(story: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop of its own; fails when it leaves a task behind."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def watched() -> Any:
            result = await story
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"left behind: {left}"
            return result

        return runner.run(watched())
