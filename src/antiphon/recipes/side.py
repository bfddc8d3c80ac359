"""Work side by side that ends together."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(work: Sequence[Callable[[], Coroutine[Any, Any, T]]], concurrency: int | None = None) -> list[T]:
    """Results in the order of the work. `concurrency`: at once; None: all.

    Raises: what the first of them raises, after all others were cut off and have ended.
    """
    turns = asyncio.Semaphore(concurrency or max(1, len(work)))

    async def one(part: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with turns:
            return await part()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(part)) for part in work]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]
