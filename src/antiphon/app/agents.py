"""Wires agents for a process: documents, tools, servers, rights, runs."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from antiphon.agents.a2a.recorded import RemoteCalls
from antiphon.agents.a2a.remote import RemoteParts, Remotes
from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.gate import Gate
from antiphon.agents.mcp.hand import ServerHand
from antiphon.agents.mcp.oauth import Grants
from antiphon.agents.mcp.pins import Pins, PinsParts
from antiphon.agents.mcp.servers import Servers, ServersParts
from antiphon.agents.mcp.tokens import TokensParts
from antiphon.agents.mcp.watching import Watchers
from antiphon.agents.memory import KeptMemories
from antiphon.agents.models.answering import Answering
from antiphon.agents.models.models import Modelled, models
from antiphon.agents.registry import Directory
from antiphon.agents.rights import Rights
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.safety.hazards import Hazards
from antiphon.agents.safety.rules import Rules
from antiphon.agents.sealed import SealedRuns
from antiphon.agents.tools.documents import MayRead
from antiphon.agents.tools.grip import Handling, Surroundings
from antiphon.agents.tools.kept import Kept
from antiphon.agents.tools.parts import Parts
from antiphon.agents.tools.telling import Telling
from antiphon.agents.tools.toolbox import Toolbox
from antiphon.agents.tools.workshop import Workshop
from antiphon.agents.triggers.triggers import Triggers, TriggersParts
from antiphon.app.governing import Governing
from antiphon.app.stores import Stores
from antiphon.calls.breaker_shared import SharedBreaker
from antiphon.config.document_files import EMPTY, secrets
from antiphon.config.documents_api import merged
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.core.clock import Clock
from antiphon.core.error import StoreError
from antiphon.core.ids import Ids
from antiphon.core.ports import Approvals, Sealer, Transport
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.core.sandbox import Sandbox
from antiphon.core.tool import Origins, Tool, ToolContext
from antiphon.core.verdict import Verdict
from antiphon.gateway.gateway import Gateway
from antiphon.knowledge.collection import Collection
from antiphon.net.egress import egress_of
from antiphon.policy.compile import compiled
from antiphon.policy.policies import Policies
from antiphon.telemetry.metrics_agents import AgentMetrics
from antiphon.telemetry.trace import Tracer
from antiphon.telemetry.trace_agents import AgentSpans

log = logging.getLogger("antiphon.agents")
KEPT_RESULTS = 1000
KEPT_BYTES = 16_777_216
"""Of results of pure tools, by tenant."""
LOOK_S = 2.0
"""Between two looks at outcomes, switches, remote cards, documents that are fetched and files of collections."""
WORKSPACES, INDEXES = "workspaces", "collections"
"""Folders in the data directory."""


class AgencyParts(Struct, frozen=True, kw_only=True):
    """What agents rest on, whatever the revision."""

    settings: Settings
    base: Path
    """Where relative files of documents begin."""
    data: Path
    stores: Stores
    sealer: Sealer
    clock: Clock
    ids: Ids
    transport: Transport
    governing: Governing
    breakers: SharedBreaker
    metrics: AgentMetrics
    tracer: Callable[[], Tracer | None]
    """Of the present revision."""
    gateway: Callable[[], Gateway]
    """Of the present revision."""
    approvals: Callable[[], Approvals | None]
    """Of the present revision."""
    sandbox: Callable[[], Sandbox | None]
    index: str
    """Names this process among those of the gateway: each has indexes of its own."""


class Agency:
    """What a process holds for agents, whatever the revision."""

    def __init__(self, parts: AgencyParts) -> None:
        self.parts = parts
        settings, clock = parts.settings, parts.clock
        self.spans = AgentSpans(parts.tracer, clock.now_ns)
        self.store: RunStore = SealedRuns(parts.stores.runs(), parts.sealer)
        self.shelf: Shelf = EMPTY
        self._chance = random.Random().random  # noqa: S311 - spreads retries in time; it guards nothing
        self._teller = Telling(parts.metrics, self.spans)
        around = Surroundings(clock=clock, fraction=self._chance, breakers=parts.breakers)
        self.toolbox = Toolbox(around, Kept(entries=KEPT_RESULTS, size_bytes=KEPT_BYTES), self._teller)
        self.hazards = Hazards(lambda: self.shelf, self.toolbox)
        self.rights = Rights(self._policies, lambda: self.shelf)
        self.runs = Runs(
            RunsParts(
                store=self.store,
                shelf=lambda: self.shelf,
                clock=clock,
                ids=parts.ids,
                may=self.rights.run,
                most_queued=settings.agents.most_queued,
                traced=self.spans.begun,
                unsafe=self.hazards.unsafe,
            )
        )
        self.answering = Answering(self.runs)
        self._secret = parts.sealer.stamp(b"agents/marks").hex()
        self._none = compiled(settings.policy, (), settings.data_classes.private_from)
        self.tokens = TokensParts(
            store=self.store,
            sealer=parts.sealer,
            now_ns=clock.now_ns,
            grants=Grants(parts.transport, clock.steady_s),
            callback=f"{settings.agents.public_url.rstrip('/')}/mcp/oauth/callback",
        )
        self.watchers = Watchers()
        self.servers = self._servers()
        self.remotes = Remotes(self._remote())
        self.directory = Directory(lambda: self.shelf, self.store, self.remotes)
        self.memories = KeptMemories(self.store, parts.approvals, clock)
        self._workshop: Workshop | None = None
        self._found: Callable[[str], str | None] = lambda _: None
        self.triggers = Triggers(
            TriggersParts(
                begin=self.runs.begin,
                store=self.store,
                shelf=lambda: self.shelf,
                clock=clock,
                ids=parts.ids,
                secrets=self._secret_of,
                count=parts.metrics.triggered,
            )
        )

    def know(self, loaded: Loaded, documents: Sequence[Mapping[str, Any]]) -> bool:
        """Work by these from now on: the configuration's documents, and those of the admin API. Blocks on files that they
        name. Returns: whether they are others than before.
        """
        before, self._found = self.shelf.revision, secrets(loaded.environ, loaded.base)
        self.shelf = merged(loaded, documents)
        if before == self.shelf.revision and self._workshop is not None:
            return False
        if self._workshop is None:
            indexes = self.parts.data / INDEXES / self.parts.index
            indexes.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._workshop = Workshop(self.toolbox, self._made_with(loaded), indexes)
        self._workshop.know(self.shelf.others)
        self.servers.arrange(self.shelf.of("ToolServer"))
        self.servers.news.tell("tools")
        self.remotes.arrange(self.shelf.of("RemoteAgent"))
        for name, why in self.toolbox.unready.items():
            log.warning("tool.unready", extra={"tool": name, "reason": why})
        self.hazards.look()
        return True

    def models(self, seconds: float) -> Mapping[str, Modelled]:
        """Agents that may be asked as models, by public name."""
        return models(self.shelf, self.answering, seconds)

    def gate(self, document: AgentDocument, principal: Principal) -> Gate:
        """The rules over what an agent does in somebody's name."""

        def may(tool: Tool, origins: Origins) -> Verdict:
            return self.rights.tool(principal, document, tool, origins)

        return Rules(document, self.toolbox.get, may, secret=self._secret)

    def workspace(self, run: Run) -> str:
        """Folder of a run's files, which its children share; made where it isn't there."""
        folder = workspaces(self.parts.settings) / (run.root or run.id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder)

    async def watch(self) -> None:
        """Keep up with what lies elsewhere, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.servers.watch())
            group.create_task(self._look())

    async def _look(self) -> None:
        while True:
            try:
                await self.directory.refresh()
                await self.remotes.look()
                if self._workshop is not None:
                    await self._workshop.fetch()
                    self.hazards.look()
                    await self._workshop.look()
            except StoreError as error:
                log.error("agents.not_read", extra={"reason": error.noted})
            except Exception:  # one look must not end the watch
                log.exception("agents.crashed")
            await asyncio.sleep(LOOK_S)

    async def close(self) -> None:
        await self.servers.close()
        await self.toolbox.close()
        if self._workshop is not None:
            self._workshop.close()
        self.store.close()

    # --- parts

    def _servers(self) -> Servers:
        parts = self.parts
        pins = PinsParts(store=self.store, now_ns=parts.clock.now_ns, approvals=parts.approvals)
        return Servers(
            ServersParts(
                transport=parts.transport,
                store=self.store,
                pins=Pins(pins),
                now_ns=parts.clock.now_ns,
                now_s=parts.clock.steady_s,
                tokens=self.tokens,
                put=self._put,
                watching=self.watchers,
            )
        )

    def _put(self, source: str, hands: Sequence[ServerHand], tenant: str) -> None:
        if hands:
            self.toolbox.put(source, [(hand, Handling(retries=1, tenant=tenant)) for hand in hands])
        else:
            self.toolbox.drop(source)
        self.hazards.look()

    def _remote(self) -> RemoteParts:
        parts = self.parts
        return RemoteParts(
            transport=parts.transport,
            clock=parts.clock,
            breakers=parts.breakers,
            calls=RemoteCalls(parts.gateway),
            fraction=self._chance,
            may=self._may_ask,
            teller=self._teller,
            store=self.store,
        )

    def _may_ask(self, context: ToolContext, tool: Tool) -> Verdict:
        agent = self.shelf.agent(context.agent)
        return self.rights.tool(context.principal, agent, tool, Origins(data_class=context.data_class))

    def _made_with(self, loaded: Loaded) -> Parts:
        parts = self.parts
        return Parts(
            clock=parts.clock,
            secrets=self._secret_of,
            base=parts.base,
            transport=parts.transport,
            store=self.store,
            sandbox=parts.sandbox(),
            egress=lambda: egress_of(loaded.settings.egress),
            may=_Reading(self.rights, lambda: self.shelf),
        )

    def _secret_of(self, place: str) -> str | None:
        return self._found(place)

    def _policies(self) -> Policies:
        governor = self.parts.governing.governor
        return self._none if governor is None else governor.policies


class _Reading(MayRead):
    def __init__(self, rights: Rights, shelf: Callable[[], Shelf]) -> None:
        self._rights, self._shelf = rights, shelf

    def may_read(self, context: ToolContext, collection: Collection) -> bool:
        agent = self._shelf().agent(context.agent) if context.agent else None
        verdict = self._rights.collection(
            context.principal, agent, collection.name, collection.data_class, collection.department
        )
        return verdict.allowed and not verdict.obligations.approve


def workspaces(settings: Settings) -> Path:
    """Folder of the runs' files."""
    return Path(settings.agents.workspaces or Path(settings.storage.dir) / WORKSPACES)
