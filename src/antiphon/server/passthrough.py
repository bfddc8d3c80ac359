"""`/passthrough/{provider}/…`: a provider's API as it is."""

from antiphon.control.desk import Desk
from antiphon.control.passthrough import passthrough
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Identity
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.errand import RawReply
from antiphon.server.reply import DialectReply
from antiphon.wire.codecs import CODECS

PREFIX = b"/passthrough/"
MOST_NAME = 128


async def pass_through(exchange: Exchange, desk: Desk, identity: Identity) -> None:
    """Answer one request as the provider does."""
    said = exchange.path.removeprefix(PREFIX)
    name = said.partition(b"/")[0][:MOST_NAME].decode("latin-1")
    shown = name if name in desk.accounts else "{provider}"
    arrival = desk.gateway.arrival(f"/passthrough/{shown}", "passthrough", exchange.received_s, exchange.headers)
    try:
        principal = await authenticate(exchange, identity)
    except AntiphonError as error:
        desk.gateway.refuse(error, arrival, DialectReply(exchange, CODECS["openai_chat"]))
        return
    body = Body(tuple(exchange.body))
    exchange.body = []
    story, out = desk.story(arrival, principal), RawReply(exchange)
    method = exchange.method.decode("latin-1")
    await desk.run(story, out, passthrough(desk, story, said, method, exchange.query, body, out))
