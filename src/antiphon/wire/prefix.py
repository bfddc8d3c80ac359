"""The start of a conversation, by which prompts with the same beginning are known."""

import re

from antiphon.core.request import Request


def prefix(request: Request, most_bytes: int, opening: str) -> bytes:
    """The first bytes of the field `opening`; of the whole body where they can't be told quickly. The same body gives the same."""
    body, fields = request.body, request.spots.fields
    if fields is not None and opening in fields:
        start = fields[opening].start
    else:
        found = re.search(rb'"%b"\s*:' % opening.encode(), body.whole())
        start = found.end() if found else 0
    return body.slice(start, start + most_bytes)
