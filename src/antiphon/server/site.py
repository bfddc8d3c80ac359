"""Every path that the listener serves."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from antiphon.control import catalogue, health, listings, receipts
from antiphon.control.approvals import Book
from antiphon.control.background import BackgroundResponses
from antiphon.control.desk import Desk
from antiphon.control.explain import Explainer
from antiphon.control.probing import NoReply
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, NotFound, Unavailable, WrongMethod
from antiphon.core.ports import Identity, Store
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server import approvals
from antiphon.server.ask import Call, ask, authenticate, token_of
from antiphon.server.background import mentioned, queue
from antiphon.server.beside import Beside
from antiphon.server.compact import COMPACT, compact
from antiphon.server.counting import count_tokens, counts_of
from antiphon.server.errands import errand_of
from antiphon.server.explain import EXPLAIN, explain
from antiphon.server.feedback import FEEDBACK, QUALITY, Feedback
from antiphon.server.kept import State, answer, kept_of
from antiphon.server.openapi import DOCUMENT
from antiphon.server.paths import call_of
from antiphon.server.reply import JSON, DialectReply, error_headers
from antiphon.server.spend import Reports
from antiphon.wire.codec import AnyCodec
from antiphon.wire.codecs import CODECS

Answer = tuple[bytes, bytes]
"""Header lines and body."""
Page = Callable[[Exchange], Coroutine[Any, Any, Answer]]
MAX_ID_BYTES = 256
_API = (b"/v1/", b"/v1beta/", b"/v2/", b"/openai/")


class Site(Struct, frozen=True, kw_only=True):
    """What the paths of one revision are answered with."""

    gateway: Gateway
    identity: Identity
    store: Store
    metrics: Callable[[], bytes]
    metrics_type: bytes
    open_metrics: bool
    created_s: int
    ready: Callable[[], str]
    """Empty when requests can be taken, else why not."""
    state: State | None = None
    """What callers left to be kept."""
    desk: Desk | None = None
    """Serves what is no model call: pass-through, files, batches, sessions."""
    reports: Reports | None = None
    """Sums up spend."""
    explainer: Explainer | None = None
    """Plans without running."""
    feedback: Feedback | None = None
    """Takes scores in, and tells what they come to."""
    approvals: Book | None = None
    """What people were asked; None: nobody is."""
    beside: Beside | None = None
    """Who answers for agents; None: there are none."""

    def handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        """Answer one exchange, once awaited."""
        call = call_of(exchange)
        if call is not None and exchange.method == b"POST":
            state = self.state
            if state is None:
                return ask(exchange, call, self.gateway, self.identity)
            if state.background is not None and call.codec.name == "openai_responses" and mentioned(exchange.body):
                return self._queue(exchange, call, state, state.background)
            return ask(exchange, call, self.gateway, self.identity, state.responses)
        return self._other(exchange, call)

    async def _queue(self, exchange: Exchange, call: Call, state: State, background: BackgroundResponses) -> None:
        """Answer a call that may be one for the background."""
        if not await queue(exchange, call, self.gateway, self.identity, state.responses, background):
            await ask(exchange, call, self.gateway, self.identity, state.responses)

    async def _other(self, exchange: Exchange, call: Call | None) -> None:
        """Answer what is no model call."""
        if call is None and exchange.method == b"POST" and await self._besides(exchange):
            return
        handler = None if call is not None or self.beside is None else self.beside.find(exchange.path)
        if handler is not None:
            await handler(exchange)
            return
        if call is None and self.desk is not None and (errand := errand_of(exchange)) is not None:
            await errand(exchange, self.desk, self.identity)
            return
        try:
            said = await self._page(exchange, call)
        except AntiphonError as error:
            self._refuse(exchange, error, CODECS["openai_chat"] if call is None else call.codec)
        else:
            if said is not None:
                exchange.respond(200, *said)

    async def _besides(self, exchange: Exchange) -> bool:
        """Answer what is asked about a call rather than made of one. Returns: whether it was that."""
        path, state, desk = exchange.path, self.state, self.desk
        if path == EXPLAIN and self.explainer is not None:
            await explain(exchange, self.gateway, self.explainer, self.identity)
            return True
        counts = None if desk is None else counts_of(path)
        if desk is not None and counts is not None:
            await count_tokens(exchange, counts, desk, self.identity, state)
            return True
        if state is not None and path.removeprefix(b"/openai") == COMPACT:
            await compact(exchange, self.gateway, self.identity, state)
            return True
        return False

    async def _page(self, exchange: Exchange, call: Call | None) -> Answer | None:
        """None: it was answered. Raises: AntiphonError subclasses."""
        path = exchange.path
        if call is not None or counts_of(path) is not None or path.removeprefix(b"/openai") in (COMPACT, EXPLAIN):
            raise WrongMethod(f"{_shown(path)} takes POST only", allow="POST")
        kept = None if self.state is None else kept_of(path)
        if self.state is not None and kept is not None:
            return await answer(exchange, kept, self.state, await authenticate(exchange, self.identity))
        if self.approvals is not None and path.startswith(approvals.PREFIX):
            principal = await authenticate(exchange, self.identity)
            return await approvals.answer(exchange.method, _last(path, approvals.PREFIX), self.approvals, principal)
        page = self._find(path)
        if page is None:
            raise NotFound(f"nothing is served at {_shown(path)}; see GET /v1/models and POST /v1/chat/completions")
        if exchange.method == b"POST" and path == FEEDBACK:
            return await page(exchange)
        if exchange.method not in (b"GET", b"HEAD"):
            allow = "GET, HEAD, POST" if path == FEEDBACK else "GET, HEAD"
            raise WrongMethod(f"{_shown(path)} takes {'GET and POST' if path == FEEDBACK else 'GET'} only", allow=allow)
        return await page(exchange)

    def _find(self, path: bytes) -> Page | None:
        match path:
            case b"/v1/models" | b"/v1beta/models":
                return self._models
            case b"/v1/health/deployments":
                return self._health
            case b"/v1/spend" | b"/v1/feedback" | b"/v1/quality":
                return self._summed(path)
            case b"/openapi.json":
                return self._described
            case b"/livez":
                return self._live
            case b"/readyz":
                return self._ready
            case b"/metrics":
                return self._metrics
            case _ if path.startswith((b"/v1/models/", b"/v1beta/models/")):
                return self._model
            case _ if path.startswith(b"/v1/receipts/"):
                return self._receipt
            case _:
                return None

    def _summed(self, path: bytes) -> Page | None:
        """Who answers what is asked of all receipts; None: nobody does here."""
        if path in (FEEDBACK, QUALITY):
            return None if self.feedback is None else self._quality
        return None if self.reports is None else self._spend

    async def _models(self, exchange: Exchange) -> Answer:
        principal = await authenticate(exchange, self.identity)
        page = catalogue.models(self.gateway.revision.routes, principal, self.created_s)
        shape = listings.shape_of(exchange.path + b"/", exchange.headers)
        return JSON, msgspec.json.encode(listings.listed(page, shape))

    async def _model(self, exchange: Exchange) -> Answer:
        principal = await authenticate(exchange, self.identity)
        name = _last(exchange.path, exchange.path[: exchange.path.index(b"/models/") + len(b"/models/")])
        one = catalogue.model(self.gateway.revision.routes, principal, self.created_s, name)
        shape = listings.shape_of(exchange.path, exchange.headers)
        return JSON, msgspec.json.encode(listings.shown(one, shape))

    async def _receipt(self, exchange: Exchange) -> Answer:
        principal = await authenticate(exchange, self.identity)
        name = _last(exchange.path, b"/v1/receipts/")
        receipt = await asyncio.to_thread(receipts.show, self.store, name, principal)
        return JSON, msgspec.json.encode(receipt)

    async def _health(self, exchange: Exchange) -> Answer:
        if not (await authenticate(exchange, self.identity)).admin:
            raise NotAllowed("/v1/health/deployments needs an admin key; set `admin: true` on one under `keys`")
        process = self.gateway.process
        page = health.deployments(process.caller.fleet, process.worker, process.caller.now())
        return JSON, msgspec.json.encode(page)

    async def _spend(self, exchange: Exchange) -> Answer:
        assert self.reports is not None
        return await self.reports.answer(exchange, await authenticate(exchange, self.identity))

    async def _quality(self, exchange: Exchange) -> Answer:
        assert self.feedback is not None
        principal = await authenticate(exchange, self.identity)
        if exchange.path == QUALITY:
            return await self.feedback.quality(exchange, principal)
        work = self.feedback.take if exchange.method == b"POST" else self.feedback.listed
        return await work(exchange, principal)

    async def _metrics(self, exchange: Exchange) -> Answer:
        if not self.open_metrics and not (await authenticate(exchange, self.identity)).admin:
            raise NotAllowed("/metrics needs an admin key here; set `server.public_metrics` to open it")
        page = await asyncio.to_thread(self.metrics)
        return b"content-type: %b\r\n" % self.metrics_type, page

    async def _described(self, exchange: Exchange) -> Answer:
        return JSON, DOCUMENT

    async def _live(self, exchange: Exchange) -> Answer:
        return JSON, b'{"status":"live"}'

    async def _ready(self, exchange: Exchange) -> Answer:
        why_not = self.ready()
        if why_not:
            raise Unavailable(why_not, retry_after_s=1)
        return JSON, msgspec.json.encode({"status": "ready", "revision": self.gateway.revision.id})

    def _refuse(self, exchange: Exchange, error: AntiphonError, codec: AnyCodec) -> None:
        """An error of a path of the API has a receipt, like every answer there; those of probes have none."""
        if exchange.path.startswith(_API) and not exchange.path.startswith(b"/v1/receipts/"):
            arrival = self.gateway.arrival(_shown(exchange.path), codec.name, exchange.received_s)
            principal = self.identity.principal(token_of(exchange))
            self.gateway.refuse(error, arrival, DialectReply(exchange, codec), principal)
        else:
            exchange.respond(error.said_status, error_headers(error, ""), codec.error(error))

    def refuse(self, status: int, message: str) -> Answer:
        """Header lines and body for what the listener itself refuses; with a receipt."""
        error = BadRequest(message, status=status, code=_CODES.get(status, "invalid_http"))
        arrival = self.gateway.arrival("", "http", time.perf_counter())
        taken = _Taken()
        self.gateway.refuse(error, arrival, taken)
        return error_headers(taken.said or error, arrival.id), CODECS["openai_chat"].error(taken.said or error)


class _Taken(NoReply):
    """Keeps an error instead of writing it: the listener writes what it refuses itself."""

    def __init__(self) -> None:
        self.said: AntiphonError | None = None

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self.said = error


_CODES = {
    408: "request_timeout",
    413: "request_too_large",
    417: "expectation_failed",
    429: "too_many_pipelined",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_implemented",
    503: "unavailable",
    505: "http_version_not_supported",
}


def _shown(path: bytes) -> str:
    return path[:MAX_ID_BYTES].decode("latin-1")


def _last(path: bytes, prefix: bytes) -> str:
    return unquote(path.removeprefix(prefix)[:MAX_ID_BYTES].decode("latin-1"))
