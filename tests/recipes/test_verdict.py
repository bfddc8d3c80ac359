import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_calls import answer_of

from antiphon.recipes.contract import Checked
from antiphon.recipes.contract_parts import Broken
from antiphon.recipes.verdict import MOST_CHARACTERS, MOST_OBJECTIONS, Verdict, at_sight, of_contract, read


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"accepted": true}', Verdict(accepted=True)),
        (
            'I think:\n```json\n{"accepted": false, "score": 4, "objections": ["wrong", " "]}\n```',
            Verdict(accepted=False, score=4, objections=("wrong",)),
        ),
        ('{"accepted": false, "objections": "all of it"}', Verdict(accepted=False, objections=("all of it",))),
        ('{"accepted": true, "score": 99, "objections": 3}', Verdict(accepted=True)),
        ('{"accepted": true} no: {"accepted": false}', Verdict(accepted=False)),
        ('{"accepted": "true"}', None),
        ('{"verdict": true}', None),
        ("accepted", None),
        ("", None),
    ],
)
def test_a_judgement_is_read_strictly(text, verdict) -> None:
    assert read(text) == verdict


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(str))
def test_no_text_breaks_the_reader(text) -> None:
    found = read(text)
    assert found is None or isinstance(found.accepted, bool)


def test_no_more_is_told_on_than_somebody_can_mend() -> None:
    text = json.dumps({"accepted": False, "objections": ["x" * 9000] * 50})

    found = read(text)

    assert found is not None
    assert len(found.objections) == MOST_OBJECTIONS
    assert len(found.objections[0]) == MOST_CHARACTERS


def test_what_shows_at_sight_needs_no_judge() -> None:
    assert at_sight(answer_of("fine")) is None
    assert at_sight(answer_of("")) == Verdict(accepted=False, objections=("It is empty.",))


def test_a_contract_that_is_broken_tells_what_is_wrong() -> None:
    broken = Checked(broken=(Broken("choice", "no option", "It must choose."),))

    assert of_contract(broken) == Verdict(accepted=False, objections=("It must choose.",))
    assert of_contract(Checked()).accepted
    assert Verdict(accepted=False).told() == "- it isn't right"
