"""One operation over HTTP: where arguments go, and how they are written there. The host is never an argument's."""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.settings_http import ArgumentPlace
from antiphon.core.ports import Origin
from antiphon.net.egress import origin_of

_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")


class Parameter(Struct, frozen=True, kw_only=True):
    """Where one argument goes."""

    argument: str
    name: str
    place: ArgumentPlace
    explode: bool = True
    """A list is written as several parameters; else with commas."""
    deep: bool = False
    """An object is written as `NAME[KEY]`."""


class Operation(Struct, frozen=True, kw_only=True):
    """How a call is made of arguments."""

    method: str
    server: str
    """`https://HOST[:PORT][/PREFIX]`, without a slash at its end."""
    path: str
    """With `{NAME}` for parameters of the path."""
    parameters: tuple[Parameter, ...] = ()
    body: Literal["json", "form", "none"] = "none"
    body_argument: str = ""
    """The argument that is the whole body; empty: the parameters whose place it is, as an object."""
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    """Parameters of every call, such as a key."""
    idempotency_header: str = ""
    networks: tuple[str, ...] = ()
    ca_file: str | None = None

    @property
    def origin(self) -> Origin:
        return origin_of(self.server, ca_file=self.ca_file, networks=self.networks)


class Written(Struct, frozen=True, kw_only=True):
    """A request as it is sent, its length aside."""

    head: bytes
    body: bytes


def written(operation: Operation, arguments: Mapping[str, Any], key: str) -> Written:
    """A request for a call. `key`: its idempotency key. Raises: ToolFailed, for an argument that can't stand where it is to."""
    try:
        places = _placed(operation, arguments)
        query = "?" + urlencode(places.query) if places.query else ""
    except UnicodeEncodeError:
        raise ToolFailed("invalid_arguments", "An argument holds half a character, which no URL can say.") from None
    if operation.idempotency_header:
        places.headers[operation.idempotency_header] = key
    value = arguments.get(operation.body_argument) if operation.body_argument else places.body
    kind, body = _body(operation, value)
    if kind:
        places.headers["Content-Type"] = kind
    server = urlsplit(operation.server)
    target = server.path.rstrip("/") + places.path + query
    lines = [f"{operation.method} {target or '/'} HTTP/1.1", f"Host: {server.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in places.headers.items()]
    return Written(head="".join(f"{line}\r\n" for line in lines).encode("latin-1"), body=body)


class _Places(Struct, kw_only=True):
    """Arguments where they go."""

    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: dict[str, Any]


def _placed(operation: Operation, arguments: Mapping[str, Any]) -> _Places:
    places = _Places(path=operation.path, query=[*operation.query.items()], headers=dict(operation.headers), body={})
    for one in operation.parameters:
        value = arguments.get(one.argument)
        if value is None:
            if one.place == "path":
                raise ToolFailed("invalid_arguments", f"`{one.argument}` is missing.")
            continue
        match one.place:
            case "path":
                places.path = places.path.replace(f"{{{one.name}}}", _segment(one.argument, value))
            case "query":
                places.query += _pairs(one, value)
            case "header":
                places.headers[one.name] = _header(one.argument, value)
            case "body":
                places.body[one.name] = value
    return places


def _body(operation: Operation, value: Any) -> tuple[str, bytes]:
    if operation.body == "none" or value is None or (operation.body_argument == "" and value == {}):
        return "", b""
    if operation.body == "form":
        if not isinstance(value, dict):
            raise ToolFailed("invalid_arguments", "The body has to be an object.")
        fields = cast("dict[str, Any]", value)
        pairs: list[tuple[str, str]] = []
        for name, held in fields.items():
            pairs += [(name, plain(one)) for one in _several(held)]
        return "application/x-www-form-urlencoded", urlencode(pairs).encode()
    return "application/json", msgspec.json.encode(value)


def _several(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def plain(value: Any) -> str:
    """A value as it stands in a URL or header: JSON, but texts without quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _segment(argument: str, value: Any) -> str:
    """A part of a path: it can't lead elsewhere. Raises: ToolFailed."""
    text = ",".join(plain(one) for one in _several(value))
    if text in {"", ".", ".."} or _UNSAFE.search(text):
        raise ToolFailed("invalid_arguments", f"`{argument}` can't be a part of a path: write what names one thing.")
    return quote(text, safe="")


def _pairs(one: Parameter, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, list):
        texts = [plain(item) for item in cast("list[Any]", value)]
        return [(one.name, text) for text in texts] if one.explode else [(one.name, ",".join(texts))]
    if isinstance(value, dict) and one.deep:
        return [(f"{one.name}[{name}]", plain(item)) for name, item in cast("dict[str, Any]", value).items()]
    if isinstance(value, dict) and one.explode:
        return [(name, plain(item)) for name, item in cast("dict[str, Any]", value).items()]
    return [(one.name, plain(value))]


def _header(argument: str, value: Any) -> str:
    text = plain(value)
    if _UNSAFE.search(text) or not text.isascii():
        raise ToolFailed("invalid_arguments", f"`{argument}` can't stand in a header: write visible ASCII.")
    return text


def is_token(name: str) -> bool:
    """Whether a text can be the name of a header."""
    return bool(_TOKEN.match(name))
