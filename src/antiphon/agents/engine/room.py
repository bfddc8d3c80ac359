"""How many segments run in this process: those that had begun elsewhere go on at once, others wait for room."""

import asyncio
import math
from collections import deque


class Room:
    """Of one loop, and held at first. What is over in it makes room for who has waited longest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._held_until_s = math.inf
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> bool:
        """Take a place, once there is one and none is held. Returns: whether it had to be waited for."""
        waited = False
        while self._free() <= 0:
            waited = True
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                self._wake()  # it may have been its turn
                raise
        self._taken += 1
        return waited

    def press(self) -> None:
        """Take a place, whether there is one or not."""
        self._taken += 1

    def leave(self) -> None:
        self._taken -= 1
        self._wake()

    def hold(self, for_s: float) -> None:
        """Keep the places that are free, for so long from now on, for those who needn't ask."""
        loop = asyncio.get_running_loop()
        self._held_until_s = loop.time() + for_s
        loop.call_at(self._held_until_s, self._wake)

    def close(self) -> None:
        """Have all that wait end: they are cancelled where they stand."""
        for place in self._waiting:
            place.cancel()

    def _free(self) -> int:
        return self._most - self._taken if asyncio.get_running_loop().time() >= self._held_until_s else 0

    def _wake(self) -> None:
        called = self._free()
        while called > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                called -= 1
