"""A caller's own bytes made fit for an upstream of the same dialect. What the provider keeps of a conversation is left to
whoever calls: see `state.joined`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from antiphon.core.body import Edit
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Request
from antiphon.wire.codec import Put, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.decode import INSTRUCTIONS
from antiphon.wire.places import fields_of, named
from antiphon.wire.spots import dropped

_encode = msgspec.json.encode


def put(request: Request, terms: Terms) -> Put:
    """The smallest edits, and what of the request they leave out."""
    head, spots, body = request.head, request.spots, request.body
    rejects = terms.quirks.rejects
    made: list[Edit] = []
    if terms.model != head.model:
        made.append(Edit(*spots.model, _encode(terms.model)))
    losses = Losses()
    gone = _refused(request, terms, losses) if rejects else ()
    if terms.prompt is not None or terms.so_far or gone:
        fields = fields_of(body, spots)
        if terms.prompt is not None:
            made.extend(_prompted(request, fields, terms.prompt))
        if terms.so_far:
            made.extend(_continued(request, fields, terms.so_far))
        made.extend(dropped(fields, gone))
        made.sort(key=_start)
    return Put(body=body.edited(tuple(made)), losses=losses.told())


def _start(edit: Edit) -> int:
    return edit.start


def _refused(request: Request, terms: Terms, losses: Losses) -> tuple[str, ...]:
    names = [name for name in terms.quirks.rejects if name not in ("model", "input")]
    if terms.prompt is not None and INSTRUCTIONS in names:
        names.remove(INSTRUCTIONS)
    found = named(request, names)
    gone = tuple(name for name in names if name in found)
    for name in gone:
        losses.add(name, f"{terms.quirks.who or 'the upstream'} refuses it")
    return gone


def _value(request: Request, field: Field, name: str) -> Any:
    try:
        return msgspec.json.decode(request.body.slice(field.start, field.end))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:  # of a long body it was not read before
        raise BadRequest(f"`{name}` is not valid JSON: {error}", param=name) from error


def _prompted(request: Request, fields: Mapping[str, Field], prompt: str) -> Iterator[Edit]:
    """The prompt before the caller's own instructions."""
    field = fields.get(INSTRUCTIONS)
    if field is None:
        first = next(iter(fields.values())).key
        yield Edit(first, first, b'"instructions":%b,' % _encode(prompt))
        return
    own = _value(request, field, INSTRUCTIONS)
    text = f"{prompt}\n\n{own}" if isinstance(own, str) and own else prompt
    yield Edit(field.start, field.end, _encode(text))


def _continued(request: Request, fields: Mapping[str, Field], so_far: str) -> Iterator[Edit]:
    """A last message of the assistant that holds the answer's start."""
    said = {"type": "message", "role": "assistant", "content": so_far}
    field = fields.get("input")
    if field is None:
        first = next(iter(fields.values())).key
        yield Edit(first, first, b'"input":%b,' % _encode([said]))
        return
    raw = request.body.slice(field.start, field.end)
    if raw.lstrip()[:1] != b"[":
        own = _value(request, field, "input")
        before = [] if own is None else [{"type": "message", "role": "user", "content": own}]
        yield Edit(field.start, field.end, _encode([*before, said]))
        return
    end = field.start + raw.rindex(b"]")
    empty = not raw.strip()[1:-1].strip()
    yield Edit(end, end, _encode(said) if empty else b"," + _encode(said))
