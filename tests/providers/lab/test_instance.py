"""Values that the lab makes for a schema, checked by a validator that isn't ours."""

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.error import BadRequest
from antiphon.providers.lab.instance import instance
from antiphon.providers.lab.schema import Schema

NODE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["name", "next"],
    "additionalProperties": False,
}
SCHEMAS: list[dict[str, object]] = [
    {},
    {"const": {"a": [1, None]}},
    {"const": None},
    {"enum": ["red", 2]},
    {"type": "null"},
    {"type": "boolean"},
    {"type": ["integer", "null"], "minimum": 3},
    {"type": "string", "nullable": True},
    {"type": "string", "minLength": 10, "maxLength": 12},
    {"type": "string", "maxLength": 1},
    {"type": "string", "pattern": "^[A-Z]{3}$"},
    {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "number", "exclusiveMinimum": 0.25, "exclusiveMaximum": 0.5},
    {"type": "number", "maximum": -2.5},
    {"type": "integer", "minimum": 5, "multipleOf": 4},
    {"type": "integer", "exclusiveMaximum": -7, "multipleOf": 7},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "null"}, "minItems": 3},
    {"properties": {"a": True, "b": {"type": "integer"}}, "required": ["b", "a", "c"]},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "object", "required": ["kind"], "anyOf": [{"properties": {"kind": {"const": "cat"}}, "required": ["lives"]}]},
    {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"required": ["b"]}], "type": "object"},
    {"allOf": [{"$ref": "#/definitions/low"}, {"maximum": 9}], "definitions": {"low": {"type": "integer", "minimum": 9}}},
    {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
    {"type": "object", "properties": {"tree": {"$ref": "#/$defs/node"}}, "required": ["tree"], "$defs": {"node": NODE}},
    {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}, "required": ["kids"]},
    {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}], "$defs": {"a": {"type": "object", "properties": {"b": {"$ref": "#"}}, "required": ["b"]}}},
]  # fmt: skip


def made(schema: object) -> object:
    return json.loads(instance(msgspec.json.decode(json.dumps(schema), type=Schema)))


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_the_value_is_valid(schema: dict[str, object]) -> None:
    jsonschema.validate(made(schema), schema, jsonschema.Draft202012Validator)


def test_only_what_is_required_is_made() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["b"]}
    assert made(schema) == {"b": "lab"}


def test_recursion_ends_at_the_first_chance() -> None:
    assert made({"$ref": "#/$defs/node", "$defs": {"node": NODE}}) == {"name": "lab", "next": None}


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1}}}, "finite"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "finite"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"$ref": "https://example.com/a"}, "leads nowhere"),
        ({"type": "string", "pattern": "^never this$"}, "knows no text"),
        ({"type": "string", "pattern": "("}, "not a regular expression"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "finds no number"),
        ({"type": "soup"}, "type 'soup' is unknown"),
    ],
)  # fmt: skip
def test_a_schema_without_a_value_is_refused(schema: dict[str, object], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        made(schema)


LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.just({"type": "boolean"}),
    st.builds(lambda least: {"type": "string", "minLength": least}, st.integers(0, 9)),
    st.builds(lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more}, st.integers(-9, 9), st.integers(0, 9)),
    st.builds(lambda value: {"const": value}, st.none() | st.text() | st.integers()),
)  # fmt: skip


def _bigger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(st.text(max_size=3), inner, max_size=3)
    return st.one_of(
        st.builds(lambda of, least: {"type": "array", "items": of, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(lambda of: {"type": "object", "properties": of, "required": list(of)}, members),
        st.builds(lambda choices: {"anyOf": choices}, st.lists(inner, min_size=1, max_size=3)),
    )


@given(st.recursive(LEAVES, _bigger))
def test_any_nesting_gives_a_valid_value(schema: dict[str, object]) -> None:
    jsonschema.validate(made(schema), schema, jsonschema.Draft202012Validator)
