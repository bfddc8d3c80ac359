"""Reads from a whole answer what the receipt needs; its bytes go on as they are."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import UpstreamMalformed
from antiphon.wire.codec import Facts
from antiphon.wire.openai_responses.failures import failure_of
from antiphon.wire.openai_responses.usage import usage_of


class _Whole(Struct, gc=False):
    output: list[Raw] | None = None
    usage: dict[str, Any] | None = None
    model: str | None = None
    status: str | None = None
    error: Any = None
    service_tier: Any = None


_whole = msgspec.json.Decoder(_Whole)


def facts(body: bytes) -> Facts:
    """Check a whole answer and read its facts. Raises: UpstreamError subclasses when it is an error; UpstreamMalformed."""
    try:
        answer = _whole.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not a response: {error}") from error
    if answer.status == "failed" or (answer.error and not answer.output):
        raise failure_of(answer.error)
    if answer.output is None:
        raise UpstreamMalformed("the upstream's answer has no list of output items")
    usage, note = (None, "") if answer.usage is None else usage_of(answer.usage)
    tier = answer.service_tier if isinstance(answer.service_tier, str) else ""
    return Facts(model=answer.model or "", fingerprint="", usage=usage, usage_note=note, service=tier)
