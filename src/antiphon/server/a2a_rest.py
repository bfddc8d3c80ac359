"""A2A's HTTP binding: paths below `/a2a/NAME/v1` as methods. Source: specification 1.0.1, section 11.3."""

from typing import Any, cast
from urllib.parse import parse_qsl, unquote

from antiphon.net.exchange import Exchange
from antiphon.wire.a2a.errors import A2AError
from antiphon.wire.a2a.words import VERSION
from antiphon.wire.json import decoded

Read = tuple[str, dict[str, Any], bool]
"""A method, its parameters, and whether these are texts of a query."""


def read(exchange: Exchange, rest: bytes) -> Read:
    """What is asked. Raises: A2AError."""
    path = unquote(rest.decode("latin-1"))
    parts = path.removeprefix("/v1/").split("/") if path.startswith("/v1/") else []
    found = _of_messages(exchange, parts) or _of_tasks(exchange, parts) or _of_pushes(exchange, parts)
    if found is None:
        method = exchange.method.decode("latin-1")
        raise A2AError(
            f"{method} {path[:128]} is nothing of A2A {VERSION}; see the agent's card for its interfaces",
            reason="METHOD_NOT_FOUND",
        )
    return found


def _of_messages(exchange: Exchange, parts: list[str]) -> Read | None:
    match (exchange.method, parts):
        case (b"POST", ["message:send"]):
            return "SendMessage", _body(exchange), False
        case (b"POST", ["message:stream"]):
            return "SendStreamingMessage", _body(exchange), False
        case (b"GET", ["extendedAgentCard"]):
            return "GetExtendedAgentCard", {}, False
        case _:
            return None


def _of_tasks(exchange: Exchange, parts: list[str]) -> Read | None:
    query = dict(parse_qsl(exchange.query.decode("latin-1")))
    match (exchange.method, parts):
        case (b"GET", ["tasks"]):
            return "ListTasks", query, True
        case (b"POST", ["tasks", named]) if named.endswith(":cancel"):
            return "CancelTask", {"id": named.removesuffix(":cancel")}, False
        case (b"GET" | b"POST", ["tasks", named]) if named.endswith(":subscribe"):
            return "SubscribeToTask", {"id": named.removesuffix(":subscribe")}, False
        case (b"GET", ["tasks", named]):
            return "GetTask", {**query, "id": named}, True
        case _:
            return None


def _of_pushes(exchange: Exchange, parts: list[str]) -> Read | None:
    match (exchange.method, parts):
        case (b"POST", ["tasks", named, "pushNotificationConfigs"]):
            return "CreateTaskPushNotificationConfig", {**_body(exchange), "taskId": named}, False
        case (b"GET", ["tasks", named, "pushNotificationConfigs"]):
            return "ListTaskPushNotificationConfigs", {"taskId": named}, True
        case (b"GET", ["tasks", named, "pushNotificationConfigs", push]):
            return "GetTaskPushNotificationConfig", {"taskId": named, "id": push}, True
        case (b"DELETE", ["tasks", named, "pushNotificationConfigs", push]):
            return "DeleteTaskPushNotificationConfig", {"taskId": named, "id": push}, True
        case _:
            return None


def _body(exchange: Exchange) -> dict[str, Any]:
    """Raises: A2AError."""
    try:
        said = decoded(b"".join(exchange.body))
    except ValueError as error:
        raise A2AError(f"the body has to be a JSON object: {error}", reason="PARSE_ERROR") from error
    if not isinstance(said, dict):
        raise A2AError("the body has to be a JSON object", reason="PARSE_ERROR")
    return {**cast("dict[str, Any]", said)}
