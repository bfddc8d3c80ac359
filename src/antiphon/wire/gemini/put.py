"""A request for an upstream of this very dialect: the caller's bytes with the smallest edits."""

from collections.abc import Mapping

import msgspec

from antiphon.core.body import Body, Edit
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Request
from antiphon.wire.codec import Put, Terms
from antiphon.wire.gemini.decode import TOP
from antiphon.wire.losses import Losses
from antiphon.wire.scan import Scanner
from antiphon.wire.spots import dropped

_SYSTEM = ("systemInstruction", "system_instruction")


def put(request: Request, terms: Terms) -> Put:
    """Put a prompt before all others, an answer's start behind all, and leave out what the upstream refuses."""
    rejects = terms.quirks.rejects
    if terms.prompt is None and not terms.so_far and not rejects:
        return Put(body=request.body)
    fields = request.spots.fields
    if fields is None:
        fields = _scanned(request.body)
    losses = Losses()
    drop = {name for name in fields if TOP.get(name, name) in rejects or name in rejects}
    edits = list(dropped(fields, drop))
    for name in drop:
        losses.add(name, f"{terms.quirks.who or 'the provider'} refuses it")
    if terms.prompt is not None:
        edits.append(_prompt(request.body, fields, terms.prompt))
    if terms.so_far:
        edits.append(_go_on(request.body, fields["contents"], terms.so_far))
    edits.sort(key=lambda edit: edit.start)
    return Put(body=request.body.edited(tuple(edits)), losses=losses.told())


def _scanned(body: Body) -> Mapping[str, Field]:
    """Where the fields of an object stand."""
    scanner = Scanner(body)
    while not scanner.step(1_000_000):
        pass
    return scanner.fields


def _prompt(body: Body, fields: Mapping[str, Field], prompt: str) -> Edit:
    part = msgspec.json.encode({"text": prompt})
    spot = next((fields[name] for name in _SYSTEM if name in fields), None)
    if spot is None:
        first = next(iter(fields.values())).key
        return Edit(first, first, b'"systemInstruction":{"parts":[%b]},' % part)
    value = body.slice(spot.start, spot.end)
    if value.strip() == b"null":
        return Edit(spot.start, spot.end, b'{"parts":[%b]}' % part)
    if value.lstrip()[:1] != b"{":
        raise BadRequest("`systemInstruction` must be an object", param="systemInstruction")
    inner = _scanned(Body((value,)))
    parts = inner.get("parts")
    if parts is None or value[parts.start : parts.end].strip() == b"null":
        said = b'"parts":[%b]' % part
        if parts is not None:
            return Edit(spot.start + parts.key, spot.start + parts.end, said)
        at = spot.start + value.index(b"{") + 1
        return Edit(at, at, said + (b"," if inner else b""))
    if value[parts.start : parts.end].lstrip()[:1] != b"[":
        raise BadRequest("`systemInstruction.parts` must be a list", param="systemInstruction.parts")
    bracket = value.index(b"[", parts.start) + 1
    empty = value[bracket:].lstrip()[:1] == b"]"
    return Edit(spot.start + bracket, spot.start + bracket, part if empty else part + b",")


def _go_on(body: Body, contents: Field, so_far: str) -> Edit:
    turn = msgspec.json.encode({"role": "model", "parts": [{"text": so_far}]})
    value = body.slice(contents.start, contents.end)
    end = value.rindex(b"]")
    empty = value[:end].rstrip().endswith(b"[") and not value[:end].rstrip()[:-1].strip()
    return Edit(contents.start + end, contents.start + end, turn if empty else b"," + turn)
