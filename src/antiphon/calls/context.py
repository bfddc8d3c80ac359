"""Holds a request to the most that its route lets it say."""

from antiphon.calls.settings_context import ContextSettings
from antiphon.core.error import BadRequest
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.pricing.estimate import BYTES_A_TOKEN, script
from antiphon.wire.compacted import compacted

SAMPLE_BYTES = 4096


def fitted(request: Request, settings: ContextSettings) -> tuple[Request, tuple[Loss, ...]]:
    """The request, or what of it fits, and what was lost then.

    Raises: BadRequest (`context_cap_exceeded`), where it is too long and may not be, or can't be, compacted.
    """
    most = settings.steps.get(request.lineage.step, settings.most_tokens)
    if most is None:
        return request, ()
    body = request.body
    each = BYTES_A_TOKEN[script(body.slice(0, SAMPLE_BYTES))]

    def tokens_of(size_bytes: int) -> int:
        return int(size_bytes / each)

    tokens = tokens_of(body.size_bytes)
    if tokens <= most:
        return request, ()
    found = compacted(request, most, tokens_of) if settings.over == "compact" else None
    if found is None:
        step = f" for the step {request.lineage.step!r}" if request.lineage.step in settings.steps else ""
        raise BadRequest(
            f"the request is about {tokens} tokens long, and this model takes {most}{step}; leave older messages out",
            code="context_cap_exceeded",
        )
    less, loss = found
    return less, (loss,)
