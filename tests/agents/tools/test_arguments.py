from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.agents.tools.arguments import Arguments
from antiphon.recipes.schema import BadSchema

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "price": {"type": "number"},
        "on": {"type": "boolean"},
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "where": {"$ref": "#/$defs/place"},
        "kind": {"enum": ["Refund", "Credit note"]},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["count"],
    "additionalProperties": False,
    "$defs": {
        "place": {
            "type": "object",
            "properties": {"zip_code": {"type": "string"}, "floor": {"type": "integer"}},
            "additionalProperties": False,
        }
    },
}
ARGUMENTS = Arguments(SCHEMA)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"count": "3"}, {"count": 3}),
        ({"count": 3.0}, {"count": 3}),
        ({"Count": 3}, {"count": 3}),
        ({"count": 1, "price": "2.5"}, {"count": 1, "price": 2.5}),
        ({"count": 1, "on": "true"}, {"count": 1, "on": True}),
        ({"count": 1, "name": 7}, {"count": 1, "name": "7"}),
        ({"count": 1, "tags": "late"}, {"count": 1, "tags": ["late"]}),
        ({"count": 1, "tags": '["late", "lost"]'}, {"count": 1, "tags": ["late", "lost"]}),
        ({"count": 1, "where": '{"zipCode": 8001}'}, {"count": 1, "where": {"zip_code": "8001"}}),
        ({"count": 1, "kind": "credit_note"}, {"count": 1, "kind": "Credit note"}),
        ({"count": 1, "name": None}, {"count": 1}),
        ({"count": 1, "limit": "5"}, {"count": 1, "limit": 5}),
        ({"count": 1, "limit": None}, {"count": 1, "limit": None}),
        ({"arguments": {"count": "4"}}, {"count": 4}),
        ({"input": '{"count": 4}'}, {"count": 4}),
    ],
)
def test_what_is_plainly_meant_is_mended(given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert ARGUMENTS.check(given) == (meant, ())


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "count"),
        ({"count": "many"}, "many"),
        ({"count": 2.5}, "2.5"),
        ({"count": 1, "other": 1}, "other"),
        ({"count": 1, "kind": "voucher"}, "voucher"),
        ({"count": True}, "true"),
        ({"count": 1, "where": {"floor": "third"}}, "third"),
    ],
)
def test_what_is_not_plain_is_told_and_left_as_it_came(given: dict[str, Any], word: str) -> None:
    same, wrong = ARGUMENTS.check(given)
    assert same == given
    assert any(word in one for one in wrong)


def test_right_arguments_are_not_touched() -> None:
    given = {"count": 3, "name": "3", "tags": []}
    assert ARGUMENTS.check(given)[0] is given


def test_a_schema_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadSchema, match="object"):
        Arguments({"type": "string"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SCHEMA["properties"], "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "Count", "x"]), JSON, max_size=5))
def test_mended_arguments_are_right_and_mending_twice_changes_nothing(given: dict[str, Any]) -> None:
    mended, wrong = ARGUMENTS.check(given)
    if not wrong:
        assert ARGUMENTS.check(mended) == (mended, ())
    else:
        assert mended is given
