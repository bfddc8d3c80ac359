"""Runs agents durably: one engine in each process that runs them."""

import asyncio
import contextlib
import logging

from antiphon.agents.engine import alive as engine_alive
from antiphon.agents.engine.dbos import Durable, EnginePlace
from antiphon.agents.engine.desk import Desk
from antiphon.agents.engine.families import Families
from antiphon.agents.engine.forks import Forks, Step
from antiphon.agents.engine.room import Room
from antiphon.agents.engine.segments import Segments
from antiphon.agents.engine.takeover import Takeover
from antiphon.agents.engine.waking import Waking
from antiphon.agents.journal import Driver
from antiphon.agents.settings import AgentsSettings
from antiphon.core.ports import Sealer
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.telemetry.metrics_agents import AgentMetrics
from antiphon.telemetry.trace_agents import UNTRACED, AgentSpans

SURE_S = 0.02
log = logging.getLogger(__name__)


class Engine:
    """Takes runs from the store, drives them, and takes over what other processes left.

    A process has one at a time: DBOS is one to a process. Its loop is the one that `start` is called on.
    """

    def __init__(
        self,
        store: RunStore,
        driver: Driver,
        sealer: Sealer,
        settings: AgentsSettings,
        place: EnginePlace,
        metrics: AgentMetrics | None = None,
        spans: AgentSpans = UNTRACED,
    ) -> None:
        self.executor = engine_alive.executor()
        metrics = metrics or AgentMetrics()
        self._settings = settings
        self._desk = Desk(store)
        self.durable = Durable(
            place,
            self.executor,
            concurrency=settings.concurrency,
            tenant_concurrency=settings.tenant_concurrency,
        )
        families, room = Families(self._desk), Room(settings.concurrency)
        self._segments = Segments(self._desk, driver, sealer, self.durable, families, metrics, spans, room)
        self._waking = Waking(self._desk, self.durable, self._segments, families, metrics, settings.poll_s)
        self._takeover = Takeover(
            store,
            self.durable,
            metrics,
            heartbeat_s=settings.heartbeat_s,
            dead_after_s=settings.dead_after_s,
            first=room.hold,
        )
        self._forks = Forks(self._desk, self.durable)
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin. Raises: StoreError, and whatever the database of the journal says."""
        loop = asyncio.get_running_loop()
        await self._desk.do(
            self._takeover.start, loop
        )  # first: what a process was given that never beat, nobody takes over
        await self.durable.open(self._segments.segment, self._settings.poll_s)
        self._takeover.watch()
        self._looking = loop.create_task(self._waking.run())
        log.info("engine.started", extra={"worker": self.executor})

    async def stop(self, within_s: float = 10.0) -> None:
        """Stop at the next step of each segment; others, or the next start, go on from there."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        await self._segments.drain(within_s)
        await self.durable.close()
        await self._desk.do(self._takeover.stop)
        self._desk.close()
        log.info("engine.stopped", extra={"worker": self.executor})

    @property
    def running(self) -> int:
        """Segments that run in this process."""
        return self._segments.running

    async def sure(self) -> None:
        """Before an effect that must not be made twice: wait while others may have taken this process for dead.

        It ends, if they have. What is under way when a process falls asleep can't be called back by anybody.
        """
        while True:
            if self._takeover.sure:
                return
            await asyncio.sleep(SURE_S)

    async def steps(self, run: Run) -> list[Step]:
        """What a run can be forked from."""
        return await self._forks.steps(run)

    async def mend(self) -> None:
        """Put runs back that say they stand in the queue, or run, and don't; done by itself every 10 s."""
        await self._waking.mend()
