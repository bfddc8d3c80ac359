"""`POST /v1/responses` with `background: true`: queued at once, answered by the processes that run agents."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, structs

from antiphon.agents.background import Queued
from antiphon.control import catalogue
from antiphon.control.background import BackgroundResponses, shown
from antiphon.control.responses import Responses
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, BadRequest, TooLarge
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server.ask import Call, authenticate, check_kind
from antiphon.server.reply import JSON, DialectReply
from antiphon.server.turns import holds
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.head_checks import flag_of
from antiphon.wire.json import loads
from antiphon.wire.lineage import lineage
from antiphon.wire.openai_responses.state import wants

EVENTS = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
LEFT = frozenset({"background", "stream"})
"""Fields that say how the answer is waited for, and nothing of the call."""
AGENT = "agent/"
_NAME = b'"background"'
_TRUE = re.compile(rb'"background"\s*:\s*true')
_OURS, _TRACE = b"x-antiphon-", (b"traceparent", b"tracestate")
_members = msgspec.json.Decoder(dict[str, Raw])


def mentioned(segments: Sequence[bytes]) -> bool:
    """Whether a body may ask for the background: what nearly none does is found out without reading it."""
    return holds(segments, _NAME) and _TRUE.search(b"".join(segments)) is not None


async def queue(
    exchange: Exchange,
    call: Call,
    gateway: Gateway,
    identity: Identity,
    responses: Responses,
    background: BackgroundResponses,
) -> bool:
    """Queue a request, and answer with its response as it stands, or with its events.

    Returns: whether it was one for the background; else nothing was done.
    """
    codec, headers = call.codec, exchange.headers
    reply = DialectReply(exchange, codec)
    arrival = gateway.arrival(call.endpoint, codec.name, exchange.received_s, headers)
    principal: Principal | None = None
    try:
        principal = await authenticate(exchange, identity)
        check_kind(headers, codec)
        text = b"".join(exchange.body)
        fields = await asyncio.to_thread(loads, text) if len(text) >= LONG_BYTES else loads(text)
        if fields.get("background") is not True:
            return False
        queued = _queued(text, headers, responses.max_bytes)
        streams = flag_of(fields, "stream") is True
        queued = structs.replace(queued, stream=streams)
        await _check(queued, fields, call, gateway, principal, responses)
        session = lineage(headers).session
        least = principal.data_class or "public"
        run = await background.begin(principal, queued, session=session, data_class=least)
    except AntiphonError as error:
        gateway.refuse(error, arrival, reply, principal)
        return True
    if streams:
        await tell(exchange, background, run, -1)
    else:
        exchange.respond(200, JSON + _named(run), shown(run))
    return True


async def tell(exchange: Exchange, background: BackgroundResponses, run: Run, after: int) -> None:
    """Stream what happens to a response; a caller who leaves comes back for the rest."""
    exchange.begin(200, EVENTS + _named(run))
    try:
        async for piece in background.events(run, after):
            if exchange.gone:
                return
            exchange.write(piece)
            await exchange.drained()
    except AntiphonError as error:
        exchange.end(CODECS["openai_responses"].error_event(error))
    else:
        exchange.end()


def _named(run: Run) -> bytes:
    return b"x-antiphon-run: %b\r\n" % run.id.encode()


def _queued(text: bytes, headers: Mapping[bytes, bytes], most_bytes: int) -> Queued:
    """Raises: TooLarge."""
    if len(text) > most_bytes:
        raise TooLarge(
            f"what runs in the background is kept, and this is longer than {most_bytes} bytes"
            " (storage.keep.max_response_bytes)",
            param="input",
        )
    rest = {name: raw for name, raw in _members.decode(text).items() if name not in LEFT}
    told = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
        if name.startswith(_OURS) or name in _TRACE
    }
    return Queued(request=Raw(msgspec.json.encode(rest)), headers=told)


async def _check(
    queued: Queued, fields: dict[str, Any], call: Call, gateway: Gateway, principal: Principal, responses: Responses
) -> None:
    """Refuse at once what could only fail later. Raises: BadRequest, NotFound, TooLarge, StoreError."""
    request = bytes(queued.request)
    head, _ = call.codec.read(Body((request,)), Asked(endpoint=call.endpoint))
    if head.model.startswith(AGENT):
        raise BadRequest(
            f"model: {head.model} runs by itself: begin it by POST /v1/runs, or leave `background` out", param="model"
        )
    catalogue.model(gateway.revision.routes, principal, 0, head.model)
    wishes = wants(fields)
    if wishes.previous is not None or wishes.conversation is not None:
        await responses.before(principal.tenant, wishes)
