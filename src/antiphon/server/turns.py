"""A call of the Responses API that leaves something to be kept, or goes on from what an earlier one left."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw, Struct, structs

from antiphon.control.compaction import MARK, Compactor
from antiphon.control.responses import ECHOED, Responses, Turn
from antiphon.core.body import Body, Edit
from antiphon.core.data_class import DataClass, highest
from antiphon.core.error import TooLarge
from antiphon.core.ports import Reply
from antiphon.core.principal import Principal
from antiphon.core.request import Field, Request
from antiphon.server.kept_reply import KeptReply
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.fields import as_list
from antiphon.wire.json import loads
from antiphon.wire.openai_responses.state import Item, joined, wants
from antiphon.wire.places import fields_of

_STATE = ("store", "previous_response_id", "conversation")
_members = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.encode


class Going(Struct, frozen=True, kw_only=True):
    """A request's body with what was said before."""

    body: Body
    data_class: DataClass | None = None
    """How sensitive that is; None: nothing is known of it."""


async def begun(
    request: Request, principal: Principal, responses: Responses, reply: Reply, name: str = ""
) -> tuple[Going, Reply]:
    """What a request is sent with, and a reply that keeps what it is to leave.

    Args:
        name: Id that its response was promised in the background.
    Raises: BadRequest, NotFound, TooLarge, StoreError.
    """
    raws, tenant = _raws(request), principal.tenant
    wishes = wants({field: msgspec.json.decode(raws[field]) for field in _STATE if field in raws})
    goes_on = wishes.previous is not None or wishes.conversation is not None
    if not goes_on and not (wishes.store and responses.keeps):
        return _opened(Going(body=request.body), tenant, responses.compactor), reply
    asked = bytes(raws["input"]) if "input" in raws else b""
    most = responses.max_bytes
    if len(asked) > most:
        if wishes.conversation is not None:
            raise TooLarge(
                f"`input` is longer than the {most} bytes that are kept (storage.keep.max_response_bytes)",
                param="input",
            )
        asked, wishes = b"", structs.replace(wishes, store=False)
    before = await responses.before(tenant, wishes, asked)
    turn = Turn(
        tenant=tenant,
        subject=principal.subject(request.head.user, request.lineage.session),
        wants=wishes,
        asked=asked,
        before=before.ids,
        echo={field: raws[field] for field in ECHOED if field in raws},
        name=name,
    )
    body = _joined(request, before.items) if goes_on else request.body
    going = _opened(Going(body=body, data_class=before.data_class), tenant, responses.compactor)
    return going, KeptReply(reply, responses, turn)


async def whole_input(body: Body, tenant: str, responses: Responses) -> Going:
    """A body with all that was said before in its input. Raises: BadRequest, NotFound, TooLarge, StoreError."""
    wishes = wants(loads(body.whole()))
    data_class: DataClass | None = None
    if wishes.previous is not None or wishes.conversation is not None:
        before = await responses.before(tenant, wishes)
        body, data_class = Body((joined(before.items, body.whole()),)), before.data_class
    return _opened(Going(body=body, data_class=data_class), tenant, responses.compactor)


def _opened(going: Going, tenant: str, compactor: Compactor) -> Going:
    """A body with our notes in the place of what they were sealed in. Raises: BadRequest."""
    body = going.body
    if not holds(body.segments, MARK.encode()):
        return going
    fields: dict[str, object] = loads(body.whole())
    items = as_list(fields.get("input"))
    if items is None:
        return going
    opened, data_class = compactor.opened(tenant, items)
    classes: list[DataClass | None] = [one for one in (going.data_class, data_class) if one is not None]
    made = Body((_encode({**fields, "input": opened}),))
    return Going(body=made, data_class=highest(*classes) if classes else None)


def holds(segments: Sequence[bytes], mark: bytes) -> bool:
    """Whether a mark stands in a body, though it be cut by the end of a segment."""
    end = b""
    for segment in segments:
        if mark in segment or mark in end + segment[: len(mark)]:
            return True
        end = segment[-len(mark) :]
    return False


def _raws(request: Request) -> Mapping[str, Raw]:
    """A request's top-level fields as they came."""
    body, fields = request.body, request.spots.fields
    if fields is None or body.size_bytes < LONG_BYTES:
        return _members.decode(body.whole())
    return {
        name: Raw(body.slice(fields[name].start, fields[name].end).strip())
        for name in (*_STATE, *ECHOED, "input")
        if name in fields
    }


def _joined(request: Request, items: Sequence[Item]) -> Body:
    """A long body is edited in place: to read all of it at once would hold others up."""
    body = request.body
    if body.size_bytes < LONG_BYTES:
        return Body((joined(items, body.whole()),))
    fields = fields_of(body, request.spots)
    edits = [Edit(fields[name].start, fields[name].end, b"null") for name in _STATE[1:] if name in fields]
    edits.append(_before(body, fields, _encode(items)[1:-1]))
    return body.edited(tuple(sorted(edits, key=_start)))


def _start(edit: Edit) -> int:
    return edit.start


def _before(body: Body, fields: Mapping[str, Field], items: bytes) -> Edit:
    """Puts items before those of a request.

    Args:
        items: JSON, without the brackets of their list.
    """
    said = fields.get("input")
    if said is None:
        first = next(iter(fields.values())).key
        return Edit(first, first, b'"input":[%b],' % items)
    raw = body.slice(said.start, said.end)
    inner = raw.strip()
    if inner.startswith(b"["):
        at = said.start + raw.index(b"[") + 1
        more = b"," if items and inner[1:-1].strip() else b""
        return Edit(at, at, items + more)
    own = b"" if inner == b"null" else b'{"type":"message","role":"user","content":%b}' % inner
    return Edit(said.start, said.end, b"[%b%b%b]" % (items, b"," if items and own else b"", own))
