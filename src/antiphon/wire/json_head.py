"""Reads what routing needs of a JSON request that is no chat, and edits it for an upstream of the same dialect."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.body import Body, Edit
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Request, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.codec import Asked, Put, Terms
from antiphon.wire.fields import Fields, mistyped
from antiphon.wire.head_checks import model_name
from antiphon.wire.json import loads
from antiphon.wire.losses import LEFT_OUT, Losses
from antiphon.wire.openai_chat.edits import edits
from antiphon.wire.places import NOWHERE, model_spot, named, scan, spots_of
from antiphon.wire.slices import scanned, value_of

MOST_FIELD_BYTES = 65_536
"""A field of the head that is longer is a mistake: it would be read at once, however long the body."""

_PAST: Mapping[bytes, Any] = {b"[": [], b"{": {}, b'"': ""}
"""What stands for a long value that is only known to be a list, an object or a text."""


class Found(Struct, frozen=True, kw_only=True):
    """What was read of a body."""

    fields: Mapping[str, Any]
    """Top-level fields: all of them with their values in a body of ordinary length. In a long one only those that were
    asked for; an empty list, object or text stands for a value that was not to be read.
    """
    spots: Spots


def read(body: Body) -> Found:
    """Read a body of ordinary length. Raises: BadRequest."""
    text = body.whole()
    fields = loads(text)
    return Found(fields=fields, spots=_spots(text, body, fields))


def read_long(body: Body, names: Collection[str], past: Collection[str] = ()) -> Iterator[Found | None]:
    """Read a long body in slices: yields None between them, and what was found at the end.

    Args:
        names: Fields to read.
        past: Fields whose kind is enough.
    Raises: BadRequest.
    """
    found = yield from scanned(body)
    fields: dict[str, Any] = {name: _value(body, found[name], name) for name in names if name in found}
    fields |= {name: _kind(body, found[name], name) for name in past if name in found}
    yield Found(fields=fields, spots=spots_of(found))


def _value(body: Body, field: Field, name: str) -> object:
    if field.end - field.start > MOST_FIELD_BYTES:
        raise BadRequest(f"`{name}` is longer than {MOST_FIELD_BYTES} bytes; send a shorter one", param=name)
    return value_of(body, field, name)


def _kind(body: Body, field: Field, name: str) -> object:
    at = field.start
    while at < field.end:
        window = body.slice(at, min(at + 64, field.end)).lstrip()
        if window:
            past = _PAST.get(window[:1])
            return _value(body, field, name) if past is None else past
        at += 64
    raise BadRequest(f"`{name}` has no value; the body is not valid JSON", param=name)


def _spots(text: bytes, body: Body, fields: Mapping[str, Any]) -> Spots:
    """Where `model` stands; scanned only where short cuts prove nothing."""
    span = None if "model" not in fields or "stream_options" in fields else model_spot(text)
    return spots_of(scan(body)) if span is None else Spots(model=span)


def model_of(fields: Mapping[str, Any], asked: Asked, usual: str = "") -> str:
    """The model that is asked for.

    Args:
        usual: The model of a request that names none; empty: it must name one.
    Raises: BadRequest.
    """
    model = asked.model or fields.get("model")
    return model_name(usual if model is None else model)


def user_of(fields: Fields) -> str:
    """The end user that the caller names, as far as it is kept. Raises: BadRequest."""
    return (fields.text("user") or "")[:MAX_NAME]


def positive(fields: Fields, name: str) -> int | None:
    """A count. Raises: BadRequest."""
    value = fields.whole(name)
    if value is not None and not 1 <= value <= MAX_COUNT:
        raise BadRequest(f"`{name}` must be a whole number from 1 to {MAX_COUNT}, not {value}", param=name)
    return value


def one_of(fields: Mapping[str, Any], name: str, kinds: tuple[type, ...], said: str) -> None:
    """See that a field is there and of a kind that it may be. Raises: BadRequest."""
    value = fields.get(name)
    if type(value) not in kinds:
        raise mistyped(name, said, value)


def put(request: Request, terms: Terms, *, rename: Mapping[str, str] | None = None, ask_usage: bool = False) -> Put:
    """The caller's bytes with the upstream's name of the model, and without the fields that it refuses.

    Args:
        rename: Fields that the upstream knows by another name, which is used where it refuses the first.
    """
    losses = Losses()
    drop, other = _refused(request, terms, rename or {}, losses)
    insert = request.spots.model == NOWHERE
    model = request.head.model if insert else terms.model
    beside = ask_usage and insert and request.spots.stream_options is None
    made = edits(request, model=model, ask_usage=ask_usage and not beside, prompt=None, drop=drop, rename=other)
    if insert:
        made = (_inserted(request.body, terms.model, ask_usage=beside), *made)
    return Put(body=request.body.edited(made), losses=losses.told(), hides_usage=ask_usage)


def _refused(
    request: Request, terms: Terms, rename: Mapping[str, str], losses: Losses
) -> tuple[list[str], dict[str, str]]:
    """Fields of the request to leave out, and to rename."""
    rejects, who = terms.quirks.rejects, terms.quirks.who or "the upstream"
    drop: list[str] = []
    other: dict[str, str] = {}
    if not rejects:
        return drop, other
    fields = named(request, rejects)
    for name in rejects:
        if name not in fields or name == "model":
            continue
        alias = rename.get(name, "")
        if alias and alias not in rejects and alias not in fields:
            other[name] = alias
            losses.add(name, f"{who} calls it {alias}", f"sent as {alias}", adapted=True)
        else:
            drop.append(name)
            losses.add(name, f"{who} refuses it", LEFT_OUT)
    return drop, other


def _inserted(body: Body, model: str, *, ask_usage: bool) -> Edit:
    """Name the model in a body that does not."""
    at = 0
    while (window := body.slice(at, at + 64)) and b"{" not in window:
        at += 64
    at += window.find(b"{") + 1
    text = b'"model":%b,' % msgspec.json.encode(model)
    if ask_usage:
        text += b'"stream_options":{"include_usage":true},'
    return Edit(at, at, text)
