"""A server of simulated models that speaks every dialect of models over real HTTP.

| method | path | what it does |
| --- | --- | --- |
| POST | /v1/chat/completions | OpenAI's chat, whole or as a stream |
| POST | /v1/responses | OpenAI's responses, whole or as a stream |
| GET | /v1/responses/{id} | a response that was stored |
| DELETE | /v1/responses/{id} | forgets it |
| POST | /v1/completions, /v1/embeddings, /v1/moderations | OpenAI's others |
| POST | /v1/images/generations, /v1/images/edits | pictures of one pixel |
| POST | /v1/audio/speech, /v1/audio/transcriptions | a short tone; a text without a meaning |
| POST | /v1/files, /v1/batches, /v1/batches/{id}/cancel | uploads; runs a file of requests at once |
| GET | /v1/files, /v1/files/{id}, /v1/files/{id}/content, /v1/batches, /v1/batches/{id} | lists and shows them |
| DELETE | /v1/files/{id} | deletes a file |
| POST | /openai/deployments/{model}/chat/completions | Azure's; the other endpoints too, also below /openai/v1 |
| POST | /v1/messages, /v1/messages/count_tokens | Anthropic's |
| POST | /v1beta/models/{model}:{action} | Gemini's; also below /v1 |
| POST | /v1/projects/{p}/locations/{l}/publishers/google/models/{model}:{action} | Vertex AI's |
| POST | /model/{model}/converse, /model/{model}/converse-stream | Bedrock's |
| POST | /model/{model}/invoke, /model/{model}/invoke-with-response-stream | Bedrock's with bodies of Anthropic's |
| POST | /v2/chat, /v2/embed, /v2/rerank | Cohere's |
| POST | /v1/rerank | Jina's |
| GET | /v1/models, /v1/models/{id} | lists the lab's models |
| GET | /lab/requests | what was received; `?model=` of one model, `?last=` how many |
| DELETE | /lab/requests | forgets the records |
| GET | /lab/stats | sums: requests, connections, streams, tokens, faults |
| PUT | /lab/faults/{model} | other faults for a model: a JSON list as in `faults` of its settings |
"""

import socket
from pathlib import Path
from urllib.parse import parse_qs, unquote

import msgspec

from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, BadRequest, NotFound
from antiphon.net.exchange import Exchange
from antiphon.net.listener import Listener
from antiphon.net.settings import Bounds
from antiphon.providers.lab import realtime
from antiphon.providers.lab.completions import Completions
from antiphon.providers.lab.dialect import JSON_LINE, Incoming, Said
from antiphon.providers.lab.encode import problem, refusal
from antiphon.providers.lab.openai.shelf import Shelf
from antiphon.providers.lab.paths import find, incoming_of, routes
from antiphon.providers.lab.records import KEPT_REQUESTS, Records
from antiphon.providers.lab.responses.dialect import kept
from antiphon.providers.lab.responses.memory import Memory
from antiphon.providers.lab.settings import FaultSettings, LabSettings
from antiphon.providers.lab.tables import Tables

FAULT_LIST = msgspec.json.Decoder(list[FaultSettings])


class LabServer:
    """One lab. It asks for no key and serves whoever reaches its socket: keep it on loopback."""

    def __init__(self, settings: LabSettings, *, clock: Clock, base: Path | None = None) -> None:
        """`base` is the folder that relative paths of replay files start from."""
        self._settings = settings
        self._records = Records()
        self._tables = Tables(settings, base)
        self._completions = Completions(settings, clock=clock, tables=self._tables, records=self._records)
        self._memory = Memory()
        self._routes = routes(self._memory, signed=settings.aws_signature)
        self._shelf = Shelf(self._ask, lambda: clock.now_ns() // 1_000_000_000)
        self._listener: Listener | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve a bound socket. Raises: ConfigError when a replay file is missing or of an unknown kind."""
        self._tables.check()
        self._completions.stopping = False
        self._listener = Listener(self.handler, refused, Bounds())
        await self._listener.start(sock)

    async def stop(self, timeout_s: float = 0.0) -> None:
        """Accept no more, give what runs that long, and cut the rest."""
        if self._listener is not None:
            self._completions.stopping = timeout_s <= 0
            await self._listener.drain(timeout_s)
            self._listener = None

    async def handler(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.websocket and exchange.path in realtime.PATHS:
            await realtime.serve(exchange)
            return
        incoming = incoming_of(exchange)
        found = find(self._routes, incoming) if exchange.method == b"POST" else None
        if found is not None:
            await self._completions.serve(exchange, *found)
            return
        try:
            kept = await self._shelf.answer(exchange.method.decode("latin-1"), incoming.path.split("/")[1:], incoming)
            said = kept or Said(body=self._looked_up(exchange))
            exchange.respond(said.status, said.lines, said.body)
        except AntiphonError as error:
            exchange.respond(error.said_status, JSON_LINE, problem(error))

    async def _ask(self, incoming: Incoming) -> Said:
        """Ask a model at once, for a batch. Raises: NotFound."""
        found = find(self._routes, incoming)
        if found is None:
            raise NotFound(f"the lab has no POST {incoming.path}")
        return await self._completions.run(*found)

    def _looked_up(self, exchange: Exchange) -> bytes:
        """The body of every answer that no model makes. Raises: BadRequest, NotFound."""
        method, path = exchange.method.decode("latin-1"), unquote(exchange.path.decode("latin-1"))
        match method, path.split("/")[1:]:
            case "GET", ["v1", "models"]:
                return msgspec.json.encode({"object": "list", "data": [_card(name) for name in self._settings.models]})
            case "GET", ["v1", "models", *rest] if (name := "/".join(rest)) in self._settings.models:
                return msgspec.json.encode(_card(name))
            case "GET", ["v1", "models", *rest]:
                raise NotFound(f"The model `{'/'.join(rest)}` does not exist in this lab", code="model_not_found")
            case (("GET" | "DELETE"), ["v1", "responses", id_]):
                return kept(self._memory, method, id_).body
            case "GET", ["lab", "requests"]:
                return self._requests(exchange.query)
            case "DELETE", ["lab", "requests"]:
                self._records.clear()
                return b"[]"
            case "GET", ["lab", "stats"]:
                listener = self._listener
                return msgspec.json.encode(self._records.tally(listener.open_connections if listener else 0))
            case "PUT", ["lab", "faults", *rest]:
                return self._put_faults("/".join(rest), b"".join(exchange.body))
            case _:
                raise NotFound(
                    f"the lab has no {method} {path}; see its reference, or GET /v1/models, GET /lab/requests"
                )

    def _requests(self, query: bytes) -> bytes:
        wanted = parse_qs(query.decode("latin-1"))
        last = wanted.get("last", [str(KEPT_REQUESTS)])[0]
        if not last.isdecimal():
            raise BadRequest(f"last={last} is not a number of records; write ?last=10", param="last")
        return msgspec.json.encode(self._records.listed(wanted.get("model", [None])[0], int(last)))

    def _put_faults(self, model: str, body: bytes) -> bytes:
        try:
            faults = FAULT_LIST.decode(body)
        except msgspec.DecodeError as error:
            raise BadRequest(f'this is not a list of faults ({error}); send [{{"kind": "error_500"}}]') from None
        self._completions.replace_faults(model, tuple(faults))
        return msgspec.json.encode(faults)


def refused(_status: int, message: str) -> tuple[bytes, bytes]:
    """What the listener says of requests that it can't take."""
    return JSON_LINE, refusal(message, "invalid_request_error", "invalid_request")


def _card(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "antiphon-lab"}
