"""Errors as Anthropic's clients read them. Source: anthropic 2.14.0, `types/shared/error_object.py`,
platform.claude.com/docs/en/api/errors (2026-11).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError, CannotCarry, UpstreamError, UpstreamLimited, UpstreamOverloaded

THREAD = "thread"
_TYPES: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        408: "timeout_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)


def encode(error: AntiphonError) -> bytes:
    """An error answer's body: `{"type": "error", "error": {"type", "message"}}`. It has no place for `param` but its text."""
    status = error.said_status
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    message = error.message
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    said: dict[str, Any] = {"type": kind, "message": message}
    if isinstance(error, CannotCarry) and error.param == THREAD:
        said["details"] = {"error_code": "thread_unsupported_request", "unsupported": [THREAD]}
    return msgspec.json.encode({"type": "error", "error": said})


def unthreaded() -> CannotCarry:
    """Of a request that another provider can't answer, since Anthropic's server holds the conversation that it goes on.

    The SDK reads its details and sends the whole conversation instead. Source: anthropic 2.14.0,
    `lib/threads/_thread_state.py`.
    """
    message = (
        "`thread` is held by Anthropic's own servers, and another provider answers here; send all messages without it"
    )
    return CannotCarry(message, param=THREAD)


def event(error: AntiphonError) -> bytes:
    """The same as the last event of a stream that can't go on."""
    return b"event: error\ndata: %b\n\n" % encode(error)


class _Said(Struct):
    message: str | None = None
    type: str | None = None


class _Answer(Struct):
    error: _Said | None = None


def pass_on(error: AntiphonError, body: bytes) -> None:
    """Let the caller read what an upstream says of a request that it refused."""
    said = _said(body)
    if said is not None and said.message:
        error.message = said.message
        error.param = None
        error.shown_code = said.type or error.said_code


def _said(body: bytes) -> _Said | None:
    try:
        return msgspec.json.decode(body, type=_Answer).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def amid(payload: bytes) -> UpstreamError:
    """The failure that an upstream told of amid its stream. What is noted of it quotes nothing but its type."""
    said = _said(payload) or _Said()
    kind, message = said.type or "", (said.message or "")[:300]
    text = f"the upstream ended its stream with an error: {message or kind or 'it does not say which'}"
    failure: UpstreamError
    match kind:
        case "overloaded_error":
            failure = UpstreamOverloaded(text)
        case "rate_limit_error":
            failure = UpstreamLimited(text)
        case _:
            failure = UpstreamError(text)
    known = kind if kind in _TYPES.values() or kind == "api_error" else "an error"
    failure.noted = f"the upstream ended its stream with {known}"
    return failure


def answered(payload: bytes) -> UpstreamError:
    """The failure that an upstream told of in place of an answer."""
    failure = amid(payload)
    failure.message = failure.message.replace("ended its stream with", "answered", 1)
    failure.noted = failure.noted.replace("ended its stream with", "answered", 1)
    failure.args = (failure.message,)
    return failure
