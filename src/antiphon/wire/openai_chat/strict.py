"""Takes out of a caller's messages what gateways put into answers, and strict providers refuse.

A caller that sends an answer back as it got it sends the proofs of another provider's thoughts too. OpenAI answers
`Unknown parameter` to any field of a message that it doesn't know (github.com/langchain-ai/langchainjs/pull/11175 and
github.com/teabranch/open-responses-server/issues/41, 2026-11); Mistral answers 422 `extra_forbidden` to such fields.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from antiphon.core.body import Body
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.wire.codec import Quirks
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.json import loads
from antiphon.wire.openai_chat.head import read

STRICT = frozenset({"openai", "azure", "mistral"})
_OF_MESSAGES = ("thinking_blocks", "reasoning_content")
_OF_CALLS = "extra_content"
_MARKS = (b'"thinking_blocks"', b'"reasoning_content"', b'"extra_content"')
_ENDS = (b'_blocks"', b'_content"')
"""How all of them end."""
_LONGEST = max(len(mark) for mark in _MARKS)


def plain(request: Request, quirks: Quirks) -> tuple[Request, tuple[Loss, ...]]:
    """A request as one of the strict providers takes it, and what was left out. Nearly every request is one already."""
    if not _marked(request.body):
        return request, ()
    body: dict[str, Any] = loads(request.body.whole())
    losses = [
        Loss(
            field=f"messages[{index}].{name}",
            why=f"{quirks.who} takes no thoughts back",
            effect="left out",
            adapted=True,
        )
        for index, message in enumerate(as_list(body.get("messages")) or ())
        for name in _cleared(message)
    ]
    if not losses:
        return request, ()
    written = Body((msgspec.json.encode(body),))
    head, spots = read(written, request.head.endpoint)
    return replace(request, head=head, body=written, spots=spots), tuple(losses)


def _marked(body: Body) -> bool:
    seen = b""
    for segment in body.segments:
        piece = seen + segment if seen else segment
        if any(mark in piece for mark in _MARKS):
            return True
        seen = piece[-_LONGEST:]
    return False


def _cleared(message: object) -> list[str]:
    """Take the fields out of a message. Returns: their names."""
    said = as_object(message)
    if said is None or said.get("role") != "assistant":
        return []
    out = [name for name in _OF_MESSAGES if said.pop(name, None) is not None]
    for index, call in enumerate(as_list(said.get("tool_calls")) or ()):
        asked = as_object(call)
        if asked is not None and asked.pop(_OF_CALLS, None) is not None:
            out.append(f"tool_calls[{index}].{_OF_CALLS}")
    return out
