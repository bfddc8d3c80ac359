"""What is switched off, as a process last read it."""

from antiphon.agents.loop.aside import aside
from antiphon.core.clock import Clock
from antiphon.core.run import Barred, Run
from antiphon.core.run_store import RunStore

FRESH_S = 0.5
"""For so long what was read holds: a switch works within this time."""


class Switches:
    """Agents, tools and tenants that are switched off. Asked inside journalled work alone: it changes by itself."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._read: tuple[Barred, ...] = ()
        self._until_s = float("-inf")

    async def off(self, run: Run, *, begun: bool) -> Barred | None:
        """What switches a run off: its agent's or its tenant's kill; a quarantine only where it has not begun.

        Raises: StoreError.
        """
        whom = (("agent", run.agent), ("tenant", run.tenant))
        found = [one for kind, name in whom for one in await self._found(kind, name, run.tenant)]
        killed = next((one for one in found if one.how == "killed"), None)
        return killed or (None if begun else next(iter(found), None))

    async def barred(self, kind: str, name: str, tenant: str) -> Barred | None:
        """What switches it off for this tenant; None: nothing. Raises: StoreError."""
        return next(iter(await self._found(kind, name, tenant)), None)

    async def _found(self, kind: str, name: str, tenant: str) -> list[Barred]:
        now_s = self._clock.steady_s()
        if now_s >= self._until_s:
            self._read = tuple(await aside(self._store.barred))
            self._until_s = now_s + FRESH_S
        return [one for one in self._read if (one.kind, one.name) == (kind, name) and one.tenant in ("", tenant)]
