from hypothesis import given
from hypothesis import strategies as st

from antiphon.recipes.template import fill, places, steps_in, wrong_places


def test_places_are_filled_and_braces_that_stand_twice_are_said_once() -> None:
    prompt = 'Take {request}, then {steps.one}; give {{"a": {{}}}} or {"b": 1}.'

    assert places(prompt) == ("request", "steps.one")
    assert steps_in(prompt) == ("one",)
    assert list(wrong_places(prompt, frozenset({"request"}))) == ["steps.one"]
    filled = fill(prompt, {"request": "{steps.one}", "steps.one": "1"})
    assert filled == 'Take {steps.one}, then 1; give {"a": {}} or {"b": 1}.'


@given(st.text())
def test_a_text_with_its_braces_doubled_is_said_as_it_is(text) -> None:
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text
