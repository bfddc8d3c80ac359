"""`GET /openapi.json` of the admin API, in OpenAPI 3.1. Written once when the process begins."""

import re
from collections.abc import Iterator

import msgspec

from antiphon import __version__
from antiphon.admin.routes import ROUTES, Route

Shape = dict[str, object]
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "code", "param", "problems"],
            "properties": {
                "message": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "problems": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "wrong", "remedy"],
                        "properties": {name: {"type": "string"} for name in ("field", "wrong", "remedy")},
                    },
                },
            },
        }
    },
}
_NUMBERS = frozenset({"limit", "before"})
_AMOUNTS = {"usd": "number", "tokens": "integer", "requests": "integer"}
_PLACE = re.compile(r"\{(\w+)\}")


def document() -> Shape:
    """The whole description."""
    paths: dict[str, Shape] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Antiphon admin API",
            "version": __version__,
            "description": "Keys, budgets and limits. Fields of an object are those of its section in the configuration.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _ERROR},
        },
        "security": [{"bearer": []}],
    }


def _operation(route: Route) -> Shape:
    said: Shape = {
        "summary": route.said,
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()} {route.path.removeprefix('/admin/v1/')}").strip(
            "_"
        ),
        "parameters": list(_parameters(route)),
        "responses": {
            "200": _answer("Done", {"type": "object"}),
            **({"201": _answer("Made", {"type": "object"})} if route.method in {"PUT", "POST"} else {}),
            "default": _answer("An error", {"$ref": "#/components/schemas/Error"}),
        },
    }
    if route.body:
        fields = {name: {"type": _AMOUNTS.get(name, "string")} for name in route.body if name != "*"}
        shape: Shape = {"type": "object", "properties": fields, "additionalProperties": "*" in route.body}
        said["requestBody"] = {"required": "*" in route.body, "content": {"application/json": {"schema": shape}}}
    return said


def _parameters(route: Route) -> Iterator[Shape]:
    for name in _PLACE.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name in route.query:
        yield {"name": name, "in": "query", "schema": {"type": "integer" if name in _NUMBERS else "string"}}
    if route.method in {"PUT", "DELETE"}:
        yield {"name": "If-Match", "in": "header", "schema": {"type": "string"}}


def _answer(said: str, schema: Shape) -> Shape:
    return {"description": said, "content": {"application/json": {"schema": schema}}}


DOCUMENT = msgspec.json.encode(document())
