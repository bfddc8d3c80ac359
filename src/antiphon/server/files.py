"""`/v1/files` and `/v1/batches`, in OpenAI's dialect."""

from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qsl, unquote

from antiphon.control.desk import Desk
from antiphon.control.files import Shelf, Wanted
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, NotFound, WrongMethod
from antiphon.core.ports import Identity
from antiphon.net.exchange import Exchange
from antiphon.server.ask import authenticate
from antiphon.server.errand import RawReply
from antiphon.server.reply import DialectReply
from antiphon.wire.codecs import CODECS

FILES, BATCHES = b"/v1/files", b"/v1/batches"
MOST_PATH = 1024


async def shelf(exchange: Exchange, desk: Desk, identity: Identity) -> None:
    """Answer one request for files or batches."""
    steps = unquote(exchange.path[:MOST_PATH].decode("latin-1")).split("/")[1:]
    shown = "/".join(["", "v1", steps[1], *(["{id}"] if len(steps) > 2 else []), *steps[3:4]])
    arrival = desk.gateway.arrival(shown[:64], "openai_files", exchange.received_s, exchange.headers)
    try:
        principal = await authenticate(exchange, identity)
    except AntiphonError as error:
        desk.gateway.refuse(error, arrival, DialectReply(exchange, CODECS["openai_chat"]))
        return
    body = Body(tuple(exchange.body))
    exchange.body = []
    query = dict(parse_qsl(exchange.query.decode("latin-1")))
    named = query.get("provider") or exchange.headers.get(b"x-antiphon-provider", b"").decode("latin-1")
    wanted = Wanted(query=query, provider=named, id=steps[2] if len(steps) > 2 else "")
    story, out = desk.story(arrival, principal), RawReply(exchange)
    one = Shelf(desk=desk, story=story, wanted=wanted, out=out)
    await desk.run(story, out, _asked(exchange, steps, one, body))


async def _asked(exchange: Exchange, steps: list[str], one: Shelf, body: Body) -> None:
    """Do what a path and a method ask for. Raises: NotFound, WrongMethod, and what goes wrong."""
    method = "GET" if exchange.method == b"HEAD" else exchange.method.decode("latin-1")
    asked = _files if steps[1] == "files" else _batches
    await asked(method, steps[2:], one, body, exchange.headers.get(b"content-type", b""))


def _files(method: str, below: list[str], one: Shelf, body: Body, content_type: bytes) -> Coroutine[Any, Any, None]:
    match method, below:
        case "POST", []:
            return one.upload(body, content_type)
        case "GET", []:
            return one.files()
        case (("GET" | "DELETE"), [_]):
            return one.file(method)
        case "GET", [_, "content"]:
            return one.content()
        case _, []:
            raise WrongMethod("/v1/files takes GET and POST", allow="GET, HEAD, POST")
        case _, [_]:
            raise WrongMethod("/v1/files/{id} takes GET and DELETE", allow="GET, HEAD, DELETE")
        case _:
            raise NotFound("below /v1/files/{id} there is GET /v1/files/{id}/content alone")


def _batches(method: str, below: list[str], one: Shelf, body: Body, _: bytes) -> Coroutine[Any, Any, None]:
    match method, below:
        case "POST", []:
            return one.run(body)
        case "GET", []:
            return one.batches()
        case "GET", [_]:
            return one.batch()
        case "POST", [_, "cancel"]:
            return one.batch(cancel=True)
        case _, []:
            raise WrongMethod("/v1/batches takes GET and POST", allow="GET, HEAD, POST")
        case _, [_]:
            raise WrongMethod("/v1/batches/{id} takes GET", allow="GET, HEAD")
        case _:
            raise NotFound("below /v1/batches/{id} there is POST /v1/batches/{id}/cancel alone")
