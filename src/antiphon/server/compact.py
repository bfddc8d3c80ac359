"""`POST /v1/responses/compact`: a conversation made shorter by the model that it is held with."""

from hashlib import sha256

from antiphon.control.compaction import CompactReply, question
from antiphon.control.responses import asked_items
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate, check_kind
from antiphon.server.kept import State
from antiphon.server.reply import DialectReply
from antiphon.server.turns import whole_input
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.fields import as_object
from antiphon.wire.json import loads
from antiphon.wire.lineage import lineage
from antiphon.wire.openai_responses.compaction import read_compaction

COMPACT = b"/v1/responses/compact"
MODEL = "`model` must name a model; GET /v1/models lists them"


async def compact(exchange: Exchange, gateway: Gateway, identity: Identity, state: State) -> None:
    """Answer with the caller's own messages, and one item in the place of all others."""
    codec = CODECS["openai_responses"]
    reply = DialectReply(exchange, codec)
    arrival = gateway.arrival(COMPACT.decode(), codec.name, exchange.received_s, exchange.headers)
    principal: Principal | None = None
    try:
        principal = await authenticate(exchange, identity)
        check_kind(exchange.headers, codec)
        said = lineage(exchange.headers)
        asked = Asked(endpoint=COMPACT.decode(), headers=exchange.headers)
        going = await whole_input(Body(tuple(exchange.body)), principal.tenant, state.responses)
        body = going.body
        exchange.body = []
        read_compaction(body, asked)
        fields: dict[str, object] = loads(body.whole())
        model, items = fields.get("model"), asked_items(fields.get("input"))
        if not isinstance(model, str):
            raise BadRequest(MODEL, param="model")
        if not items:
            raise BadRequest("there is nothing to make shorter; send `input` or `previous_response_id`", param="input")
        metadata = as_object(fields.get("metadata")) or {}
        text = question(model, items, instructions=fields.get("instructions"), data_class=metadata.get("data_class"))
        head, spots = codec.read(Body((text,)), asked)
    except AntiphonError as error:
        gateway.refuse(error, arrival, reply, principal)
        return
    request = Request(
        head=head,
        body=Body((text,)),
        spots=spots,
        digest=sha256(text).hexdigest(),
        lineage=said,
        data_class=going.data_class,
    )
    made = CompactReply(reply, state.responses.compactor, principal.tenant, items)
    await gateway.answer(request, principal, arrival, made)
