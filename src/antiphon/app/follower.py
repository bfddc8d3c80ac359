"""Keeps one process abreast of the objects that the admin API owns."""

import asyncio
import logging
from collections.abc import Callable

from antiphon.control.owned import Owned
from antiphon.core.error import StoreError
from antiphon.core.objects import Objects

log = logging.getLogger("antiphon.objects")
LOOK_S = 1.0
"""How often the store is asked whether anything changed: what another machine, or a command, changed is known here
after this and one question of the store. While the store can't be reached, what was known stands."""


class Follower:
    """Reads what changed beside the loop, and hands it over in the loop."""

    def __init__(self, objects: Objects, take: Callable[[Owned], None]) -> None:
        """`take` is called with all that is known, whenever that is more than before."""
        self._objects = objects
        self._take = take
        self._owned = Owned()
        self._turn = asyncio.Lock()

    @property
    def owned(self) -> Owned:
        """What is known."""
        return self._owned

    async def first(self, told: Callable[[int], None]) -> None:
        """Until all was read once: without it nobody knows who may call. `told` hears of the version."""
        while not await self.again():  # noqa: ASYNC110 - a store that comes back tells nobody
            await asyncio.sleep(LOOK_S)
        told(self._owned.version)

    async def again(self) -> bool:
        """Read what changed. Returns: whether it could be read."""
        async with self._turn:
            before = self._owned.version
            try:
                update = await asyncio.to_thread(self._objects.since, before)
                if update.version != before:
                    self._owned.take(update)
            except StoreError as error:
                log.error("objects.not_read", extra={"reason": str(error)})
                return False
            if self._owned.version != before:
                self._take(self._owned)
            return True

    async def watch(self, told: Callable[[int], None]) -> None:
        """Read for as long as the process runs; `told` hears of each version."""
        while True:
            await asyncio.sleep(LOOK_S)
            before = self._owned.version
            try:
                await self.again()
            except Exception:  # one look must not end the watch
                log.exception("objects.crashed")
            if self._owned.version != before:
                told(self._owned.version)
