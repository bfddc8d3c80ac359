"""Errors that an answer or stream tells of, as the error tree has them. Source: openai-python 3.52.0,
`types/responses/response_error.py`, `response_error_event.py`.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.core.error import (
    UpstreamError,
    UpstreamLimited,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.wire.fields import as_object

_KINDS: Mapping[str, type[UpstreamError]] = {
    "server_error": UpstreamError,
    "rate_limit_exceeded": UpstreamLimited,
    "insufficient_quota": UpstreamQuota,
    "server_is_overloaded": UpstreamOverloaded,
    "slow_down": UpstreamOverloaded,
    "overloaded": UpstreamOverloaded,
    "vector_store_timeout": UpstreamTimeout,
    "invalid_prompt": UpstreamRefused,
    "context_length_exceeded": UpstreamRefused,
    "data_residency_mismatch": UpstreamRefused,
    "bio_policy": UpstreamRefused,
    "misalignment_policy_violation": UpstreamRefused,
}
"""Those of images are the caller's to mend as well; a code that isn't known is the upstream's failure."""


def failure_of(error: object) -> UpstreamError:
    """The failure that an `error` object, or an error event, tells of."""
    said = as_object(error) or {}
    said = as_object(said.get("error")) or said
    code, message = said.get("code"), said.get("message")
    word = code if isinstance(code, str) else ""
    if not word and isinstance(said.get("type"), str):
        word = str(said["type"])
    refused = UpstreamRefused if "image" in word else UpstreamError
    shown = message[:300] if isinstance(message, str) else word[:64] or "it doesn't say which"
    failure = _KINDS.get(word, refused)(f"the upstream answered an error: {shown}")
    failure.noted = f"the upstream's answer failed: {word[:64]}" if word else "the upstream's answer failed"
    if isinstance(failure, UpstreamRefused) and isinstance(message, str):
        failure.message = message
        failure.shown_code = word or failure.said_code
        param = said.get("param")
        failure.param = param if isinstance(param, str) else None
    return failure


def failed(response: Mapping[str, Any]) -> UpstreamError | None:
    """The failure of a whole answer; None: it is one."""
    error = response.get("error")
    if response.get("status") == "failed" or (error and not response.get("output")):
        return failure_of(error)
    return None
