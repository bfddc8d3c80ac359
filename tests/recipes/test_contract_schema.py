"""JSON Schema within bounds: hostile schemas and values end in an answer, at once."""

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.recipes.schema import MOST_BYTES, MOST_WEIGHT, BadSchema, JsonSchema

ORDER = {
    "type": "object",
    "properties": {
        "item": {"type": "string", "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "minimum": 1},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
    },
    "required": ["item"],
    "additionalProperties": False,
    "$defs": {"part": {"type": "object", "required": ["name"]}},
}


def doubled(levels: int) -> dict:
    """References that double at every level."""
    names = {f"a{at}": {"allOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(levels)}
    return {"$defs": {**names, f"a{levels}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


def test_what_a_schema_allows_has_no_faults() -> None:
    assert JsonSchema(ORDER).faults({"item": "tea", "count": 2, "parts": [{"name": "leaf"}]}) == ()


@pytest.mark.parametrize(
    ("value", "where", "said"),
    [
        ({"item": "TEA"}, "properties/item/pattern", "at /item: "),
        ({"item": "tea", "count": 0}, "properties/count/minimum", "at /count: 0"),
        ({"item": "tea", "parts": [{}]}, "$defs/part/required", 'at /parts/0: "name" is a required'),
        ({}, "required", '"item" is a required property'),
        ({"item": "tea", "more": 1}, "additionalProperties", "('more' was unexpected)"),
        ([], "type", "[] is not of type"),
    ],
)
def test_a_fault_says_where_in_the_schema_and_in_words_where_in_the_value(value, where: str, said: str) -> None:
    (fault,) = JsonSchema(ORDER).faults(value)
    assert fault.where == where
    assert said in fault.said


def test_few_faults_are_told_and_long_values_are_cut() -> None:
    schema = JsonSchema({"items": {"type": "string", "maxLength": 3}})
    faults = schema.faults(["x" * 5000] * 50)
    assert len(faults) == 5
    assert all(len(fault.said) < 400 for fault in faults)


def test_no_reference_out_of_a_schema_is_followed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        for away in (
            f"http://127.0.0.1:{listener.getsockname()[1]}/schema",
            "file:///etc/passwd",
            "other.json",
            "urn:x",
        ):
            with pytest.raises(BadSchema, match="leads out of the schema"):
                JsonSchema({"properties": {"a": {"$ref": away}}})
        with pytest.raises(BadSchema):
            JsonSchema({"$schema": f"http://127.0.0.1:{listener.getsockname()[1]}/draft"})
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ([], "neither an object"),
        ({"type": "strin"}, "strin"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"pattern": "(a)\\1"}, "regex"),
        ({"pattern": "(?=a)b"}, "regex"),
        ({"pattern": "(a{1000}){1000}"}, "regex"),
        ({"description": "x" * MOST_BYTES}, "bytes: at most"),
        (doubled(40), f"multiply it to over {MOST_WEIGHT}"),
        ({"allOf": [{"$dynamicRef": "#x"}]}, "dynamic"),
        ({"properties": {"a": {"$id": "https://example.org/a"}}}, "name of its own"),
        ({"a": object()}, "isn't JSON"),
    ],
)
def test_a_schema_that_can_not_be_used_says_why(schema, wrong: str) -> None:
    with pytest.raises(BadSchema, match=wrong):
        JsonSchema(schema)


def test_schemas_nested_too_deep_or_chained_too_long_are_refused() -> None:
    deep: dict = {"type": "integer"}
    for _ in range(200):
        deep = {"not": deep}
    with pytest.raises(BadSchema, match="within each other"):
        JsonSchema(deep)
    chain = {f"a{at}": {"$ref": f"#/$defs/a{at + 1}"} for at in range(500)} | {"a500": {}}
    with pytest.raises(BadSchema, match="within each other"):
        JsonSchema({"$defs": chain, "$ref": "#/$defs/a0"})


def test_references_that_lead_to_themselves_end() -> None:
    assert JsonSchema({"$ref": "#"}).allows(1)
    ring = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    assert JsonSchema(ring).allows(1)


def test_a_tree_is_checked_and_its_faults_are_told() -> None:
    tree = JsonSchema({"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}})
    assert tree.allows({"kids": [{"kids": [{}]}]})
    (fault,) = tree.faults({"kids": [{"kids": [7]}]})
    assert "at /kids/0/kids/0" in fault.said


def test_a_value_that_takes_exponential_time_to_describe_is_refused_without_a_description() -> None:
    again = {"properties": {"a": {"$ref": "#"}}}
    hostile = JsonSchema({"oneOf": [again | {"required": ["b"]}, again | {"required": ["a"]}, {"const": 1}]})
    value: object = 7
    for _ in range(60):
        value = {"a": value}
    (fault,) = hostile.faults(value)
    assert (fault.where, fault.said) == ("", "the JSON isn't what the schema allows")


def test_hostile_patterns_take_no_longer_than_the_text() -> None:
    assert not JsonSchema({"pattern": "^(a+)+$"}).allows("a" * 100_000 + "!")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["type", "properties", "items", "allOf", "anyOf", "not", "$ref", "required", "enum", "pattern", "$defs", "if"]
)
SCHEMAS = st.recursive(
    st.sampled_from(["#", "#/$defs/a", "string", "object", "^a", 1, True, None, [], {}, "#/x/0", "#/a%20b", "#/a~1b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4),
    max_leaves=16,
)


@given(schema=SCHEMAS, value=JSON)
def test_any_schema_is_refused_or_says_of_any_value_whether_it_is_allowed(schema, value) -> None:
    try:
        made = JsonSchema(schema)
    except BadSchema:
        return
    assert (made.faults(value) == ()) == made.allows(value)


@given(value=JSON)
def test_a_schema_that_names_a_value_allows_it_alone(value) -> None:
    made = JsonSchema({"const": value})
    assert made.allows(value)
    assert made.allows(json.loads(json.dumps(value)))
    assert not made.allows([value, "another"])
