import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.recipes.reading import number_of, object_in, strings_of

JSON = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=4)


@given(JSON, st.text(alphabet="ab \n`.,:}", max_size=20), st.text(alphabet="ab \n`.,:}", max_size=20))
def test_an_object_is_found_among_words(found: dict[str, object], before: str, after: str) -> None:
    assert object_in(f"{before}{json.dumps(found)}{after}") == found


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = object_in(text)
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1} and then {"a": 2}', {"a": 2}),
        ('{not json} {"a": 1}', {"a": 1}),
        ('{"outer": {"a": 1}}', {"outer": {"a": 1}}),
        ('{"a": 1', None),
        ("{" * 3000, None),
        ("[1, 2]", None),
        ("", None),
    ],
)
def test_the_last_whole_object_counts(text: str, found: object) -> None:
    assert object_in(text) == found


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (2.5, 2.5),
        ("4", 4.0),
        ("nan", None),
        (True, None),
        (None, None),
        (11, None),
        (0, None),
        ("x", None),
        ([3], None),
        (1e400, None),
    ],
)
def test_a_number_is_read_within_its_bounds_alone(value: object, number: float | None) -> None:
    assert number_of({"k": value}, "k", 1, 10) == number
    assert number_of(None, "k", 1, 10) is None
    assert number_of({}, "k", 1, 10) is None


@pytest.mark.parametrize(
    ("value", "texts"), [(["a", "b"], ("a", "b")), ("a", ("a",)), (" ", ()), ([1], None), (3, None), ({}, None)]
)
def test_lists_of_texts_are_read(value: object, texts: tuple[str, ...] | None) -> None:
    assert strings_of({"k": value}, "k") == texts
    assert strings_of({}, "k") == ()
