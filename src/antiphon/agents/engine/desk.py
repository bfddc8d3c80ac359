"""What blocks is done in a few threads; what has to be kept is tried until it is."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from antiphon.core.error import StoreError
from antiphon.core.run_store import RunStore

log = logging.getLogger(__name__)
THREADS = 8
AGAIN_S = (0.05, 0.2, 0.5, 1.0)
"""Between tries; the last holds on."""
P = ParamSpec("P")
T = TypeVar("T")


class Desk:
    """Asks the store of runs, and whatever else blocks, for a loop."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._threads = ThreadPoolExecutor(THREADS, "runs")

    async def do(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """In a thread that knows nothing of the caller's context. Raises: what the work does."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*given, **named))

    async def keep(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """The same, again and again while the store is not there: it is done, or the caller is cancelled."""
        tries = 0
        while True:
            try:
                return await self.do(work, *given, **named)
            except StoreError as error:
                if tries == 0:
                    log.warning("runs.waiting", extra={"error": error.noted})
                await asyncio.sleep(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
                tries += 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
