"""What is read from a model's plan."""

import json

import pytest

from antiphon.agents.loop.plan import read


def plan(*steps: dict[str, object]) -> str:
    return json.dumps({"steps": [{"task": "do it", "tools": ["look"], **step} for step in steps]})


@pytest.mark.parametrize(
    ("steps", "done", "after"),
    [
        ([{"name": "a"}, {"name": "b"}, {"name": "c"}], [], [(), ("a",), ("b",)]),
        ([{"name": "a"}, {"name": "b", "after": []}], [], [(), ()]),
        ([{"name": "a"}, {"name": "b"}, {"name": "c", "after": ["a"]}], [], [(), ("a",), ("a",)]),
        ([{"name": "c"}, {"name": "d", "after": ["a"]}], ["a", "b"], [("b",), ("a",)]),
    ],
)
def test_a_step_goes_on_from_the_one_before_it_unless_it_says_otherwise(
    steps: list[dict[str, object]], done: list[str], after: list[tuple[str, ...]]
) -> None:
    made = read(plan(*steps), {"look"}, done)

    assert not isinstance(made, str)
    assert [one.after for one in made] == after


def test_a_step_after_one_that_there_is_not_is_no_plan() -> None:
    assert read(plan({"name": "a", "after": ["z"]}), {"look"}) == "the step a comes after z, which is no earlier step"


def test_tools_that_there_are_not_are_left_out_and_nothing_is_done_yet() -> None:
    made = read(plan({"name": "a", "tools": ["look", "leap"], "done": True}), {"look"})

    assert not isinstance(made, str)
    assert [(one.tools, one.done) for one in made] == [(("look",), False)]
