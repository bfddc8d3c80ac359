"""The configuration's JSON Schema, draft 7: what editors know."""

import json
from typing import cast

import msgspec

from antiphon.config.settings import Settings
from antiphon.core.secret import Secret

Json = dict[str, object]
DRAFT = "http://json-schema.org/draft-07/schema#"
INTERPOLATED = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?|file:[^}]+)\}"
SAID = ("description", "title", "default")
"""Keywords that say something of a value and don't check it."""


def schema() -> Json:
    """A schema that takes what `load` takes, but for checks across settings. `${…}` may stand for any scalar."""
    generated = msgspec.json.schema(Settings, schema_hook=_secret)
    definitions = {name: _draft7(_json(part)) for name, part in _json(generated["$defs"]).items()}
    root = definitions.pop(Settings.__name__)
    return {"$schema": DRAFT, **root, "title": "Antiphon configuration", "definitions": definitions}


def schema_text() -> str:
    """The same as examples/antiphon.schema.json holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _secret(kind: type) -> Json:
    if kind is Secret:
        return {"type": "string"}
    raise NotImplementedError(f"{kind.__name__} has no schema")


def _json(value: object) -> Json:
    return cast("Json", value)


def _draft7(part: Json) -> Json:
    """The same schema in the words of draft 7, with interpolation allowed."""
    said = {name: part[name] for name in SAID if name in part}
    checks = {name: _inside(name, value) for name, value in part.items() if name not in SAID}
    if "$ref" in checks:
        # Draft 7 ignores what stands beside a $ref.
        reference: Json = {"$ref": str(checks["$ref"]).replace("#/$defs/", "#/definitions/")}
        return {**said, "allOf": [reference]} if said else reference
    if "enum" in checks or checks.get("type") in {"integer", "number", "boolean"} or "pattern" in checks:
        return {**said, "anyOf": [checks, {"type": "string", "pattern": INTERPOLATED}]}
    return {**said, **checks}


def _inside(name: str, value: object) -> object:
    """The schemas within one keyword."""
    if name == "properties":
        return {key: _draft7(_json(inner)) for key, inner in _json(value).items()}
    if name == "anyOf":
        return [_draft7(_json(inner)) for inner in cast("list[object]", value)]
    if name in {"items", "additionalProperties"} and isinstance(value, dict):
        return _draft7(_json(cast("object", value)))
    return value
