"""`POST /v1/triggers/NAME`: webhooks, which their signature lets in, and messages for queues, which a key does."""

from urllib.parse import unquote

import msgspec

from antiphon.agents.triggers.triggers import Triggers
from antiphon.core.error import AntiphonError, NotFound, WrongMethod
from antiphon.core.ports import Identity
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.reply import JSON, error_headers
from antiphon.wire.codecs import CODECS

PREFIX = b"/v1/triggers/"
ONCE = b"idempotency-key"
MOST_NAME_BYTES = 128


class TriggerSite:
    """Answers what comes to triggers: 202, once it is kept."""

    def __init__(self, triggers: Triggers, identity: Identity) -> None:
        self._triggers, self._identity = triggers, identity

    async def handle(self, exchange: Exchange) -> None:
        """Answer an exchange, errors too."""
        try:
            body = await self._taken(exchange)
        except AntiphonError as error:
            exchange.respond(error.said_status, error_headers(error, ""), CODECS["openai_chat"].error(error))
        else:
            exchange.respond(202, JSON, msgspec.json.encode(body))

    async def _taken(self, exchange: Exchange) -> dict[str, str]:
        name = unquote(exchange.path.removeprefix(PREFIX)[:MOST_NAME_BYTES].decode("latin-1"))
        if exchange.method != b"POST":
            raise WrongMethod(f"/v1/triggers/{name} takes POST only", allow="POST")
        body = b"".join(exchange.body)
        match self._triggers.kind(name):
            case "webhook":
                run = await self._triggers.receive(name, exchange.headers, body)
                return {"object": "trigger.run", "trigger": name, "run": run.id, "status": run.status}
            case "queue":
                principal = await authenticate(exchange, self._identity)
                once = exchange.headers.get(ONCE, b"").decode("latin-1")
                event = await self._triggers.put(principal, name, body, once)
                return {"object": "trigger.message", "trigger": name, "event": event}
            case _:
                raise NotFound(f"no trigger that takes requests is called {name!r}; write a document of kind Trigger")
