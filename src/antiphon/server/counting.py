"""The paths that count tokens, in each dialect that has one."""

import asyncio
import re
from hashlib import sha256
from urllib.parse import unquote

from msgspec import Struct

from antiphon.control.counting import Counting, count
from antiphon.control.desk import Desk
from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.request import Dialect, Head, Request, Spots
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate, carried, check_kind
from antiphon.server.kept import State
from antiphon.server.reply import DialectReply, error_headers
from antiphon.server.turns import Going, whole_input
from antiphon.wire.anthropic_messages.codec import count_fields
from antiphon.wire.anthropic_messages.codec import read_count as read_messages
from antiphon.wire.bounds import LONG_BYTES, MAX_NAME
from antiphon.wire.codec import AnyCodec, Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.json import loads
from antiphon.wire.lineage import lineage
from antiphon.wire.openai_responses.compaction import read_count as read_responses

MESSAGES = b"/v1/messages/count_tokens"
RESPONSES = b"/v1/responses/input_tokens"
_GEMINI = re.compile(rb"/(v1|v1beta)/(?:models|tunedModels)/([^:]{1,1024}):countTokens")
_NOWHERE = Spots(model=(0, 0))
_gemini = Gemini()


class Counts(Struct, frozen=True, kw_only=True):
    """A path that counts."""

    dialect: Dialect
    endpoint: str
    model: str = ""
    """The model that the path names."""


def counts_of(path: bytes) -> Counts | None:
    """What a path counts; None: it is another."""
    if path == MESSAGES:
        return Counts(dialect="anthropic_messages", endpoint=MESSAGES.decode())
    if path.removeprefix(b"/openai") == RESPONSES:
        return Counts(dialect="openai_responses", endpoint=RESPONSES.decode())
    found = _GEMINI.fullmatch(path) if path.endswith(b":countTokens") else None
    if found is None:
        return None
    endpoint = f"/{found[1].decode()}/models/{{model}}:countTokens"
    return Counts(dialect="gemini", endpoint=endpoint, model=unquote(found[2].decode("latin-1")))


class CountReply:
    """Writes a number of tokens, or why there is none, in the dialect that was asked in."""

    def __init__(self, exchange: Exchange, codec: AnyCodec, receipt_id: str) -> None:
        self._exchange = exchange
        self._codec = codec
        self._receipt = b"x-antiphon-receipt: %b\r\n" % receipt_id.encode()

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self._exchange.respond(status, headers + self._receipt, body)

    def error(self, error: AntiphonError, receipt_id: str) -> None:
        self._exchange.respond(error.said_status, error_headers(error, receipt_id), self._codec.error(error))


async def count_tokens(exchange: Exchange, counts: Counts, desk: Desk, identity: Identity, state: State | None) -> None:
    """Answer one request to count."""
    codec, gateway = CODECS[counts.dialect], desk.gateway
    arrival = gateway.arrival(counts.endpoint, codec.name, exchange.received_s, exchange.headers)
    principal: Principal | None = None
    try:
        principal = await authenticate(exchange, identity)
        check_kind(exchange.headers, codec)
        asked = await _read(exchange, counts, principal, state)
    except AntiphonError as error:
        gateway.refuse(error, arrival, DialectReply(exchange, codec), principal)
        return
    story, out = desk.story(arrival, principal), CountReply(exchange, codec, arrival.id)
    await desk.run(story, out, count(desk, story, asked, out))


async def _read(exchange: Exchange, counts: Counts, principal: Principal, state: State | None) -> Counting:
    """Raises: BadRequest, NotFound, StoreError."""
    body = Body(tuple(exchange.body))
    exchange.body = []
    going = Going(body=body)
    if state is not None and counts.dialect == "openai_responses":
        going = await whole_input(body, principal.tenant, state.responses)
    if going.body.size_bytes < LONG_BYTES:
        return _asked(going, counts, exchange.headers)
    return await asyncio.to_thread(_asked, going, counts, exchange.headers)


def _asked(going: Going, counts: Counts, headers: dict[bytes, bytes]) -> Counting:
    """Raises: BadRequest."""
    body = going.body
    asked = Asked(endpoint=counts.endpoint, model=counts.model, headers=headers)
    head = Head(dialect=counts.dialect, endpoint=counts.endpoint, model=counts.model)
    content: Content
    match counts.dialect:
        case "anthropic_messages":
            head, _ = read_messages(body, asked)
            content = count_fields(body.whole())
        case "gemini":
            content = _gemini.read_count(body, asked)
        case _:
            content = read_responses(body, asked)
            head = Head(dialect=counts.dialect, endpoint=counts.endpoint, model=_model(body))
    codec = CODECS[counts.dialect]
    return Counting(
        request=Request(
            head=head,
            body=body,
            spots=_NOWHERE,
            digest=sha256(body.whole()).hexdigest(),
            lines=carried(headers, codec.carries) if codec.carries else b"",
            lineage=lineage(headers),
            data_class=going.data_class,
        ),
        content=content,
    )


def _model(body: Body) -> str:
    """The model that a body names; empty: none. Raises: BadRequest."""
    said: object = loads(body.whole()).get("model")
    if said is None:
        return ""
    if not isinstance(said, str) or not 0 < len(said) <= MAX_NAME:
        raise BadRequest("`model` must name a model; GET /v1/models lists them", param="model")
    return said
