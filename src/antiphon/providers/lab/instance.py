"""A small JSON text that a schema takes."""

import json
from collections.abc import Iterable

from msgspec.structs import replace

from antiphon.core.error import BadRequest
from antiphon.providers.lab.scalar import WORD, number, text
from antiphon.providers.lab.schema import ABSENT, Schema

EVERYTHING = Schema()
"""A schema without a keyword takes every value."""


class Endless(Exception):
    """A schema that leads back into itself."""


def instance(schema: Schema) -> str:
    """JSON text of a minimal value: required members, no more items than needed, first of each choice.

    Raises: BadRequest when none can be made.
    """
    try:
        return _Maker(schema).value(schema, ())
    except (Endless, RecursionError):
        raise BadRequest("the schema has no finite value: it needs itself") from None


class _Maker:
    """Makes values of one root schema, which its references point into."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def value(self, schema: Schema | bool, path: tuple[str, ...]) -> str:
        """`path` holds the references that are being followed."""
        if isinstance(schema, bool):
            return json.dumps(WORD)
        if schema.ref:
            if schema.ref in path:
                raise Endless
            return self.value(self._resolve(schema.ref), (*path, schema.ref))
        fixed = schema.enum if bytes(schema.const) == ABSENT else [schema.const]
        if fixed:
            return bytes(fixed[0]).decode()
        return self._composed(schema, path)

    def _composed(self, schema: Schema, path: tuple[str, ...]) -> str:
        if schema.all_of:
            return self.value(self._merged(schema), path)
        if schema.any_of or schema.one_of:
            rest = replace(schema, any_of=[], one_of=[], defs={}, definitions={})
            return self._first((self._both(rest, choice) for choice in schema.any_of or schema.one_of), path)
        if schema.nullable or not isinstance(schema.type, str):
            return self._first((replace(schema, type=kind, nullable=False) for kind in _kinds(schema)), path)
        return self._typed(schema, path)

    def _first(self, choices: Iterable[Schema | bool], path: tuple[str, ...]) -> str:
        """The first choice that doesn't lead back into itself."""
        for choice in choices:
            try:
                return self.value(choice, path)
            except Endless:
                continue
        raise Endless

    def _typed(self, schema: Schema, path: tuple[str, ...]) -> str:
        match schema.type:
            case "object":
                return self._object(schema, path)
            case "array":
                return self._array(schema, path)
            case "string":
                return json.dumps(text(schema))
            case "integer" | "number":
                return json.dumps(number(schema, whole=schema.type == "integer"))
            case "boolean":
                return "false"
            case "null":
                return "null"
            case _:
                raise BadRequest(f"the schema's type {schema.type!r} is unknown")

    def _object(self, schema: Schema, path: tuple[str, ...]) -> str:
        names = dict.fromkeys((*(name for name in schema.properties if name in schema.required), *schema.required))
        members = (f"{json.dumps(name)}: {self.value(schema.properties.get(name, True), path)}" for name in names)
        return "{" + ", ".join(members) + "}"

    def _array(self, schema: Schema, path: tuple[str, ...]) -> str:
        kinds = schema.prefix_items[: schema.min_items]
        kinds = [*kinds, *[schema.items] * (schema.min_items - len(kinds))]
        return "[" + ", ".join(self.value(kind, path) for kind in kinds) + "]"

    def _both(self, rest: Schema, choice: Schema | bool) -> Schema | bool:
        """One choice together with the keywords beside it."""
        return choice if rest == EVERYTHING else self._merged(replace(rest, all_of=[choice]))

    def _merged(self, schema: Schema) -> Schema:
        """A schema and all of its `allOf` as one: later keywords win, properties and `required` are joined."""
        result = EVERYTHING
        for part in (*schema.all_of, replace(schema, all_of=[])):
            known = self._resolve(part.ref) if isinstance(part, Schema) and part.ref else part
            if isinstance(known, Schema):
                result = _over(result, self._merged(known) if known.all_of else known)
        return result

    def _resolve(self, ref: str) -> Schema | bool:
        """What a `$ref` within the document points at."""
        if ref == "#":
            return self._root
        room, _, name = ref.removeprefix("#/").partition("/")
        known = {"$defs": self._root.defs, "definitions": self._root.definitions}.get(room, {}).get(name)
        if known is None:
            raise BadRequest(f"the schema's $ref {ref!r} leads nowhere; use #/$defs/NAME")
        return known


def _kinds(schema: Schema) -> list[str]:
    """The types that may be made; without `type`, the one that the other keywords speak of."""
    null = ["null"] if schema.nullable else []
    if isinstance(schema.type, list):
        return [*schema.type, *null]
    if schema.type is not None:
        return [schema.type, *null]
    if schema.properties or schema.required:
        return ["object", *null]
    return ["array" if schema.min_items or schema.prefix_items else "string", *null]


def _over(low: Schema, high: Schema) -> Schema:
    """`low`, with the keywords that `high` has in place of its own."""
    said = {name: getattr(high, name) for name in high.__struct_fields__ if _says(high, name)}
    said["properties"] = low.properties | high.properties
    said["required"] = [*low.required, *high.required]
    return replace(low, **said)


def _says(schema: Schema, name: str) -> bool:
    return getattr(schema, name) != getattr(EVERYTHING, name)
