"""Runs that have to go on are handed to the durable queue; what is said to runs reaches them."""

import asyncio
import logging
import time
from collections.abc import Sequence

from msgspec.structs import replace

from antiphon.agents.engine.dbos import IN_FLIGHT, QUEUED, Durable
from antiphon.agents.engine.desk import Desk
from antiphon.agents.engine.families import Families
from antiphon.agents.engine.forks import Forks
from antiphon.agents.engine.journal import CONTROL
from antiphon.agents.engine.leftovers import Leftovers
from antiphon.agents.engine.segments import Segments
from antiphon.agents.journal import Interrupted
from antiphon.core.error import BadRequest, StoreError
from antiphon.core.run import Mail, Run, RunStatus
from antiphon.core.run_store import Asked
from antiphon.telemetry.metrics_agents import AgentMetrics

log = logging.getLogger(__name__)
MOST = 64
"""Runs of one look."""
MEND_S = 10.0
"""Between two looks for runs that stand in no queue although they should."""
SWEEP_S = 60.0
"""Between two looks for what is left of runs that are kept no more."""
LOST_S = 30.0
MEND_MOST = 500


class Waking:
    """One process's looks for runs that have to go on. Several processes may see the same: each does it to no harm."""

    def __init__(
        self, desk: Desk, durable: Durable, segments: Segments, families: Families, metrics: AgentMetrics, poll_s: float
    ) -> None:
        self._desk, self._durable, self._segments, self._families = desk, durable, segments, families
        self._metrics, self._poll_s = metrics, poll_s
        self._forks = Forks(desk, durable)
        self._leftovers = Leftovers(desk.store, durable)
        self._mended_s = self._swept_s = time.monotonic()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            found = 0
            try:
                found = await self.look()
                if time.monotonic() - self._mended_s > MEND_S:
                    self._mended_s = time.monotonic()
                    await self.mend()
                if time.monotonic() - self._swept_s > SWEEP_S:
                    self._swept_s = time.monotonic()
                    await self._desk.do(self._leftovers.look)
            except StoreError as error:
                log.warning("runs.waiting", extra={"error": error.noted})
            except Exception:
                log.exception("runs.unseen")
            self._metrics.live(self._segments.running)
            await asyncio.sleep(self._poll_s if found < MOST else 0)

    async def look(self) -> int:
        """Do what is due. Returns: how many runs it was for."""
        due = await self._desk.do(self._desk.store.due, time.time_ns(), MOST)
        for run in due:
            await self._wake(run)
        return len(due)

    # --- one run

    async def _wake(self, run: Run) -> None:
        mail = await self._desk.do(self._desk.store.mail, run.id)
        control = [one for one in mail if one.kind in CONTROL]
        if control:
            await self._control(run, control)
        elif run.status == "queued":
            await self._hand_on(run, run.segment)
        elif run.status == "waiting":
            if _escalates(run, mail):
                await self._escalate(run)
            else:
                await self._hand_on(run, run.segment + 1)

    async def _hand_on(self, run: Run, segment: int) -> None:
        """Put a segment into the durable queue. In this order: a run that stands in it twice stands in it once."""
        if run.forked_from and not run.started_ns:
            try:
                await self._forks.begin(run)
            except BadRequest as error:
                await self._fail(run, error.message)
                return
        else:
            await self._desk.do(self._durable.enqueue, run, segment)
        queued = replace(run, status="queued", segment=segment, owner=QUEUED, wait=None, wake_ns=0)
        await self._save(queued, run)

    async def _escalate(self, run: Run) -> None:
        wait = run.wait
        assert wait is not None
        wider = replace(wait, to=wait.escalate_to or wait.to, escalates_ns=0)
        await self._save(replace(run, wait=wider, wake_ns=wait.until_ns), run)

    # --- control

    async def _control(self, run: Run, control: Sequence[Mail]) -> None:
        said = _strongest(control)
        ids = [one.id for one in control]
        if run.status == "running":
            journal = self._segments.here(run.id)
            if journal is None:
                return
            if said.kind == "resume":
                await self._desk.do(self._desk.store.take, run.id, ids)
                return
            journal.stop(Interrupted(said), at_once=said.kind != "pause")
            return
        match said.kind:
            case "cancel" | "kill":
                await self._end(run, said)
            case "pause":
                await self._pause(run)
            case _:
                await self._resume(run)
        await self._desk.do(self._desk.store.take, run.id, ids)

    async def _end(self, run: Run, said: Mail) -> None:
        if run.status != "waiting":
            await self._desk.do(self._durable.cancel, run.workflow)
        now = time.time_ns()
        stop = "killed" if said.kind == "kill" else "cancelled"
        ended = replace(
            run,
            status="cancelled",
            stop=stop,
            why=f"{stop} by {said.by}",
            wait=None,
            wake_ns=0,
            owner="",
            ended_ns=now,
        )
        if await self._save(ended, run):
            self._metrics.ended(run.agent, "cancelled", stop)
        await self._families.ended(ended)

    async def _pause(self, run: Run) -> None:
        if run.status == "queued":
            await self._desk.do(self._durable.cancel, run.workflow)
        if run.status in ("queued", "waiting"):
            await self._save(replace(run, status="paused", owner="", wake_ns=0), run)

    async def _resume(self, run: Run) -> None:
        if run.status != "paused":
            return
        if run.wait is not None:
            times = [one for one in (run.wait.until_ns, run.wait.escalates_ns) if one]
            await self._save(replace(run, status="waiting", wake_ns=min(times, default=0)), run)
            return
        begun = await self._desk.do(self._durable.status, run.workflow)
        kept = await self._save(replace(run, status="queued", owner=QUEUED if begun else ""), run)
        if begun and kept:
            await self._desk.do(self._durable.resume, [run.workflow])

    async def _save(self, run: Run, was: Run) -> bool:
        statuses: tuple[RunStatus, ...] = (was.status,)
        return await self._desk.do(
            self._desk.store.save, replace(run, updated_ns=time.time_ns()), was.segment, statuses
        )

    # --- what fell between two stools

    async def mend(self) -> None:
        """Put runs back into the durable queue that say they stand in it, or run, and don't; end what was erased."""
        await self._erased()
        asked = Asked(statuses=("queued", "running"), most=MEND_MOST)
        before_ns = time.time_ns() - int(LOST_S * 1e9)
        old = [one for one in await self._desk.do(self._desk.store.page, asked) if one.updated_ns < before_ns]
        old = [one for one in old if one.owner and self._segments.here(one.id) is None]
        if not old:
            return
        statuses = await self._desk.do(self._durable.statuses, [one.workflow for one in old])
        for run in old:
            status = statuses.get(run.workflow)
            if status in IN_FLIGHT:
                continue
            log.warning("run.mended", extra={"run": run.id, "status": status})
            if status is None:
                await self._save(replace(run, status="queued", owner=""), run)
            elif status == "CANCELLED":
                await self._desk.do(self._durable.resume, [run.workflow])
            else:
                await self._fail(run, "its segment ended without a word; begin it again, or fork it")

    async def _erased(self) -> None:
        """Cut off what runs here of runs that are there no more: what is done for them is for nobody."""
        for run in self._segments.names():
            journal = self._segments.here(run)
            if journal is None or await self._desk.do(self._desk.store.one, run) is not None:
                continue
            log.warning("run.erased", extra={"run": run})
            tenant, now_ns = journal.run.tenant, time.time_ns()
            kill = Mail(id=f"{run}/erased", run=run, tenant=tenant, kind="kill", at_ns=now_ns, by="antiphon")
            journal.stop(Interrupted(kill), at_once=True)

    async def _fail(self, run: Run, why: str) -> None:
        failed = replace(run, status="failed", stop="error", why=why, owner="", ended_ns=time.time_ns())
        if await self._save(failed, run):
            self._metrics.ended(run.agent, "failed", "error")
            await self._families.ended(failed)


def _escalates(run: Run, mail: Sequence[Mail]) -> bool:
    wait, now = run.wait, time.time_ns()
    if wait is None or not wait.escalates_ns or now < wait.escalates_ns:
        return False
    return not (wait.until_ns and now >= wait.until_ns) and not any(one.key == wait.key for one in mail)


def _strongest(control: Sequence[Mail]) -> Mail:
    """A kill before a cancel before what was said last."""
    for kind in ("kill", "cancel"):
        for one in control:
            if one.kind == kind:
                return one
    return control[-1]
