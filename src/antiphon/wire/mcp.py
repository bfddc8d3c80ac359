"""The Model Context Protocol: its messages, in both of its eras.

The modern one (2026-07-28) has no session: every request says its version and what its client can do in `_meta`, and tells
both in headers too. The older one begins with `initialize`. Source: modelcontextprotocol.io/specification, 2026-07-28 and
2025-11-25.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from antiphon.wire.json import decoded

Era = Literal["modern", "legacy"]
MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Versions that begin with `initialize`, the newest first."""
META_VERSION = "io.modelcontextprotocol/protocolVersion"
META_CLIENT = "io.modelcontextprotocol/clientInfo"
META_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META_SERVER = "io.modelcontextprotocol/serverInfo"
TASKS = "io.modelcontextprotocol/tasks"
"""The extension that answers a call with a task."""
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
NO_RESOURCE = -32002
"""Of the older era; in the modern one it is INVALID_PARAMS."""
HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION = -32020, -32021, -32022
STATUSES: Mapping[int, int] = {
    PARSE_ERROR: 400,
    INVALID_REQUEST: 400,
    INVALID_PARAMS: 400,
    UNKNOWN_METHOD: 404,
    HEADER_MISMATCH: 400,
    MISSING_CAPABILITY: 400,
    UNSUPPORTED_VERSION: 400,
}
"""HTTP statuses of errors, in the modern era; of all others 200."""
NAMED: Mapping[str, str] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose header `Mcp-Name` repeats a parameter."""
PARAM_HEADER = "x-mcp-header"
_ENCODED = re.compile(r"=\?base64\?(?P<text>.*)\?=")
_PLAIN = re.compile(r"[\x20-\x7e]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ODD_NAME = re.compile(r"[^A-Za-z0-9_-]")
MOST_NAME = 64
RESOURCE = "mcp://"
_encode = msgspec.json.Encoder().encode


class McpError(Exception):
    """An error as the protocol says it."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class Message(Struct, frozen=True, kw_only=True):
    """A request; a notification where `id` is None and `answer` is not set; else an answer to one of ours."""

    method: str = ""
    params: Mapping[str, Any] = {}
    id: int | str | None = None
    result: Any = None
    error: Mapping[str, Any] | None = None

    @property
    def answers(self) -> bool:
        """Whether it is an answer."""
        return not self.method

    @property
    def meta(self) -> Mapping[str, Any]:
        return mapping(self.params.get("_meta"))


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is an object; else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def texts(value: Any) -> list[str]:
    """Those items of a list that are texts."""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [one for one in items if isinstance(one, str)]


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Those items of a list that are objects."""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", one) for one in items if isinstance(one, dict)]


def read(body: bytes) -> Message:
    """Read one message. Raises: McpError."""
    try:
        said = decoded(body)
    except ValueError as error:
        raise McpError(PARSE_ERROR, f"the body is no JSON: {error}") from None
    return message_of(said)


def message_of(said: Any) -> Message:
    """A message from its JSON. Raises: McpError."""
    fields = mapping(said)
    if fields.get("jsonrpc") != "2.0":
        raise McpError(
            INVALID_REQUEST, "the body must be one JSON-RPC 2.0 request or notification; batches are not taken"
        )
    given, method, params = fields.get("id"), fields.get("method"), fields.get("params", {})
    if given is not None and not (isinstance(given, (int, str)) and not isinstance(given, bool)):
        raise McpError(INVALID_REQUEST, "`id` must be a text or an integer")
    if method is None and given is not None and ("result" in fields or "error" in fields):
        error = fields.get("error")
        return Message(id=given, result=fields.get("result"), error=None if error is None else mapping(error))
    if not isinstance(method, str) or not method:
        raise McpError(INVALID_REQUEST, "`method` must be a text")
    if not isinstance(params, dict):
        raise McpError(INVALID_PARAMS, "`params` must be an object")
    if "id" in fields and given is None:
        raise McpError(INVALID_REQUEST, "`id` must not be null")
    return Message(method=method, params=cast("Mapping[str, Any]", params), id=given)


def request(method: str, params: Mapping[str, Any], given: int | str | None = None) -> bytes:
    """A request, or without an id a notification."""
    said: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if given is not None:
        said["id"] = given
    if params:
        said["params"] = params
    return _encode(said)


def result(given: int | str | None, value: Mapping[str, Any]) -> bytes:
    """An answer that went well."""
    return _encode({"jsonrpc": "2.0", "id": given, "result": value})


def failure(given: int | str | None, error: McpError) -> bytes:
    """An answer that says what went wrong."""
    said: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        said["data"] = error.data
    return _encode({"jsonrpc": "2.0", "id": given, "error": said})


def event(message: bytes) -> bytes:
    """A message as one event of a stream."""
    return b"event: message\ndata: %b\n\n" % message


def asks_by_form(capabilities: Any) -> bool:
    """Whether a client can ask its user by a form."""
    found = mapping(capabilities).get("elicitation")
    return isinstance(found, dict) and (not found or "form" in mapping(found))


# --- headers


def header_value(text: str) -> str:
    """A text as a header can carry it."""
    if _PLAIN.fullmatch(text) and text == text.strip() and not _ENCODED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode('ascii')}?="


def header_text(value: str) -> str | None:
    """The text that a header carries; None: it can't be read, and so is like no text."""
    found = _ENCODED.fullmatch(value)
    if found is None:
        return value
    try:
        raw = base64.b64decode(found["text"], validate=True)
        return raw.decode() if base64.b64encode(raw).decode("ascii") == found["text"] else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def param_headers(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, str]:
    """Headers that repeat arguments, as a tool's schema asks by `x-mcp-header`."""
    out: dict[str, str] = {}
    for path, name in _marked(schema, ()):
        value: Any = arguments
        for step in path:
            value = mapping(value).get(step)
        said = scalar(value)
        if said is not None:
            out[f"Mcp-Param-{name}"] = header_value(said)
    return out


def scalar(value: Any) -> str | None:
    """An argument as headers spell it; None: they can't."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case _:
            return None


def _marked(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, below in mapping(schema.get("properties")).items():
        inner = mapping(below)
        said = inner.get(PARAM_HEADER)
        if isinstance(said, str) and _TOKEN.fullmatch(said):
            yield (*path, name), said
        yield from _marked(inner, (*path, name))


def check_headers(message: Message, headers: Mapping[bytes, bytes]) -> None:
    """See that a modern request says the same in its headers as in itself. Raises: McpError."""
    meta = message.meta
    missing = [name for name in (META_VERSION, META_CAPABILITIES) if name not in meta]
    if missing:
        raise McpError(INVALID_PARAMS, f"`params._meta` has no {', '.join(missing)}")
    version = meta[META_VERSION]
    if _said(headers, b"mcp-protocol-version") != version:
        raise McpError(HEADER_MISMATCH, "the header MCP-Protocol-Version is not the version of `_meta`")
    if _said(headers, b"mcp-method") != message.method:
        raise McpError(HEADER_MISMATCH, "the header Mcp-Method is not the method of the body")
    named = NAMED.get(message.method)
    if named is not None and header_text(_said(headers, b"mcp-name") or "") != message.params.get(named):
        raise McpError(HEADER_MISMATCH, f"the header Mcp-Name is not `params.{named}`")
    if version != MODERN:
        raise unsupported(version)


def check_params(schema: Mapping[str, Any], arguments: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> None:
    """See that headers which repeat arguments say the same. Raises: McpError."""
    wanted = {name.lower(): value for name, value in param_headers(schema, arguments).items()}
    for _, name in _marked(schema, ()):
        said = _said(headers, f"mcp-param-{name}".lower().encode())
        expected = wanted.get(f"mcp-param-{name}".lower())
        if (None if said is None else header_text(said)) != (None if expected is None else header_text(expected)):
            raise McpError(HEADER_MISMATCH, f"the header Mcp-Param-{name} is not the argument that it repeats")


def unsupported(version: Any) -> McpError:
    """What is said of a version that is not served."""
    return McpError(
        UNSUPPORTED_VERSION,
        f"the protocol version {str(version)[:32]!r} is not served here",
        {"supported": [MODERN, *LEGACY], "requested": str(version)},
    )


def _said(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


# --- tools


def tool_name(server: str, name: str) -> str:
    """`SERVER__TOOL`, in letters that every model takes, 64 at most."""
    return _ODD_NAME.sub("_", f"{server}__{name}")[:MOST_NAME]


def resource_uri(server: str, uri: str) -> str:
    """A server's resource, or template of resources, among those of all servers: `mcp://SERVER/URI`."""
    return f"{RESOURCE}{server}/{uri}"


def resource_of(uri: str) -> tuple[str, str]:
    """Server and URI of a resource among those of all servers; empty: it is none."""
    server, slash, own = uri.removeprefix(RESOURCE).partition("/")
    return (server, own) if slash and own and uri.startswith(RESOURCE) else ("", "")


def text_of(content: Any) -> str:
    """What of a result's content is text; of the rest, what it is."""
    out: list[str] = []
    for part in objects(content):
        match part.get("type"):
            case "text":
                out.append(str(part.get("text", "")))
            case "resource":
                inner = mapping(part.get("resource"))
                out.append(str(inner.get("text") or f"[resource {inner.get('uri', '')}]"))
            case "resource_link":
                out.append(f"[resource {part.get('uri', '')} {part.get('name', '')}]".replace(" ]", "]"))
            case kind:
                out.append(f"[{kind} {part.get('mimeType', '')}]".replace(" ]", "]"))
    return "\n".join(out)
