"""A store of answers as the loop may ask it: in a thread, for so long and no longer. One that is away or slow has nothing."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from antiphon.core.cache import CacheEntry, CacheStore
from antiphon.core.error import StoreError

T = TypeVar("T")
MOST_WAITING = 64
"""Questions, and as many writes, that wait for the store; more are not asked."""
REST_S = 1.0
"""A store that failed, or was too slow, is left alone for so long."""
_TOLD_S = 60.0
"""Between two log lines that say so."""
log = logging.getLogger("antiphon.calls")


class CacheShelf:
    """The store of one worker."""

    def __init__(self, store: CacheStore, timeout_s: float, now: Callable[[], float]) -> None:
        """`now`: seconds on the steady clock."""
        self.timeout_s = timeout_s
        self._store = store
        self._now = now
        self._readers = ThreadPoolExecutor(1, "cache-reader")
        self._writers = ThreadPoolExecutor(1, "cache-writer")
        self._reads = threading.BoundedSemaphore(MOST_WAITING)
        self._writes = threading.BoundedSemaphore(MOST_WAITING)
        self._rests_until_s = 0.0
        self._told_s = -_TOLD_S

    async def read(self, ask: Callable[[CacheStore], T]) -> T | None:
        """What the store says; None: it can't be asked now."""
        if self._now() < self._rests_until_s or not self._reads.acquire(blocking=False):
            return None
        future = self._readers.submit(ask, self._store)
        future.add_done_callback(lambda _: self._reads.release())
        try:
            async with asyncio.timeout(self.timeout_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            self._rest(f"no answer within {self.timeout_s:g} s")
        except StoreError as error:
            self._rest(error.message)
        return None

    async def put(self, make: Callable[[], tuple[CacheEntry, int] | None]) -> None:
        """Keep what `make` makes in the thread, with the time in ns; what it makes None of is not kept."""
        if self._now() < self._rests_until_s or not self._writes.acquire(blocking=False):
            return
        future = self._writers.submit(self._put, make)
        future.add_done_callback(lambda _: self._writes.release())
        try:
            await asyncio.wrap_future(future)
        except StoreError as error:
            self._rest(error.message)

    def _put(self, make: Callable[[], tuple[CacheEntry, int] | None]) -> None:
        made = make()
        if made is not None:
            self._store.put(*made)

    def _rest(self, why: str) -> None:
        now_s = self._now()
        self._rests_until_s = now_s + REST_S
        if now_s - self._told_s >= _TOLD_S:
            self._told_s = now_s
            log.warning("cache.away", extra={"error": why})

    def close(self) -> None:
        """Ask no more. A write that runs ends by itself."""
        for pool in (self._readers, self._writers):
            pool.shutdown(wait=False, cancel_futures=True)
        self._store.close()
