import pytest
from scripted_calls import ScriptedCalls, play, question

from antiphon.core.error import UpstreamBroken
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_single import SingleSettings


def test_a_single_recipe_is_one_call_to_its_seat() -> None:
    calls = ScriptedCalls({"fast": "42"})

    answer = play(run(RecipeSettings(single=SingleSettings(seat="fast")), question(), calls))

    assert answer.text == "42"
    assert calls.steps() == ["answer"]
    assert calls.made[0].final


def test_without_any_answer_the_error_is_raised() -> None:
    with pytest.raises(UpstreamBroken):
        play(run(RecipeSettings(single=SingleSettings()), question(), ScriptedCalls({"": UpstreamBroken("gone")})))
