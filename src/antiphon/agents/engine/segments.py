"""One segment of a run, from where it stood to its end or next wait."""

import asyncio
import itertools
import logging
import time
from typing import Any

import msgspec
from dbos import DBOS
from dbos import error as dbos_error
from msgspec import Struct
from msgspec.structs import replace

from antiphon.agents.engine.dbos import Durable
from antiphon.agents.engine.desk import Desk
from antiphon.agents.engine.families import Families
from antiphon.agents.engine.journal import CONTROL, Diverged, Drained, Faltered, SegmentJournal
from antiphon.agents.engine.room import Room
from antiphon.agents.journal import Driver, Ended, Interrupted, Parked
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Sealer
from antiphon.core.run import Mail, Run, Stop
from antiphon.telemetry.metrics_agents import AgentMetrics
from antiphon.telemetry.trace_agents import AgentSpans

log = logging.getLogger(__name__)
AGAIN_S = 1.0
OPEN_STEP = "open"


class Opened(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a segment begins from, written down as its first step."""

    state: bytes
    mail: tuple[Mail, ...] = ()
    seq: int = 0
    """Of the last event before it."""
    at_ns: int = 0
    """When it was first begun; UTC."""


class Segments:
    """Runs segments on the loop of this process, and stops them."""

    def __init__(
        self,
        desk: Desk,
        driver: Driver,
        sealer: Sealer,
        durable: Durable,
        families: Families,
        metrics: AgentMetrics,
        spans: AgentSpans,
        room: Room,
    ) -> None:
        self._room = room
        self._desk, self._driver, self._sealer = desk, driver, sealer
        self._durable, self._families = durable, families
        self._metrics, self._spans = metrics, spans
        self._running: dict[str, tuple[SegmentJournal, asyncio.Task[Any]]] = {}
        self._later: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._draining = False

    @property
    def running(self) -> int:
        return len(self._running)

    def names(self) -> list[str]:
        """Runs whose segments run in this process."""
        return [*self._running]

    def here(self, run: str) -> SegmentJournal | None:
        """The journal of a run whose segment runs in this process."""
        found = self._running.get(run)
        return None if found is None else found[0]

    async def segment(self) -> Any:
        """The body of each durable workflow, whose id names run and segment."""
        workflow = str(DBOS.workflow_id)
        run_id, _, number = workflow.rpartition(".")
        self._not_draining()
        run = await self._desk.keep(self._desk.store.one, run_id)
        if run is not None and run.status == "running":  # its process died, or its journal faltered
            self._room.press()
        elif await self._room.enter():
            run = await self._desk.keep(self._desk.store.one, run_id)
        try:
            return await self._entered(workflow, run, int(number))
        finally:
            self._room.leave()

    async def _entered(self, workflow: str, run: Run | None, number: int) -> Any:
        self._not_draining()
        if run is None or not await self._stands(run, number):
            return None
        run_id = run.id
        journal = SegmentJournal(run, self._desk, self._sealer)
        task = asyncio.current_task()
        assert task is not None
        self._running[run_id] = journal, task
        try:
            return await self._run(journal, number)
        except (Drained, dbos_error.DBOSWorkflowCancelledError) as stop:
            raise asyncio.CancelledError from stop
        except dbos_error.DBOSWorkflowConflictIDError as other:
            log.warning("segment.lost", extra={"run": run_id})
            raise asyncio.CancelledError from other
        except Faltered as why:
            log.warning("segment.faltered", extra={"run": run_id, "error": str(why)})
            self._again(workflow)
            raise asyncio.CancelledError from why
        finally:
            if self._running.get(run_id, (None,))[0] is journal:
                del self._running[run_id]

    async def drain(self, within_s: float) -> None:
        """Have each stop before its next step; those that don't in time are cancelled where they stand."""
        self._draining = True
        self._room.close()
        tasks = [task for _, task in self._running.values()]
        for journal, _ in list(self._running.values()):
            journal.stop(Drained(), at_once=False)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=within_s)
        for task in self._later:
            task.cancel()

    # --- a segment

    async def _run(self, journal: SegmentJournal, segment: int) -> Any:
        run = journal.run

        async def look() -> Opened:
            return await self._look(run, segment)

        opened = msgspec.convert(await journal.step(OPEN_STEP, look), Opened)
        if not await self._begin(journal, segment, opened.state):
            return None
        await journal.took(list(opened.mail))
        known = await self._desk.keep(self._last, run.id, opened.seq)
        journal.told(opened.seq, known)
        if segment == 1 or opened.mail:
            journal.tell("began" if segment == 1 else "answered", _heard(opened.mail))
        ended = await self._driven(journal, opened)
        if ended is not None:
            await self._end(journal, ended, opened.at_ns)
        return {"seq": journal.seq}

    async def _driven(self, journal: SegmentJournal, opened: Opened) -> Ended | None:
        """None: the run waits."""
        try:
            return await self._driver.drive(journal, journal.run, list(opened.mail))
        except Parked as wait:
            await self._park(journal, wait, opened.at_ns)
            return None
        except Interrupted as stop:
            return await self._interrupted(journal, stop.mail)
        except asyncio.CancelledError:
            if isinstance(journal.stopped, Interrupted):
                return await self._interrupted(journal, journal.stopped.mail)
            raise
        except Diverged as error:
            return _failed(f"it can't be gone on with, as its journal differs: {error}")
        except AntiphonError as error:
            return _failed(f"{error.said_code}: {error.message}")
        except Exception as error:
            log.exception("segment.failed", extra={"run": journal.run.id})
            return _failed(f"{type(error).__name__}: {error}")

    async def _look(self, run: Run, segment: int) -> Opened:
        mail = await self._desk.keep(self._desk.store.mail, run.id)
        before = await self._desk.keep(self._durable.output, f"{run.id}.{segment - 1}") if segment > 1 else None
        hint = int(before["seq"]) if before else 0
        seq = await self._desk.keep(self._last, run.id, hint)
        said = tuple(one for one in mail if one.kind not in CONTROL)
        return Opened(state=run.state, mail=said, seq=seq, at_ns=time.time_ns())

    def _last(self, run: str, after: int) -> int:
        """Number of the last event that is kept. Blocks."""
        while found := self._desk.store.told(run, after):
            after = found[-1].seq
        return after

    async def _stands(self, run: Run, segment: int) -> bool:
        """Whether a run is where this segment begins, or was broken off."""
        if run.segment == segment - 1:
            return run.status == "waiting"
        if run.segment != segment:
            return False
        if run.status == "paused":
            await self._desk.do(self._durable.cancel, run.workflow)
            raise asyncio.CancelledError
        if run.ended:
            await self._families.ended(run)
        await self._families.waits(run)
        return run.status in ("queued", "running")

    async def _begin(self, journal: SegmentJournal, segment: int, state: bytes) -> bool:
        """Take the run into this process. Returns: whether it is still to go on."""
        run = journal.run
        mine = self._mine(run, segment)
        while not await self._desk.keep(self._desk.store.save, mine, run.segment, (run.status,)):
            found = await self._desk.keep(self._desk.store.one, run.id)
            if found is None or not await self._stands(found, segment):
                return False
            run, mine = found, self._mine(found, segment)
        journal.run = replace(mine, state=state)
        return True

    def _mine(self, run: Run, segment: int) -> Run:
        now = time.time_ns()
        return replace(
            run,
            status="running",
            segment=segment,
            owner=f"{self._durable.executor}#{next(self._numbers)}",
            wait=None,
            wake_ns=0,
            started_ns=run.started_ns or now,
            updated_ns=now,
        )

    async def _park(self, journal: SegmentJournal, parked: Parked, began_ns: int) -> None:
        wait = parked.wait
        journal.tell("wait", {"kind": wait.kind, "key": wait.key, "until_ns": wait.until_ns})
        times = [one for one in (wait.until_ns, wait.escalates_ns) if one]
        run = replace(
            journal.run,
            status="waiting",
            wait=wait,
            state=parked.state,
            wake_ns=min(times, default=0),
            owner="",
            updated_ns=time.time_ns(),
        )
        await journal.said()
        if await self._kept(run):
            self._metrics.waited(run.agent, wait.kind)
            self._spans.segment(run, began_ns)
        await self._families.waits(run)

    async def _interrupted(self, journal: SegmentJournal, mail: Mail) -> Ended:
        """How it ends, by who stopped it. Raises: Drained, where it is paused."""
        if mail.kind in ("cancel", "kill"):
            stop: Stop = "killed" if mail.kind == "kill" else "cancelled"
            return Ended(status="cancelled", stop=stop, why=f"{stop} by {mail.by}")
        run = await self._desk.keep(self._desk.store.one, journal.run.id)
        if run is not None and run.segment == journal.run.segment:
            await self._kept(replace(run, status="paused", owner="", updated_ns=time.time_ns()))
        await journal.took([mail])
        await self._desk.do(self._durable.cancel, journal.run.workflow)
        raise Drained

    async def _end(self, journal: SegmentJournal, ended: Ended, began_ns: int) -> None:
        journal.tell("ended", {"status": ended.status, "stop": ended.stop, "why": ended.why})
        await journal.said()
        now = time.time_ns()
        run = replace(
            journal.run,
            status=ended.status,
            stop=ended.stop,
            why=ended.why,
            result=ended.result,
            state=ended.state or journal.run.state,
            wait=None,
            wake_ns=0,
            owner="",
            ended_ns=now,
            updated_ns=now,
        )
        if await self._kept(run):
            self._metrics.ended(run.agent, ended.status, ended.stop)
            self._spans.segment(run, began_ns)
        await self._families.ended(run)

    async def _kept(self, run: Run) -> bool:
        return await self._desk.keep(self._desk.store.save, run, run.segment, ("running",))

    # --- around it

    def _not_draining(self) -> None:
        if self._draining:
            raise asyncio.CancelledError

    def _again(self, workflow: str) -> None:
        async def resume() -> None:
            await asyncio.sleep(AGAIN_S)
            await self._desk.do(self._durable.resume, [workflow])

        task = asyncio.get_running_loop().create_task(resume())
        self._later.add(task)
        task.add_done_callback(self._later.discard)


def _heard(mail: tuple[Mail, ...]) -> Any:
    return {"mail": [{"kind": one.kind, "by": one.by, "key": one.key} for one in mail]} if mail else None


def _failed(why: str) -> Ended:
    return Ended(status="failed", stop="error", why=why)
