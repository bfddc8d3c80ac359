"""Schemas: from the older form, a part of OpenAPI 3.0 with types in capitals, to JSON Schema, and back.

Source: google-genai 3.6.1, `types.Schema` and `types.JSONSchema`.
"""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from antiphon.wire.fields import as_object
from antiphon.wire.gemini.names import names

_WORDS = (
    "additionalProperties",
    "anyOf",
    "maxItems",
    "maxLength",
    "maxProperties",
    "minItems",
    "minLength",
    "minProperties",
    "propertyOrdering",
)
_NAMES = names(*_WORDS)
_RENAMED: Mapping[str, str] = MappingProxyType({"$defs": "defs", "$ref": "ref"})
_COUNTS = frozenset(word for word in _WORDS if word.startswith(("max", "min")))
"""They are 64 bits wide, which proto JSON writes as texts."""


def json_schema(value: Mapping[str, Any]) -> dict[str, Any]:
    """A schema in the newer form."""
    out: dict[str, Any] = {}
    for name, child in _normal(value).items():
        if name == "type" and type(child) is str:
            out["type"] = child.lower()
        elif name in {"defs", "ref"}:
            out[f"${name}"] = _each(child, json_schema)
        elif name not in ("nullable", "example"):
            out[name] = _inner(name, child, json_schema)
    if value.get("nullable") is True and type(out.get("type")) is str:
        out["type"] = [out["type"], "null"]
    return out


def openapi(value: Mapping[str, Any]) -> dict[str, Any]:
    """The way back, of what `json_schema` makes."""
    out: dict[str, Any] = {}
    for name, child in value.items():
        if name == "type" and type(child) is str:
            out["type"] = child.upper()
        elif name == "type" and type(child) is list and len(child) == 2 and child[1] == "null":
            out |= {"type": str(child[0]).upper(), "nullable": True}
        elif name in _RENAMED:
            out[_RENAMED[name]] = _each(child, openapi)
        else:
            out[name] = _inner(name, child, openapi)
    return out


def same(value: Mapping[str, Any]) -> bool:
    """Whether all that a schema in the older form says is said in the newer too."""
    return openapi(json_schema(value)) == _all_normal(value)


def _normal(value: Mapping[str, Any]) -> dict[str, Any]:
    """A schema's own fields in one spelling; properties in the order that they are to have."""
    out: dict[str, Any] = {}
    for name, child in value.items():
        word = _RENAMED.get(name) or _NAMES.get(name, name)
        if word in _COUNTS and type(child) is str and child.isdecimal():
            out[word] = int(child)
        elif word == "type" and type(child) is str:
            out[word] = child.upper()
        elif child is not None and not (word == "nullable" and child is False):
            out[word] = child
    properties, order = out.get("properties"), out.get("propertyOrdering")
    if type(properties) is dict and type(order) is list and _names_all(order, properties):
        out["properties"] = {name: properties[name] for name in order}
        del out["propertyOrdering"]
    return out


def _names_all(order: list[Any], properties: Mapping[str, Any]) -> bool:
    return all(type(name) is str for name in order) and sorted(order) == sorted(properties)


def _all_normal(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _each(child, _all_normal) if name in ("defs", "ref") else _inner(name, child, _all_normal)
        for name, child in _normal(value).items()
    }


def _inner(name: str, child: Any, way: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    if name in ("items", "additionalProperties") and type(child) is dict:
        return way(child)
    if name == "properties":
        return _each(child, way)
    if name == "anyOf" and type(child) is list:
        return [way(one) if type(one) is dict else one for one in child]
    return child


def _each(child: Any, way: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    inner = as_object(child)
    if inner is None:
        return child
    return {name: way(one) if type(one) is dict else one for name, one in inner.items()}
