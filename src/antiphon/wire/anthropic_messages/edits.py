"""The smallest edits that make a caller's bytes what an upstream of the same dialect has to get."""

from collections.abc import Mapping

import msgspec

from antiphon.core.body import Body, Edit
from antiphon.core.request import Field, Request
from antiphon.wire.codec import Put, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.places import fields_of, first_byte
from antiphon.wire.spots import dropped

_NEEDED = ("model", "messages", "max_tokens")


def put(request: Request, terms: Terms) -> Put:
    """A request's bytes with what the terms say; all else is as the caller sent it."""
    head, spots, body = request.head, request.spots, request.body
    start, end = spots.model
    said = b"" if terms.model == head.model and end else msgspec.json.encode(terms.model)
    if not (terms.prompt or terms.so_far or terms.quirks.rejects) and end:
        return Put(body=body.edited((Edit(start, end, said),)) if said else body)
    fields = fields_of(body, spots)
    added: dict[str, object] = {}
    edits: list[Edit] = []
    if not end:
        added["model"] = terms.model
    elif said:
        edits.append(Edit(start, end, said))
    drop = [name for name in terms.quirks.rejects if name in fields and name not in _NEEDED]
    if terms.prompt and not terms.prompt.isspace():
        if "system" in fields and "system" not in drop:
            edits.extend(_prompted(body, fields["system"], terms.prompt))
        else:
            added["system"] = terms.prompt
            drop = [name for name in drop if name != "system"]
    so_far = terms.so_far.rstrip()
    if so_far:
        edits.append(_going_on(body, fields["messages"], so_far))
    edits.extend(dropped(fields, drop))
    edits.sort(key=lambda edit: edit.start)
    if added:
        edits.insert(0, _added(body, added))
    losses = Losses()
    losses.all_of(drop, "", f"{terms.quirks.who or 'the upstream'} refuses it")
    return Put(body=body.edited(tuple(edits)), losses=losses.told())


def _added(body: Body, fields: Mapping[str, object]) -> Edit:
    """New fields just behind the bracket that opens the body. It has others: `messages` at least."""
    brace, _ = first_byte(body, 0)
    return Edit(brace + 1, brace + 1, msgspec.json.encode(fields)[1:-1] + b",")


def _prompted(body: Body, system: Field, prompt: str) -> tuple[Edit, ...]:
    """The prompt before what `system` says, whose own bytes stay."""
    place, first = first_byte(body, system.start)
    block = b'{"type":"text","text":' + msgspec.json.encode(prompt) + b"}"
    if first == b"[":
        empty = first_byte(body, place + 1)[1] == b"]"
        return (Edit(place + 1, place + 1, block if empty else block + b","),)
    if first == b'"' and body.slice(place, place + 2) != b'""':
        before = Edit(place, place, b"[" + block + b',{"type":"text","text":')
        return before, Edit(system.end, system.end, b"}]")
    return (Edit(system.start, system.end, msgspec.json.encode(prompt)),)


def _going_on(body: Body, messages: Field, so_far: str) -> Edit:
    """A last message of the assistant's that holds the answer's start."""
    text = msgspec.json.encode({"role": "assistant", "content": so_far})
    place, _ = first_byte(body, messages.start)
    empty = first_byte(body, place + 1)[1] == b"]"
    end = messages.end
    while True:
        window = body.slice(max(messages.start, end - 64), end)
        at = window.rfind(b"]")
        if at >= 0:
            end = end - len(window) + at
            return Edit(end, end, text if empty else b"," + text)
        end -= len(window)
