"""Calls side by side: so many at once, until enough have answered; who is late then has lost."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.core.receipt import Noted
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Failed

Enough = Callable[[Sequence[Answer]], str]
"""Why no further answers are needed; empty: they are. It is asked after each answer, in the order in which they came."""


class Gathered(Struct, frozen=True, kw_only=True):
    """What came of calls side by side."""

    answers: tuple[Answer, ...]
    """In the order of their calls."""
    failed: tuple[Failed, ...]
    lost: tuple[str, ...] = ()
    """Steps that were cut off, or never begun, as enough had answered."""
    stopped: str = ""
    """Why; empty: all came to their end."""

    @property
    def valid(self) -> tuple[Answer, ...]:
        """Answers that say something."""
        return tuple(answer for answer in self.answers if valid(answer))


def never(_: Sequence[Answer]) -> str:
    """All are waited for."""
    return ""


async def gather(
    calls: Calls,
    asks: Sequence[Asked],
    *,
    concurrency: int | None = None,
    quorum: int | None = None,
    enough: Enough = never,
    grace_s: float = 0.0,
    timeout_s: float | None = None,
) -> Gathered:
    """Make calls side by side. Failures are values here: nothing is raised but a cancellation, and what is no
    AntiphonError.

    Args:
        concurrency: Calls at once; None: all.
        quorum: So many valid answers are enough once `grace_s` more have passed, in which no further call is begun; None:
            all are waited for.
        enough: Ends it earlier.
        timeout_s: Ends it whatever has come.
    """
    team = _Team(calls, asks, concurrency, None if timeout_s is None else calls.now_s() + timeout_s)
    try:
        while team.goes_on():
            came = await team.next()
            for answer in came:
                team.came.append(answer)
                team.stopped = team.stopped or enough(team.came)
            if quorum is not None and team.quorum_at_s is None and sum(map(valid, team.came)) >= quorum:
                team.quorum_at_s = calls.now_s() + grace_s
    finally:
        await team.end()
    return team.gathered()


class _Team:
    """Calls on their way."""

    def __init__(self, calls: Calls, asks: Sequence[Asked], concurrency: int | None, until_s: float | None) -> None:
        self._calls = calls
        self._asks = asks
        self._most = len(asks) if concurrency is None else concurrency
        self._until_s = until_s
        self._begun = 0
        self._running: dict[asyncio.Task[Answer | Failed], int] = {}
        self._done: dict[int, Answer | Failed] = {}
        self.came: list[Answer] = []
        self.quorum_at_s: float | None = None
        """When the quorum is enough; None: it hasn't answered."""
        self.stopped = ""

    def goes_on(self) -> bool:
        """Whether there is anything to wait for; begins the calls that may begin."""
        now_s, left = self._calls.now_s(), self._begun < len(self._asks)
        if self.stopped or not (left or self._running):
            return False
        if self.quorum_at_s is not None and (now_s >= self.quorum_at_s or not self._running):
            self.stopped = "the quorum has answered"
        elif self._until_s is not None and now_s >= self._until_s:
            self.stopped = "the time for it is over"
        elif self.quorum_at_s is None:
            self._begin()
        return not self.stopped

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        while self._begun < len(self._asks) and len(self._running) < self._most:
            self._running[loop.create_task(_one(self._calls, self._asks[self._begun]))] = self._begun
            self._begun += 1

    async def next(self) -> list[Answer]:
        """Wait until some end, or it is time."""
        ends = [end for end in (self._until_s, self.quorum_at_s) if end is not None]
        ended, _ = await asyncio.wait(
            self._running,
            timeout=max(0.0, min(ends) - self._calls.now_s()) if ends else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        came: list[Answer] = []
        for task in sorted(ended, key=self._running.__getitem__):
            found = task.result()
            self._done[self._running.pop(task)] = found
            if isinstance(found, Answer):
                came.append(found)
        return came

    async def end(self) -> None:
        """Cut off who still runs, and wait until all have ended."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
            for task in self._running:
                if not task.cancelled():
                    task.exception()  # it lost: what it raised meanwhile is told by the attempt itself

    def gathered(self) -> Gathered:
        cut = [*sorted(self._running.values()), *range(self._begun, len(self._asks))]
        lost = tuple(self._asks[place].step for place in cut)
        for step in lost:
            self._calls.note(Noted(step=step, what="lost", why=self.stopped))
        ordered = [self._done[place] for place in sorted(self._done)]
        return Gathered(
            answers=tuple(one for one in ordered if isinstance(one, Answer)),
            failed=tuple(one for one in ordered if isinstance(one, Failed)),
            lost=lost,
            stopped=self.stopped,
        )


async def _one(calls: Calls, asked: Asked) -> Answer | Failed:
    began_s = calls.now_s()
    try:
        return await calls.ask(asked)
    except AntiphonError as error:
        calls.note(Noted(step=asked.step, what="failed", why=error.said_code))
        return Failed(step=asked.step, seat=asked.seat, error=error, took_s=calls.now_s() - began_s)
