"""Reads the head of a Messages request, and finds where edits can be made."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Head, Need, Spots
from antiphon.wire.anthropic_messages.decode import plain
from antiphon.wire.anthropic_messages.needs import MARK_BYTES, needs_in, needs_of
from antiphon.wire.anthropic_messages.spots import first_byte, scan
from antiphon.wire.anthropic_messages.write import OWN
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME, TOKENS_A_SLICE
from antiphon.wire.codec import Asked
from antiphon.wire.fields import as_object
from antiphon.wire.json import loads, twice
from antiphon.wire.scan import Scanner

_MODEL_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
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
    first = _MODEL_FIRST.match(text)
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
    scanner = Scanner(body)
    while not scanner.step(TOKENS_A_SLICE):
        yield None
    found = scanner.fields
    fields: dict[str, Any] = {name: _value(body, found[name], name) for name in _HEAD_FIELDS if name in found}
    messages = found.get("messages")
    fields["messages"] = [] if messages and first_byte(body, messages.start)[1] == b"[" else None
    needs: frozenset[Need] = needs_of(fields)
    if messages is not None:
        for piece in _pieces(body, messages):
            needs |= frozenset[Need](needs_in(piece))
            yield None
    yield _head(fields, asked, needs, counting=counting), _scanned_spots(scanner)


def _pieces(body: Body, field: Field) -> Iterator[bytes]:
    """A value's bytes piece by piece, each with the end of the one before it, so that no mark is cut."""
    at, seen = 0, b""
    for segment in body.segments:
        seen = seen[-MARK_BYTES:] + segment[max(field.start - at, 0) : max(field.end - at, 0)]
        at += len(segment)
        yield seen


def _value(body: Body, field: Field, name: str) -> object:
    text = body.slice(field.start, field.end)
    if text.lstrip()[:1] == b"{":
        return loads(text)
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"`{name}` is not valid JSON: {error}", param=name) from error


def _head(fields: Mapping[str, Any], asked: Asked, needs: frozenset[Need], *, counting: bool) -> Head:
    model = fields.get("model")
    if model is None and asked.model:
        model = asked.model
    if type(model) is not str or not 0 < len(model) <= MAX_NAME:
        raise BadRequest("`model` must name a model; GET /v1/models lists them", param="model")
    if type(fields.get("messages")) is not list:
        raise BadRequest("`messages` must be a list of messages", param="messages")
    stream = fields.get("stream")
    if stream is not None and type(stream) is not bool:
        raise BadRequest(f"`stream` must be true or false, not {_shown(stream)}", param="stream")
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
        said = f"`max_tokens` must be a whole number up to {MAX_COUNT}, not {_shown(value)}"
        raise BadRequest(said, param="max_tokens")
    return value


def _user(fields: Mapping[str, Any]) -> str:
    value = fields.get("metadata")
    metadata = as_object(value)
    if value is not None and metadata is None:
        raise BadRequest(f"`metadata` must be an object, not {_shown(value)}", param="metadata")
    user = (metadata or {}).get("user_id")
    if user is not None and type(user) is not str:
        raise BadRequest(f"`metadata.user_id` must be a text, not {_shown(user)}", param="metadata.user_id")
    return (user or "")[:MAX_NAME]


def _shown(value: object) -> str:
    """A value, short: it goes into a message."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 128:  # noqa: PLR2004  # too long to be printed
        return "a number of very many digits"
    return repr(value)[:40]


def _spots(text: bytes, body: Body, fields: Mapping[str, Any]) -> Spots:
    """Where `model` stands; by short cuts that prove themselves, else by scanning.

    In valid JSON the bytes `"model"` followed by a colon are always a key: a quote inside a text is escaped. First in the
    object it is a top-level one; and so it is when what follows it, put behind an opening brace, is an object by itself.
    """
    if fields.get("model") is None:
        return Spots(model=(0, 0), fields=scan(body).fields)
    first = _MODEL_FIRST.match(text)
    span = first.span(1) if first else _last(text)
    return _scanned_spots(scan(body)) if span is None else Spots(model=span)


def _last(text: bytes) -> tuple[int, int] | None:
    at = text.rfind(b'"model"')
    match = _MODEL.match(text, at) if at >= 0 else None
    if match is None:
        return None
    try:
        msgspec.json.decode(b"{" + text[at:], type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return None
    return match.span(1)


def _scanned_spots(scanner: Scanner) -> Spots:
    model = scanner.fields.get("model")
    return Spots(model=(0, 0) if model is None else (model.start, model.end), fields=scanner.fields)
