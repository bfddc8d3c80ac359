"""The smallest edits that make a caller's bytes what the upstream has to get."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import msgspec

from antiphon.core.body import Edit
from antiphon.core.request import Request
from antiphon.wire.openai_chat.head import messages_spot

_ASK = b',"stream_options":{"include_usage":true}'


def edits(request: Request, *, model: str, ask_usage: bool, prompt: str | None) -> tuple[Edit, ...]:
    """Edits for the same dialect on both sides, in order of place.

    Args:
        model: The upstream's id of the model.
        ask_usage: Have the upstream send the usage event of a stream.
        prompt: Text of a system message to put before all others.
    """
    head, spots = request.head, request.spots
    start, end = spots.model
    out: list[Edit] = []
    said = b"" if model == head.model else msgspec.json.encode(model)
    if ask_usage and spots.stream_options is None:
        text = (said or request.body.slice(start, end)) + _ASK
        out.append(Edit(start, end, text))
    elif said:
        out.append(Edit(start, end, said))
    if ask_usage and spots.stream_options is not None:
        options = msgspec.json.decode(request.body.slice(*spots.stream_options)) or {}
        text = msgspec.json.encode({**options, "include_usage": True})
        out.append(Edit(*spots.stream_options, text))
    if prompt is not None:
        place, empty = messages_spot(request.body)
        message = msgspec.json.encode({"role": "system", "content": prompt})
        out.append(Edit(place, place, message if empty else message + b","))
    out.sort(key=lambda edit: edit.start)
    return tuple(out)
