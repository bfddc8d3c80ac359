"""Arguments held to their schema, and mended where it is plain what was meant."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from antiphon.recipes.schema import BadSchema, JsonSchema

MOST_DEPTH = 16
"""How deep values are mended; what is deeper is left as it is."""
_WRAPPERS = ("arguments", "args", "input", "parameters", "params", "kwargs")
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_MISSING = object()
Schema = Mapping[str, Any]


class Arguments:
    """One tool's arguments."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Raises: BadSchema."""
        if schema.get("type", "object") != "object":
            raise BadSchema("the arguments of a tool are an object")
        self._schema = schema
        self._checked = JsonSchema(schema)

    def check(self, given: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Returns: the arguments, mended where that makes them right, and what is wrong with them; empty: nothing.

        Arguments that can't be made right are given back as they came.
        """
        if self._checked.allows(given):
            return given, ()
        mender = _Mender(self._schema)
        for tried in (given, *_unwrapped(given, self._schema)):
            mended = mender.mend(tried, self._schema, 0)
            if isinstance(mended, dict) and self._checked.allows(mended):
                return cast("dict[str, Any]", mended), ()
        return given, tuple(fault.said for fault in self._checked.faults(given))


def _unwrapped(given: dict[str, Any], schema: Schema) -> list[dict[str, Any]]:
    """Arguments that came within another object, or as its text."""
    if len(given) != 1:
        return []
    name, inner = next(iter(given.items()))
    if name.lower() not in _WRAPPERS or name in _properties(schema):
        return []
    inner = _parsed(inner) if isinstance(inner, str) else inner
    return [cast("dict[str, Any]", inner)] if isinstance(inner, dict) else []


class _Mender:
    """Mends values by the schemas that they are meant for."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def mend(self, value: Any, schema: Any, depth: int) -> Any:
        schema = self._followed(schema)
        if not isinstance(schema, Mapping) or depth > MOST_DEPTH:
            return value
        known = cast("Schema", schema)
        choices = known.get("anyOf") or known.get("oneOf")
        if isinstance(choices, list):
            return self._chosen(value, cast("list[Any]", choices), depth)
        if "enum" in known or "const" in known:
            return _listed(value, known)
        kinds = _kinds(known)
        if not kinds or _is_any(value, kinds):
            return self._inside(value, known, depth)
        for kind in kinds:
            mended = _CONVERSIONS[kind](value) if kind in _CONVERSIONS else _MISSING
            if mended is not _MISSING:
                return self._inside(mended, known, depth)
        if "array" in kinds:
            return self._inside([value], known, depth)
        return value

    def _chosen(self, value: Any, choices: Sequence[Any], depth: int) -> Any:
        """Mended by the first choice that it then is."""
        followed = [self._followed(one) for one in choices]
        if any(_is_any(value, _kinds(one)) for one in followed if isinstance(one, Mapping)):
            followed.sort(key=lambda one: not _is_any(value, _kinds(cast("Schema", one))))
        for choice in followed:
            mended = self.mend(value, choice, depth + 1)
            if isinstance(choice, Mapping) and _is_any(mended, _kinds(cast("Schema", choice))):
                return mended
        return value

    def _inside(self, value: Any, schema: Schema, depth: int) -> Any:
        if isinstance(value, dict):
            return self._object(cast("dict[str, Any]", value), schema, depth)
        items = schema.get("items")
        if not isinstance(value, list) or not isinstance(items, Mapping):
            return cast("Any", value)
        return [self.mend(one, items, depth + 1) for one in cast("list[Any]", value)]

    def _object(self, value: dict[str, Any], schema: Schema, depth: int) -> dict[str, Any]:
        properties = _properties(schema)
        if not properties:
            return value
        required = cast("Sequence[str]", schema.get("required") or ())
        plain: dict[str, list[str]] = {}
        for name in properties:
            plain.setdefault(_plain(name), []).append(name)
        out: dict[str, Any] = {}
        for name, held in value.items():
            meant = plain.get(_plain(name), [])
            known = name in properties or len(meant) != 1 or meant[0] in value
            target = name if known else meant[0]
            if (
                held is None
                and target in properties
                and target not in required
                and not self._nullable(properties[target])
            ):
                continue
            out[target] = self.mend(held, properties.get(target), depth + 1)
        return out

    def _nullable(self, schema: Any) -> bool:
        schema = self._followed(schema)
        if not isinstance(schema, Mapping):
            return True
        known = cast("Schema", schema)
        choices = cast("list[Any]", known.get("anyOf") or known.get("oneOf") or [])
        kinds = _kinds(known)
        return "null" in kinds or (not kinds and not choices) or any(self._nullable(one) for one in choices)

    def _followed(self, schema: Any) -> Any:
        """What a reference within the schema stands for; the schema's own check has seen that it leads somewhere."""
        for _ in range(MOST_DEPTH):
            reference = cast("Schema", schema).get("$ref") if isinstance(schema, Mapping) else None
            if not isinstance(reference, str):
                return cast("Any", schema)
            at: Any = self._root
            for part in reference.removeprefix("#").strip("/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                at = _under(at, name) if name else at
            schema = at
        return {}


def _under(value: Any, name: str) -> Any:
    if isinstance(value, list) and name.isdecimal():
        return cast("list[Any]", value)[int(name)]
    return cast("Schema", value).get(name, {}) if isinstance(value, Mapping) else {}


def _properties(schema: Schema) -> Schema:
    found = schema.get("properties")
    return cast("Schema", found) if isinstance(found, Mapping) else {}


def _kinds(schema: Any) -> tuple[str, ...]:
    found = cast("Schema", schema).get("type")
    return (found,) if isinstance(found, str) else tuple(cast("list[str]", found or ()))


def _is_any(value: Any, kinds: tuple[str, ...]) -> bool:
    return any(_IS[kind](value) for kind in kinds if kind in _IS)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()


def _listed(value: Any, schema: Schema) -> Any:
    """The one of a list of values that is meant."""
    allowed = cast("list[Any]", schema.get("enum", [schema.get("const")]))
    if value in allowed:
        return value
    said = _plain(str(value).strip())
    meant = [one for one in allowed if one is not None and _plain(str(one)) == said]
    return meant[0] if len(meant) == 1 else value


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return _MISSING


def _number(value: Any) -> Any:
    if isinstance(value, str):
        found = _parsed(value.strip())
        return found if isinstance(found, int | float) and not isinstance(found, bool) else _MISSING
    return _MISSING


def _integer(value: Any) -> Any:
    found = value if isinstance(value, float) else _number(value)
    if isinstance(found, float):
        return int(found) if found.is_integer() and abs(found) < 2**53 else _MISSING
    return found


def _boolean(value: Any) -> Any:
    said = str(value).strip().lower() if isinstance(value, str | int) else ""
    return True if said in _TRUE else False if said in _FALSE else _MISSING


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _MISSING


def _json(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        found = _parsed(value) if isinstance(value, str) else _MISSING
        return found if isinstance(found, kind) else _MISSING

    return read


def _null(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() in {"null", "none"} else _MISSING


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "string": _text,
    "object": _json(dict),
    "array": _json(list),
    "null": _null,
}
_IS: Mapping[str, Callable[[Any], bool]] = {
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
