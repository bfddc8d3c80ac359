"""`/v1/realtime`: a WebSocket, in OpenAI's dialect."""

from urllib.parse import parse_qs, urlsplit

from antiphon.control.desk import Desk
from antiphon.control.realtime import DIALECT, ENDPOINT, KEY_PROTOCOL, Realtime, protocols
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, NotAuthenticated
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.net.exchange import Exchange
from antiphon.server.ask import caller_of, token_of
from antiphon.server.errand import RawReply
from antiphon.server.reply import DialectReply
from antiphon.wire.codecs import CODECS

PATHS = frozenset({b"/v1/realtime", b"/openai/v1/realtime"})
VERSION = b"13"
KEY_BYTES = 24
"""16 bytes in base64. Source: RFC 6455 4.1."""


async def realtime(exchange: Exchange, desk: Desk, identity: Identity) -> None:
    """Answer one request to open a session."""
    arrival = desk.gateway.arrival(ENDPOINT, DIALECT, exchange.received_s, exchange.headers)
    principal: Principal | None = None
    try:
        principal = await _caller(exchange, identity)
        model = _model(exchange)
    except AntiphonError as error:
        desk.gateway.refuse(error, arrival, DialectReply(exchange, CODECS["openai_chat"]), principal)
        return
    story = desk.story(arrival, principal)
    await desk.run(story, RawReply(exchange), Realtime(desk=desk).serve(story, exchange, model))


async def _caller(exchange: Exchange, identity: Identity) -> Principal:
    """Who calls: by a header, or by the subprotocol in which browsers send a key.

    Raises: NotAuthenticated; NotAllowed, where a page of another site asks without a key.
    """
    token = token_of(exchange)
    if token is None:
        said = next((one for one in protocols(exchange) if one.startswith(KEY_PROTOCOL)), None)
        token = None if said is None else said.removeprefix(KEY_PROTOCOL).encode("latin-1")
    try:
        principal = await caller_of(token, exchange, identity)
    except NotAuthenticated as error:
        if token is not None:
            raise
        wrong = "no API key came with the request"
        remedy = f"send `Authorization: Bearer KEY`, or the subprotocol `{KEY_PROTOCOL}KEY`"
        raise NotAuthenticated(f"{wrong}; {remedy}") from error
    origin = exchange.headers.get(b"origin", b"").decode("latin-1")
    if token is None and origin and urlsplit(origin).netloc != exchange.headers.get(b"host", b"").decode("latin-1"):
        raise NotAllowed("a page of another site opens sessions with a key only", code="origin_not_allowed")
    return principal


def _model(exchange: Exchange) -> str:
    """The model that is asked for. Raises: BadRequest, where it is no handshake."""
    headers = exchange.headers
    if not exchange.websocket or exchange.method != b"GET":
        raise BadRequest(
            "/v1/realtime is a WebSocket: ask with GET, `Connection: Upgrade` and `Upgrade: websocket`",
            status=426,
            code="upgrade_required",
        )
    if headers.get(b"sec-websocket-version") != VERSION or len(headers.get(b"sec-websocket-key", b"")) != KEY_BYTES:
        raise BadRequest("the handshake must have `Sec-WebSocket-Version: 13` and a `Sec-WebSocket-Key`")
    models = parse_qs(exchange.query.decode("latin-1")).get("model", [])
    if len(models) != 1:
        raise BadRequest("name one model, as in /v1/realtime?model=NAME", param="model")
    return models[0]
