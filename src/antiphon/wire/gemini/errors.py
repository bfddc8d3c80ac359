"""Errors as Google's clients read them. Source: google.rpc.Status, `google/rpc/error_details.proto`, 2026-11;
google-genai 3.6.1, `errors.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from antiphon.core.error import AntiphonError
from antiphon.wire.fields import as_list, as_object

_STATUS: Mapping[int, str] = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        402: "RESOURCE_EXHAUSTED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        405: "UNIMPLEMENTED",
        408: "DEADLINE_EXCEEDED",
        409: "ABORTED",
        413: "INVALID_ARGUMENT",
        415: "INVALID_ARGUMENT",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        500: "INTERNAL",
        501: "UNIMPLEMENTED",
        502: "UNAVAILABLE",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)
_TYPE = "type.googleapis.com/google.rpc."


def encode(error: AntiphonError) -> bytes:
    """An error answer's body: `{"error": {"code", "message", "status", "details"}}`."""
    details: list[dict[str, Any]] = [
        {"@type": f"{_TYPE}ErrorInfo", "reason": error.shown_code.upper(), "domain": "antiphon"}
    ]
    if error.param is not None:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if error.retry_after_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after_s:.3f}s"})
    code = error.said_status
    status = _STATUS.get(code, "INTERNAL" if code >= 500 else "INVALID_ARGUMENT")
    return msgspec.json.encode(
        {"error": {"code": code, "message": error.message, "status": status, "details": details}}
    )


def event(error: AntiphonError) -> bytes:
    """The same as the last event of a stream that can't go on."""
    return b"data: " + encode(error) + b"\r\n\r\n"


def error_of(body: bytes) -> dict[str, Any] | None:
    """The `error` of a body, which a stream that isn't of events has in a list."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    items = as_list(value)
    fields = as_object(items[0] if items else value)
    return as_object(fields.get("error")) if fields else None


def pass_on(error: AntiphonError, body: bytes) -> None:
    """Let the caller read what an upstream says of a request that it refused."""
    said = error_of(body)
    message = said.get("message") if said else None
    if said is None or not isinstance(message, str) or not message:
        return
    error.message = message
    error.param = _field(said)
    status = said.get("status") or said.get("code")
    if isinstance(status, str | int) and status:
        error.shown_code = str(status)[:80]


def _field(said: Mapping[str, Any]) -> str | None:
    """The field that the upstream complains of."""
    for detail in as_list(said.get("details")) or ():
        for violation in as_list((as_object(detail) or {}).get("fieldViolations")) or ():
            field = (as_object(violation) or {}).get("field")
            if isinstance(field, str) and field:
                return field
    return None
