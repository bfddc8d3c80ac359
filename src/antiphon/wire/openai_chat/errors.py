"""Errors as OpenAI's clients read them. Source: openai-python 3.52.0, `_exceptions.py`; API reference, 2026-11."""

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def encode(error: AntiphonError) -> bytes:
    """An error answer's body: `{"error": {"message", "type", "param", "code"}}`."""
    kind = _TYPES.get(error.said_status, "server_error" if error.said_status >= 500 else "invalid_request_error")
    return msgspec.json.encode(
        {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.shown_code}}
    )


class _Said(Struct):
    message: str | None = None
    param: str | None = None
    code: str | int | None = None


class _Answer(Struct):
    error: _Said | None = None


def pass_on(error: AntiphonError, body: bytes) -> None:
    """Let the caller read what an upstream says of a request that it refused."""
    try:
        said = msgspec.json.decode(body, type=_Answer).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if said is not None and said.message:
        error.message = said.message
        error.param = said.param
        error.shown_code = str(said.code) if said.code is not None else error.said_code


def event(error: AntiphonError) -> bytes:
    """The same as the last event of a stream that can't go on."""
    return b"data: " + encode(error) + b"\n\n"
