"""What callers of OpenAI's Responses had kept: the paths of responses and conversations. Source: openai-python 3.52.0,
`resources/responses` and `resources/conversations`.
"""

import re
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote

from msgspec import Struct

from antiphon.control.background import BackgroundResponses, streams
from antiphon.control.conversations import MOST_AT_ONCE, Conversations
from antiphon.control.paging import MOST, Page
from antiphon.control.replay import replayed
from antiphon.control.responses import Responses, asked_page
from antiphon.core.error import BadRequest, NotFound, WrongMediaType, WrongMethod
from antiphon.core.principal import Principal
from antiphon.net.exchange import Exchange
from antiphon.server.background import EVENTS, tell
from antiphon.server.reply import JSON
from antiphon.wire.fields import as_list, as_object, missing, mistyped
from antiphon.wire.json import loads
from antiphon.wire.openai_responses.state import deleted

MOST_PAIRS = 16
MOST_NAME = 64
MOST_VALUE = 512
"""Of metadata: pairs, and characters. Source: `types/conversations/conversation_create_params.py`."""
MOST_NUMBER = 2**53


class State(Struct, frozen=True, kw_only=True):
    """What is kept, under one revision."""

    responses: Responses
    conversations: Conversations
    background: BackgroundResponses | None = None
    """None: nothing runs in the background here."""


class Asked(Struct, frozen=True, kw_only=True):
    """One request about what is kept."""

    state: State
    principal: Principal
    name: str
    """Id of the response or conversation; empty: the path has none."""
    item: str
    query: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> Mapping[str, object]:
        """Raises: BadRequest."""
        return loads(self.body) if self.body.strip() else {}


Answer = tuple[bytes, bytes]
"""Header lines and body."""
Work = Callable[[Asked], Coroutine[Any, Any, Answer]]


async def _show(asked: Asked) -> Answer:
    after, streams = _after(asked.query), _flag(asked.query, "stream")
    state = asked.state
    try:
        body = await state.responses.show(asked.principal, asked.name)
    except NotFound:
        under = None if state.background is None else await state.background.show(asked.principal, asked.name)
        if under is None:
            raise
        body = under
    return (EVENTS, replayed(body, after)) if streams else (JSON, body)


async def _delete(asked: Asked) -> Answer:
    state = asked.state
    gone = state.background is not None and await state.background.delete(asked.principal, asked.name)
    try:
        return JSON, await state.responses.delete(asked.principal, asked.name)
    except NotFound:
        if not gone:
            raise
        return JSON, deleted(asked.name)


async def _cancel(asked: Asked) -> Answer:
    state = asked.state
    under = None if state.background is None else await state.background.cancel(asked.principal, asked.name)
    return JSON, under or await state.responses.cancel(asked.principal, asked.name)


async def _input_items(asked: Asked) -> Answer:
    state, page = asked.state, _page(asked.query)
    try:
        return JSON, await state.responses.page(asked.principal, asked.name, page)
    except NotFound:
        under = None if state.background is None else await state.background.asked(asked.principal, asked.name)
        if under is None:
            raise
        return JSON, asked_page(asked.name, under, page)


async def _create_conversation(asked: Asked) -> Answer:
    metadata, items = _metadata(asked.fields) or {}, _items(asked.fields)
    return JSON, asked.state.conversations.create(asked.principal, metadata, items or [])


async def _show_conversation(asked: Asked) -> Answer:
    return JSON, await asked.state.conversations.show(asked.principal, asked.name)


async def _update_conversation(asked: Asked) -> Answer:
    if "metadata" not in asked.fields:
        raise missing("metadata", "an object of texts, or null")
    metadata = _metadata(asked.fields) or {}
    return JSON, await asked.state.conversations.update(asked.principal, asked.name, metadata)


async def _delete_conversation(asked: Asked) -> Answer:
    return JSON, await asked.state.conversations.delete(asked.principal, asked.name)


async def _items_of(asked: Asked) -> Answer:
    return JSON, await asked.state.conversations.page(asked.principal, asked.name, _page(asked.query))


async def _add_items(asked: Asked) -> Answer:
    items = _items(asked.fields)
    if not items:
        raise missing("items", "a list of items")
    return JSON, await asked.state.conversations.add(asked.principal, asked.name, items)


async def _item(asked: Asked) -> Answer:
    return JSON, await asked.state.conversations.item(asked.principal, asked.name, asked.item)


async def _delete_item(asked: Asked) -> Answer:
    return JSON, await asked.state.conversations.delete_item(asked.principal, asked.name, asked.item)


PATHS: tuple[tuple[str, str, Work], ...] = (
    ("GET", "/v1/responses/{id}", _show),
    ("DELETE", "/v1/responses/{id}", _delete),
    ("POST", "/v1/responses/{id}/cancel", _cancel),
    ("GET", "/v1/responses/{id}/input_items", _input_items),
    ("POST", "/v1/conversations", _create_conversation),
    ("GET", "/v1/conversations/{id}", _show_conversation),
    ("POST", "/v1/conversations/{id}", _update_conversation),
    ("DELETE", "/v1/conversations/{id}", _delete_conversation),
    ("GET", "/v1/conversations/{id}/items", _items_of),
    ("POST", "/v1/conversations/{id}/items", _add_items),
    ("GET", "/v1/conversations/{id}/items/{item}", _item),
    ("DELETE", "/v1/conversations/{id}/items/{item}", _delete_item),
)
_PATTERNS = tuple(
    (
        re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]{1,256})", path).encode()),
        MappingProxyType({method.encode(): work for method, one, work in PATHS if one == path}),
    )
    for path in dict.fromkeys(path for _, path, _ in PATHS)
)
_STARTS = (b"/v1/responses/", b"/v1/conversations")


class Found(Struct, frozen=True):
    """A path of what is kept."""

    works: Mapping[bytes, Work]
    name: str
    item: str


def kept_of(path: bytes) -> Found | None:
    """What a path asks for; None: it is another."""
    path = path.removeprefix(b"/openai")
    if not path.startswith(_STARTS):
        return None
    for pattern, works in _PATTERNS:
        found = pattern.fullmatch(path)
        if found is not None:
            named = {name: unquote(value.decode("latin-1")) for name, value in found.groupdict(b"").items()}
            return Found(works, named.get("id", ""), named.get("item", ""))
    return None


async def answer(exchange: Exchange, found: Found, state: State, principal: Principal) -> Answer | None:
    """None: it was streamed. Raises: AntiphonError subclasses."""
    method = b"GET" if exchange.method == b"HEAD" else exchange.method
    work = found.works.get(method)
    if work is None:
        allowed = b", ".join(found.works).decode().replace("GET", "GET, HEAD")
        raise WrongMethod(f"this path takes {allowed}", allow=allowed)
    body = b"".join(exchange.body)
    kind = exchange.headers.get(b"content-type", b"application/json").lower()
    if body and not kind.startswith(b"application/json"):
        raise WrongMediaType(f"the body must be application/json, not {kind.decode('latin-1')!r}")
    said = parse_qs(exchange.query.decode("latin-1"), keep_blank_values=True)
    query = {name: values[-1] for name, values in said.items()}
    asked = Asked(state=state, principal=principal, name=found.name, item=found.item, query=query, body=body)
    if work is _show and exchange.method == b"GET" and await _followed(exchange, asked):
        return None
    return await work(asked)


async def _followed(exchange: Exchange, asked: Asked) -> bool:
    """Stream a response that has no end yet, or was told as it came. Returns: whether it was one. Raises: StoreError."""
    background = asked.state.background
    if background is None or not _flag(asked.query, "stream"):
        return False
    run = await background.find(asked.principal, asked.name)
    if run is None or (run.ended and not streams(run)):
        return False
    await tell(exchange, background, run, _after(asked.query))
    return True


def _after(query: Mapping[str, str]) -> int:
    said = _number(query, "starting_after")
    return -1 if said is None else said


def _page(query: Mapping[str, str]) -> Page:
    limit, order = _number(query, "limit", most=MOST), query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise BadRequest("`order` must be asc or desc", param="order")
    if limit == 0:
        raise BadRequest(f"`limit` must be a whole number from 1 to {MOST}", param="limit")
    page = Page(descending=order == "desc", after=query.get("after", ""), before=query.get("before", ""))
    return (
        page if limit is None else Page(limit=limit, descending=page.descending, after=page.after, before=page.before)
    )


def _number(query: Mapping[str, str], name: str, most: int = MOST_NUMBER) -> int | None:
    said = query.get(name)
    if said is None:
        return None
    if not (said.isascii() and said.isdigit() and len(said) <= 16 and int(said) <= most):
        raise BadRequest(f"`{name}` must be a whole number up to {most}", param=name)
    return int(said)


def _flag(query: Mapping[str, str], name: str) -> bool:
    said = query.get(name, "false").lower()
    if said not in ("true", "false"):
        raise BadRequest(f"`{name}` must be true or false", param=name)
    return said == "true"


def _items(fields: Mapping[str, object]) -> list[object] | None:
    value = fields.get("items")
    if value is None:
        return None
    items = as_list(value)
    if items is None:
        raise mistyped("items", "a list of items", value)
    if len(items) > MOST_AT_ONCE:
        raise BadRequest(f"`items` has {len(items)} items; add {MOST_AT_ONCE} at a time", param="items")
    return items


def _metadata(fields: Mapping[str, object]) -> dict[str, str] | None:
    value = fields.get("metadata")
    if value is None:
        return None
    pairs = as_object(value)
    if pairs is None:
        raise mistyped("metadata", "an object of texts", value)
    if len(pairs) > MOST_PAIRS:
        raise BadRequest(f"`metadata` has {len(pairs)} pairs; {MOST_PAIRS} are allowed", param="metadata")
    for name, text in pairs.items():
        if not isinstance(text, str):
            raise mistyped(f"metadata.{name[:MOST_NAME]}", "a text", text)
        if len(name) > MOST_NAME or len(text) > MOST_VALUE:
            raise BadRequest(
                f"`metadata` takes names of {MOST_NAME} characters and values of {MOST_VALUE}",
                param=f"metadata.{name[:MOST_NAME]}",
            )
    return pairs
