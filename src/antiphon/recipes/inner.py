"""A recipe's own requests: what it says, as a request in the caller's dialect; and answers, as recipes read them."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

from msgspec import structs

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.receipt import Loss
from antiphon.core.request import Head, Request
from antiphon.core.response import Response
from antiphon.wire.codec import Asked, ChatCodec, Quirks, Terms
from antiphon.wire.codecs import CODECS
from antiphon.wire.losses import Losses

_STREAMS, _WHOLE = ":streamGenerateContent", ":generateContent"


def chat_codec(head: Head) -> ChatCodec | None:
    """The codec of a caller's dialect, where recipes can work on what it says; None: it is no chat."""
    codec = CODECS[head.dialect]
    return cast("ChatCodec", codec) if codec.operation == "chat" else None


def inner(
    request: Request, codec: ChatCodec, content: Content, *, stream: bool = False
) -> tuple[Request, tuple[Loss, ...]]:
    """A request that says `content`, in the dialect of `request` and in its place. Raises: BadRequest."""
    head, losses = request.head, Losses()
    endpoint = head.endpoint if stream else head.endpoint.replace(_STREAMS, _WHOLE)
    terms = Terms(model=head.model, stream=stream, quirks=Quirks(asks_usage=head.wants_usage))
    body = Body((codec.encode(content, terms, losses),))
    read, spots = codec.read(body, Asked(endpoint=endpoint, model=head.model, stream=stream))
    body.meaning = content
    read = structs.replace(read, model=head.model, user=head.user, endpoint=endpoint)
    made = Request(
        head=read,
        body=body,
        spots=spots,
        digest=sha256(body.whole()).hexdigest(),
        lineage=request.lineage,
        trace=request.trace,
        lines=request.lines,
    )
    return made, losses.told()


def logprobs_of(answer: Response) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Log-probabilities of the first choice's tokens, and by how much each is above the next best one's.

    Source: OpenAI's `logprobs.content[].{logprob, top_logprobs[].logprob}`, which the canonical form keeps.
    """
    said = answer.choices[0].logprobs if answer.choices else None
    tokens = cast("list[Mapping[str, Any]] | None", (said or {}).get("content"))
    if not tokens:
        return None, None
    margins = [
        ordered[0] - ordered[1]
        for one in tokens
        if len(ordered := sorted((float(top["logprob"]) for top in one.get("top_logprobs") or ()), reverse=True)) > 1
    ]
    return tuple(float(one["logprob"]) for one in tokens), tuple(margins) or None
