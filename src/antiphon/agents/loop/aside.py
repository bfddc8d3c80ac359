"""Blocking work of a store, done beside the loop."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from antiphon.core.error import StoreError

P = ParamSpec("P")
T = TypeVar("T")
AGAIN_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Between tries: about a minute in all."""


async def aside(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do it in a thread; again while the store is not there, for about a minute. Raises: StoreError, and what it does."""
    for wait_s in AGAIN_S:
        try:
            return await asyncio.to_thread(work, *arguments, **named)
        except StoreError:
            await asyncio.sleep(wait_s)
    return await asyncio.to_thread(work, *arguments, **named)
