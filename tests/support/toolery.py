"""Tools of documents for tests: a box, a clock that waits for nobody, a server that answers by a script."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.tools.documents import MayRead
from antiphon.agents.tools.grip import Surroundings
from antiphon.agents.tools.kept import Kept
from antiphon.agents.tools.parts import Parts
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.tools.toolbox import Teller, Toolbox, ToolTold
from antiphon.agents.tools.workshop import Workshop
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.core.clock import Clock
from antiphon.core.principal import Principal
from antiphon.core.tool import ToolCall, ToolContext, ToolResult
from antiphon.knowledge.collection import Collection
from antiphon.knowledge.settings import CollectionSpec

ANN = Principal(tenant="acme", key="ann", user="ann", team="care", roles=("agent-user",))


class Pausing(Clock):
    """A clock that goes on only where something pauses."""

    def __init__(self) -> None:
        self.at_s = 1000.0
        self.pauses: list[float] = []

    def now_ns(self) -> int:
        return 1_780_000_000_000_000_000 + int(self.at_s * 1e9)

    def steady_s(self) -> float:
        return self.at_s

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at_s += seconds
        await asyncio.sleep(0)


class Heard(Teller):
    def __init__(self) -> None:
        self.all: list[ToolTold] = []

    def told(self, told: ToolTold) -> None:
        self.all.append(told)


class Lets(MayRead):
    """Lets everybody read but what it names."""

    def __init__(self) -> None:
        self.without: set[str] = set()

    def may_read(self, context: ToolContext, collection: Collection) -> bool:
        return collection.name not in self.without


class Bench(Struct, kw_only=True):
    """A toolbox and what is around it."""

    box: Toolbox
    workshop: Workshop
    clock: Pausing
    heard: Heard

    async def call(self, name: str, /, key: str = "", principal: Principal = ANN, **arguments: Any) -> ToolResult:
        return await self.at(name, arguments, context(self.clock, key=key or f"run.1/{name}", principal=principal))

    async def at(self, name: str, arguments: dict[str, Any], where: ToolContext) -> ToolResult:
        call, wrong = self.box.check(ToolCall(id="c", name=name, arguments=arguments))
        assert wrong == (), wrong
        return await self.box.call(call, where)


def bench(*documents: Document, parts: Mapping[str, Any] | None = None, indexes: Path | None = None) -> Bench:
    """A box with the tools of some documents."""
    clock, heard = Pausing(), Heard()
    around = Surroundings(clock=clock, fraction=random.Random(7).random, breakers=MemoryBreakers(), pause=clock.pause)
    box = Toolbox(around, Kept(entries=4, size_bytes=65_536), heard)
    given = {"clock": clock, "secrets": secrets, "base": Path("/nowhere"), "may": Lets(), **(parts or {})}
    workshop = Workshop(box, Parts(**given), indexes)
    workshop.know(shelf(*documents))
    return Bench(box=box, workshop=workshop, clock=clock, heard=heard)


def shelf(*documents: Document) -> dict[str, dict[str, Document]]:
    found: dict[str, dict[str, Document]] = {}
    for one in documents:
        found.setdefault(one.kind, {})[one.name] = one
    return found


def secrets(reference: str) -> str | None:
    return {"env:CRM_TOKEN": "t0ken", "env:HOOK_SECRET": "s3cret"}.get(reference)


def tool(name: str, *, tenant: str = "", **spec: Any) -> Document:
    """A checked document of kind Tool."""
    read = msgspec.convert(spec, ToolSpec)
    assert read.check() == []
    return _document("Tool", name, read, spec, tenant)


def collection(name: str, *, tenant: str = "", **spec: Any) -> Document:
    return _document("Collection", name, msgspec.convert(spec, CollectionSpec), spec, tenant)


def _document(kind: str, name: str, read: Any, raw: dict[str, Any], tenant: str) -> Document:
    digest = msgspec.json.encode(raw, order="sorted").hex()
    return Document(kind=kind, metadata=Metadata(name=name, tenant=tenant), spec=read, raw=raw, digest=digest)


def context(clock: Clock, *, key: str = "run.1", workspace: str = "", principal: Principal = ANN) -> ToolContext:
    return ToolContext(
        principal=principal,
        run="run",
        step="1",
        key=key,
        until_s=clock.steady_s() + 60,
        agent="helper",
        workspace=workspace,
    )


class Came(Struct, kw_only=True):
    """A request as a server got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[Came], tuple[int, str, bytes] | Awaitable[tuple[int, str, bytes]] | None]
"""Status, content type, body; None: the connection is closed without an answer."""


class Upstream:
    """A real HTTP server on this machine."""

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answers: Answering = lambda _: (200, "application/json", b"{}")
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {
                    name.lower(): value.strip() for name, _, value in (one.partition(":") for one in head[1:] if one)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                came = Came(method=method, target=target, headers=headers, body=body)
                self.came.append(came)
                said = self.answers(came)
                answer = await said if isinstance(said, Awaitable) else said
                if answer is None:
                    return
                status, kind, content = answer
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
