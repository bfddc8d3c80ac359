"""Servers of tools as a process has them: on real stores, with people who can be asked."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.mcp.document import ToolServerSpec
from antiphon.agents.mcp.hand import ServerHand
from antiphon.agents.mcp.oauth import Grants
from antiphon.agents.mcp.pins import Pins, PinsParts
from antiphon.agents.mcp.servers import Servers, ServersParts
from antiphon.agents.mcp.tokens import TokensParts
from antiphon.agents.mcp.watching import Watchers
from antiphon.control.approvals import Book, Clockwork, People
from antiphon.control.roles import Grant, Scope
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.control.who import Who
from antiphon.core.clock import SystemClock
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.core.tool import ToolContext
from antiphon.net.client import Client
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer

CALLBACK = "http://gateway.test/mcp/oauth/callback"
ALICE = Principal(tenant="acme", key="alice-key", user="alice")
BOSS = Who(by="key/boss", grants=(Grant(role="approver", scope=Scope()),))


class Place:
    """Everything that servers rest on. Made on a running loop."""

    def __init__(self, directory: Path, put: Callable[[str, Sequence[ServerHand], str], None] | None = None) -> None:
        SqliteDatabase(directory).close()
        self.clock = SystemClock()
        self.store = SqliteRuns(directory)
        self.sealer = LocalSealer(directory / "local.key")
        clockwork = Clockwork(
            now_ns=self.clock.now_ns, now_s=time.perf_counter, ids=Uuid7(self.clock), sealer=self.sealer
        )
        self.book = Book(SqliteApprovals(directory), ApprovalSettings(), clockwork)
        self.people = People(self.book, clockwork)
        self.transport = Client()
        self.hands: dict[str, ServerHand] = {}
        self.watchers = Watchers()
        self.tokens = TokensParts(
            store=self.store,
            sealer=self.sealer,
            now_ns=self.clock.now_ns,
            grants=Grants(self.transport, time.perf_counter),
            callback=CALLBACK,
        )
        self.pins = Pins(
            PinsParts(store=self.store, now_ns=self.clock.now_ns, approvals=lambda: self.people, tenant="acme")
        )
        self.servers = Servers(
            ServersParts(
                transport=self.transport,
                store=self.store,
                pins=self.pins,
                now_ns=self.clock.now_ns,
                now_s=time.perf_counter,
                tokens=self.tokens,
                put=put or self._put,
                watching=self.watchers,
            )
        )

    def _put(self, source: str, hands: Sequence[ServerHand], tenant: str) -> None:
        self.hands = {name: hand for name, hand in self.hands.items() if hand.tool.source != source}
        self.hands |= {hand.tool.name: hand for hand in hands}

    async def have(self, **specs: ToolServerSpec) -> Servers:
        """Servers by their names, looked at."""
        self.servers.arrange({name: document(name, spec) for name, spec in specs.items()})
        await self.servers.look()
        return self.servers

    async def close(self) -> None:
        await self.servers.close()
        self.transport.close()
        self.store.close()


def document(name: str, spec: ToolServerSpec, tenant: str = "") -> Document:
    raw: dict[str, Any] = {"name": name, "spec": repr(spec)}
    return Document(
        kind="ToolServer", metadata=Metadata(name=name, tenant=tenant), spec=spec, raw=raw, digest=str(hash(repr(spec)))
    )


def context(principal: Principal = ALICE, *, for_s: float = 20.0, key: str = "k1") -> ToolContext:
    return ToolContext(principal=principal, run="", step="s", key=key, until_s=time.perf_counter() + for_s)
