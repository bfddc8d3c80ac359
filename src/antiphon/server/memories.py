"""`GET /v1/memories?agent=NAME` and `DELETE /v1/memories/ID?agent=NAME`: what agents remember of their callers."""

from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct

from antiphon.agents.memory import KeptMemories
from antiphon.agents.runs import Runs
from antiphon.control.instants import said
from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError, BadRequest, WrongMethod
from antiphon.core.ports import Identity
from antiphon.core.run import Memory
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.reply import JSON, error_headers
from antiphon.wire.codecs import CODECS

PREFIX = b"/v1/memories"
KNOWN = ("agent", "session")
_encode = msgspec.json.encode


class ShownMemory(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A memory."""

    id: str
    object: str
    agent: str
    scope: str
    text: str
    created: str
    expires: str = ""
    sources: tuple[str, ...] = ()
    untrusted: bool = False
    data_class: DataClass = "public"
    run: str = ""
    approval: str = ""
    approved_by: str = ""
    waits: bool = False
    """Nobody approved it yet, so that it is not recalled."""


class MemorySite:
    """Answers what is asked about memories."""

    def __init__(self, memories: KeptMemories, runs: Runs, identity: Identity) -> None:
        self._memories, self._runs, self._identity = memories, runs, identity

    async def handle(self, exchange: Exchange) -> None:
        """Answer an exchange, errors too."""
        try:
            body = await self._answer(exchange)
        except AntiphonError as error:
            exchange.respond(error.said_status, error_headers(error, ""), CODECS["openai_chat"].error(error))
        else:
            exchange.respond(200, JSON, _encode(body))

    async def _answer(self, exchange: Exchange) -> Any:
        principal = await authenticate(exchange, self._identity)
        one = unquote(exchange.path.removeprefix(PREFIX).removeprefix(b"/")[:256].decode("latin-1"))
        _method(exchange, *((b"DELETE",) if one else (b"GET", b"HEAD")))
        query = _query(exchange)
        document = self._runs.agent(principal, query["agent"])
        session = query.get("session", "")
        if one:
            await self._memories.forget(principal, document.name, one, session)
            return {"id": one, "object": "agent.memory", "deleted": True}
        found = await self._memories.of(principal, document.name, session)
        return {"object": "list", "data": [_shown(one) for one in found]}


def _query(exchange: Exchange) -> dict[str, str]:
    """Raises: BadRequest."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(exchange.query.decode("latin-1"), keep_blank_values=True):
        if name in KNOWN:
            found[name] = value
        elif name != "key":  # a credential, in Gemini's way
            raise BadRequest(f"unknown parameter `{name[:64]}`; allowed here: {', '.join(KNOWN)}", param=name[:64])
    if not found.get("agent"):
        raise BadRequest("agent: say whose memories, such as ?agent=complaints", param="agent")
    return found


def _method(exchange: Exchange, *methods: bytes) -> None:
    """Raises: WrongMethod."""
    if exchange.method not in methods:
        allow = ", ".join(one.decode() for one in methods)
        raise WrongMethod(f"{exchange.path[:256].decode('latin-1')} takes {allow} only", allow=allow)


def _shown(one: Memory) -> ShownMemory:
    return ShownMemory(
        id=one.id,
        object="agent.memory",
        agent=one.agent,
        scope=one.scope,
        text=one.text.decode(),
        created=said(one.created_ns),
        expires=said(one.expires_ns) if one.expires_ns else "",
        sources=one.sources,
        untrusted=one.untrusted,
        data_class=one.data_class,
        run=one.run,
        approval=one.approval,
        approved_by=one.approved_by,
        waits=one.waits,
    )
