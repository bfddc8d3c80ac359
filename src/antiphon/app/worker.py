"""One worker process: a listener, a client, and the path between them."""

import asyncio
import gc
import logging
import os
import random
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop
from msgspec import Struct

from antiphon.agents.outcomes import Outcomes
from antiphon.app.asking import Askables
from antiphon.app.build import Built, build, tls_context
from antiphon.app.caching import Caching
from antiphon.app.counting import Counts
from antiphon.app.doors import doors_of
from antiphon.app.follower import Follower
from antiphon.app.governing import Governing
from antiphon.app.objects import objects_of
from antiphon.app.places import Places
from antiphon.app.plans import Planning
from antiphon.app.qualities import Qualities
from antiphon.app.stores import Stores
from antiphon.app.vaults import cache_sealer, worker_envelope
from antiphon.app.vaults import watch as watch_vault
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.caller import Caller
from antiphon.calls.fleet import Fleet
from antiphon.calls.measure import measure
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.control.logins import Logins
from antiphon.control.owned import Owned
from antiphon.control.probing import look
from antiphon.control.shadowing import Shadows
from antiphon.core.clock import SystemClock
from antiphon.core.error import AntiphonError
from antiphon.core.ids import SystemRandom, Uuid7
from antiphon.core.ports import Journal
from antiphon.gateway.house import Process
from antiphon.metering.counting_tickets import CountingTickets
from antiphon.metering.journal import FileJournal
from antiphon.metering.kept import JournalledKept
from antiphon.metering.records import Records
from antiphon.metering.scores import JournalledScores
from antiphon.net.client import Client
from antiphon.net.egress import egress_of
from antiphon.net.listener import Listener
from antiphon.telemetry import log as telemetry_log
from antiphon.telemetry.lag import watch_lag
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots
from antiphon.vault.tokens import SealedTokens

if TYPE_CHECKING:
    from antiphon.app.agents import Agency
    from antiphon.app.agents_house import House
    from antiphon.app.agents_paths import Paths

END_S = 1.0
"""How long a worker waits at its end for tasks that it has cancelled."""
log = logging.getLogger("antiphon.app")
FOLD_S = 0.25
"""How often a worker folds what it knows of its deployments."""
LOOK_S = 1.0
"""How often a worker looks at its deployments for metrics and probes."""
SWITCH_S = 0.001
"""The longest that a thread beside the loop, which translates a long body, keeps the interpreter to itself."""


class Task(Struct, frozen=True, kw_only=True):
    """What a worker is started with."""

    index: int
    life: str
    """Names this process among all that ever wrote a journal here."""
    loaded: Loaded
    override: Callable[[Loaded], Loaded]
    """What the command line says in place of the configuration."""
    labs: dict[str, str]
    """Lab providers that this gateway runs itself, by base URL."""
    places: Places
    listening: socket.socket
    control: socket.socket
    agents: bool = False
    """It runs agents, and takes no requests."""


class Reload(Struct, frozen=True, kw_only=True, tag="reload"):
    """What the supervisor sends when the configuration has changed."""

    text: str
    labs: dict[str, str]


class Refresh(Struct, frozen=True, kw_only=True, tag="refresh"):
    """What it sends when the admin API changed an object, so that no worker waits for its next look."""


_heard: msgspec.json.Decoder[Reload | Refresh] = msgspec.json.Decoder(Reload | Refresh)


class Worker:
    """Runs in the child process, from its fork to its exit."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._stopping = asyncio.Event()
        self._cuts = False
        """Whoever still waits is cut off: the process ends."""
        self._loop = asyncio.get_running_loop()
        places = task.places
        self._slots = Slots(places.metrics, f"worker-{task.index}")
        self._metrics = Metrics(self._slots)
        self._client = Client(egress_of(task.loaded.settings.egress))
        storage = task.loaded.settings.storage
        self._journal = FileJournal(places.journal, task.life, fsync=storage.fsync, segment_bytes=storage.journal_bytes)
        self._tickets = CountingTickets(f"{task.life}-u")
        clock, stores = SystemClock(), Stores.of(storage, places.data)
        settings = task.loaded.settings
        self._counts = Counts(
            settings, stores, places.metrics, task.index, task.life, clock, self._client, self._metrics.limited
        )
        fleet, counting = Fleet(self._counts.breakers), self._counts.counting
        self._outcomes = Outcomes(self._journal)
        journal: Journal = self._outcomes if task.loaded.settings.agents.on else self._journal
        self._caller = Caller(self._client, self._tickets, journal, self._metrics, fleet, counting=counting)
        chance = random.Random()  # noqa: S311 - tells ids apart and spreads load; it guards nothing
        self._sealer = sealer = worker_envelope(settings, places, self._journal)
        self._planning, self._shadows = Planning(), Shadows()
        self._caching = caching = Caching(places.data, cache_sealer(settings, places, sealer), clock, self._metrics)
        sealer.on_erased(lambda tenant: self._loop.call_soon_threadsafe(caching.cache.forget, tenant))
        self._process = Process(
            worker=task.index,
            clock=clock,
            ids=Uuid7(clock, chance.getrandbits),
            random=SystemRandom(chance),
            journal=journal,
            caller=self._caller,
            counting=counting,
            metrics=self._metrics,
            sealer=sealer,
            cache=self._caching.cache,
            cutting=lambda: self._cuts,
            shadows=self._shadows.ask,
        )
        reader = stores.reader()
        self._records = Records(reader, places.journal)
        self._kept = JournalledKept(self._journal, reader, places.journal)
        self._scores = JournalledScores(self._journal, reader, places.journal)
        self._doors = doors_of(self._client, clock, Logins(self._journal.note, clock).refused)
        self._askables = Askables(stores, sealer, clock, self._client)
        tokens = SealedTokens(sealer, self._kept, clock.now_ns, settings.vault.token_days)
        self._governing = Governing(self._kept, clock, tokens, self._askables)
        self._loaded, self._labs, self._stores = task.loaded, task.labs, stores
        self._agency = self._agents(settings, stores) if settings.agents.on else None
        self._paths = None if self._agency is None else self._agents_paths(self._agency)
        self._house: House | None = None
        self._qualities = Qualities(self._scores, self._metrics.plans, self._planning.know)
        self._follower = Follower(objects_of(task.loaded.settings), self._take)
        self._built = self._build(task.loaded, task.labs, None)
        self._settings = settings
        self._counts.arrange(settings, self._follower.owned)
        self._tls: ssl.SSLContext | None = tls_context(task.loaded.settings.server.tls)
        self._inbox = b""

    def _build(self, loaded: Loaded, labs: dict[str, str], old: Built | None) -> Built:
        metrics = self._task.places.metrics
        self._caching.arrange(loaded.settings)
        owned = self._follower.owned
        self._governing.know(owned.bundles)
        if self._agency is not None:
            self._agency.know(loaded, owned.documents)
        built = build(
            loaded,
            labs,
            self._process,
            self._records,
            metrics,
            self._why_not_ready,
            old,
            self._kept,
            owned,
            self._planning,
            self._caching.embedders,
            self._scores,
            self._governing,
            self._doors,
            self._paths,
        )
        self._qualities.forgetting = loaded.settings.quality.forgetting()
        self._shadows.gateway = built.site.gateway
        return built

    def _agents(self, settings: Settings, stores: Stores) -> "Agency":
        """What agents rest on; loaded by gateways that have any."""
        from antiphon.app.agents import Agency, AgencyParts
        from antiphon.telemetry.metrics_agents import AgentMetrics

        task, process = self._task, self._process
        parts = AgencyParts(
            settings=settings,
            base=task.loaded.base,
            data=task.places.data,
            stores=stores,
            sealer=self._sealer,
            clock=process.clock,
            ids=process.ids,
            transport=self._client,
            governing=self._governing,
            breakers=self._counts.breakers or MemoryBreakers(),
            metrics=AgentMetrics(self._slots),
            tracer=lambda: self._built.tracer,
            gateway=lambda: self._built.site.gateway,
            approvals=lambda: self._askables.people()[1],
            sandbox=lambda: self._planning.sandbox,
            index=f"worker-{task.index}",
        )
        return Agency(parts)

    def _agents_paths(self, agency: "Agency") -> "Paths":
        from antiphon.app.agents_paths import Paths
        from antiphon.calls.tool_attempts import ToolAttempts
        from antiphon.server.mcp_in_flight import InFlight

        caller = self._caller
        attempts = ToolAttempts(caller.errands, caller, lambda: self._settings.calls)
        return Paths(
            agency=agency,
            outcomes=self._outcomes,
            attempts=attempts,
            in_flight=InFlight(agency.store, agency.parts.clock.now_ns, self._stopping.is_set),
        )

    def _take(self, owned: Owned) -> None:
        """Work by what the admin API owns now."""
        self._built.identity.know(owned)
        self._governing.know(owned.bundles)
        self._counts.arrange(self._settings, owned)
        if self._agency is not None and self._agency.know(self._loaded, owned.documents):
            self._swap(self._build(self._loaded, self._labs, self._built))

    def _tell(self, version: int) -> None:
        """Which change of the admin API's objects this worker works by."""
        self._say({"objects": version})

    async def _refresh(self) -> None:
        if await self._follower.again():
            self._tell(self._follower.owned.version)

    def _why_not_ready(self) -> str:
        return "this worker is draining; another takes new requests" if self._stopping.is_set() else ""

    async def run(self) -> None:
        """Serve until told to stop, then drain."""
        task = self._task
        built = self._built
        listener = Listener(built.site.handle, built.site.refuse, built.bounds, self._tls)
        self._listener = listener
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stopping.set)
        self._loop.add_reader(task.control, self._hear)
        await self._first()
        if task.agents:
            self._house = await self._housed()
        else:
            await listener.start(task.listening)
        watchers = [
            self._loop.create_task(watch_lag(self._metrics, listener, self._client)),
            self._loop.create_task(self._watch_fleet()),
            self._loop.create_task(self._probe()),
            self._loop.create_task(self._fold()),
            self._loop.create_task(watch_vault(self._sealer)),
            self._loop.create_task(self._qualities.watch(self._deployments)),
            self._loop.create_task(self._follower.watch(self._tell)),
            self._loop.create_task(self._doors.issuers.watch()),
            *([self._loop.create_task(self._askables.watch())] if task.index == 0 else []),
            *([] if self._agency is None else [self._loop.create_task(self._agency.watch())]),
            *self._counts.start(),
        ]
        gc.collect()
        gc.freeze()
        self._say({"ready": os.getpid(), "revision": built.revision})
        await self._stopping.wait()
        if self._house is not None:
            await _ended(watchers)  # the engine takes the loop's threads with it
            await self._house.stop(self._built.drain_timeout_s)
        clean = await listener.drain(self._built.drain_timeout_s, self._cut)
        self._cut()
        await _end(watchers)
        await self._counts.stop()
        self._client.close()
        await self._caching.close()
        await self._planning.close()
        self._askables.close()
        if self._agency is not None:
            await self._agency.close()
        self._journal.close()
        if self._built.tracer is not None:
            self._built.tracer.close()
        self._say({"stopped": os.getpid(), "clean": clean})

    async def _housed(self) -> "House":
        """Run agents here. What that needs is loaded by processes that do alone. Raises: StoreError."""
        from antiphon.app.agents_house import House

        assert self._agency is not None
        house = House(
            self._agency,
            self._settings.agents,
            self._stores,
            self._sealer,
            self._process.clock,
            self._outcomes,
            lambda: self._built.site,
            self._askables.people,
        )
        await house.start()
        return house

    async def _first(self) -> None:
        """Until it is known who may call, or the worker is told to stop."""
        knowing = self._loop.create_task(self._follower.first(self._tell))
        stopping = self._loop.create_task(self._stopping.wait())
        await asyncio.wait([knowing, stopping], return_when=asyncio.FIRST_COMPLETED)
        for one in (knowing, stopping):
            one.cancel()

    async def _watch_fleet(self) -> None:
        """Tell metrics how the deployments are, for as long as the worker runs."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                self._journal.scrub()
                measure(self._caller.fleet, self._metrics, self._caller.now())
            except Exception:  # a gauge must not end the watch
                log.exception("telemetry.failed", extra={"receipt": ""})

    async def _fold(self) -> None:
        """Fold what is known of deployments into the View that plans are made from, a few times a second."""
        while True:
            try:
                self._planning.fold(self._caller.fleet, self._caller.now(), self._process.clock.now_ns())
            except Exception:  # the View of before goes on
                log.exception("telemetry.failed", extra={"receipt": ""})
            await asyncio.sleep(FOLD_S)

    def _deployments(self) -> set[str]:
        return {member.name for member in self._caller.fleet.members()}

    async def _probe(self) -> None:
        """Probe those that are left alone. A task of its own, since a probe may hang for as long as it is allowed."""
        probed_s = self._loop.time()
        while True:
            await asyncio.sleep(LOOK_S)
            if self._loop.time() - probed_s >= self._built.probes.interval_s:
                probed_s = self._loop.time()
                try:
                    await look(self._built.site.gateway)
                except Exception:  # nor one probe the next
                    log.exception("request.crashed", extra={"receipt": ""})

    def _cut(self) -> None:
        self._cuts = True

    def _hear(self) -> None:
        """A line from the supervisor, or its end."""
        data = self._task.control.recv(1 << 20)
        if not data:
            self._loop.remove_reader(self._task.control)
            self._stopping.set()
            return
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            match _heard.decode(line):
                case Reload() as reload:
                    self._reload(reload)
                case Refresh():
                    self._refreshing = self._loop.create_task(self._refresh())

    def _reload(self, message: Reload) -> None:
        """Take over a new revision whole; requests that run keep the old one."""
        try:
            loaded = self._task.override(self._task.loaded.again(message.text))
            built = self._build(loaded, message.labs, self._built)
            if self._tls is not None and loaded.settings.server.tls is not None:
                tls_context(loaded.settings.server.tls, self._tls)
        except (AntiphonError, OSError, ssl.SSLError) as error:
            self._say({"refused": str(error)})
            return
        telemetry_log.level(loaded.settings.telemetry.log_level)
        self._loaded, self._labs, self._settings = loaded, message.labs, loaded.settings
        self._counts.arrange(loaded.settings, self._follower.owned)
        self._swap(built)
        self._say({"revision": built.revision})

    def _swap(self, built: Built) -> None:
        """Have new requests answered by another revision."""
        old, self._built = self._built, built
        self._listener.swap(built.site.handle, built.site.refuse, built.bounds)
        self._client.allow(built.egress)
        self._client.retain(built.origins)
        if old.tracer is not None and old.tracer is not built.tracer:
            self._loop.call_later(old.longest_s, self._loop.run_in_executor, None, old.tracer.close)

    def _say(self, message: dict[str, object]) -> None:
        try:
            self._task.control.sendall(msgspec.json.encode(message) + b"\n")
        except OSError:
            self._stopping.set()


async def _end(watchers: list[asyncio.Task[None]]) -> None:
    """End watchers, and what no caller waits for, such as probes, while receipts can still be written."""
    await _ended({*watchers, *asyncio.all_tasks()} - {asyncio.current_task()})


async def _ended(tasks: Collection[asyncio.Task[Any] | None]) -> None:
    """Cancel tasks, and wait for their end a while."""
    rest = [one for one in tasks if one is not None]
    for one in rest:
        one.cancel()
    if rest:
        await asyncio.wait(rest, timeout=END_S)


async def _serve(task: Task) -> None:
    await Worker(task).run()


def run(task: Task) -> None:
    """The body of a worker process."""
    telemetry_log.start(task.loaded.settings.telemetry.log_level)
    sys.setswitchinterval(SWITCH_S)
    uvloop.run(_serve(task))
