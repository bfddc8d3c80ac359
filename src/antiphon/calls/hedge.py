"""A second attempt beside a slow first one: when it is sent, and how the two race.

It is sent once the first has shown no content for as long as all but the slowest few of its deployment's answers take
(the p95 of measured first-token latency), so that it costs a few percent more and cuts the tail. A budget holds it to a
share of requests, or a deployment that slows down as a whole would get twice the load.

Source: Dean and Barroso 2013, "The Tail at Scale", CACM 56(2) (hedged requests after the 95th percentile: about 5 %
more load); the budget is that of retries (`retry_budget.py`).
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct

from antiphon.calls.retry import most_telling
from antiphon.calls.retry_budget import RetryBudget
from antiphon.calls.settings_failure import RetryBudgetSettings
from antiphon.calls.settings_flow import HedgeSettings
from antiphon.core.error import AntiphonError

T = TypeVar("T")
Side = Literal["first", "second"]
Lost = Callable[[Side, Any], None]
"""Is told which attempt did not win, and how it ended: what it returned, or what it raised."""

UNMEASURED = "the longest delay: too little is measured to know what is slow"
SPENT = "the hedge budget is spent"


class Hedge(Struct, frozen=True, gc=False):
    """Whether a second attempt may be sent, and after how long."""

    delay_s: float | None
    """None: it is not."""
    why: str
    """Why not; or what the delay was made from."""


ALONE = Hedge(None, "no other deployment is ready")
TOO_LATE = Hedge(None, "the deadline comes before the delay is over")


class Hedging:
    """Decides on second attempts of a route that wants them; one per route and worker, as its budget is."""

    __slots__ = ("_budget", "_settings", "_why")

    def __init__(self, settings: HedgeSettings) -> None:
        self._settings = settings
        self._why = f"p{settings.percentile:g} of first content"
        self._budget = RetryBudget(
            RetryBudgetSettings(fraction=settings.budget, window_s=settings.window_s, min_per_s=settings.floor_per_s)
        )

    @property
    def quantile(self) -> float:
        """The quantile that `decide` wants measured, 0 to 1."""
        return self._settings.percentile / 100

    def asked(self, now_s: float) -> None:
        """Count a request: the budget is a share of these."""
        self._budget.first(now_s)

    def decide(self, measured_s: float | None, *, left_s: float, others: int) -> Hedge:
        """Whether and when.

        Args:
            measured_s: The `quantile` of first-token latency of who is expected to answer first, seconds; None: not
                known, so the longest delay counts.
            left_s: Seconds to the deadline.
            others: Deployments that a second attempt could go to.
        """
        settings = self._settings
        if not others:
            return ALONE
        if measured_s is None:
            delay_s, why = settings.max_delay_s, UNMEASURED
        else:
            delay_s, why = min(max(measured_s, settings.min_delay_s), settings.max_delay_s), self._why
        return Hedge(delay_s, why) if delay_s < left_s else TOO_LATE

    def permit(self, now_s: float) -> str:
        """Spend one second attempt of the budget. Returns: why not; empty: it may be sent."""
        return "" if self._budget.retry(now_s) else SPENT


async def race(
    first: Callable[[], Coroutine[Any, Any, T]],
    second: Callable[[], Coroutine[Any, Any, T]],
    *,
    delay_s: float,
    permit: Callable[[], bool],
    lost: Lost,
) -> T:
    """Run an attempt, and a second one when the first is slow; the first that returns wins, the other is ended.

    An attempt returns when it has its first content, and settles itself when it is cancelled. When one fails while
    both run, the other goes on alone. When the first fails before the delay is over, no second is sent: what to do
    then is the retry's to say.

    Args:
        delay_s: Seconds that the first attempt has for itself.
        permit: Asked when they are over: whether a second attempt may be sent.
        lost: Told of each end that is neither returned nor raised here, once, after it has ended.
    Raises: what the only attempt raised; of two errors the most telling.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(first())
    sides: dict[asyncio.Task[T], Side] = {task: "first"}
    kept: asyncio.Task[T] | None = None
    try:
        if await _is_slow(task, delay_s, loop) and permit():
            sides[loop.create_task(second())] = "second"
        ended = await _leader(sides)
        if len(sides) > 1:
            await _stop(other for other in sides if other is not ended)
        kept = ended
    except BaseException:
        await _stop(sides)
        raise
    finally:
        for one, side in sides.items():
            if one is not kept:
                lost(side, _end(one))
    return ended.result()


async def _is_slow(task: asyncio.Task[T], delay_s: float, loop: asyncio.AbstractEventLoop) -> bool:
    """Wait until a task ends or the delay is over. What nearly every request does, so without `asyncio.wait`'s cost."""
    woken = loop.create_future()

    def wake(_: object = None) -> None:
        if not woken.done():
            woken.set_result(None)

    timer = loop.call_later(delay_s, wake)
    task.add_done_callback(wake)
    try:
        await woken
    finally:
        timer.cancel()
    return not task.done()


async def _leader(sides: Mapping[asyncio.Task[T], Side]) -> asyncio.Task[T]:
    """The first attempt that succeeds; when all fail, the one with the most telling error."""
    running = {task for task in sides if not task.done()}
    while True:
        for task in sides:
            if task.done() and not task.cancelled() and task.exception() is None:
                return task
        if not running:
            return _most_telling(list(sides))
        _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


async def _stop(tasks: Iterable[asyncio.Task[T]]) -> None:
    """Cancel attempts and wait until all have ended, however often this is cancelled meanwhile."""
    running: set[asyncio.Task[T]] = {task for task in tasks if not task.done()}
    for task in running:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while running:
        try:
            _, running = await asyncio.wait(running)
        except asyncio.CancelledError as error:
            cancelled = error
            running = {task for task in running if not task.done()}
    if cancelled is not None:
        raise cancelled


def _most_telling(tasks: list[asyncio.Task[T]]) -> asyncio.Task[T]:
    ends = [_end(task) for task in tasks]
    told = [end for end in ends if isinstance(end, AntiphonError)]
    if len(told) < len(ends):  # a mistake of ours, which nothing may hide
        return next(task for task, end in zip(tasks, ends, strict=True) if not isinstance(end, AntiphonError))
    return tasks[ends.index(most_telling(told).error)]


def _end(task: asyncio.Task[T]) -> T | BaseException:
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception() or task.result()
