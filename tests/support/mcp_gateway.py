"""The MCP gateway on a real listener, over real stores, with a server of tools behind it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx2
import msgspec
from fakes.house import House
from guarded import Mails, Words, guard
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from msgspec import structs
from tool_servers import Place

from antiphon.agents.documents.document import AgentDocument, AgentSpec, Metadata
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.mcp.hand import ServerHand
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.tools.grip import Handling, Surroundings
from antiphon.agents.tools.kept import Kept
from antiphon.agents.tools.toolbox import Toolbox
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.settings import CallsSettings
from antiphon.calls.tool_attempts import ToolAttempts
from antiphon.control.desk import Desk
from antiphon.control.identity import Keys
from antiphon.control.mcp import McpGateway
from antiphon.control.mcp_offer import Offering
from antiphon.control.settings import KeySettings
from antiphon.control.tool_calls import ToolDesk
from antiphon.core.clock import Clock
from antiphon.core.ids import Uuid7
from antiphon.core.run import Run, RunEvent, Wait
from antiphon.core.secret import Secret
from antiphon.gateway.decide import Decisions
from antiphon.gateway.gateway import Gateway
from antiphon.governance.approving import ApprovingSettings
from antiphon.governance.govern import Governor
from antiphon.governance.parts import Parts
from antiphon.governance.sessions import SessionClasses
from antiphon.governance.settings import DataClassSettings
from antiphon.net.exchange import Exchange
from antiphon.net.listener import Listener, bind
from antiphon.net.settings import Bounds
from antiphon.policy.compile import of_sources
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source
from antiphon.server.mcp import McpSite, mcp_page
from antiphon.server.mcp_in_flight import InFlight

Mode = Literal["legacy", "auto", "2026-07-28"]
ALICE, BOB, LIMITED = "sk-alice-1", "sk-bob-00001", "sk-limited-1"
KEYS = [
    KeySettings(name="alice", key=Secret(ALICE), tenant="acme"),
    KeySettings(name="bob", key=Secret(BOB), tenant="acme"),
    KeySettings(name="limited", key=Secret(LIMITED), tenant="acme", models=["agent/clerk", "tool/shop__price"]),
]
RULES = """
@id("no.bob") forbid(principal, action == Action::"use_tool", resource == Tool::"shop__count") when { principal.key == "bob" };
"""
APPROVING = ApprovingSettings(
    expires_s=600,
    wait_s=0,
    retry_after_s=1,
    needed=1,
    approvers="approver",
    escalate_s=0,
    escalate_to="",
    most_shown_bytes=100_000,
)
GUARDS = (guard(Mails(), "mask", name="mails"), guard(Words("bomb"), "block", name="bombs"))


class PerfClock(Clock):
    """Steady seconds as callers count them."""

    def now_ns(self) -> int:
        return time.time_ns()

    def steady_s(self) -> float:
        return time.perf_counter()


class Front:
    """Made on a running loop; `url` once it is open."""

    def __init__(self, directory: Path, rules: str = RULES) -> None:
        self.clock = PerfClock()
        self.place = Place(directory, put=self._put)
        around = Surroundings(clock=self.clock, fraction=lambda: 0.5, breakers=MemoryBreakers())
        self.tools = Toolbox(around, Kept(entries=10, size_bytes=10_000))
        sources = [Source(name="r.cedar", text=rules)] if rules else []
        parts = Parts(
            settings=DataClassSettings(),
            guards=GUARDS,
            policies=of_sources(sources, PolicySettings()),
            deployments={},
            sessions=SessionClasses(None, self.clock),
            vault=Tokens(),
        )
        self.house = House(directory, governor=Governor(parts))
        gateway = Gateway(structs.replace(self.house.gateway.process, clock=self.clock), self.house.gateway.revision)
        caller = gateway.process.caller
        desk = Desk(gateway=gateway, accounts={}, decisions=Decisions(gateway.revision, caller))
        self.runs = Runs(
            RunsParts(
                store=self.place.store,
                shelf=lambda: SHELF,
                clock=self.clock,
                ids=Uuid7(self.clock),
                may=lambda *_: None,
            )
        )
        self.attempts = ToolAttempts(caller.errands, caller, CallsSettings)
        self.desk = ToolDesk(desk=desk, attempts=self.attempts, approvals=self.place.people, approving=APPROVING)
        offering = Offering(
            desk=self.desk, tools=self.tools, servers=self.place.servers, runs=self.runs, also=self.tools.offered
        )
        self.site = McpSite(
            gateway=McpGateway(offering=offering, watchers=self.place.watchers, hold_s=1.0),
            identity=Keys(KEYS),
            in_flight=InFlight(self.place.store),
            issuers=("https://login.example",),
            servers=self.place.servers,
            tokens=self.place.tokens,
        )
        self.url = ""

    def _put(self, source: str, hands: Sequence[ServerHand], tenant: str) -> None:
        self.tools.put(source, [(hand, Handling(retries=0, tenant=tenant)) for hand in hands])

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Front"]:
        try:
            async with self._listening(self.site) as self.url:
                yield self
        finally:
            await self.place.close()

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[str]:
        """Another process of the gateway, as far as clients can tell: its URL."""
        async with self._listening(structs.replace(self.site, in_flight=InFlight(self.place.store))) as url:
            yield url

    @asynccontextmanager
    async def _listening(self, site: McpSite) -> AsyncIterator[str]:
        async def handle(exchange: Exchange) -> None:
            await mcp_page(exchange, site)

        sock = bind("127.0.0.1", 0)
        listener = Listener(handle, lambda status, text: (b"", text.encode()), Bounds())
        await listener.start(sock)
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
        finally:
            await listener.drain(5)

    @property
    def receipts(self) -> list[Any]:
        return list(self.house.journal.shut)


@asynccontextmanager
async def client(front: Front, mode: Mode, key: str = ALICE, path: str = "", **more: Any) -> AsyncIterator[Client]:
    """The protocol's own client at the gateway."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(front.url + path, http_client=http)
        async with Client(transport, mode=mode, **more) as made:
            yield made


class Tokens:
    """A vault whose tokens anybody can read."""

    def token(self, tenant: str, kind: str, value: str) -> str:
        return f"[[{kind.upper()}_A{len(value):015X}]]"

    async def ready(self, tenant: str) -> None: ...

    async def keep(self, tenant: str, subject: str, tokens: Any) -> None: ...

    def keep_now(self, tenant: str, subject: str, tokens: Any) -> None: ...


def agent(name: str, **spec: Any) -> AgentDocument:
    return AgentDocument(
        metadata=Metadata(name=name, description="Settles refunds."), spec=AgentSpec(goal="Settle refunds.", **spec)
    )


SHELF = Shelf(agents={"clerk": {"1": agent("clerk")}, "hidden": {"1": agent("hidden", listed=False)}})


async def engine(front: Front, work: Callable[[Run, list[Any]], Run | None]) -> None:
    """Serves runs for as long as it isn't cancelled: `work` says what becomes of a run and what it was told."""
    store = front.place.store
    while True:
        for run in await asyncio.to_thread(store.due, time.time_ns(), 10):
            mail = store.mail(run.id)
            store.tell([RunEvent(run=run.id, seq=run.segment * 10, at_ns=1, kind="tool")])
            after = work(run, [msgspec.json.decode(one.body) for one in mail if one.body] or [one.kind for one in mail])
            store.take(run.id, [one.id for one in mail])
            if after is not None:
                store.save(structs.replace(after, segment=run.segment + 1), run.segment, [run.status])
        await asyncio.sleep(0.01)


def done(run: Run, result: Any) -> Run:
    return structs.replace(run, status="done", stop="finished", result=msgspec.json.encode(result), wait=None)


def asks(run: Run, question: str) -> Run:
    wait = Wait(kind="question", key="q1", shown=msgspec.json.encode({"question": question}).decode())
    return structs.replace(run, status="waiting", wait=wait)


def said(found: types.CallToolResult) -> str:
    part = found.content[0]
    assert isinstance(part, types.TextContent)
    return part.text
