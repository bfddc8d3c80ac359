"""What is switched off, as a process last read it."""

from antiphon.agents.aside import aside
from antiphon.core.clock import Clock
from antiphon.core.run import Barred
from antiphon.core.run_store import RunStore

FRESH_S = 0.5
"""For so long what was read holds: a switch works within this time."""


class Switches:
    """Agents, tools and tenants that are switched off. Asked inside journalled work alone: it changes by itself."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._read: tuple[Barred, ...] = ()
        self._until_s = float("-inf")

    async def barred(self, kind: str, name: str, tenant: str) -> Barred | None:
        """What switches it off for this tenant; None: nothing. Raises: StoreError."""
        now_s = self._clock.steady_s()
        if now_s >= self._until_s:
            self._read = tuple(await aside(self._store.barred))
            self._until_s = now_s + FRESH_S
        return next(
            (one for one in self._read if one.kind == kind and one.name == name and one.tenant in ("", tenant)), None
        )
