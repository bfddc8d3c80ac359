"""Remote agents, asked for runs of a gateway on fakes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fakes.house import House

from antiphon.agents.a2a.document import RemoteAgentSpec
from antiphon.agents.a2a.recorded import RemoteCalls
from antiphon.agents.a2a.remote import RemoteParts, Remotes
from antiphon.agents.documents.document import Document, Metadata
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.clock import SystemClock
from antiphon.core.principal import Principal
from antiphon.core.tool import ToolContext
from antiphon.net.client import Client
from antiphon.net.egress import Egress

CLOCK = SystemClock()


def document(url: str, **fields: Any) -> Document:
    spec = RemoteAgentSpec(url=url, **fields)
    return Document(kind="RemoteAgent", metadata=Metadata(name="echo"), spec=spec, raw={}, digest="")


def context(key: str = "run/1.0", seconds: float = 20.0, **more: Any) -> ToolContext:
    return ToolContext(
        principal=Principal(tenant="acme", key="alice"),
        run="run",
        step="1.0",
        key=key,
        until_s=CLOCK.steady_s() + seconds,
        **more,
    )


class Far:
    """A gateway, and whoever is asked by it."""

    def __init__(self, directory: Path, **revision: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.house = House(directory, **revision)
        self.clients: list[Client] = []

    def remotes(
        self, url: str, may: Any = None, breaker: BreakerSettings | None = None, store: Any = None, **fields: Any
    ) -> Remotes:
        """Those of documents with one, `echo`, at `url`."""
        self.clients.append(Client(Egress()))
        parts = RemoteParts(
            transport=self.clients[-1],
            clock=CLOCK,
            breakers=MemoryBreakers(),
            calls=RemoteCalls(lambda: self.house.gateway),
            fraction=lambda: 0.5,
            may=may,
            store=store,
            breaker=breaker or BreakerSettings(),
        )
        made = Remotes(parts)
        made.arrange({"echo": document(url, **fields)})
        return made


@asynccontextmanager
async def far(directory: Path, **revision: Any) -> AsyncIterator[Far]:
    """Every client is closed by its end; what was held is settled."""
    made = Far(directory, **revision)
    try:
        yield made
        counted = made.house.tickets.counted
        assert (counted.open, counted.taken) == (0, counted.settled)
    finally:
        for client in made.clients:
            client.close()
