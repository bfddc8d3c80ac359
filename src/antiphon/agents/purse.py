"""The envelope of a run tree: the most that an action may use is held before it, on every run from the root down."""

import asyncio
from collections.abc import Sequence

from msgspec import Struct, structs

from antiphon.core.run import Run, Stop, Use
from antiphon.core.run_store import RunStore

LEAST_S = 0.1
"""With less time left nothing is begun."""


class Grant(Struct, frozen=True, kw_only=True):
    """What may be used."""

    key: str
    most: Use
    """Its `seconds` are the action's deadline."""
    short: Stop | None = None
    """The bound that would be exceeded; nothing is held then."""


class Purse:
    """Holds and settles for one run. Keys are the same on every replay, so that nothing is held twice."""

    def __init__(self, store: RunStore, run: Run, lineage: Sequence[str] = ()) -> None:
        """`lineage`: the runs above, the root's first; empty for a root."""
        self._store = store
        self._run = run.id
        self._rows = (*lineage, run.id) if lineage else (run.root or run.id,)

    async def hold(self, key: str, most: Use) -> Grant:
        """Hold on each row, the root's first. Where only time is short, as much of it as is left is held.

        Raises: StoreError.
        """
        return await asyncio.to_thread(self._hold, f"{self._run}/{key}", most)

    async def settle(self, grant: Grant, used: Use) -> None:
        """Put what was used in the place of what was held. Raises: StoreError."""
        await asyncio.to_thread(self._settle, grant.key, used)

    def _hold(self, key: str, most: Use) -> Grant:
        short, left_s = self._try(key, most)
        if short == "seconds" and LEAST_S <= left_s < most.seconds:
            key, most = f"{key}~", structs.replace(most, seconds=left_s)
            short, _ = self._try(key, most)
        return Grant(key=key, most=most, short=short)

    def _try(self, key: str, most: Use) -> tuple[Stop | None, float]:
        for place, row in enumerate(self._rows):
            held = self._store.hold(row, key, most)
            if not held.ok:
                for earlier in self._rows[:place]:
                    self._store.settle(earlier, key, Use())
                return held.short or "error", held.left.seconds
        return None, 0.0

    def _settle(self, key: str, used: Use) -> None:
        for row in self._rows:
            self._store.settle(row, key, used)
