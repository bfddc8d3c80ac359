"""An event loop in a thread: servers that answer while a test blocks."""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

Result = TypeVar("Result")
PATIENCE_S = 60.0


class LoopThread:
    """Runs coroutines for tests that have no loop, or whose loop is busy."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="e2e-servers", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def enter(self, context: AbstractAsyncContextManager[Result]) -> Result:
        return self.run(context.__aenter__())

    def leave(self, context: AbstractAsyncContextManager[Any]) -> None:
        self.run(context.__aexit__(None, None, None))

    def close(self) -> None:
        self.run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _cancel(self) -> None:
        """End what was left running, so that nothing is destroyed while it waits."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
