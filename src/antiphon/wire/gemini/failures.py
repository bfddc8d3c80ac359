"""What an upstream's error means that comes with a good status, or amid a stream.

Source: google.rpc.Code and google.rpc.RetryInfo, googleapis/googleapis, 2026-11.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.error import (
    UpstreamAuth,
    UpstreamError,
    UpstreamLimited,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.wire.fields import as_list, as_object

_KINDS: Mapping[str | int, type[UpstreamError]] = MappingProxyType(
    {
        "RESOURCE_EXHAUSTED": UpstreamLimited,
        "UNAVAILABLE": UpstreamOverloaded,
        "DEADLINE_EXCEEDED": UpstreamTimeout,
        "UNAUTHENTICATED": UpstreamAuth,
        "PERMISSION_DENIED": UpstreamAuth,
        "INVALID_ARGUMENT": UpstreamRefused,
        "FAILED_PRECONDITION": UpstreamRefused,
        "OUT_OF_RANGE": UpstreamRefused,
        "NOT_FOUND": UpstreamRefused,
        400: UpstreamRefused,
        401: UpstreamAuth,
        403: UpstreamAuth,
        404: UpstreamRefused,
        429: UpstreamLimited,
        503: UpstreamOverloaded,
        504: UpstreamTimeout,
    }
)
_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


def failure(error: object) -> UpstreamError:
    """The failure that an `error` object tells of."""
    fields = as_object(error) or {}
    status, code = fields.get("status"), fields.get("code")
    kind = _kind(status) or _kind(code) or UpstreamError
    said = fields.get("message")
    word = str(status or code or "")[:40]
    found = kind(f"the upstream answered an error: {word} {str(said or error)[:300]}".strip())
    found.noted = f"the upstream answered an error: {word}" if word else "the upstream answered an error"
    found.retry_after_s = retry_after_s(fields)
    if type(code) is int and 400 <= code < 600:
        found.upstream_status = code
    return found


def _kind(word: object) -> type[UpstreamError] | None:
    return _KINDS.get(word) if isinstance(word, str | int) else None


def retry_after_s(error: Mapping[str, Any]) -> float | None:
    """When to come back, as the error's details say."""
    for detail in as_list(error.get("details")) or ():
        delay = (as_object(detail) or {}).get("retryDelay")
        match = _SECONDS.fullmatch(delay) if isinstance(delay, str) else None
        if match is not None:
            return float(match[1])
    return None
