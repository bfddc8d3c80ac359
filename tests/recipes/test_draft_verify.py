import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import ENVELOPES, schedules, survives
from scripted_calls import Says, ScriptedCalls, picture, play, question

from antiphon.core.content import Message, Text, Tool, ToolCall
from antiphon.core.error import UpstreamBroken
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.shape import most_calls

YES, NO = '{"accepted": true}', '{"accepted": false, "objections": ["the sum is wrong"]}'
BOTH = {"draft": "d", "verifier": "v"}


def recipe(draft_verify=BOTH, **beside):
    made = msgspec.convert({"draft_verify": draft_verify, **beside}, RecipeSettings)
    assert made.check() == []
    return made


def test_an_accepted_draft_goes_out() -> None:
    calls = ScriptedCalls({"d": "drafted", "v": YES})

    assert play(run(recipe(), question(), calls)).text == "drafted"
    assert calls.steps() == ["draft", "verifier"]
    assert calls.whats() == ["accepted"]


def test_a_verifier_that_objects_writes_the_answer_itself_as_a_stream() -> None:
    calls = ScriptedCalls({"d": "drafted", "v": [NO, Says(text="written", after_s=60)]}, stream=True)
    made = recipe()

    answer = play(run(made, question(stream=True), calls))

    assert answer.streams
    assert answer.step == "final"
    assert calls.whats() == ["escalated"]
    assert all(word in calls.of("final").said for word in ("drafted", "the sum is wrong"))
    assert len(calls.made) == most_calls(made.steps())


def test_the_verifier_has_the_whole_conversation() -> None:
    history = [
        Message(role="system", parts=(Text(text="be brief"),), form="text"),
        picture("what is on it?"),
        Message(role="assistant", parts=(ToolCall(id="t1", name="look", arguments="{}"),), form="none"),
        Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1"),
    ]
    calls = ScriptedCalls({"d": "drafted", "v": [NO, "written"]})

    play(run(recipe(), question(history, tools=(Tool(name="look"),)), calls))

    for step in ("verifier", "final"):
        assert calls.of(step).asked.content.messages[:-1] == tuple(history)
    assert calls.of("final").asked.content.tools == (Tool(name="look"),)


@pytest.mark.parametrize("verdict", [UpstreamBroken("gone"), "It is fine.", ""])
def test_a_verifier_that_fails_releases_the_draft(verdict) -> None:
    calls = ScriptedCalls({"d": "drafted", "v": verdict})

    assert play(run(recipe(), question(), calls)).text == "drafted"
    assert calls.whats() == ["fell_back"]


def test_a_verifier_that_objects_and_then_fails_releases_the_draft() -> None:
    for written in (UpstreamBroken("gone"), Says(text="")):
        calls = ScriptedCalls({"d": "drafted", "v": [NO, written]})
        assert play(run(recipe(), question(), calls)).text == "drafted"
        assert calls.whats() == ["escalated", "fell_back"]


@pytest.mark.parametrize("draft", [UpstreamBroken("gone"), Says(text=" ")])
def test_without_a_draft_the_verifier_answers_the_request(draft) -> None:
    calls = ScriptedCalls({"d": draft, "v": "written"})

    assert play(run(recipe(), question(), calls)).text == "written"
    assert calls.of("final").asked.content is None


def test_a_draft_that_breaks_the_contract_is_not_judged() -> None:
    contract = {"choice": {"options": ["A", "B"]}}
    calls = ScriptedCalls({"d": "neither", "v": "Answer: A"})

    assert play(run(recipe(contract=contract), question(), calls)).text == "Answer: A"
    assert calls.steps() == ["draft", "final"]
    calls = ScriptedCalls({"d": "neither", "v": [NO, "Answer: A"]})
    play(run(recipe(BOTH | {"contract_first": False}, contract=contract), question(), calls))
    assert calls.steps() == ["draft", "verifier", "final"]


def test_a_draft_that_calls_tools_is_returned_as_it_is() -> None:
    calls = ScriptedCalls({"d": Says(tools=(ToolCall(id="t", name="look", arguments="{}"),))})

    assert play(run(recipe(), question(tools=(Tool(name="look"),)), calls)).calls_tools
    assert calls.steps() == ["draft"]


def test_the_routes_first_candidate_drafts_and_its_last_verifies() -> None:
    calls = ScriptedCalls({"cheap": "drafted", "dear": YES})
    prompts = {"verify_prompt": "JUDGE.", "prompt": "WRITE."}

    play(run(recipe(prompts), question(seats=["cheap", "middle", "dear"]), calls))

    assert [made.asked.seat for made in calls.made] == ["cheap", "dear"]
    assert calls.of("verifier").said.startswith("JUDGE.")
    calls = ScriptedCalls({"cheap": "drafted", "dear": [NO, "written"]})
    play(run(recipe(prompts), question(seats=["cheap", "dear"]), calls))
    assert calls.of("final").said.startswith("WRITE.")


@given(scripts=schedules(["d", "v"], Says(text=YES), Says(text=NO)), envelope=ENVELOPES, stream=st.booleans())
@settings(max_examples=200, deadline=None)
def test_whatever_fails_the_best_answer_goes_out_and_the_envelope_holds(scripts, envelope, stream) -> None:
    survives(recipe(), scripts, envelope, question(stream=stream))
