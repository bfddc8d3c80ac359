import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import ENVELOPES, schedules, survives
from scripted_calls import Says, ScriptedCalls, picture, play, question

from antiphon.core.content import Message, ResponseFormat, Text, Tool, ToolCall
from antiphon.core.error import UpstreamBroken
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.shape import most_calls
from antiphon.sandbox.settings import SandboxSettings
from antiphon.sandbox.tiers import Tiers

YES = '{"accepted": true, "score": 9}'


def no(score=3, *objections):
    return msgspec.json.encode({"accepted": False, "score": score, "objections": objections or ["it leaks"]}).decode()


def recipe(refine, **beside):
    made = msgspec.convert({"refine": refine, **beside}, RecipeSettings)
    assert made.check() == []
    return made


TWO = {"seat": "w", "critic": "c"}


def test_an_answer_is_revised_until_nothing_is_objected_to() -> None:
    calls = ScriptedCalls({"w": ["first", "second"], "c": [no(), f"Fine.\n```json\n{YES}\n```"]})

    assert play(run(recipe(TWO), question(), calls)).text == "second"
    assert calls.steps() == ["draft", "critic-1", "revision-1", "critic-2"]
    assert "first" in calls.of("critic-1").said
    assert "it leaks" in calls.of("revision-1").said
    assert "first" in calls.of("revision-1").said
    assert calls.whats() == ["objected", "accepted"]


def test_a_draft_that_holds_costs_one_judgement() -> None:
    calls = ScriptedCalls({"w": "first", "c": YES})

    assert play(run(recipe(TWO), question(), calls)).text == "first"
    assert calls.steps() == ["draft", "critic-1"]


def test_when_the_rounds_are_over_the_best_draft_goes_out() -> None:
    made = recipe(TWO)
    calls = ScriptedCalls({"w": ["1st", "2nd", "3rd"], "c": [no(4), no(7), no(5)]})

    assert play(run(made, question(), calls)).text == "2nd"
    assert len(calls.made) == most_calls(made.steps()) == 6
    calls = ScriptedCalls({"w": ["1st", "2nd", "3rd"], "c": [no(5), no(5), no(5)]})
    assert play(run(made, question(), calls)).text == "3rd"


def test_without_a_check_of_the_last_revision_it_streams() -> None:
    made = recipe(TWO | {"rounds": 1, "check_last": False})
    calls = ScriptedCalls({"w": ["1st", Says(text="2nd", after_s=60)], "c": no()}, stream=True)

    assert play(run(made, question(stream=True), calls)).streams
    assert len(calls.made) == most_calls(made.steps()) == 3


def test_the_writer_keeps_the_conversation_and_the_critic_can_call_no_tool() -> None:
    history = [
        Message(role="system", parts=(Text(text="be brief"),), form="text"),
        picture("what is on it?"),
        Message(role="assistant", parts=(ToolCall(id="t1", name="look", arguments="{}"),), form="none"),
        Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1"),
    ]
    beside = {"tools": (Tool(name="look"),), "response_format": ResponseFormat(kind="json_object")}
    calls = ScriptedCalls({"w": ["1st", "2nd"], "c": [no(), YES]})

    play(run(recipe(TWO), question(history, **beside), calls))

    writer, critic = calls.of("revision-1").asked.content, calls.of("critic-1").asked.content
    assert writer.messages[:-1] == critic.messages[:-1] == tuple(history)
    assert (writer.tools, writer.response_format) == (beside["tools"], beside["response_format"])
    assert critic.tool_choice.mode == "none"
    assert critic.response_format is None


@pytest.mark.parametrize("critic", [UpstreamBroken("gone"), "I like it.", '{"accepted": 1}', ""])
def test_without_a_critic_the_draft_goes_out(critic) -> None:
    calls = ScriptedCalls({"w": "first", "c": critic})

    assert play(run(recipe(TWO), question(), calls)).text == "first"
    assert calls.whats() == ["fell_back"]
    with pytest.raises(Exception, match=r"gone|critic"):
        play(run(recipe(TWO, on_failure="fail"), question(), ScriptedCalls({"w": "first", "c": critic})))


def test_without_a_revision_the_best_draft_goes_out() -> None:
    calls = ScriptedCalls({"w": ["first", UpstreamBroken("gone")], "c": no()})

    assert play(run(recipe(TWO), question(), calls)).text == "first"
    assert calls.whats() == ["objected", "fell_back", "kept"]


def test_a_draft_that_was_cut_off_is_sent_back_without_asking_the_critic() -> None:
    calls = ScriptedCalls({"w": [Says(text="fir", finish_reason="length"), "second"], "c": YES})

    assert play(run(recipe(TWO), question(), calls)).text == "second"
    assert calls.steps() == ["draft", "revision-1", "critic-2"]
    assert "cut off" in calls.of("revision-1").said


def test_by_its_contract_an_answer_is_checked_without_a_critic() -> None:
    contract = {"code": {"entry": "add"}, "repairs": 0}
    bad, good = "```python\ndef add(a, b: return a\n```", "```python\ndef add(a, b):\n    return a + b\n```"
    calls = ScriptedCalls({"w": [bad, good]})
    made = recipe({"seat": "w", "until": "contract"}, contract=contract)

    assert play(run(made, question(), calls)).text == good
    assert calls.steps() == ["draft", "revision-1"]
    assert "doesn't compile" in calls.of("revision-1").said


def test_by_both_the_critic_is_asked_only_about_what_keeps_the_contract() -> None:
    contract = {"choice": {"options": ["A", "B"]}, "repairs": 0}
    calls = ScriptedCalls({"w": ["neither", "Answer: A", "Answer: B"], "c": [no(), YES]})
    made = recipe(TWO | {"until": "both"}, contract=contract)

    assert play(run(made, question(), calls)).text == "Answer: B"
    assert calls.steps() == ["draft", "revision-1", "critic-2", "revision-2", "critic-3"]


def test_an_answer_that_calls_tools_is_returned_as_it_is() -> None:
    calls = ScriptedCalls({"w": Says(tools=(ToolCall(id="t", name="look", arguments="{}"),))})

    assert play(run(recipe(TWO), question(tools=(Tool(name="look"),)), calls)).calls_tools
    assert calls.steps() == ["draft"]


def test_prompts_can_be_set_and_the_writer_criticises_itself_by_default() -> None:
    calls = ScriptedCalls({"w": ["first", no(), "second", YES]})

    play(run(recipe({"seat": "w", "critic_prompt": "JUDGE.", "prompt": "MEND."}), question(), calls))

    assert calls.of("critic-1").said.startswith("JUDGE.")
    assert calls.of("revision-1").said.startswith("MEND.")


def test_a_long_draft_is_shortened_where_it_is_refused_as_too_long() -> None:
    calls = ScriptedCalls({"w": ["起承転結" * 2000, "second"], "c": [no(), YES]})

    play(run(recipe(TWO), question(), calls))

    for step in ("critic-1", "revision-1"):
        shorter = calls.of(step).asked.stands_in.messages[-1].parts[0].text
        assert "are left out here" in shorter
        assert len(shorter) < 3000


SHAPES = st.sampled_from(
    [TWO, TWO | {"check_last": False}, TWO | {"until": "both"}, {"seat": "w", "until": "contract", "rounds": 1}]
)
CONTRACTS = st.sampled_from([None, {"exact": {"type": "number"}}])


@given(
    scripts=schedules(["w", "c"], Says(text=YES), Says(text=no())),
    shape=SHAPES,
    contract=CONTRACTS,
    envelope=ENVELOPES,
    stream=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_whatever_fails_the_best_answer_goes_out_and_the_envelope_holds(
    scripts, shape, contract, envelope, stream
) -> None:
    made = msgspec.convert({"refine": shape, "contract": contract}, RecipeSettings)
    survives(made, scripts, envelope, question(stream=stream))


def test_without_a_contract_nothing_can_be_held_to_it() -> None:
    found = msgspec.convert({"refine": {"until": "contract"}}, RecipeSettings).check()

    assert [path for path, _, _ in found] == ["refine.until"]


async def test_a_program_is_revised_until_its_tests_pass_in_the_sandbox() -> None:
    tiers = Tiers(SandboxSettings(wall_s=20.0))
    if not any(not probed.why for probed in await tiers.probed()):
        await tiers.close()
        pytest.skip("no tier of the sandbox can run here")
    contract = {"code": {"tests": ["assert add(1, 2) == 3"]}, "repairs": 0}
    bad, good = "```python\ndef add(a, b):\n    return a - b\n```", "```python\ndef add(a, b):\n    return a + b\n```"
    calls = ScriptedCalls({"w": [Says(text=bad, after_s=0), Says(text=good, after_s=0)]})
    calls.sandbox = tiers

    try:
        answer = await run(recipe({"seat": "w", "until": "contract"}, contract=contract), question(), calls)
    finally:
        await tiers.close()

    assert answer.text == good
    assert calls.steps() == ["draft", "revision-1"]
    assert "assert add(1, 2) == 3" in calls.of("revision-1").said
