"""What a run's end means for its parent and its children."""

import time
from typing import Any

import msgspec

from antiphon.agents.engine.desk import Desk
from antiphon.core.run import Mail, Run, RunStatus
from antiphon.core.run_store import Asked

OPEN: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused")
ENGINE = "antiphon"
MOST_CHILDREN = 1000


class Families:
    """Tells parents when all that they wait for has ended, and ends what outlives its parent. Each twice is as once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def ended(self, run: Run) -> None:
        """After a run's end was kept."""
        await self._end_children(run)
        if run.parent:
            parent = await self._desk.keep(self._desk.store.one, run.parent)
            if parent is not None:
                await self.waits(parent)

    async def waits(self, run: Run) -> None:
        """After a wait was kept: it may be over already."""
        wait = run.wait
        if run.status != "waiting" or wait is None or wait.kind != "children":
            return
        ends: dict[str, Any] = {}
        for child in wait.children:
            found = await self._desk.keep(self._desk.store.one, child)
            if found is not None and not found.ended:
                return
            ends[child] = None if found is None else {"status": found.status, "stop": found.stop}
        await self._post(run, "child", f"children/{run.segment}", wait.key, msgspec.json.encode(ends))

    async def _end_children(self, run: Run) -> None:
        asked = Asked(parent=run.id, statuses=OPEN, most=MOST_CHILDREN)
        kind = "kill" if run.stop == "killed" else "cancel"
        for child in await self._desk.keep(self._desk.store.page, asked):
            await self._post(child, kind, f"{kind}/{run.id}", "", b"")

    async def _post(self, run: Run, kind: Any, id: str, key: str, body: bytes) -> None:
        now = time.time_ns()
        mail = Mail(id=id, run=run.id, tenant=run.tenant, kind=kind, at_ns=now, by=ENGINE, key=key, body=body)
        await self._desk.keep(self._desk.store.post, mail)
