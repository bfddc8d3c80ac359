"""A process that runs agents: the engine, the loop, and all that they reach."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from antiphon.agents import retention
from antiphon.agents.a2a.pushes import Pusher
from antiphon.agents.approved import Waker
from antiphon.agents.asking import GatewayMind
from antiphon.agents.background import BACKGROUND, Background, ByAgent
from antiphon.agents.doors import Doors
from antiphon.agents.engine.dbos import EnginePlace, in_file, in_postgres
from antiphon.agents.engine.engine import Engine
from antiphon.agents.loop.driver import LoopDriver
from antiphon.agents.outcomes import Outcomes
from antiphon.agents.retention import RunsKeeping
from antiphon.agents.settings import AgentsSettings
from antiphon.agents.triggers.clock import Ticker
from antiphon.agents.triggers.settings import OF_TRIGGERS
from antiphon.app.agents import Agency, workspaces
from antiphon.app.background import BackgroundCalls
from antiphon.app.stores import Stores
from antiphon.control.approvals import Book
from antiphon.core.approval import Approval
from antiphon.core.clock import Clock
from antiphon.core.error import StoreError
from antiphon.core.ports import Approvals
from antiphon.core.principal import Principal
from antiphon.server.site import Site
from antiphon.vault.envelope import Envelope

log = logging.getLogger("antiphon.agents")
JOURNAL = "agents.db"
"""Of steps, in the data directory; with `storage.url` it is in the schema `dbos` there."""
PUSH_S = 1.0
"""Between two looks for news of tasks that are to be posted."""
SWEEP_S = 10.0
"""How often runs are looked for whose approval was settled while nobody could tell them."""


class House:
    """Runs agents until it is stopped."""

    def __init__(
        self,
        agency: Agency,
        settings: AgentsSettings,
        stores: Stores,
        sealer: Envelope,
        clock: Clock,
        outcomes: Outcomes,
        site: Callable[[], Site],
        approvals: Callable[[], tuple[Book | None, Approvals | None]],
    ) -> None:
        """`site` and `approvals` are of the present revision."""
        self._agency, self._site = agency, site
        self._approvals = approvals
        self._waker = Waker(agency.store, clock.now_ns)
        _, people = approvals()
        doors = Doors(
            mind=GatewayMind(lambda: site().gateway, outcomes),
            tools=agency.toolbox,
            gate=agency.gate,
            store=agency.store,
            shelf=lambda: agency.shelf,
            clock=clock,
            may=agency.rights.run,
            standing=self._standing,
            approvals=people,
            sandbox=agency.parts.sandbox(),
            registry=agency.directory,
            memory=agency.memories,
            remote=agency.remotes,
            worker=agency.parts.index,
            workspace=agency.workspace,
            spans=agency.spans,
            sure=self._sure,
        )
        metrics, place = agency.parts.metrics, place_of(stores)
        answers = BackgroundCalls(agency.store, site, clock.now_ns).answer
        driver = ByAgent(LoopDriver(doors), {BACKGROUND: Background(answers)})
        self._engine = Engine(agency.store, driver, sealer, settings, place, metrics, agency.spans)
        self._ticker = Ticker(agency.triggers)
        self._pusher = Pusher(agency.store, agency.parts.transport, clock)
        self._keeping = RunsKeeping(
            store=agency.store,
            held=stores.vault(),
            owners=sealer,
            now_ns=clock.now_ns,
            keep_days=settings.keep_days,
            workspaces=workspaces(agency.parts.settings),
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin. Raises: StoreError, and whatever the database of the journal says."""
        await self._engine.start()
        loop = asyncio.get_running_loop()
        watching = (self._sweep(), self._ticker.watch(), self._pusher.watch(PUSH_S), retention.watch(self._keeping))
        self._tasks = [loop.create_task(one) for one in watching]

    async def stop(self, within_s: float) -> None:
        """Stop at the next step of each run."""
        for one in self._tasks:
            one.cancel()
        await self._engine.stop(within_s)

    def _standing(self, principal: Principal) -> Principal:
        """Raises: NotAuthenticated."""
        if principal.key.startswith(OF_TRIGGERS):
            return self._agency.triggers.standing(principal)
        return self._site().identity.standing(principal)

    async def _sure(self) -> None:
        await self._engine.sure()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            book, _ = self._approvals()
            if book is None:
                continue
            try:
                await asyncio.to_thread(self._waker.sweep, partial(_found, book))
            except StoreError as error:
                log.error("agents.not_swept", extra={"reason": error.noted})


def _found(book: Book, tenant: str, approval_id: str) -> Approval | None:
    return book.find(approval_id, tenant)


def place_of(stores: Stores) -> EnginePlace:
    """Where steps are journalled: beside everything else. Raises: StoreError."""
    place = stores.place()
    return in_file(Path(stores.directory) / JOURNAL) if place is None else in_postgres(place)
