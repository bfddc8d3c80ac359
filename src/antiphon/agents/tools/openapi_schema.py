"""Schemas of OpenAPI documents as JSON Schema 2020-12, whole in themselves."""

from collections.abc import Mapping
from typing import Any, cast

from antiphon.core.error import BadRequest

MOST_DEPTH = 24
MOST_NODES = 20_000
_DROPPED = frozenset({"xml", "externalDocs", "discriminator", "example", "examples", "deprecated"})
"""What a schema says beside what is allowed."""
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})


class Resolver:
    """Follows references within one document. What leads out of it is not followed."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def followed(self, value: Any) -> Any:
        """What a reference stands for, or the value itself. Raises: BadRequest."""
        for _ in range(MOST_DEPTH):
            reference = cast("Mapping[str, Any]", value).get("$ref") if isinstance(value, Mapping) else None
            if not isinstance(reference, str):
                return cast("Any", value)
            value = self._pointed(reference)
        raise BadRequest("its references lead to each other")

    def inlined(self, schema: Any) -> Any:
        """A schema with all that it refers to put in. A schema within itself becomes one that allows all.

        Raises: BadRequest.
        """
        self._nodes = 0
        return as_2020(self._inlined(schema, ()))

    def _inlined(self, value: Any, open_: tuple[str, ...]) -> Any:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise BadRequest(f"its schemas have more than {MOST_NODES} parts, references put in")
        if isinstance(value, list):
            return [self._inlined(one, open_) for one in cast("list[Any]", value)]
        if not isinstance(value, Mapping):
            return value
        held = cast("Mapping[str, Any]", value)
        reference = held.get("$ref")
        if isinstance(reference, str):
            if reference in open_ or len(open_) >= MOST_DEPTH:
                return True
            target = self._inlined(self._pointed(reference), (*open_, reference))
            beside = {name: self._inlined(one, open_) for name, one in held.items() if name != "$ref"}
            return {**table(target), **beside} if beside else target
        return {name: self._inlined(one, open_) for name, one in held.items()}

    def _pointed(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise BadRequest(f"the reference {reference!r} leads out of the document, which is not followed")
        at: Any = self._root
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            if isinstance(at, list) and name.isdecimal() and int(name) < len(cast("list[Any]", at)):
                at = cast("list[Any]", at)[int(name)]
            elif isinstance(at, Mapping) and name in at:
                at = cast("Mapping[str, Any]", at)[name]
            else:
                raise BadRequest(f"the reference {reference!r} leads nowhere")
        return at


def table(value: Any) -> Mapping[str, Any]:
    """An object as it is; anything else as an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else cast("Mapping[str, Any]", {})


def as_2020(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 in the words of JSON Schema 2020-12; one of 3.1 is in them already."""
    if isinstance(schema, list):
        return [as_2020(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    out: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", schema).items():
        if name in _NAMED and isinstance(value, dict):
            out[name] = {one: as_2020(held) for one, held in cast("dict[str, Any]", value).items()}
        elif name not in _DROPPED:
            out[name] = value if name in {"enum", "const", "default", "required"} else as_2020(value)
    for bound, inclusive in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(out.get(bound), bool):
            limit = out.pop(bound)
            if limit and inclusive in out:
                out[bound] = out.pop(inclusive)
    if out.pop("nullable", False):
        return _nullable(out)
    return out


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        widened = {**schema, "type": [kind, "null"]}
        if "enum" in schema and None not in schema["enum"]:
            widened["enum"] = [*schema["enum"], None]
        return widened
    return {"anyOf": [schema, {"type": "null"}]}
