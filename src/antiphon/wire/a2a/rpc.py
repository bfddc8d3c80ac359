"""A2A over JSON-RPC 2.0, and what both bindings read."""

from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.wire.a2a.errors import A2AError, rpc_error
from antiphon.wire.json import decoded

METHODS = (
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
    "GetExtendedAgentCard",
)
STREAMED = frozenset({"SendStreamingMessage", "SubscribeToTask"})
_Word = TypeVar("_Word", bound=Struct)


class Call(Struct, frozen=True, kw_only=True):
    """One call."""

    method: str
    params: dict[str, Any]
    id: str | int | None = None


def read_call(body: bytes) -> Call:
    """Raises: A2AError."""
    try:
        said = decoded(body)
    except ValueError as error:
        raise A2AError(f"the body is no JSON: {error}", reason="PARSE_ERROR") from error
    if not isinstance(said, dict):
        raise A2AError("the body has to be one JSON-RPC 2.0 object; batches are not taken", reason="INVALID_REQUEST")
    call = cast("dict[str, Any]", said)
    method, params, named = call.get("method"), call.get("params", {}), call.get("id")
    if call.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise A2AError('`jsonrpc` has to be "2.0", and `method` a text', reason="INVALID_REQUEST")
    if not isinstance(named, str | int | None) or isinstance(named, bool):
        raise A2AError("`id` has to be a text or a number", reason="INVALID_REQUEST")
    if not isinstance(params, dict):
        raise A2AError("`params` has to be an object", reason="INVALID_PARAMS")
    return Call(method=method, params=cast("dict[str, Any]", params), id=named)


def id_of(body: bytes) -> str | int | None:
    """The id of a call that may be broken otherwise."""
    try:
        said = decoded(body)
    except ValueError:
        return None
    named = cast("dict[str, Any]", said).get("id") if isinstance(said, dict) else None
    return named if isinstance(named, str | int) else None


def word(kind: type[_Word], params: Any, *, texts: bool = False) -> _Word:
    """Parameters as a word of the protocol.

    Args:
        texts: They come from a query, where numbers and truths are texts.
    Raises: A2AError, naming the field.
    """
    try:
        return msgspec.convert(params, kind, strict=not texts, str_keys=texts)
    except msgspec.ValidationError as error:
        raise A2AError(str(error), reason="INVALID_PARAMS") from error


def result(value: object, named: str | int | None) -> bytes:
    """An answer."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": named, "result": value})


def failure(error: AntiphonError, named: str | int | None) -> bytes:
    """An answer that is an error."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": named, "error": rpc_error(error)})
