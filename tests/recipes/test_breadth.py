import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import ENVELOPES, schedules, survives
from scripted_calls import Never, Says, ScriptedCalls, picture, play, question

from antiphon.core.content import Image, Message, Reasoning, ResponseFormat, Text, Tool, ToolCall
from antiphon.core.error import UpstreamBroken
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_breadth import distributed
from antiphon.recipes.shape import most_calls


def recipe(breadth, **beside):
    made = msgspec.convert({"breadth": breadth, **beside}, RecipeSettings)
    assert made.check() == []
    return made


TWO = {"members": ["a", "b"], "schedule": [4, 2], "final": "f"}


def differing(seat, first):
    return [Says(text=f"{seat} says the answer is {first + number}") for number in range(9)]


DIFFER = {"a": differing("alpha", 0), "b": differing("beta", 100), "f": "made of all"}


def test_each_round_sees_the_answers_of_the_one_before_and_the_last_call_makes_one() -> None:
    made, calls = recipe(TWO), ScriptedCalls(DIFFER)

    answer = play(run(made, question(), calls))

    assert answer.text == "made of all"
    rounds = [sorted(step for step in calls.steps() if step.startswith(f"round-{number}")) for number in (1, 2)]
    assert rounds == [[f"round-1-{place}" for place in range(1, 5)], ["round-2-1", "round-2-2"]]
    assert calls.steps()[-1] == "final"
    assert calls.made[-1].final
    assert len(calls.made) == most_calls(made.steps())
    second, last = calls.of("round-2-1").said, calls.made[-1].said
    assert all(f"the answer is {number}" in second for number in (0, 1, 100, 101))
    assert "alpha says the answer is 2" in last
    assert "alpha says the answer is 0" not in last


def test_a_round_runs_side_by_side() -> None:
    calls = ScriptedCalls(DIFFER)

    play(run(recipe(TWO), question(), calls))

    assert [made.began_s for made in calls.made] == [0, 0, 0, 0, 1, 1, 2]


def test_the_conversation_its_images_tools_and_format_stay_to_the_end() -> None:
    history = [
        Message(role="system", parts=(Text(text="be brief"),), form="text"),
        picture("what is on it?"),
        Message(role="assistant", parts=(ToolCall(id="t1", name="look", arguments="{}"),), form="none"),
        Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1"),
    ]
    beside = {"tools": (Tool(name="look"),), "response_format": ResponseFormat(kind="json_object")}
    calls = ScriptedCalls(DIFFER)

    play(run(recipe(TWO), question(history, **beside), calls))

    for made in calls.made[4:]:
        content = made.asked.content
        assert content.messages[:-1] == tuple(history)
        assert content.messages[-1].role == "user"
        assert any(isinstance(part, Image) for part in content.messages[1].parts)
        assert content.tools == beside["tools"]
        assert content.response_format == beside["response_format"]


def test_the_same_seed_gives_the_same_calls_and_another_one_another_order() -> None:
    def said(seed):
        calls = ScriptedCalls(DIFFER)
        play(run(recipe(TWO), question(seed=seed), calls))
        return [(made.asked.step, made.said) for made in calls.made]

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_when_all_come_to_the_same_no_further_call_is_made() -> None:
    calls = ScriptedCalls({"a": "The answer is 42.", "b": "Answer: 42"})

    answer = play(run(recipe(TWO), question(), calls))

    assert "42" in answer.text
    assert len(calls.made) == 4
    assert calls.whats() == ["stopped_early"]
    calls = ScriptedCalls({"a": "The answer is 42.", "b": "Answer: 42"})
    play(run(recipe(TWO | {"early_stop": False}), question(), calls))
    assert len(calls.made) == 7


def test_a_quorum_that_comes_to_the_same_is_enough() -> None:
    calls = ScriptedCalls({"a": "The answer is 42.", "b": Never()})

    answer = play(run(recipe(TWO | {"schedule": [4], "quorum": 2}), question(), calls))

    assert answer.text == "The answer is 42."
    assert "final" not in calls.steps()


def test_a_quorum_ends_a_round_and_who_is_late_is_cut_off() -> None:
    slow = recipe(TWO | {"schedule": [4], "quorum": 2, "grace_s": 3})
    calls = ScriptedCalls({"a": [Says(text="one 1"), Says(text="two 2")], "b": [Never()], "f": "made"})

    assert play(run(slow, question(), calls)).text == "made"
    assert calls.of("final").began_s == 4
    assert [made.outcome for made in calls.made].count("cancelled") == 2


def test_a_round_ends_when_its_time_is_over() -> None:
    calls = ScriptedCalls({"a": [Says(text="one 1"), Never()], "b": Never(), "f": "made"})

    assert play(run(recipe(TWO | {"schedule": [4], "timeout_s": 9}), question(), calls)).text == "made"
    assert calls.of("final").began_s == 9
    assert "one 1" in calls.of("final").said


def test_without_the_last_call_the_answer_that_most_come_to_goes_out_and_not_the_longest() -> None:
    three = {"members": ["a", "b", "c"], "schedule": [3], "final": "f"}
    scripts = {"a": "The answer is 41." + " Indeed." * 50, "b": "The answer is 42.", "c": "So: the answer is 42."}
    calls = ScriptedCalls({**scripts, "f": UpstreamBroken("gone")})

    answer = play(run(recipe(three), question(), calls))

    assert "42" in answer.text
    assert calls.notes[-1].what == "fell_back"
    assert calls.notes[-1].score == pytest.approx(2 / 3)


def test_where_nothing_can_be_extracted_the_answer_most_like_the_others_goes_out() -> None:
    three = {"members": ["a", "b", "c"], "schedule": [3], "final": "f"}
    texts = {
        "a": "Cats sleep through most of the day, since they hunt at dawn and at dusk. " * 8,
        "b": "Cats sleep through most of the day because they hunt at dawn and dusk. " * 8,
        "c": "Completely different: the stock market fell sharply in the autumn of 1929. " * 12,
    }
    calls = ScriptedCalls({**texts, "f": Says(text="")})

    assert play(run(recipe(three), question("Why do cats sleep?"), calls)).text in {texts["a"], texts["b"]}


def test_without_any_member_the_last_call_still_answers() -> None:
    calls = ScriptedCalls({"a": UpstreamBroken("gone"), "b": UpstreamBroken("gone"), "f": "alone"})

    assert play(run(recipe(TWO), question(), calls)).text == "alone"
    assert calls.made[-1].asked.content is None
    with pytest.raises(UpstreamBroken):
        play(
            run(recipe(TWO, on_failure="fail"), question(), ScriptedCalls(dict.fromkeys("abf", UpstreamBroken("gone"))))
        )


def test_answers_that_call_tools_are_released_as_they_are() -> None:
    wanted = ToolCall(id="t", name="look", arguments="{}")
    calls = ScriptedCalls({"a": Says(tools=(wanted,)), "b": Says(tools=(wanted,))})

    assert play(run(recipe(TWO), question(tools=(Tool(name="look"),)), calls)).calls_tools
    assert len(calls.made) == 4


@pytest.mark.parametrize(
    ("compaction", "shown", "hidden"),
    [
        ("full", ["起承", "The answer is 7"], []),
        ("ends", ["起承", "The answer is 7", "are left out here"], []),
        ("last", ["The answer is 7"], ["起承"]),
        ("extract", [">\n7\n<"], ["The answer", "起承"]),
    ],
)
def test_references_are_compacted_by_whole_characters(compaction, shown, hidden) -> None:
    long = "起承" + "転👨‍👩‍👧結" * 400 + " The answer is 7"
    calls = ScriptedCalls({"a": long, "b": "The answer is 8", "f": "made"})
    two = TWO | {"schedule": [2], "compaction": compaction, "reference_tokens": 40}

    play(run(recipe(two), question(), calls))

    said = calls.of("final").said
    assert all(word in said for word in shown)
    assert not any(word in said for word in hidden)
    assert "\u200d\n" not in said
    assert (calls.of("final").asked.stands_in is not None) == (compaction == "full")


def test_so_many_references_are_shown_and_no_more() -> None:
    calls = ScriptedCalls(DIFFER)

    play(run(recipe(TWO | {"schedule": [4], "most_references": 2}), question(), calls))

    assert calls.of("final").said.count("<answer ") == 2


class Thinks(ScriptedCalls):
    def _answer(self, asked, entry, took_s, *, streams):
        answer = super()._answer(asked, entry, took_s, streams=streams)
        (choice,) = answer.response.choices
        message = msgspec.structs.replace(
            choice.message, parts=(Reasoning(text="thought deeply"), *choice.message.parts)
        )
        choice = msgspec.structs.replace(choice, message=message)
        return msgspec.structs.replace(answer, response=msgspec.structs.replace(answer.response, choices=(choice,)))


def test_thoughts_are_shown_where_that_is_asked_for() -> None:
    for thoughts in (True, False):
        calls = Thinks(DIFFER)
        play(run(recipe(TWO | {"schedule": [2], "thoughts": thoughts}), question(), calls))
        assert ("thought deeply" in calls.of("final").said) == thoughts


def test_answers_of_one_seat_have_seeds_of_their_own_and_prompts_can_be_set() -> None:
    calls = ScriptedCalls(DIFFER)

    play(run(recipe(TWO | {"prompt": "WEIGH.", "final_prompt": "MERGE.", "temperature": 0.2}), question(), calls))

    first, second = [made.asked.seed for made in calls.made[:4]], [made.asked.seed for made in calls.made[4:6]]
    assert len(set(first)) == 4
    assert 0 not in first
    assert second == [0, 0]  # each is the only one of its seat
    assert calls.of("round-2-1").said.startswith("WEIGH.")
    assert calls.of("final").said.startswith("MERGE.")
    assert {made.asked.content.sampling.temperature for made in calls.made[:-1]} == {0.2}
    assert calls.of("final").asked.content.sampling.temperature is None


@pytest.mark.parametrize(
    ("how", "width", "passed", "seats"),
    [
        ("equal", 4, 0, "aabc"),
        ("equal", 2, 4, "ab"),
        ("round_robin", 2, 4, "bc"),
        ("round_robin", 4, 4, "abbc"),
        ("first", 3, 0, "aaa"),
        ("weighted", 4, 0, "aaab"),
        ("weighted", 10, 0, "aaaaaaabbc"),
    ],
)
def test_the_calls_of_a_round_are_distributed(how, width, passed, seats) -> None:
    found = distributed(["a", "b", "c"], width, how, {"a": 3.5, "c": 0.5}, passed)

    assert "".join(found) == "".join(sorted(seats))


@pytest.mark.parametrize(
    ("breadth", "path"),
    [
        ({"schedule": [32, 32, 1]}, "breadth.schedule"),
        ({"schedule": [4, 2], "quorum": 3}, "breadth.quorum"),
        ({"weights": {"a": 1}}, "breadth.weights"),
        ({"members": ["a"], "weights": {"b": 1}, "distribution": "weighted"}, "breadth.weights.b"),
        ({"members": ["a"], "weights": {"a": 0}, "distribution": "weighted"}, "breadth.weights"),
    ],
)
def test_mistakes_are_found_when_the_configuration_is_loaded(breadth, path) -> None:
    assert path in [found[0] for found in msgspec.convert({"breadth": breadth}, RecipeSettings).check()]


SHAPES = st.sampled_from([TWO, TWO | {"quorum": 2, "grace_s": 1}, TWO | {"early_stop": False, "timeout_s": 20}])


@given(scripts=schedules(["a", "b", "f"]), shape=SHAPES, envelope=ENVELOPES, stream=st.booleans())
@settings(max_examples=200, deadline=None)
def test_whatever_fails_the_best_answer_goes_out_and_the_envelope_holds(scripts, shape, envelope, stream) -> None:
    survives(recipe(shape), scripts, envelope, question(stream=stream))


def test_the_last_call_streams_where_the_caller_asked_for_it() -> None:
    calls = ScriptedCalls(DIFFER | {"f": Says(text="made", after_s=60)}, stream=True)

    answer = play(run(recipe(TWO), question(stream=True), calls))

    assert answer.streams
    assert calls.made[-1].ended_s == pytest.approx(2.1)
