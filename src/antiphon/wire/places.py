"""Where the fields of a JSON body stand, whichever dialect it is in."""

import re
from collections.abc import Collection, Mapping

import msgspec

from antiphon.core.body import Body
from antiphon.core.request import Field, Request, Spots
from antiphon.wire.scan import Scanner

MODEL_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
NOWHERE = (0, 0)
"""The spot of what the body doesn't hold."""


def model_spot(text: bytes) -> tuple[int, int] | None:
    """Where the value of a top-level `model` stands in valid JSON, by short cuts that prove themselves. None: they don't.

    The bytes `"model"` followed by a colon are always a key: a quote inside a text is escaped. First in the object it is
    a top-level one; and so it is when what follows it, put behind an opening brace, is an object by itself.
    """
    match = MODEL_FIRST.match(text)
    if match is not None:
        return match.span(1)
    at = text.rfind(b'"model"')
    match = _MODEL.match(text, at) if at >= 0 else None
    if match is None:
        return None
    try:
        msgspec.json.decode(b"{" + text[at:], type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return None
    return match.span(1)


def spots_of(fields: Mapping[str, Field]) -> Spots:
    """The spots of a body that was scanned."""
    model, options = fields.get("model"), fields.get("stream_options")
    return Spots(
        model=NOWHERE if model is None else (model.start, model.end),
        stream_options=None if options is None else (options.start, options.end),
        fields=fields,
    )


def scan(body: Body) -> Mapping[str, Field]:
    """Where every top-level field of a body stands: scanned at once. Raises: BadRequest."""
    scanner = Scanner(body)
    while not scanner.step(1_000_000):
        pass
    return scanner.fields


def fields_of(body: Body, spots: Spots) -> Mapping[str, Field]:
    """Where every top-level field of a body stands; scanned unless that is known."""
    return scan(body) if spots.fields is None else spots.fields


def named(request: Request, names: Collection[str]) -> Mapping[str, Field]:
    """Top-level fields of a request, if one of these names is among them, else nothing.

    A body that was not scanned is scanned only when a name occurs in it, or could in another spelling.
    """
    if request.spots.fields is None:
        text = request.body.whole()
        if b"\\u" not in text and not any(f'"{name}"'.encode() in text for name in names):
            return {}
    return fields_of(request.body, request.spots)


def first_byte(body: Body, start: int) -> tuple[int, bytes]:
    """The first byte from `start` that is no white space, and where it is; empty when there is none."""
    while window := body.slice(start, start + 64):
        rest = window.lstrip()
        if rest:
            return start + len(window) - len(rest), rest[:1]
        start += len(window)
    return start, b""
