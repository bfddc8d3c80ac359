"""The smallest edits that make a caller's bytes what the upstream has to get."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Collection, Iterator, Mapping

import msgspec

from antiphon.core.body import Edit
from antiphon.core.request import Request
from antiphon.wire.codec import Continuing
from antiphon.wire.openai_chat.head import messages_spot
from antiphon.wire.places import fields_of
from antiphon.wire.spots import dropped

_ASK = b',"stream_options":{"include_usage":true}'
_FLAGS = {"continue_final_message": True, "add_generation_prompt": False}


def edits(
    request: Request,
    *,
    model: str,
    ask_usage: bool,
    prompt: str | None,
    drop: Collection[str] = (),
    rename: Mapping[str, str] | None = None,
    so_far: str = "",
    continuing: Continuing = "assistant",
) -> tuple[Edit, ...]:
    """Edits for the same dialect on both sides, in order of place.

    Args:
        model: The upstream's id of the model.
        ask_usage: Have the upstream send the usage event of a stream.
        prompt: Text of a system message to put before all others.
        drop: Top-level fields to leave out; never `model`.
        rename: Top-level fields to their other names.
        so_far: The start of an answer that is to be gone on with.
        continuing: How the upstream is told to.
    """
    spots = request.spots
    out = list(renamed(request, model))
    if ask_usage and spots.stream_options is None:
        start, end = spots.model
        said = out.pop().text if out else request.body.slice(start, end)
        out.append(Edit(start, end, said + _ASK))
    if ask_usage and spots.stream_options is not None:
        options = msgspec.json.decode(request.body.slice(*spots.stream_options)) or {}
        text = msgspec.json.encode({**options, "include_usage": True})
        out.append(Edit(*spots.stream_options, text))
    if prompt is not None:
        place, empty = messages_spot(request.body, fields_of(request.body, spots)["messages"])
        message = msgspec.json.encode({"role": "system", "content": prompt})
        out.append(Edit(place, place, message if empty else message + b","))
    if so_far:
        out.extend(_go_on(request, so_far, continuing, alone=prompt is None))
        drop = (*drop, *_FLAGS) if continuing == "flags" else drop
    if drop or rename:
        fields = fields_of(request.body, spots)
        out.extend(dropped(fields, drop))
        out.extend(
            Edit(fields[name].key, fields[name].start, msgspec.json.encode(other) + b":")
            for name, other in (rename or {}).items()
        )
    out.sort(key=lambda edit: edit.start)
    return tuple(out)


def renamed(request: Request, model: str) -> tuple[Edit, ...]:
    """The one edit that most requests need: the upstream's id of the model, where that is another."""
    start, end = request.spots.model
    return () if model == request.head.model else (Edit(start, end, msgspec.json.encode(model)),)


def _go_on(request: Request, so_far: str, continuing: Continuing, *, alone: bool) -> Iterator[Edit]:
    """A last message of the assistant that holds the answer's start, and what else the upstream has to be told."""
    fields = fields_of(request.body, request.spots)
    messages = fields["messages"]
    said = {"role": "assistant", "content": so_far}
    text = msgspec.json.encode({**said, "prefix": True} if continuing == "prefix" else said)
    _, empty = messages_spot(request.body, messages)
    end = messages.start + request.body.slice(messages.start, messages.end).rindex(b"]")
    yield Edit(end, end, text if empty and alone else b"," + text)
    if continuing == "flags":
        first = next(iter(fields.values())).key
        yield Edit(first, first, msgspec.json.encode(_FLAGS)[1:-1] + b",")
