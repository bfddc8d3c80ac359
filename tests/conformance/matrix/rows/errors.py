"""Errors of upstreams, as callers are told of them."""

from typing import Any

from matrix.feature import CHAT, COMPLETIONS, GEMINI, MESSAGES, RESPONSES, Failure, Feature, Sought
from matrix.match import At, both, like

_ALL: dict[Any, Any] = {CHAT: {}, RESPONSES: {}, MESSAGES: {}, GEMINI: {}, COMPLETIONS: {}}


def _error(name: str, failure: Failure, status: int, claude: str, google: str, **more: Any) -> Feature:
    """`more` must hold of the answer's status and headers."""
    around = At("", {"status": status, **more})
    openai: Sought = both(around, At("body.error", {"message": like("."), "type": like(".")}))
    return Feature(
        name=name,
        group="Errors",
        told=True,
        asks=_ALL,
        fails=failure,
        shows={
            CHAT: openai,
            RESPONSES: openai,
            COMPLETIONS: openai,
            MESSAGES: both(around, At("body", {"type": "error", "error": {"type": claude, "message": like(".")}})),
            GEMINI: both(around, At("body.error", {"code": status, "status": google, "message": like(".")})),
        },
    )


ROWS = (
    _error(
        "400, with what the upstream says",
        Failure(status=400),
        400,
        "invalid_request_error",
        "INVALID_ARGUMENT",
        said=like("lab says no"),
    ),
    _error("404", Failure(status=404), 404, "not_found_error", "NOT_FOUND", said=like("lab says no")),
    _error(
        "401: the gateway's own key is refused",
        Failure(fault="unauthorized", status=401),
        502,
        "api_error",
        "UNAVAILABLE",
    ),
    _error(
        "429, with when to come again",
        Failure(fault="rate_limited", status=429, headers={b"retry-after": b"7"}),
        429,
        "rate_limit_error",
        "RESOURCE_EXHAUSTED",
        retry_after_s=7.0,
    ),
    _error("500", Failure(fault="error_500", status=500), 502, "api_error", "UNAVAILABLE"),
    _error("503, 529: overloaded", Failure(fault="error_529", status=529), 503, "overloaded_error", "UNAVAILABLE"),
)
