"""`POST /v1/explain`: the plan of a model call, without making it."""

from urllib.parse import parse_qs

import msgspec

from antiphon.control.explain import Explainer
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.request import Dialect
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server.ask import Call, authenticate, read
from antiphon.server.reply import JSON, DialectReply
from antiphon.wire.codecs import CODECS

EXPLAIN = b"/v1/explain"
DIALECTS: tuple[Dialect, ...] = ("openai_chat", "openai_responses", "anthropic_messages", "gemini")
"""Those whose requests are explained; `?dialect=` names one."""


async def explain(exchange: Exchange, gateway: Gateway, explainer: Explainer, identity: Identity) -> None:
    """Answer one request; only one that is refused has a receipt."""
    arrival = gateway.arrival(EXPLAIN.decode(), "openai_chat", exchange.received_s, exchange.headers)
    principal: Principal | None = None
    try:
        principal = await authenticate(exchange, identity)
        request = await read(exchange, _call(exchange.query))
        found = await explainer.explain(request, principal, arrival)
    except AntiphonError as error:
        gateway.refuse(error, arrival, DialectReply(exchange, CODECS["openai_chat"]), principal)
        return
    exchange.respond(200, JSON, msgspec.json.encode(found))


def _call(query: bytes) -> Call:
    """The model call that is explained. Raises: BadRequest, naming the parameter."""
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    name = asked.get("dialect", DIALECTS[0])
    dialect: Dialect | None = next((one for one in DIALECTS if one == name), None)
    if dialect is None:
        raise BadRequest(f"`dialect` is {name[:64]!r}; write one of {', '.join(DIALECTS)}", param="dialect")
    model = asked.get("model", "")
    if dialect == "gemini" and not model:
        raise BadRequest("Gemini's bodies name no model; add `&model=NAME` to the path", param="model")
    return Call(codec=CODECS[dialect], endpoint=EXPLAIN.decode(), model=model)
