"""A caller's own bytes made fit for an upstream of the same dialect."""

from msgspec import Struct

from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.wire.codec import Put, Quirks, Terms
from antiphon.wire.openai_chat.edits import edits, renamed
from antiphon.wire.openai_chat.strict import STRICT, plain
from antiphon.wire.places import named


def put(request: Request, terms: Terms) -> Put:
    """The smallest edits, and what of the request they leave out or rename."""
    quirks = terms.quirks
    cleared: tuple[Loss, ...] = ()
    if quirks.who in STRICT:
        request, cleared = plain(request, quirks)
    head = request.head
    ask_usage = head.stream and not head.wants_usage and quirks.asks_usage
    changes = _changes(request, quirks) if quirks.rejects or quirks.output_limit_field else _NONE
    if changes is _NONE and not (ask_usage or terms.prompt is not None or terms.so_far):
        return Put(body=request.body.edited(renamed(request, terms.model)), losses=cleared)
    made = edits(
        request,
        model=terms.model,
        ask_usage=ask_usage,
        prompt=terms.prompt,
        drop=changes.drop,
        rename=changes.rename,
        so_far=terms.so_far,
        continuing=quirks.continuing,
    )
    return Put(body=request.body.edited(made), losses=cleared + changes.losses, hides_usage=ask_usage)


class _Changes(Struct, frozen=True, gc=False):
    """What of a request goes to a provider under another name, or not at all."""

    drop: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    losses: tuple[Loss, ...] = ()


_NONE = _Changes()
_LIMIT = "max_completion_tokens"


def _changes(request: Request, quirks: Quirks) -> _Changes:
    """What a provider would answer with an error, found in this request."""
    known = quirks.output_limit_field
    fields = named(request, quirks.rejects if known is None else (*quirks.rejects, _LIMIT))
    drop = [name for name in quirks.rejects if name in fields]
    losses = [_left_out(name, f"{quirks.who} refuses it") for name in drop]
    limit = fields.get(_LIMIT)
    if known is None or limit is None or _LIMIT in drop:
        return _Changes(tuple(drop), {}, tuple(losses))
    why = f"{quirks.who} knows {known} only"
    if known not in fields:
        losses.append(Loss(field=_LIMIT, why=why, effect=f"sent as {known}", adapted=True))
        return _Changes(tuple(drop), {_LIMIT: known}, tuple(losses))
    if request.body.slice(limit.start, limit.end).strip() == b"null":
        return _Changes((*drop, _LIMIT), {}, (*losses, _left_out(_LIMIT, why)))
    sent = Loss(field=_LIMIT, why=why, effect=f"sent as {known}, in place of the one that was there", adapted=True)
    return _Changes((*drop, known), {_LIMIT: known}, (*losses, sent))


def _left_out(field: str, why: str) -> Loss:
    return Loss(field=field, why=why, effect="left out of the request")
