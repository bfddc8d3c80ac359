import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import ENVELOPES, schedules, survives
from scripted_calls import Never, Says, ScriptedCalls, picture, play, question

from antiphon.core.content import Message, Text, Tool, ToolCall
from antiphon.core.error import UpstreamBroken
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.shape import most_calls


def recipe(debate, **beside):
    made = msgspec.convert({"debate": debate, **beside}, RecipeSettings)
    assert made.check() == []
    return made


THREE = {"members": ["a", "b", "c"]}
JUDGED = THREE | {"decide": "judge", "judge": "j"}


def says(*numbers):
    return [f"The answer is {number}." for number in numbers]


def test_members_see_the_others_answers_and_revise_until_they_agree() -> None:
    calls = ScriptedCalls({"a": says(1, 1), "b": says(2, 1), "c": says(3, 1)})

    answer = play(run(recipe(THREE), question(), calls))

    assert answer.text == "The answer is 1."
    assert calls.steps() == [f"round-{number}-{place}" for number in (1, 2) for place in (1, 2, 3)]
    assert calls.whats() == ["stopped_early"]
    for place in (1, 2, 3):
        said = calls.of(f"round-2-{place}").said
        assert all(one in said for one in says(1, 2, 3))
        own = said.split("Yours is ")[1][0]
        assert f"The answer is {place}." in said.split(f"<answer {own} ")[1].split("</answer")[0]


def test_what_most_members_come_to_in_the_end_goes_out() -> None:
    made, calls = recipe(THREE), ScriptedCalls({"a": says(1, 1, 1), "b": says(2, 2, 2), "c": says(3, 3, 2)})

    answer = play(run(made, question(), calls))

    assert answer.text == "The answer is 2."
    assert len(calls.made) == most_calls(made.steps()) == 9
    assert [made.began_s for made in calls.made] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert calls.notes[-1].score == pytest.approx(2 / 3)


def test_a_judge_writes_the_answer_and_has_the_whole_conversation() -> None:
    history = [
        Message(role="system", parts=(Text(text="be brief"),), form="text"),
        picture("what is on it?"),
        Message(role="assistant", parts=(ToolCall(id="t1", name="look", arguments="{}"),), form="none"),
        Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1"),
    ]
    calls = ScriptedCalls({"a": says(1), "b": says(2), "c": says(3), "j": Says(text="judged", after_s=50)}, stream=True)

    answer = play(run(recipe(JUDGED | {"rounds": 1}), question(history, stream=True), calls))

    assert answer.streams
    content = calls.of("judge").asked.content
    assert content.messages[:-1] == tuple(history)
    assert all(one in calls.of("judge").said for one in says(1, 2, 3))


def test_without_its_judge_the_debate_is_decided_by_a_vote() -> None:
    scripts = {"a": says(1, 1), "b": says(2, 1), "c": says(3, 3)}
    for judge in (UpstreamBroken("gone"), Says(text="")):
        calls = ScriptedCalls(scripts | {"j": judge})
        assert play(run(recipe(JUDGED | {"rounds": 1}), question(), calls)).text == "The answer is 1."
        assert calls.whats() == ["fell_back", "voted"]


def test_a_member_that_fails_keeps_its_last_answer() -> None:
    gone = UpstreamBroken("gone")
    calls = ScriptedCalls({"a": says(1, 2), "b": [*says(2), gone], "c": [gone, *says(3)]})

    answer = play(run(recipe(THREE | {"rounds": 1}), question(), calls))

    assert answer.text == "The answer is 2."
    assert "Yours is" not in calls.of("round-2-3").said
    assert calls.of("round-2-3").said.count("<answer ") == 2


def test_a_single_answer_goes_out_without_a_debate() -> None:
    gone = UpstreamBroken("gone")
    calls = ScriptedCalls({"a": says(1), "b": gone, "c": gone})

    assert play(run(recipe(THREE), question(), calls)).text == "The answer is 1."
    assert len(calls.made) == 3
    calls = ScriptedCalls({"a": says(1), "b": gone, "c": gone})
    assert play(run(recipe(JUDGED), question(), calls)).text == "The answer is 1."
    assert "judge" not in calls.steps()
    with pytest.raises(UpstreamBroken):
        play(run(recipe(THREE), question(), ScriptedCalls(dict.fromkeys("abc", gone))))


def test_a_quorum_cuts_off_who_is_late() -> None:
    calls = ScriptedCalls({"a": says(1), "b": says(2), "c": Never()})

    play(run(recipe(THREE | {"rounds": 1, "quorum": 2}), question(), calls))

    assert [made.outcome for made in calls.made].count("cancelled") == 2


def test_the_same_seed_gives_the_same_debate() -> None:
    def said(seed):
        calls = ScriptedCalls({"a": says(*range(9)), "b": says(*range(10, 19)), "c": says(*range(20, 29))})
        play(run(recipe(THREE), question(seed=seed), calls))
        return [made.said for made in calls.made]

    assert said(3) == said(3)
    assert said(3) != said(4)


def test_so_many_answers_of_others_are_shown_and_no_more() -> None:
    calls = ScriptedCalls({"a": says(1), "b": says(2), "c": says(3)})

    play(
        run(
            recipe(JUDGED | {"rounds": 1, "most_references": 1, "prompt": "ARGUE.", "judge_prompt": "END."}),
            question(),
            calls,
        )
    )

    assert calls.of("round-2-1").said.count("<answer ") == 2
    assert calls.of("round-2-1").said.startswith("ARGUE.")
    assert calls.of("judge").said.startswith("END.")


def test_answers_that_call_tools_are_released_as_they_are() -> None:
    wanted = Says(tools=(ToolCall(id="t", name="look", arguments="{}"),))
    calls = ScriptedCalls(dict.fromkeys("abc", wanted))

    assert play(run(recipe(THREE), question(tools=(Tool(name="look"),)), calls)).calls_tools
    assert len(calls.made) == 3


@pytest.mark.parametrize(
    ("debate", "path"),
    [
        ({"members": ["a"]}, "debate.members"),
        ({"members": ["a"] * 20, "rounds": 4}, "debate.rounds"),
        ({"members": ["a", "b"], "judge": "c"}, "debate.judge"),
        ({"members": ["a", "b"], "quorum": 3}, "debate.quorum"),
    ],
)
def test_mistakes_are_found_when_the_configuration_is_loaded(debate, path) -> None:
    assert path in [found[0] for found in msgspec.convert({"debate": debate}, RecipeSettings).check()]


SHAPES = st.sampled_from(
    [THREE, JUDGED, THREE | {"quorum": 2, "grace_s": 1}, JUDGED | {"early_stop": False, "timeout_s": 20}]
)


@given(scripts=schedules(["a", "b", "c", "j"]), shape=SHAPES, envelope=ENVELOPES, stream=st.booleans())
@settings(max_examples=200, deadline=None)
def test_whatever_fails_the_best_answer_goes_out_and_the_envelope_holds(scripts, shape, envelope, stream) -> None:
    survives(recipe(shape), scripts, envelope, question(stream=stream))
