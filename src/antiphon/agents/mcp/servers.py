"""All servers of tools of a process: what they offer, looked at again and again, less what is quarantined."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.documents.document import Document
from antiphon.agents.mcp.document import ToolServerSpec
from antiphon.agents.mcp.hand import McpHand, ServerHand
from antiphon.agents.mcp.link import Unauthorized
from antiphon.agents.mcp.link_http import HttpLink
from antiphon.agents.mcp.link_program import ProgramLink
from antiphon.agents.mcp.news import PARTS, News, Part
from antiphon.agents.mcp.peer import NOBODY, Peer, Progress
from antiphon.agents.mcp.pins import Pin, Pins, PinState, Seen
from antiphon.agents.mcp.resources import OURS, PromptHand, ReadHand, offered
from antiphon.agents.mcp.tokens import SignIn, Tokens, TokensParts, finishing
from antiphon.agents.mcp.tool import seen, tool_of, wanted
from antiphon.core.error import AntiphonError, BadRequest, NotFound
from antiphon.core.ports import Transport
from antiphon.core.principal import Principal
from antiphon.core.run_store import RunStore
from antiphon.core.tool import Tool
from antiphon.sandbox.enclosure import Enclosure
from antiphon.wire.mcp import McpError

log = logging.getLogger("antiphon.agents")
CATALOGUE = "mcp/tools"
LOOK_S = 0.5
LISTEN_S = 3600.0
"""Until a stream of news is begun anew."""
FAILED_S = 10.0
"""Until a server that could not be asked is asked again."""
GATEWAY = Principal(tenant="", key="antiphon")
_spell = msgspec.json.Encoder(order="sorted").encode


class Standing(Struct, frozen=True, kw_only=True):
    """How a server stands, for people."""

    name: str
    tools: tuple[str, ...] = ()
    quarantined: Mapping[str, Pin] = {}
    """By the server's own names."""
    trouble: str = ""
    """Why it could not be asked last time; empty: it could."""
    looked_s: float | None = None
    sign_in: bool = False
    """Users sign in to it, and nobody has yet."""


class ServersParts(Struct, frozen=True, kw_only=True):
    """What servers rest on."""

    transport: Transport
    store: RunStore
    pins: Pins
    now_ns: Callable[[], int]
    now_s: Callable[[], float]
    """The clock of `ToolContext.until_s`."""
    tokens: TokensParts | None = None
    """None: servers that want tokens can't be used."""
    put: Callable[[str, Sequence[ServerHand], str], None] = lambda _source, _hands, _tenant: None
    """Told of a source's tools (`mcp/SERVER`) whenever they have changed, and whose they are; none: it is gone."""
    watching: Callable[[str], Progress | None] = lambda _: None


class _Server:
    """One server."""

    def __init__(self, document: Document, parts: ServersParts, enclosure: Enclosure, news: News) -> None:
        spec = document.spec
        assert isinstance(spec, ToolServerSpec)
        self.document, self.spec, self.parts = document, spec, parts
        self.link = (
            ProgramLink(document.name, spec, parts.now_s, enclosure)
            if spec.program
            else HttpLink(spec, parts.transport, parts.now_s)
        )
        self.peer = Peer(document.name, spec, self.link, parts.now_s, self._changed)
        self.news = news
        self.listener: asyncio.Task[None] | None = None
        self.stale: set[Part] = set()
        """What it said has changed, until those who listen are told: at the next look, however often it says so."""
        self.tokens = None
        if spec.oauth is not None and parts.tokens is not None:
            self.tokens = Tokens(document.name, spec, parts.tokens)
        self.hands: dict[str, ServerHand] = {}
        self.relays: dict[str, ServerHand] = {}
        """By what it has beside tools: `resources`, `prompts`."""
        self.pins: dict[str, Pin] = {}
        self.due_s = 0.0
        self.looked_s: float | None = None
        self.trouble = ""
        self.sign_in = False
        self.told = False
        """Whoever has its tools was told of them."""
        self.old = False
        """Another process has seen the server as it is now, and this one hasn't."""
        self.lock = asyncio.Lock()

    @property
    def tenant(self) -> str:
        return self.document.metadata.tenant

    @property
    def personal(self) -> bool:
        return self.spec.oauth is not None and self.spec.oauth.whose == "user"

    async def look(self) -> None:
        """Ask for its tools. Failures are kept as `trouble`."""
        async with self.lock:
            now_s = self.parts.now_s()
            if now_s < self.due_s:
                return
            self.looked_s, self.due_s = now_s, now_s + self.spec.refresh_s
            if self.old:
                self.old = False
                await self.link.renew()
            try:
                found = await (self._kept() if self.personal else self._offered(now_s))
                if found is not None:
                    await self.take(found)
                self.trouble, self.sign_in = "", found is None
                self.listen()
            except (AntiphonError, McpError, Unauthorized, SignIn) as error:
                self.trouble = error.noted if isinstance(error, AntiphonError) else str(error)
                self.due_s = now_s + min(FAILED_S, self.spec.refresh_s)
                log.warning("mcp.not_listed", extra={"server": self.document.name, "reason": self.trouble[:500]})

    async def _offered(self, now_s: float, principal: Principal = GATEWAY) -> list[Mapping[str, Any]]:
        """What it offers now."""
        until_s = now_s + self.spec.timeout_s
        if self.spec.oauth is None:
            return await offered(self.peer, NOBODY, until_s)
        if self.tokens is None:
            raise BadRequest("no tokens can be kept here, so that a server with `oauth` can't be asked")
        whose = await self.tokens.whose(principal, until_s)
        try:
            return await offered(self.peer, whose, until_s)
        except Unauthorized as error:
            whose = await self.tokens.renewed(principal, whose, error, until_s)
            return await offered(self.peer, whose, until_s)

    async def _kept(self) -> list[Mapping[str, Any]] | None:
        """What it offered whoever signed in last; None: nobody has yet."""
        parts = self.parts
        found = await asyncio.to_thread(parts.store.value, self.tenant, CATALOGUE, self.document.name, parts.now_ns())
        return None if found is None else msgspec.json.decode(found[0], type=list[dict[str, Any]])  # pyright: ignore[reportReturnType]

    async def signed_in(self, principal: Principal) -> None:
        """Take what it offers this user as its tools. Raises: AntiphonError, McpError, Unauthorized, SignIn."""
        found = await self._offered(self.parts.now_s(), principal)
        store = self.parts.store
        await asyncio.to_thread(store.put, self.tenant, CATALOGUE, self.document.name, _spell(found))
        async with self.lock:
            await self.take(found)
            self.trouble, self.sign_in = "", False

    async def take(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Have these tools, less those that are quarantined. Raises: StoreError, OverLimit."""
        tools: dict[str, Seen] = {}
        ours: dict[str, str] = {}
        for said in found:
            one = seen(said)
            if one is not None and one.name not in tools and wanted(self.spec, one.name):
                tools[one.name], ours[one.name] = one, str(said.get(OURS) or "")
        judged = [tools[name] for name in sorted(tools)]
        name, first = self.document.name, self.spec.pin == "first"
        self.pins = await self.parts.pins.judge(self.tenant, name, judged, first=first)
        hands: dict[str, ServerHand] = {}
        relays: dict[str, ServerHand] = {}
        for one in judged:
            if self.pins[one.name].changed:
                continue
            hand = self._hand(one, ours[one.name])
            if ours[one.name]:
                relays[ours[one.name]] = hand
            if ours[one.name] != "prompts":
                hands.setdefault(hand.tool.name, hand)
        for part in PARTS:
            if part in self.stale or relays.get(part) is not self.relays.get(part):
                self.news.tell(part, name)
        self.relays, self.stale = relays, set()
        if hands != self.hands or not self.told:
            self.hands, self.told = hands, True
            self.news.tell("tools", name)
            self.parts.put(f"mcp/{name}", tuple(hands.values()), self.tenant)

    def _changed(self, part: Part) -> None:
        """The server says that something of it has changed: it is looked at again soon."""
        self.due_s = 0.0
        if part != "tools":
            self.stale.add(part)
            for hand in self.relays.values():
                hand.forget()

    def listen(self) -> None:
        """Have a task hear of changes, where the server tells of them by itself; users' own servers are asked alone."""
        if self.listener is None and not self.personal and self.spec.oauth is None and not self.trouble:
            self.listener = asyncio.get_running_loop().create_task(self._listened())

    async def _listened(self) -> None:
        while True:
            try:
                if not await self.peer.listen(NOBODY, self.parts.now_s() + LISTEN_S):
                    return
            except (AntiphonError, McpError, Unauthorized) as error:
                log.info("mcp.not_heard", extra={"server": self.document.name, "reason": str(error)[:500]})
            await asyncio.sleep(FAILED_S)

    async def close(self) -> None:
        if self.listener is not None:
            self.listener.cancel()
            await asyncio.gather(self.listener, return_exceptions=True)
        await self.peer.close()

    def _hand(self, one: Seen, ours: str) -> ServerHand:
        """What asks the server, the same as before where nothing has changed."""
        tool = tool_of(self.document.name, self.spec, one, reads=bool(ours))
        before = self.relays.get(ours) or self.hands.get(tool.name)
        if before is not None and before.tool == tool and before.own == one.name:
            return before
        kind = {"resources": ReadHand, "prompts": PromptHand}.get(ours, McpHand)
        return kind(tool, one.name, self.peer, self.tokens, self._stands, self.parts.watching)

    async def _stands(self, tool: Tool, own: str) -> PinState:
        found = await self.parts.pins.standing(self.tenant, self.document.name, own, tool.version)
        if found != "accepted":
            self.due_s, self.old = 0.0, True
        return found


class Servers:
    """Arranged by documents; `watch` runs as long as the process."""

    def __init__(self, parts: ServersParts) -> None:
        self._parts = parts
        self._enclosure = Enclosure()
        self.news = News()
        self._servers: dict[str, _Server] = {}
        self._leaving: list[_Server] = []

    def arrange(self, documents: Mapping[str, Document]) -> None:
        """Work by these from now on, the documents of the kind ToolServer by name. One that stays as it was goes on."""
        old, self._servers = self._servers, {}
        for name, document in documents.items():
            before = old.get(name)
            same = before is not None and (before.document.secret or before.document.digest) == (
                document.secret or document.digest
            )
            self._servers[name] = (
                before if same and before else _Server(document, self._parts, self._enclosure, self.news)
            )
        for name, gone in old.items():
            if self._servers.get(name) is not gone:
                self._leaving.append(gone)
                if name not in self._servers:
                    self._parts.put(f"mcp/{name}", (), gone.tenant)

    async def look(self) -> None:
        """Ask those that are due for their tools, all at once, and let go of those that are gone."""
        leaving, self._leaving = self._leaving, []
        await asyncio.gather(*(one.close() for one in leaving), *(one.look() for one in self._servers.values()))

    async def watch(self) -> None:
        """Look for as long as the process runs."""
        while True:
            try:
                await self.look()
            except Exception:  # one look must not end the watch
                log.exception("mcp.crashed")
            await asyncio.sleep(LOOK_S)

    async def again(self, name: str) -> None:
        """Look at one at once. Raises: NotFound."""
        server = self._one(name)
        server.due_s = 0.0
        await server.look()

    async def accept(self, name: str, tool: str, by: str) -> bool:
        """A person approves a tool as it has become. Returns: whether it was quarantined. Raises: NotFound, StoreError."""
        server = self._one(name)
        done = await self._parts.pins.accept(server.tenant, name, tool, by)
        await self.again(name)
        return done

    async def way_in(self, principal: Principal, name: str, until_s: float) -> str:
        """Where a user signs in to a server; empty: they have. Raises: NotFound, UpstreamError, StoreError."""
        server = self._one(name)
        if server.tenant not in ("", principal.tenant) or server.tokens is None or not server.personal:
            raise NotFound(f"nobody signs in to {name[:64]!r} here")
        try:
            await server.tokens.whose(principal, until_s)
        except SignIn as error:
            return error.url
        return ""

    async def sign_in(self, principal: Principal, code: str, until_s: float) -> str:
        """Finish a sign-in. Returns: the server. Raises: BadRequest, NotFound, UpstreamError, StoreError."""
        if self._parts.tokens is None:
            raise NotFound("nobody signs in to servers here")
        pending = await finishing(self._parts.tokens, principal, code)
        server = self._one(pending.server)
        if server.tokens is None:
            raise NotFound(f"{pending.server} wants no sign-in any more")
        await server.tokens.finish(pending, until_s)
        try:
            await server.signed_in(principal)
        except (McpError, Unauthorized, SignIn) as error:
            raise BadRequest(f"{pending.server} doesn't take the token that was got: {error}") from error
        return pending.server

    def standings(self, tenant: str) -> list[Standing]:
        """How servers stand that a tenant may use, by name."""
        return [
            Standing(
                name=name,
                tools=tuple(sorted(one.hands)),
                quarantined={tool: pin for tool, pin in one.pins.items() if pin.changed},
                trouble=one.trouble,
                looked_s=one.looked_s,
                sign_in=one.sign_in,
            )
            for name, one in sorted(self._servers.items())
            if one.tenant in ("", tenant)
        ]

    def names(self, tenant: str, *, gateway: bool = False) -> tuple[str, ...]:
        """Servers that a tenant may use; `gateway`: by the MCP gateway."""
        return tuple(
            name
            for name, one in sorted(self._servers.items())
            if one.tenant in ("", tenant) and (one.spec.gateway or not gateway)
        )

    def tools(self, server: str) -> tuple[str, ...]:
        """Names of a server's tools, sorted."""
        found = self._servers.get(server)
        return () if found is None else tuple(sorted(found.hands))

    def relay(self, server: str, part: str) -> ServerHand | None:
        """What asks a server for its `resources` or `prompts`; None: it has none that may be asked for."""
        found = self._servers.get(server)
        return None if found is None else found.relays.get(part)

    async def close(self) -> None:
        gone = [*self._servers.values(), *self._leaving]
        self._servers, self._leaving = {}, []
        await asyncio.gather(*(one.close() for one in gone))

    def _one(self, name: str) -> _Server:
        found = self._servers.get(name)
        if found is None:
            raise NotFound(f"there is no server of tools {name[:64]!r}")
        return found
