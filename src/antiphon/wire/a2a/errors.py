"""Errors of A2A, in both bindings. Source: specification 1.0.1, section 3.3.2 and 5.4; a2a-sdk 1.3.0, `utils/errors.py`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError, NotFound

Reason = Literal[
    "TASK_NOT_FOUND",
    "TASK_NOT_CANCELABLE",
    "PUSH_NOTIFICATION_NOT_SUPPORTED",
    "UNSUPPORTED_OPERATION",
    "CONTENT_TYPE_NOT_SUPPORTED",
    "INVALID_AGENT_RESPONSE",
    "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    "EXTENSION_SUPPORT_REQUIRED",
    "VERSION_NOT_SUPPORTED",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "INTERNAL_ERROR",
]


class Row(Struct, frozen=True):
    """How one is told."""

    code: int
    """In JSON-RPC."""
    status: int
    """In HTTP."""
    grpc: str


ROWS: Mapping[Reason, Row] = MappingProxyType(
    {
        "TASK_NOT_FOUND": Row(-32001, 404, "NOT_FOUND"),
        "TASK_NOT_CANCELABLE": Row(-32002, 400, "FAILED_PRECONDITION"),
        "PUSH_NOTIFICATION_NOT_SUPPORTED": Row(-32003, 400, "FAILED_PRECONDITION"),
        "UNSUPPORTED_OPERATION": Row(-32004, 400, "FAILED_PRECONDITION"),
        "CONTENT_TYPE_NOT_SUPPORTED": Row(-32005, 400, "INVALID_ARGUMENT"),
        "INVALID_AGENT_RESPONSE": Row(-32006, 500, "INTERNAL"),
        "EXTENDED_AGENT_CARD_NOT_CONFIGURED": Row(-32007, 400, "FAILED_PRECONDITION"),
        "EXTENSION_SUPPORT_REQUIRED": Row(-32008, 400, "FAILED_PRECONDITION"),
        "VERSION_NOT_SUPPORTED": Row(-32009, 400, "FAILED_PRECONDITION"),
        "INVALID_PARAMS": Row(-32602, 400, "INVALID_ARGUMENT"),
        "INVALID_REQUEST": Row(-32600, 400, "INVALID_ARGUMENT"),
        "METHOD_NOT_FOUND": Row(-32601, 404, "NOT_FOUND"),
        "PARSE_ERROR": Row(-32700, 400, "INVALID_ARGUMENT"),
        "INTERNAL_ERROR": Row(-32603, 500, "INTERNAL"),
    }
)
CODES: Mapping[int, Reason] = MappingProxyType({row.code: reason for reason, row in ROWS.items()})
_DOMAIN = "a2a-protocol.org"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_GRPC: Mapping[int, str] = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        409: "FAILED_PRECONDITION",
        429: "RESOURCE_EXHAUSTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)


class A2AError(AntiphonError):
    """One that the protocol has a name for: `reason`."""

    code = "task_refused"
    status = 400

    def __init__(self, message: str, *, reason: Reason = "INVALID_REQUEST") -> None:
        super().__init__(message, code="task_refused", status=ROWS[reason].status)
        self.reason: Reason = reason


def reason_of(error: AntiphonError) -> Reason:
    """What the protocol calls an error of ours."""
    if isinstance(error, A2AError):
        return error.reason
    if isinstance(error, NotFound):
        return "TASK_NOT_FOUND" if error.param == "run" else "INVALID_PARAMS"
    return "INTERNAL_ERROR" if error.said_status >= 500 else "INVALID_REQUEST"


def rpc_error(error: AntiphonError) -> dict[str, Any]:
    """The member `error` of JSON-RPC."""
    return {"code": ROWS[reason_of(error)].code, "message": error.message, "data": [_info(error)]}


def rest_error(error: AntiphonError) -> tuple[int, bytes]:
    """Status and body in the HTTP binding."""
    status = error.said_status
    grpc = ROWS[error.reason].grpc if isinstance(error, A2AError) else _GRPC.get(status, "INTERNAL")
    said = {"code": status, "status": grpc, "message": error.message, "details": [_info(error)]}
    return status, msgspec.json.encode({"error": said})


def _info(error: AntiphonError) -> dict[str, Any]:
    own = isinstance(error, A2AError)
    metadata = {} if own else {"code": error.said_code, "status": str(error.said_status)}
    return {"@type": _INFO, "reason": reason_of(error), "domain": _DOMAIN, "metadata": metadata}
