"""The start of a conversation, by which prompts with the same beginning are known."""

import re

from antiphon.core.request import Request

_MESSAGES = re.compile(rb'"messages"\s*:')


def prefix(request: Request, most_bytes: int) -> bytes:
    """The first bytes of `messages`; of the whole body where they can't be told quickly. The same body gives the same."""
    body, fields = request.body, request.spots.fields
    if fields is not None and "messages" in fields:
        start = fields["messages"].start
    else:
        found = _MESSAGES.search(body.whole())
        start = found.end() if found else 0
    return body.slice(start, start + most_bytes)
