"""Tells what an upstream's error answer means, by its status and by what a provider says beside it.

Source, all read in 2026-11: platform.openai.com/docs/guides/error-codes; platform.claude.com/docs/en/api/errors (529,
types); docs.cohere.com/reference/errors and its OpenAPI description (402, 498); console.groq.com/docs/errors and
/flex-processing (498); botocore 1.44.8, `bedrock-runtime/service-2.json` (exceptions); google-rpc
`error_details.proto` (QuotaFailure, RetryInfo).
"""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType

import msgspec
from msgspec import Struct, field

from antiphon.core.error import (
    UpstreamAuth,
    UpstreamError,
    UpstreamLimited,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.wire.bedrock_converse.failures import KINDS as BEDROCK
from antiphon.wire.codec import AnyUpstream

_QUOTA_MARKS = re.compile(
    rb'"(?:insufficient_quota|billing_hard_limit(?:_reached)?|insufficient_balance)"'
    rb'|(?:"message"\s*:\s*"|^\s*)(?:your |you are |account )?(?:credit balance|insufficient balance|out of credit)'
    rb'|"message"\s*:\s*"you are using a trial key, which is limited to [0-9,]+ api calls / month',  # Cohere, 429
    re.IGNORECASE,
)
"""A code, or how a message begins: what a caller wrote and an error quotes stands elsewhere, with its quotes escaped."""
_TYPED = re.compile(rb'"(?:type|code)"\s*:\s*"(overloaded_error|rate_limit_error|billing_error|capacity_exceeded)"')
_TYPES: Mapping[bytes, type[UpstreamError]] = MappingProxyType(
    {
        b"overloaded_error": UpstreamOverloaded,  # Anthropic
        b"rate_limit_error": UpstreamLimited,  # Anthropic
        b"billing_error": UpstreamQuota,  # Anthropic
        b"capacity_exceeded": UpstreamOverloaded,  # Groq, 498: its flex tier is full
    }
)
"""What says more than a status, which proxies in between may change."""
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
GOOGLE_KEY = re.compile(rb'"reason"\s*:\s*"(?:API_KEY_INVALID|ACCESS_TOKEN_EXPIRED)"')
"""Gemini answers 400 to a key that is not valid: `google.rpc.ErrorInfo` says so, cloud.google.com/apis/design/errors, 2026-11."""
AWS_TYPE = b"x-amzn-errortype"
"""Header of AWS that names an exception; what follows a colon is where it is defined."""
COHERE_BLOCKED = 498
"""Cohere: "a request or response contains a deny-listed token"."""
BLOCKED_CODE = "content_policy_violation"
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
    google = _google(body) if b"google.rpc." in body else None
    blocked = status == COHERE_BLOCKED and upstream.name.startswith("cohere")
    kind = UpstreamRefused if blocked else _kind(status, headers, body, google)
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
        status=400 if blocked else status if kind is UpstreamRefused else 0,
        retry_after_s=_back_s(headers, google),
        upstream_status=status,
        body=body,
    )
    if kind not in sentences:
        error.noted = f"{name} answered {status}"
    if kind is UpstreamRefused:
        upstream.pass_on(error, body)
    if blocked:
        error.shown_code = BLOCKED_CODE
    return error


def _kind(status: int, headers: Mapping[bytes, bytes], body: bytes, google: "_Google | None") -> type[UpstreamError]:
    if google is not None and GOOGLE_KEY.search(body):
        return UpstreamAuth
    if (named := headers.get(AWS_TYPE)) is not None:
        exception = named.partition(b":")[0].strip().lower().decode("latin-1")
        if exception in BEDROCK:
            return BEDROCK[exception][0]
    if status in (400, 403, 429) and _QUOTA_MARKS.search(body):
        return UpstreamQuota
    if google is not None and status == 429 and google.daily:
        return UpstreamQuota
    if (typed := _TYPED.search(body)) is not None:
        return _TYPES[typed[1]]
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


class _Violation(Struct):
    quota: str = field(default="", name="quotaId")


class _Detail(Struct):
    delay: str = field(default="", name="retryDelay")
    violations: list[_Violation] = []


class _Said(Struct):
    details: list[_Detail] = []


class _Answer(Struct):
    error: _Said


class _Google(Struct, frozen=True):
    """What Google adds to an error, on Gemini and Vertex."""

    retry_after_s: float | None
    daily: bool
    """A quota of a day is spent. Of several quotas it names all, such as `GenerateRequestsPerDayPerProjectPerModel`."""


_answers: msgspec.json.Decoder[_Answer | list[_Answer]] = msgspec.json.Decoder(_Answer | list[_Answer])
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def _google(body: bytes) -> _Google | None:
    """Read the details of a `google.rpc.Status`; a stream that isn't of events has it in a list."""
    try:
        said = _answers.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    details = [detail for one in (said if isinstance(said, list) else [said]) for detail in one.error.details]
    delays = [match for detail in details if (match := _DURATION.fullmatch(detail.delay)) is not None]
    return _Google(
        retry_after_s=_bounded(float(delays[0][1])) if delays else None,
        daily=any("PerDay" in one.quota for detail in details for one in detail.violations),
    )


def _back_s(headers: Mapping[bytes, bytes], google: _Google | None) -> float | None:
    """Seconds until the upstream wants to be asked again. What Google names beside a daily quota is the next minute."""
    said_s = retry_after(headers, time.time())
    return google.retry_after_s if said_s is None and google is not None and not google.daily else said_s


def _bounded(seconds: float) -> float | None:
    return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
