"""The envelope of a run tree: the most that an action may use is held before it, on every run from the root down."""

from collections.abc import Sequence

from msgspec import Struct, structs

from antiphon.agents.loop.aside import aside
from antiphon.core.run import Run, Stop, Use
from antiphon.core.run_store import RunStore

LEAST_S = 0.1
"""With less time left nothing is begun."""


class Grant(Struct, frozen=True, kw_only=True):
    """What may be used."""

    key: str
    """Of the action, within its run."""
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
        root = run.root or run.id
        self._rows = (root, *(one for one in (*lineage, run.id) if one != root))

    async def hold(self, key: str, most: Use) -> Grant:
        """Hold on each row, the root's first. Where only time is short, as much of it as is left is held.

        Raises: StoreError.
        """
        return await aside(self._hold, key, most)

    async def settle(self, grant: Grant, used: Use) -> None:
        """Put what was used in the place of what was held. Raises: StoreError."""
        await aside(self._settle, grant.key, used)

    def _hold(self, key: str, most: Use) -> Grant:
        short, left_s = self._try(key, most)
        if short == "seconds" and LEAST_S <= left_s < most.seconds:
            key, most = f"{key}~", structs.replace(most, seconds=left_s)
            short, _ = self._try(key, most)
        return Grant(key=key, most=most, short=short)

    def _try(self, key: str, most: Use) -> tuple[Stop | None, float]:
        for place, row in enumerate(self._rows):
            held = self._store.hold(row, self._key(row, key), most)
            if not held.ok:
                for earlier in self._rows[:place]:
                    self._store.settle(earlier, self._key(earlier, key), Use())
                return held.short or "error", held.left.seconds
        return None, 0.0

    def _settle(self, key: str, used: Use) -> None:
        """From the own row up. What is settled on a root's row for a child, the store counts on the child's too: what was
        held there is only let go.
        """
        for row in reversed(self._rows):
            mine = row == self._run and row != self._rows[0]
            self._store.settle(row, self._key(row, key), Use() if mine else used)

    def _key(self, row: str, key: str) -> str:
        """Names the run that acts first on the root's row, and the row itself on those between."""
        return f"{self._run}/{key}" if row == self._rows[0] else f"{row}/{self._run}/{key}"
