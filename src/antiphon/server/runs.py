"""`/v1/agents`, `/v1/runs` and `/v1/inbox`: agents for callers."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, get_args
from urllib.parse import parse_qsl, unquote

import msgspec
from msgspec import Struct, structs

from antiphon.agents.runs import Runs
from antiphon.control.runs_shown import shown_agent, shown_event, shown_run
from antiphon.core.clock import Clock
from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError, BadRequest, NotFound, WrongMediaType, WrongMethod
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.run import Run, RunEnvelope, RunEvent, RunStatus
from antiphon.core.run_store import Asked
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.reply import JSON, error_headers
from antiphon.wire import trace
from antiphon.wire.codecs import CODECS
from antiphon.wire.fields import mistyped
from antiphon.wire.json import loads

AGENTS, RUNS, INBOX = b"/v1/agents", b"/v1/runs", b"/v1/inbox"
SSE = b"content-type: text/event-stream\r\ncache-control: no-cache\r\n"
ALIVE_S = 10.0
"""Between two signs of life of a stream in which nothing happens."""
LONGEST_WAIT_S = 600.0
MOST_PAGE = 1000
MOST_BOUND = 2**53
"""Of an envelope: whole numbers beyond are not exact in JSON."""
ONCE = b"idempotency-key"
STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
CLASSES: tuple[DataClass, ...] = get_args(DataClass)
_PATH = re.compile(rb"/v1/runs/([^/]{1,256})(?:/([a-z-]{1,16}))?")
_encode = msgspec.json.encode


class BeginFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What begins a run."""

    agent: str
    input: Any
    version: str = ""
    session: str = ""
    priority: int = 5
    envelope: RunEnvelope | None = None
    data_class: DataClass | None = None
    wait_s: float = 0.0
    """How long its end, or its first wait, is waited for: 0 to 600."""


class RunSite:
    """Answers what is asked about runs."""

    def __init__(self, runs: Runs, identity: Identity, clock: Clock) -> None:
        self._runs, self._identity, self._clock = runs, identity, clock
        self._verbs: Mapping[str, Verb] = MappingProxyType(
            {
                "answer": self._answered,
                "say": self._said,
                "cancel": self._ended,
                "kill": self._ended,
                "pause": self._ended,
                "resume": self._resumed,
                "fork": self._forked,
                "take-over": self._taken,
                "give-back": self._given,
            }
        )

    async def handle(self, exchange: Exchange) -> None:
        """Answer an exchange, errors too."""
        try:
            await self._handle(exchange, await authenticate(exchange, self._identity))
        except AntiphonError as error:
            if exchange.answered:
                exchange.end(_event("error", {"error": {"code": error.said_code, "message": error.message}}, None))
            else:
                exchange.respond(error.said_status, error_headers(error, ""), CODECS["openai_chat"].error(error))

    async def _handle(self, exchange: Exchange, principal: Principal) -> None:
        path = exchange.path
        if path == RUNS and exchange.method == b"POST":
            await self._begin(exchange, principal)
            return
        found = _PATH.fullmatch(path)
        verb = found[2].decode() if found is not None and found[2] else ""
        if found is not None and verb in self._verbs:
            _method(exchange, b"POST")
            fields = _fields(exchange)
            run = await self._verbs[verb](principal, unquote(found[1].decode("latin-1")), verb, fields)
            exchange.respond(200, JSON, _encode(shown_run(run)))
            return
        _method(exchange, b"GET", b"HEAD", *((b"POST",) if path == RUNS else ()))
        if found is not None and verb == "events":
            await self._events(exchange, principal, unquote(found[1].decode("latin-1")))
        else:
            exchange.respond(200, JSON, _encode(await self._page(exchange, principal, found, verb)))

    async def _page(self, exchange: Exchange, principal: Principal, found: re.Match[bytes] | None, verb: str) -> Any:
        """Raises: NotFound and others."""
        path = exchange.path
        if path == AGENTS:
            _query(exchange)
            return {
                "object": "list",
                "data": [self._agent(principal, one.name) for one in self._runs.agents(principal)],
            }
        if path.startswith(AGENTS + b"/"):
            name = unquote(path.removeprefix(AGENTS + b"/").decode("latin-1"))
            return self._agent(principal, name, _query(exchange, "version").get("version", ""))
        if path == RUNS:
            asked = _asked(_query(exchange, "agent", "status", "session", "root", "before", "limit"))
            runs = await self._runs.page(principal, asked)
            return {"object": "list", "data": [shown_run(one) for one in runs]}
        if path == INBOX:
            _query(exchange)
            runs = await self._runs.inbox(principal, principal.roles, everyone=principal.admin)
            return {"object": "list", "data": [shown_run(one) for one in runs]}
        if found is not None and not verb:
            wait_s = _seconds(_query(exchange, "wait_s").get("wait_s", "0"))
            run = unquote(found[1].decode("latin-1"))
            if wait_s:
                return shown_run(await self._runs.wait(principal, run, self._clock.steady_s() + wait_s))
            return shown_run(await self._runs.show(principal, run))
        raise NotFound(f"nothing is served at {path[:256].decode('latin-1')}; see GET /v1/agents and GET /v1/runs")

    def _agent(self, principal: Principal, name: str, version: str = "") -> Any:
        document = self._runs.agent(principal, name, version)
        versions = [*self._runs.parts.shelf().agents.get(document.name, {})]
        return shown_agent(document, versions)

    async def _begin(self, exchange: Exchange, principal: Principal) -> None:
        asked = _begun(_fields(exchange))
        run = await self._runs.begin(
            principal,
            asked.agent,
            asked.input,
            version=asked.version,
            session=asked.session,
            once=exchange.headers.get(ONCE, b"").decode("latin-1")[:256],
            envelope=asked.envelope,
            priority=asked.priority,
            data_class=asked.data_class,
            trace=trace.decode(exchange.headers.get(b"traceparent"), exchange.headers.get(b"tracestate")),
        )
        if asked.wait_s:
            run = await self._runs.wait(principal, run.id, self._clock.steady_s() + asked.wait_s)
        headers = JSON + b"location: /v1/runs/%b\r\nx-antiphon-run: %b\r\n" % (run.id.encode(), run.id.encode())
        exchange.respond(201, headers, _encode(shown_run(run)))

    # --- what happens

    async def _events(self, exchange: Exchange, principal: Principal, run: str) -> None:
        """A stream until the run ends, or one page of what happened."""
        query = _query(exchange, "after", "stream", "follow")
        after = _whole(query, "after", _resumed_at(exchange))
        accepts = exchange.headers.get(b"accept", b"")
        alone = b"text/event-stream" in accepts and b"application/json" not in accepts
        streams, follow = _flag(query, "stream", default=alone), _flag(query, "follow", default=False)
        if not streams:
            page = await self._first(principal, run, after)
            more = len(page) > MOST_PAGE
            data = [shown_event(one) for one in page[:MOST_PAGE]]
            exchange.respond(200, JSON, _encode({"object": "list", "data": data, "has_more": more}))
            return
        await self._runs.show(principal, run)
        exchange.begin(200, SSE)
        async for piece in self._told(principal, run, after, follow=follow):
            if exchange.gone:
                return
            exchange.write(piece)
            await exchange.drained()
        exchange.end(_event("end", shown_run(await self._runs.show(principal, run)), None))

    async def _first(self, principal: Principal, run: str, after: int) -> list[RunEvent]:
        """The events of one page, and one more where there is any."""
        found: list[RunEvent] = []
        async for event in self._runs.events(principal, run, after=after):
            found.append(event)
            if len(found) > MOST_PAGE:
                break
        return found

    async def _told(self, principal: Principal, run: str, after: int, *, follow: bool) -> AsyncIterator[bytes]:
        """Events as they come. `follow`: through waits for people too."""
        yield b": run %b\n\n" % run.encode()
        while True:
            until_s = self._clock.steady_s() + ALIVE_S
            events = self._runs.events(principal, run, after=after, until_s=until_s, through_waits=follow)
            async for event in events:
                after = event.seq
                yield _event(event.kind, shown_event(event), event.seq)
            if self._clock.steady_s() < until_s or (await self._runs.show(principal, run)).ended:
                return
            yield b": alive\n\n"

    # --- what is said to a run

    async def _answered(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields, "key", "body")
        return await self._runs.answer(principal, run, _text(fields, "key"), fields.get("body"))

    async def _said(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields, "message")
        return await self._runs.say(principal, run, fields.get("message"))

    async def _ended(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields, "why")
        work = {"cancel": self._runs.cancel, "kill": self._runs.kill, "pause": self._runs.pause}[verb]
        return await work(principal, run, _text(fields, "why"))

    async def _resumed(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields)
        return await self._runs.resume(principal, run)

    async def _forked(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields, "step")
        step = fields.get("step")
        if not isinstance(step, int) or isinstance(step, bool):
            raise mistyped("step", "a whole number", step)
        return await self._runs.fork(principal, run, step)

    async def _taken(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields)
        by = f"user/{principal.user}" if principal.user else f"key/{principal.key}"
        return await self._runs.take_over(principal, run, by)

    async def _given(self, principal: Principal, run: str, verb: str, fields: dict[str, Any]) -> Run:
        _known(fields, "done")
        return await self._runs.give_back(principal, run, fields.get("done"))


Verb = Callable[[Principal, str, str, dict[str, Any]], Awaitable[Run]]


def _event(kind: str, body: object, seq: int | None) -> bytes:
    """One server-sent event."""
    line = b"" if seq is None else b"id: %d\n" % seq
    return line + b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(body))


def _method(exchange: Exchange, *methods: bytes) -> None:
    """Raises: WrongMethod."""
    if exchange.method not in methods:
        allow = ", ".join(one.decode() for one in methods)
        raise WrongMethod(f"{exchange.path[:256].decode('latin-1')} takes {allow} only", allow=allow)


def _fields(exchange: Exchange) -> dict[str, Any]:
    """Raises: BadRequest, WrongMediaType."""
    body = b"".join(exchange.body)
    kind = exchange.headers.get(b"content-type", b"").lower()
    if body and not kind.startswith(b"application/json"):
        raise WrongMediaType("the body must be application/json")
    return loads(body) if body else {}


def _begun(fields: dict[str, Any]) -> BeginFields:
    """Raises: BadRequest."""
    try:
        asked = msgspec.convert(fields, BeginFields)
    except msgspec.ValidationError as error:
        known = ", ".join(BeginFields.__struct_fields__)
        raise BadRequest(f"{error}; a run takes {known}", param=None) from error
    if not 0 <= asked.wait_s <= LONGEST_WAIT_S:
        raise BadRequest(f"wait_s: {asked.wait_s:g} is not between 0 and {LONGEST_WAIT_S:g}", param="wait_s")
    for name, most in () if asked.envelope is None else structs.asdict(asked.envelope).items():
        if most is not None and not 0 <= most <= MOST_BOUND:
            raise BadRequest(f"envelope.{name}: {most:g} is not between 0 and {MOST_BOUND}", param=f"envelope.{name}")
    return asked


def _known(fields: Mapping[str, Any], *known: str) -> None:
    """Raises: BadRequest."""
    strange = next((name for name in fields if name not in known), None)
    if strange is not None:
        allowed = ", ".join(known) or "nothing"
        raise BadRequest(f"unknown field `{strange[:64]}`; allowed here: {allowed}", param=strange[:64])


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise mistyped(name, "a text", value)
    return value


def _query(exchange: Exchange, *known: str) -> dict[str, str]:
    """Raises: BadRequest."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(exchange.query.decode("latin-1"), keep_blank_values=True):
        if name in known:
            found[name] = value
        elif name != "key":  # a credential, in Gemini's way
            allowed = ", ".join(known) or "nothing"
            raise BadRequest(f"unknown parameter `{name[:64]}`; allowed here: {allowed}", param=name[:64])
    return found


def _asked(query: Mapping[str, str]) -> Asked:
    """Raises: BadRequest."""
    wanted = [one for one in query.get("status", "").split(",") if one]
    statuses: tuple[RunStatus, ...] = tuple(one for one in STATUSES if one in wanted)
    if len(statuses) != len(wanted):
        raise BadRequest(f"status: write some of {', '.join(STATUSES)}, separated by commas", param="status")
    return Asked(
        agent=query.get("agent", ""),
        statuses=statuses,
        session=query.get("session", ""),
        root=query.get("root", ""),
        before=query.get("before", ""),
        most=_whole(query, "limit", 100, least=1, most=MOST_PAGE),
    )


def _whole(query: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int = 2**62) -> int:
    """Raises: BadRequest."""
    said = query.get(name, "")
    if not said:
        return default
    if not (said.isascii() and said.isdigit()) or len(said) > 19 or not least <= int(said) <= most:
        raise BadRequest(f"{name}: write a whole number from {least} to {most}", param=name)
    return int(said)


def _seconds(said: str) -> float:
    """Raises: BadRequest."""
    try:
        wait_s = float(said)
    except ValueError:
        wait_s = -1.0
    if not 0 <= wait_s <= LONGEST_WAIT_S:
        raise BadRequest(f"wait_s: write seconds from 0 to {LONGEST_WAIT_S:g}", param="wait_s")
    return wait_s


def _flag(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Raises: BadRequest."""
    said = query.get(name)
    if said not in (None, "true", "false"):
        raise BadRequest(f"{name}: write true or false", param=name)
    return default if said is None else said == "true"


def _resumed_at(exchange: Exchange) -> int:
    """Where a reader that was cut off goes on."""
    said = exchange.headers.get(b"last-event-id", b"")
    return int(said) if said.isdigit() and len(said) <= 19 else 0


def beside(site: RunSite) -> tuple[tuple[bytes, Callable[[Exchange], Any]], ...]:
    """The paths that it answers, for `Beside.below`."""
    return tuple((start, site.handle) for start in (AGENTS, RUNS, INBOX))
