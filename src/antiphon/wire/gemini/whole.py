"""Reads from a whole answer what the receipt needs; its bytes go on as they are."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from antiphon.core.error import UpstreamMalformed
from antiphon.wire.codec import Facts
from antiphon.wire.gemini.answers import blocked, refuse_errors
from antiphon.wire.gemini.sources import searches
from antiphon.wire.gemini.usage import usage_in


class _Candidate(Struct):
    groundingMetadata: Any = None  # noqa: N815  # the wire's name


class _Whole(Struct):
    candidates: list[_Candidate] | None = None
    usageMetadata: Raw | UnsetType = UNSET  # noqa: N815
    modelVersion: str | None = None  # noqa: N815
    promptFeedback: Any = None  # noqa: N815
    error: Any = None


_whole = msgspec.json.Decoder(_Whole)
_object = msgspec.json.Decoder(dict[str, Any])


def facts(body: bytes) -> Facts:
    """Check a whole answer and read its facts. Raises: UpstreamMalformed, UpstreamError when it is an error."""
    try:
        answer = _whole.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not one of Gemini's: {error}") from error
    if answer.error is not None:
        refuse_errors({"error": answer.error, "candidates": answer.candidates})
    if not answer.candidates and not blocked(answer.promptFeedback):
        raise UpstreamMalformed("the upstream's answer has no candidates, and doesn't say why")
    found = sum(searches(candidate.groundingMetadata) for candidate in answer.candidates or ())
    usage, note = None, ""
    if answer.usageMetadata is not UNSET:
        usage, note = usage_in(answer.usageMetadata, found)
    return Facts(model=answer.modelVersion or "", fingerprint="", usage=usage, usage_note=note)


def read(body: bytes) -> Mapping[str, Any]:
    """An answer's object. Raises: UpstreamMalformed."""
    try:
        return _object.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not one of Gemini's: {error}") from error
