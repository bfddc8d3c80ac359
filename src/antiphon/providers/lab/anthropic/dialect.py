"""Anthropic's Messages API as a dialect of the lab, and what it says of errors.

Source: https://platform.claude.com/docs/en/api/errors, read 2026-11.
"""

from types import MappingProxyType

import msgspec

from antiphon.core.error import AntiphonError, BadRequest
from antiphon.providers.lab.answer import Overlong
from antiphon.providers.lab.anthropic.read import body_of, read_messages
from antiphon.providers.lab.anthropic.write import CountWriter, MessageWriter
from antiphon.providers.lab.chat import NOT_TEXT
from antiphon.providers.lab.complaint import Complaint
from antiphon.providers.lab.dialect import JSON_LINE, Dialect, Incoming, Json, Manners, Said, Writer

LINES = JSON_LINE + b"request-id: req_lab\r\n"
KINDS = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
)


def error_body(kind: str, message: str) -> bytes:
    said: Json = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_lab"}
    return msgspec.json.encode(said)


def say(error: AntiphonError) -> Said:
    status = error.said_status
    return Said(status=status, lines=LINES, body=error_body(KINDS.get(status, "api_error"), words(error)))


def words(error: AntiphonError) -> str:
    """An error in the API's own words, where it has its own."""
    if isinstance(error, Overlong):
        if error.prompt_tokens > error.window:
            return f"prompt is too long: {error.prompt_tokens} tokens > {error.window} maximum"
        return (
            f"input length and `max_tokens` exceed context limit: {error.prompt_tokens} + {error.wanted} > "
            f"{error.window}, decrease input length or `max_tokens` and try again"
        )
    return error.message


def refused(found: Complaint) -> BadRequest:
    """Pydantic's words, which the API uses."""
    said = {"missing": "Field required", "unknown": "Extra inputs are not permitted"}.get(found.kind, found.said)
    return BadRequest(f"{found.path}: {said}" if found.path else said)


def _fault(status: int, message: str) -> Said:
    return Said(status=status, lines=LINES, body=error_body(KINDS.get(status, "api_error"), f"lab fault: {message}"))


FAULTS = MappingProxyType(
    {
        "rate_limited": _fault(429, "this request would exceed your rate limit"),
        "unauthorized": _fault(401, "invalid x-api-key"),
        "payment_required": _fault(402, "your account has a billing problem"),
        "hidden_quota": _fault(400, "Your credit balance is too low to access the Anthropic API"),
        "error_500": _fault(500, "Internal server error"),
        "error_503": _fault(503, "Service unavailable"),
        "error_529": _fault(529, "Overloaded"),
    }
)
_HEAD = b'{"id":"msg_lab","type":"message","role":"assistant","model":"lab",'
_USED = b'"usage":{"input_tokens":1,"output_tokens":1}'
_START = b'event: message_start\ndata: {"type":"message_start","message":%b"content":[],"stop_reason":null,%b}}\n\n' % (
    _HEAD,
    _USED,
)
_TEXT = b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"'
)
MANNERS = Manners(
    problem=say,
    faults=FAULTS,
    broken_json=_HEAD + b'"content":[{"type":"text","te',
    broken_stream=(
        _START + _TEXT + _DELTA + b'[lab fault] "}}\n\n',
        _DELTA + b"bro\n\n",
        *NOT_TEXT,
    ),
    huge=(
        _HEAD + b'"content":[{"type":"text","text":"',
        b'"}],"stop_reason":"end_turn","stop_sequence":null,' + _USED + b"}",
    ),
    huge_stream=(_START + _TEXT + _DELTA, b'"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'),
)


class AnthropicDialect(Dialect):
    """POST /v1/messages, and with `count` POST /v1/messages/count_tokens."""

    manners = MANNERS

    def __init__(self, *, count: bool = False) -> None:
        self._count = count
        self.name = "anthropic_count" if count else "anthropic_messages"

    def read(self, incoming: Incoming) -> Writer:
        if b"anthropic-version" not in incoming.headers:
            raise BadRequest("anthropic-version: header is required")
        try:
            body = body_of(incoming.body, count=self._count)
            if not body.model:
                raise BadRequest("model: Field required")
            if body.anthropic_version is not None or body.anthropic_beta is not None:
                raise BadRequest("anthropic_version: Extra inputs are not permitted")
            found = read_messages(incoming.body, body, beta=b"anthropic-beta" in incoming.headers)
        except Complaint as wrong:
            raise refused(wrong) from None
        return CountWriter(found.asked) if self._count else MessageWriter(found)
