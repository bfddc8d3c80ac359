"""A2A 0.3 over JSON-RPC, read and written as 1.0 says it. Source: a2a-sdk 1.3.0, `compat/v0_3/types.py`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "message/send": "SendMessage",
        "message/stream": "SendStreamingMessage",
        "tasks/get": "GetTask",
        "tasks/cancel": "CancelTask",
        "tasks/resubscribe": "SubscribeToTask",
        "tasks/pushNotificationConfig/set": "CreateTaskPushNotificationConfig",
        "tasks/pushNotificationConfig/get": "GetTaskPushNotificationConfig",
        "tasks/pushNotificationConfig/list": "ListTaskPushNotificationConfigs",
        "tasks/pushNotificationConfig/delete": "DeleteTaskPushNotificationConfig",
        "agent/getAuthenticatedExtendedCard": "GetExtendedAgentCard",
    }
)
CODES = frozenset({-32700, -32600, -32601, -32602, -32603, *range(-32007, -32000)})
"""Of errors that it knows."""
_STATES: Mapping[str, str] = MappingProxyType(
    {
        f"TASK_STATE_{name.upper().replace('-', '_')}": name
        for name in (
            "submitted",
            "working",
            "input-required",
            "completed",
            "canceled",
            "failed",
            "rejected",
            "auth-required",
        )
    }
)
Json = dict[str, Any]


# --- what is asked


def asked(method: str, params: Json) -> Json:
    """Parameters of a 0.3 method as its 1.0 counterpart takes them."""
    match method:
        case "message/send" | "message/stream":
            return _sent(params)
        case "tasks/pushNotificationConfig/set":
            return {**_push(_object(params, "pushNotificationConfig")), "taskId": params.get("taskId", "")}
        case "tasks/pushNotificationConfig/get" | "tasks/pushNotificationConfig/delete":
            return {"taskId": params.get("id", ""), "id": params.get("pushNotificationConfigId", "")}
        case "tasks/pushNotificationConfig/list":
            return {"taskId": params.get("id", "")}
        case _:
            return {name: value for name, value in params.items() if name in ("id", "historyLength")}


def _sent(params: Json) -> Json:
    setting = _object(params, "configuration")
    made: Json = {}
    if setting.get("historyLength") is not None:
        made["historyLength"] = setting["historyLength"]
    if setting.get("blocking") is False:
        made["returnImmediately"] = True
    if setting.get("acceptedOutputModes"):
        made["acceptedOutputModes"] = setting["acceptedOutputModes"]
    if setting.get("pushNotificationConfig"):
        made["taskPushNotificationConfig"] = _push(_object(setting, "pushNotificationConfig"))
    out: Json = {"message": _message_in(_object(params, "message")), "configuration": made}
    return out | ({"metadata": params["metadata"]} if params.get("metadata") else {})


def _push(one: Json) -> Json:
    out = {name: one[name] for name in ("id", "url", "token") if one.get(name)}
    auth = _object(one, "authentication")
    if auth:
        out["authentication"] = {
            "scheme": next(iter(auth.get("schemes") or ()), ""),
            "credentials": auth.get("credentials") or "",
        }
    return out


def _message_in(one: Json) -> Json:
    out = {
        name: one[name]
        for name in ("messageId", "contextId", "taskId", "metadata", "extensions", "referenceTaskIds")
        if one.get(name) is not None
    }
    role = "ROLE_AGENT" if one.get("role") == "agent" else "ROLE_USER"
    return {**out, "role": role, "parts": [_part_in(part) for part in one.get("parts") or ()]}


def _part_in(part: Json) -> Json:
    out: Json = {"metadata": part["metadata"]} if part.get("metadata") else {}
    match part.get("kind"):
        case "data":
            out["data"] = part.get("data")
        case "file":
            file = _object(part, "file")
            names = {"bytes": "raw", "uri": "url", "mimeType": "mediaType", "name": "filename"}
            out |= {new: file[old] for old, new in names.items() if file.get(old)}
        case _:
            out["text"] = part.get("text", "")
    return out


# --- what is answered


def answered(method: str, result: Any) -> Any:
    """A 1.0 answer as a 0.3 method gives it."""
    match method:
        case "message/send":
            return task_out(result["task"]) if "task" in result else message_out(result["message"])
        case "message/stream" | "tasks/resubscribe":
            return item_out(result)
        case "tasks/get" | "tasks/cancel":
            return task_out(result)
        case "tasks/pushNotificationConfig/set" | "tasks/pushNotificationConfig/get":
            return push_out(result)
        case "tasks/pushNotificationConfig/list":
            return [push_out(one) for one in result["configs"]]
        case "tasks/pushNotificationConfig/delete":
            return None
        case _:
            return card_out(result)


def item_out(item: Json) -> Json:
    """One of a stream."""
    if "task" in item:
        return task_out(item["task"])
    if "message" in item:
        return message_out(item["message"])
    if "statusUpdate" in item:
        update = item["statusUpdate"]
        status = status_out(update.get("status", {}))
        final = status["state"] in ("completed", "canceled", "failed", "rejected", "input-required", "auth-required")
        out = {name: update[name] for name in ("taskId", "contextId", "metadata") if name in update}
        return {"kind": "status-update", **out, "status": status, "final": final}
    update = item["artifactUpdate"]
    out = {name: value for name, value in update.items() if name != "artifact"}
    return {"kind": "artifact-update", **out, "artifact": artifact_out(update["artifact"])}


def task_out(task: Json) -> Json:
    out: Json = {"kind": "task", "id": task["id"], "contextId": task.get("contextId", "")}
    out["status"] = status_out(task.get("status", {}))
    if "artifacts" in task:
        out["artifacts"] = [artifact_out(one) for one in task["artifacts"]]
    if "history" in task:
        out["history"] = [message_out(one) for one in task["history"]]
    return out | ({"metadata": task["metadata"]} if "metadata" in task else {})


def status_out(status: Json) -> Json:
    out: Json = {"state": _STATES.get(status.get("state", ""), "unknown")}
    if "message" in status:
        out["message"] = message_out(status["message"])
    return out | ({"timestamp": status["timestamp"]} if "timestamp" in status else {})


def message_out(message: Json) -> Json:
    out = {name: value for name, value in message.items() if name not in ("role", "parts")}
    role = "agent" if message.get("role") == "ROLE_AGENT" else "user"
    return {"kind": "message", **out, "role": role, "parts": [part_out(part) for part in message.get("parts", ())]}


def artifact_out(artifact: Json) -> Json:
    return {**artifact, "parts": [part_out(part) for part in artifact.get("parts", ())]}


def part_out(part: Json) -> Json:
    more: Json = {"metadata": part["metadata"]} if "metadata" in part else {}
    if "text" in part:
        return {"kind": "text", "text": part["text"], **more}
    if "data" in part:
        data = part["data"]
        return {"kind": "data", "data": data if isinstance(data, dict) else {"value": data}, **more}
    names = {"raw": "bytes", "url": "uri", "mediaType": "mimeType", "filename": "name"}
    return {"kind": "file", "file": {new: part[old] for old, new in names.items() if old in part}, **more}


def push_out(push: Json) -> Json:
    own = {name: push[name] for name in ("id", "url", "token") if name in push}
    auth = push.get("authentication")
    if auth:
        own["authentication"] = {"schemes": [auth.get("scheme", "")], "credentials": auth.get("credentials")}
    return {"taskId": push.get("taskId", ""), "pushNotificationConfig": own}


def card_out(card: Json) -> Json:
    """A card that clients of both versions read: what 0.3 asks for beside what 1.0 says."""
    faces = card.get("supportedInterfaces", ())
    old = [one for one in faces if one.get("protocolBinding", "JSONRPC") == "JSONRPC"]
    out = {
        **card,
        "protocolVersion": "0.3.0",
        "preferredTransport": "JSONRPC",
        "url": old[0]["url"] if old else "",
        "supportsAuthenticatedExtendedCard": card.get("capabilities", {}).get("extendedAgentCard", False),
    }
    if "securityRequirements" in card:
        out["security"] = [
            {name: scopes.get("list", []) for name, scopes in one.get("schemes", {}).items()}
            for one in card["securityRequirements"]
        ]
    return out


def _object(of: Json, name: str) -> Json:
    """A member that is an object; empty where it is none."""
    found = of.get(name)
    return cast("Json", found) if isinstance(found, dict) else {}


# --- the other way: we ask an agent of 0.3


def asking(method: str, params: Json) -> tuple[str, Json]:
    """A 1.0 method and its parameters as 0.3 takes them; of those that we ask."""
    name = next(before for before, now in METHODS.items() if now == method)
    if method == "SendStreamingMessage":
        return name, {"message": message_out(params["message"])}
    if method != "SendMessage":
        return name, params
    return name, {
        "message": message_out(params["message"]),
        "configuration": {"blocking": not params.get("configuration", {}).get("returnImmediately", False)},
    }


def answered_by(method: str, result: Any) -> Any:
    """What a 0.3 method answered, as 1.0 says it."""
    said = cast("Json", result) if isinstance(result, dict) else {}
    return _task_in(said) if method in ("tasks/get", "tasks/cancel") else _item_in(said)


def _item_in(said: Json) -> Json:
    match said.get("kind"):
        case "message":
            return {"message": _message_in(said)}
        case "status-update":
            return {"statusUpdate": {**_about(said), "status": _status_in(_object(said, "status"))}}
        case "artifact-update":
            more = {name: said[name] for name in ("append", "lastChunk") if said.get(name) is not None}
            return {"artifactUpdate": {**_about(said), "artifact": _artifact_in(_object(said, "artifact")), **more}}
        case _:
            return {"task": _task_in(said)}


def _about(said: Json) -> Json:
    return {"taskId": said.get("taskId") or "", "contextId": said.get("contextId") or ""}


def _status_in(status: Json) -> Json:
    state = next((new for new, before in _STATES.items() if before == status.get("state")), "TASK_STATE_UNSPECIFIED")
    return {"state": state} | ({"message": _message_in(_object(status, "message"))} if status.get("message") else {})


def _artifact_in(one: Json) -> Json:
    return {
        "artifactId": one.get("artifactId", ""),
        "name": one.get("name") or "",
        "parts": [_part_in(part) for part in one.get("parts") or ()],
    }


def _task_in(task: Json) -> Json:
    return {
        "id": task.get("id", ""),
        "contextId": task.get("contextId", ""),
        "status": _status_in(_object(task, "status")),
        "artifacts": [_artifact_in(one) for one in task.get("artifacts") or ()],
        "history": [_message_in(one) for one in task.get("history") or ()],
    }
