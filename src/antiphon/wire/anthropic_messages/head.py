"""Reads the head of a Messages request, and finds where edits can be made."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Need, Spots
from antiphon.wire.anthropic_messages.decode import plain
from antiphon.wire.anthropic_messages.needs import MARK_BYTES, needs_in, needs_of
from antiphon.wire.anthropic_messages.write import OWN
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.codec import Asked
from antiphon.wire.fields import as_object
from antiphon.wire.head_checks import flag_of, model_name, shown
from antiphon.wire.json import loads, twice
from antiphon.wire.places import MODEL_FIRST, NOWHERE, first_byte, model_spot, scan, spots_of
from antiphon.wire.slices import marked, scanned, values

_HEAD_FIELDS = (
    "model",
    "stream",
    "max_tokens",
    "metadata",
    "tools",
    "mcp_servers",
    "thinking",
    "output_config",
    "output_format",
)


def read(body: Body, asked: Asked, *, counting: bool = False) -> tuple[Head, Spots]:
    """Read a body of ordinary length.

    Args:
        counting: Its tokens are only to be counted: it needs no `max_tokens`.
    Raises: BadRequest.
    """
    text = body.whole()
    return _read_plain(text, asked) or _read(text, body, asked, counting=counting)


def _read_plain(text: bytes, asked: Asked) -> tuple[Head, Spots] | None:
    """Read a plain body quickly; None when there is anything about it that needs a closer look."""
    said = plain(text)
    first = MODEL_FIRST.match(text)
    if (
        said is None
        or first is None
        or asked.model
        or not 0 < len(said.model) <= MAX_NAME
        or not 0 <= said.max_tokens <= MAX_COUNT
        or twice(text, said.keys())
    ):
        return None
    head = Head(
        dialect=OWN,
        endpoint=asked.endpoint,
        model=said.model,
        stream=asked.stream if said.stream is UNSET else said.stream,
        wants_usage=True,
        output_tokens=said.max_tokens,
    )
    return head, Spots(model=first.span(1))


def _read(text: bytes, body: Body, asked: Asked, *, counting: bool) -> tuple[Head, Spots]:
    fields = loads(text)
    return _head(fields, asked, needs_of(fields), counting=counting), _spots(text, body, fields)


def read_long(body: Body, asked: Asked, *, counting: bool = False) -> Iterator[tuple[Head, Spots] | None]:
    """Read a long body in slices: yields None between them, and what `read` returns at the end.

    Raises: BadRequest.
    """
    found = yield from scanned(body)
    fields = values(body, found, _HEAD_FIELDS)
    messages = found.get("messages")
    fields["messages"] = [] if messages and first_byte(body, messages.start)[1] == b"[" else None
    needs = needs_of(fields)
    if messages is not None:
        needs |= yield from marked(body, messages, MARK_BYTES, needs_in)
    yield _head(fields, asked, needs, counting=counting), spots_of(found)


def _head(fields: Mapping[str, Any], asked: Asked, needs: frozenset[Need], *, counting: bool) -> Head:
    said = fields.get("model")
    model = model_name(asked.model if said is None and asked.model else said)
    if type(fields.get("messages")) is not list:
        raise BadRequest("`messages` must be a list of messages", param="messages")
    stream = flag_of(fields, "stream")
    return Head(
        dialect=OWN,
        endpoint=asked.endpoint,
        model=model,
        stream=asked.stream if stream is None else stream,
        wants_usage=True,
        output_tokens=None if counting else _limit(fields),
        needs=needs,
        user=_user(fields),
    )


def _limit(fields: Mapping[str, Any]) -> int:
    """`max_tokens`; zero only fills the provider's cache."""
    value = fields.get("max_tokens")
    if value is None:
        raise BadRequest("`max_tokens` is missing; send the most output tokens that you want", param="max_tokens")
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        said = f"`max_tokens` must be a whole number up to {MAX_COUNT}, not {shown(value)}"
        raise BadRequest(said, param="max_tokens")
    return value


def _user(fields: Mapping[str, Any]) -> str:
    value = fields.get("metadata")
    metadata = as_object(value)
    if value is not None and metadata is None:
        raise BadRequest(f"`metadata` must be an object, not {shown(value)}", param="metadata")
    user = (metadata or {}).get("user_id")
    if user is not None and type(user) is not str:
        raise BadRequest(f"`metadata.user_id` must be a text, not {shown(user)}", param="metadata.user_id")
    return (user or "")[:MAX_NAME]


def _spots(text: bytes, body: Body, fields: Mapping[str, Any]) -> Spots:
    """Where `model` stands; scanned only where short cuts prove nothing."""
    if fields.get("model") is None:
        return Spots(model=NOWHERE, fields=scan(body))
    span = model_spot(text)
    return spots_of(scan(body)) if span is None else Spots(model=span)
