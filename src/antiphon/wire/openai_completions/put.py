"""A caller's own completion made fit for an upstream that has legacy completions."""

import msgspec
from msgspec import structs

from antiphon.core.body import Body, Edit
from antiphon.core.error import BadRequest
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.wire.codec import Put, Terms
from antiphon.wire.json_head import put
from antiphon.wire.places import scan


def put_completion(request: Request, terms: Terms) -> Put:
    """The smallest edits. A system message is put at the prompt's start, and the start of an answer at its end.

    Raises: BadRequest, where there are several prompts, or tokens, that an answer is to be gone on with or that a system
        message is to be put before.
    """
    head = request.head
    ask_usage = head.stream and not head.wants_usage and terms.quirks.asks_usage
    made = put(request, terms, ask_usage=ask_usage)
    if terms.prompt is None and not terms.so_far:
        return made
    before = "" if terms.prompt is None else f"{terms.prompt}\n\n"
    losses = made.losses
    if before:
        why = "Completions have no system messages"
        losses += (Loss(field="prompt", why=why, effect="put at the start of the prompt", adapted=True),)
    return structs.replace(made, body=_around(made.body, before, terms.so_far), losses=losses)


def _around(body: Body, before: str, behind: str) -> Body:
    field = scan(body).get("prompt")
    value = b"" if field is None else body.slice(field.start, field.end)
    if field is None or value.strip()[:1] != b'"':
        raise BadRequest("`prompt` must be one text, so that more can be put before or behind it", param="prompt")
    start = field.start + value.index(b'"') + 1
    end = field.start + value.rindex(b'"')
    edits = (Edit(start, start, _inside(before)), Edit(end, end, _inside(behind)))
    return body.edited(tuple(edit for edit in edits if edit.text))


def _inside(text: str) -> bytes:
    """A text as it stands between quotes."""
    return msgspec.json.encode(text)[1:-1]
