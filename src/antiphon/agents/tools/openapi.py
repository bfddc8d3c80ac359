"""Operations of an OpenAPI 3.0 or 3.1 document as tools. Sources: OpenAPI 3.0.4 and 3.1.1, Specification."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from msgspec import Struct

from antiphon.agents.tools.openapi_schema import Resolver, table
from antiphon.agents.tools.operation import Operation, Parameter
from antiphon.agents.tools.settings_http import ArgumentPlace, OpenApiSpec
from antiphon.core.error import BadRequest

METHODS = ("get", "head", "put", "post", "patch", "delete")
MOST_OPERATIONS = 1000
BODY = "body"
"""The argument that is the body."""
_PLACES: Mapping[str, ArgumentPlace] = {"path": "path", "query": "query", "header": "header"}
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization", "host", "content-length", "connection"})
"""Headers that are no parameters, whatever a document says. Source: OpenAPI 3.1.1, 4.8.12.1; the last three are ours."""
_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")
_KINDS: Mapping[str, Literal["json", "form"]] = {
    "application/json": "json",
    "application/x-www-form-urlencoded": "form",
}


class Described(Struct, frozen=True, kw_only=True):
    """An operation as a tool."""

    name: str
    """Within the document."""
    description: str
    parameters: dict[str, Any]
    operation: Operation


def described(document: Any, spec: OpenApiSpec) -> tuple[list[Described], dict[str, str]]:
    """Tools of a document.

    Returns: them, and why others can't be one, by operation.
    Raises: BadRequest, where it is no such document, or says no server.
    """
    if not isinstance(document, Mapping) or not str(cast("Mapping[str, Any]", document).get("openapi", "")).startswith(
        "3."
    ):
        raise BadRequest("this is no OpenAPI 3.0 or 3.1 document: `openapi` has to say its version")
    root = cast("Mapping[str, Any]", document)
    server, resolver = _server(root, spec), Resolver(root)
    found: list[Described] = []
    unready: dict[str, str] = {}
    for place, path, method, operation, shared in _operations(root, resolver):
        name = _name(operation, method, path)
        if not _wanted(name, spec):
            continue
        if any(one.name == name for one in found):
            unready[name] = "another operation has this name already"
        elif len(found) == MOST_OPERATIONS:
            raise BadRequest(f"it has more than {MOST_OPERATIONS} operations; choose some by `only`")
        else:
            try:
                found.append(_described(name, path, method, operation, shared, (server, resolver, spec)))
            except BadRequest as error:
                unready[name] = f"{place}: {error.message}"
    return found, unready


def _server(root: Mapping[str, Any], spec: OpenApiSpec) -> str:
    servers = root.get("servers")
    said = spec.server
    if not said and isinstance(servers, list) and servers:
        first = cast("list[Any]", servers)[0]
        said = str(cast("Mapping[str, Any]", first).get("url", "")) if isinstance(first, Mapping) else ""
    parts = urlsplit(said)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "{" in said:
        raise BadRequest(f"requests have nowhere to go: {said!r} is no whole URL; write openapi.server")
    return said.rstrip("/")


def _operations(
    root: Mapping[str, Any], resolver: Resolver
) -> Iterator[tuple[str, str, str, Mapping[str, Any], list[Any]]]:
    """Where an operation stands, its path, method, itself, and parameters of all operations of its path."""
    for path, raw in table(root.get("paths")).items():
        held = table(resolver.followed(raw))
        for method in METHODS:
            operation = held.get(method)
            if isinstance(operation, Mapping):
                shared = cast("list[Any]", held.get("parameters") or [])
                yield f"{method} {path}", path, method, cast("Mapping[str, Any]", operation), shared


def _name(operation: Mapping[str, Any], method: str, path: str) -> str:
    said = operation.get("operationId")
    return _PLAIN.sub("_", said if isinstance(said, str) and said else f"{method}{path}").strip("_")


def _wanted(name: str, spec: OpenApiSpec) -> bool:
    if any(fnmatchcase(name, one) for one in spec.without):
        return False
    return not spec.only or any(fnmatchcase(name, one) for one in spec.only)


def _described(
    name: str,
    path: str,
    method: str,
    operation: Mapping[str, Any],
    shared: list[Any],
    of: tuple[str, Resolver, OpenApiSpec],
) -> Described:
    server, resolver, spec = of
    placed, properties, required, key_header = _arguments(operation, shared, resolver)
    body = _body(operation, resolver)
    if body is not None:
        properties[BODY] = body[1]
        required += [BODY] if body[2] else []
    missing = set(re.findall(r"\{([^{}]+)\}", path)) - {one.name for one in placed if one.place == "path"}
    if missing:
        raise BadRequest(f"its path names {', '.join(sorted(missing))}, which is no parameter of it")
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    return Described(
        name=name,
        description=_description(operation, method, path),
        parameters=schema,
        operation=Operation(
            method=method.upper(),
            server=server,
            path=path,
            parameters=tuple(placed),
            body="none" if body is None else body[0],
            body_argument="" if body is None else BODY,
            idempotency_header=key_header or (spec.idempotency_header if method in {"post", "patch"} else ""),
            networks=tuple(spec.networks),
            ca_file=spec.ca_file,
        ),
    )


def _arguments(
    operation: Mapping[str, Any], shared: list[Any], resolver: Resolver
) -> tuple[list[Parameter], dict[str, Any], list[str], str]:
    """Where arguments go, their schemas, those that have to be there, and the header of the idempotency key, if any.

    Raises: BadRequest.
    """
    parameters: dict[tuple[str, str], Mapping[str, Any]] = {}
    for raw in (*shared, *cast("list[Any]", operation.get("parameters") or [])):
        one = table(resolver.followed(raw))
        parameters[str(one.get("name", "")), str(one.get("in", ""))] = one
    placed: list[Parameter] = []
    properties: dict[str, Any] = {}
    required: list[str] = []
    key_header = ""
    for (name, place), one in parameters.items():
        if place == "header" and name.lower() == "idempotency-key":
            key_header = name
            continue
        if place not in _PLACES or (place == "header" and name.lower() in _NOT_PARAMETERS):
            if one.get("required") and name.lower() not in _NOT_PARAMETERS:
                raise BadRequest(f"its parameter {name!r} in {place!r} is needed and can't be sent")
            continue
        argument = name if name not in properties and name != BODY else f"{name}_{place}"
        properties[argument] = _with_description(resolver.inlined(_schema_of(one)), one)
        if one.get("required") or place == "path":
            required.append(argument)
        placed.append(_parameter(argument, name, _PLACES[place], one))
    return placed, properties, required, key_header


def _parameter(argument: str, name: str, place: ArgumentPlace, said: Mapping[str, Any]) -> Parameter:
    style = said.get("style")
    explode = said.get("explode")
    usual = style in {None, "form", "deepObject"} and place == "query"
    return Parameter(
        argument=argument,
        name=name,
        place=place,
        explode=explode if isinstance(explode, bool) else usual,
        deep=style == "deepObject",
    )


def _schema_of(one: Mapping[str, Any]) -> Any:
    if "schema" in one:
        return one["schema"]
    content = one.get("content")
    first = next(iter(table(content).values()), None)
    return table(first).get("schema", True)


def _with_description(schema: Any, one: Mapping[str, Any]) -> Any:
    said = one.get("description")
    if isinstance(schema, dict) and isinstance(said, str) and "description" not in schema:
        return {**cast("dict[str, Any]", schema), "description": said}
    return cast("Any", schema)


def _body(operation: Mapping[str, Any], resolver: Resolver) -> tuple[Literal["json", "form"], Any, bool] | None:
    """How a body is written, its schema, and whether it has to be there. Raises: BadRequest."""
    raw = resolver.followed(operation.get("requestBody"))
    if not isinstance(raw, Mapping):
        return None
    held = cast("Mapping[str, Any]", raw)
    content = table(held.get("content"))
    needed = bool(held.get("required"))
    for media, said in content.items():
        kind = media.split(";")[0].strip().lower()
        written = "json" if kind.endswith("+json") else _KINDS.get(kind)
        if written is not None:
            return written, resolver.inlined(cast("Mapping[str, Any]", said).get("schema", {})), needed
    if needed:
        raise BadRequest(
            f"its body can't be written: it takes {', '.join(content) or 'nothing'}, and not JSON or a form"
        )
    return None


def _description(operation: Mapping[str, Any], method: str, path: str) -> str:
    texts = [str(operation[one]).strip() for one in ("summary", "description") if operation.get(one)]
    return "\n".join(dict.fromkeys(texts))[:2048] or f"{method.upper()} {path}"
