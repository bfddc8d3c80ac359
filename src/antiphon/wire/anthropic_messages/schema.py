"""JSON Schemas as Anthropic's structured outputs take them.

Sources: platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations"; anthropic 2.14.0,
`lib/_parse/_transform.py` (2026-11).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.wire.fields import as_list, as_object

_REFUSED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "patternProperties",
)
"""Bounds that it answers with an error; told in the description, the model mostly keeps them."""
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions")
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")


def fitted(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema that is taken, and whether anything about it was changed. Its depth is at most that of a body."""
    out = _fitted(schema)
    return out, out != schema


def _fitted(schema: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(schema)
    told = {name: out.pop(name) for name in _REFUSED if name in out}
    if "minItems" in out and out["minItems"] not in (0, 1):
        told["minItems"] = out.pop("minItems")
    if "format" in out and out["format"] not in _FORMATS:
        told["format"] = out.pop("format")
    if "oneOf" in out and "anyOf" not in out:
        out["anyOf"] = out.pop("oneOf")
    if out.get("type") == "object" or "properties" in out:
        out["additionalProperties"] = False
    _descend(out)
    if told:
        said = "{" + ", ".join([f"{name}: {msgspec.json.encode(value).decode()}" for name, value in told.items()]) + "}"
        before = out.get("description")
        out["description"] = f"{before}\n\n{said}" if isinstance(before, str) and before else said
    return out


def _descend(out: dict[str, Any]) -> None:
    """The same for the schemas within one."""
    for name in _MAPS:
        inner = as_object(out.get(name))
        if inner is not None:
            out[name] = {key: _inner(value) for key, value in inner.items()}
    for name in _LISTS:
        values = as_list(out.get(name))
        if values is not None:
            out[name] = [_inner(value) for value in values]
    if "items" in out:
        out["items"] = _inner(out["items"])


def _inner(value: object) -> object:
    shape = as_object(value)
    return value if shape is None else _fitted(shape)
