"""Tells what an upstream's error answer means. One table for every OpenAI-compatible provider.

Source: platform.openai.com/docs/guides/error-codes, docs.anthropic.com/en/api/errors (529), 2026-11.
"""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from antiphon.core.error import (
    UpstreamAuth,
    UpstreamError,
    UpstreamLimited,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.wire.codec import AnyUpstream

_QUOTA_MARKS = re.compile(
    rb'"(?:insufficient_quota|billing_hard_limit(?:_reached)?|insufficient_balance)"'
    rb'|(?:"message"\s*:\s*"|^\s*)(?:your |you are |account )?(?:credit balance|insufficient balance|out of credit)',
    re.IGNORECASE,
)
"""A code, or how a message begins: what a caller wrote and an error quotes stands elsewhere, with its quotes escaped."""
_KINDS: dict[int, type[UpstreamError]] = {
    401: UpstreamAuth,
    402: UpstreamQuota,
    403: UpstreamAuth,
    408: UpstreamTimeout,
    429: UpstreamLimited,
    503: UpstreamOverloaded,
    504: UpstreamTimeout,
    529: UpstreamOverloaded,
}
_CALLERS_FAULT = frozenset({400, 404, 405, 409, 413, 415, 422})
DETAIL_BYTES = 500
MAX_RETRY_AFTER_S = 86_400.0
"""A day: what an upstream says beyond it is cut down to it."""


def failure(
    status: int, headers: Mapping[bytes, bytes], body: bytes, name: str, upstream: AnyUpstream
) -> UpstreamError:
    """The error that an answer with this status stands for.

    Args:
        body: The answer's body, or its start.
        name: The deployment, for the message.
        upstream: The dialect that it speaks.
    """
    kind = _kind(status, body)
    detail = body[:DETAIL_BYTES].decode(errors="replace").strip()
    sentences: dict[type[UpstreamError], str] = {
        UpstreamAuth: f"{name} refused the credential that it is configured with (status {status})",
        UpstreamQuota: f"{name} is out of quota or credit (status {status})",
        UpstreamLimited: f"{name} asks to slow down (status {status})",
        UpstreamOverloaded: f"{name} is overloaded (status {status})",
        UpstreamTimeout: f"{name} gave up waiting (status {status})",
    }
    error = kind(
        sentences.get(kind, f"{name} answered {status}: {detail}" if detail else f"{name} answered {status}"),
        status=status if kind is UpstreamRefused else 0,
        retry_after_s=retry_after(headers, time.time()),
        upstream_status=status,
        body=body,
    )
    if kind not in sentences:
        error.noted = f"{name} answered {status}"
    if kind is UpstreamRefused:
        upstream.pass_on(error, body)
    return error


def _kind(status: int, body: bytes) -> type[UpstreamError]:
    if status in (400, 403, 429) and _QUOTA_MARKS.search(body):
        return UpstreamQuota
    if status in _CALLERS_FAULT:
        return UpstreamRefused
    return _KINDS.get(status, UpstreamError)


def retry_after(headers: Mapping[bytes, bytes], now_s: float) -> float | None:
    """Seconds until the upstream wants to be asked again, when it says so.

    Reads `retry-after-ms`, else `retry-after` as seconds or as an HTTP date.
    """
    try:
        if (millis := headers.get(b"retry-after-ms")) is not None:
            return _bounded(float(millis) / 1000)
        if (value := headers.get(b"retry-after")) is None:
            return None
        if value.strip().replace(b".", b"", 1).isdigit():
            return _bounded(float(value))
        return _bounded(parsedate_to_datetime(value.decode("latin-1")).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> float | None:
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
