"""What becomes of an answer that breaks its contract."""

import pytest
from scripted_calls import Says, ScriptedCalls, answer_of, picture, play, question, response_of

from antiphon.core.content import Image, Message, Reasoning, ResponseFormat, Text, ToolCall
from antiphon.core.error import ContractViolated, UpstreamBroken
from antiphon.core.plan import Envelope
from antiphon.core.sandbox import Ran, Sandbox
from antiphon.recipes.port import Answer, text_of
from antiphon.recipes.repair import hold, with_text
from antiphon.recipes.settings_contract import (
    ChoiceSettings,
    CodeSettings,
    ContractSettings,
    ExactSettings,
    LengthSettings,
    SchemaSettings,
)

CHOICE = ChoiceSettings(options=["A", "B"])


def held(contract: ContractSettings, text: str, calls: ScriptedCalls, asked=None, **beside) -> Answer:
    return play(hold(contract, answer_of(text, **beside), asked or question(), calls))


def test_an_answer_that_keeps_its_contract_is_released_without_another_call() -> None:
    calls = ScriptedCalls()
    assert held(ContractSettings(choice=CHOICE), "The answer is (B).", calls).text == "The answer is (B)."
    assert (calls.made, calls.notes) == ([], [])


def test_the_seat_that_broke_it_is_told_what_is_wrong_and_answers_again() -> None:
    calls = ScriptedCalls({"a": "The answer is B", "b": "never asked"})

    answer = held(ContractSettings(choice=CHOICE), "Who knows?", calls)

    assert (answer.text, answer.step, answer.seat) == ("The answer is B", "repair", "a")
    said = calls.made[0].asked.content.messages
    assert [(message.role, text_of(message)) for message in said[:2]] == [
        ("user", "What is 6 times 7?"),
        ("assistant", "Who knows?"),
    ]
    assert "It must choose exactly one of these: A, B." in text_of(said[2])
    assert [(noted.step, noted.what) for noted in calls.notes] == [("repair", "repaired")]


def test_the_whole_conversation_goes_along_images_too() -> None:
    calls = ScriptedCalls({"a": "B"})
    history = [Message(role="system", parts=(Text(text="Be brief"),)), picture("Which?")]

    held(ContractSettings(choice=CHOICE), "?", calls, question(history))

    said = calls.made[0].asked.content.messages
    assert said[:2] == tuple(history)
    assert any(isinstance(part, Image) for part in said[1].parts)


def test_it_is_asked_again_at_most_so_many_times_each_time_about_its_last_answer() -> None:
    calls = ScriptedCalls({"a": ["first", "second", "third", "fourth"]})

    answer = held(ContractSettings(choice=CHOICE, repairs=3), "zeroth", calls)

    assert answer.text == "third"
    assert calls.steps() == ["repair", "repair-2", "repair-3"]
    assert [text_of(made.asked.content.messages[-2]) for made in calls.made] == ["zeroth", "first", "second"]
    assert calls.whats() == ["violated"] * 4


def test_warn_asks_nobody_and_tells_the_receipt() -> None:
    calls = ScriptedCalls()
    assert held(ContractSettings(choice=CHOICE, on_violation="warn"), "?", calls).text == "?"
    assert calls.made == []
    assert [(noted.what, noted.why) for noted in calls.notes] == [("violated", "choice: no option can be told from it")]


def test_refuse_ends_in_an_error_that_says_what_is_broken() -> None:
    calls = ScriptedCalls({"a": "still not"})
    with pytest.raises(ContractViolated, match="no option can be told"):
        held(ContractSettings(choice=CHOICE, on_violation="refuse"), "?", calls)
    assert calls.steps() == ["repair"]


def test_refuse_without_repairs_asks_nobody() -> None:
    calls = ScriptedCalls()
    with pytest.raises(ContractViolated):
        held(ContractSettings(choice=CHOICE, on_violation="refuse", repairs=0), "?", calls)
    assert calls.made == []


def test_what_no_answer_can_mend_is_asked_of_nobody() -> None:
    calls = ScriptedCalls()
    tested = ContractSettings(code=CodeSettings(tests=["assert x"]))
    assert held(tested, "```\nx = 1\n```", calls).step == "member-1"
    unusable = ContractSettings(json_schema=SchemaSettings(source="request"), on_violation="refuse")
    asked = question(response_format=ResponseFormat(kind="json_schema", name="p", schema={"$ref": "other.json"}))
    with pytest.raises(ContractViolated) as caught:
        held(unusable, "{}", calls, asked)
    assert "'other.json' leads out of the schema" in caught.value.message
    assert "other.json" not in caught.value.noted
    assert calls.made == []


def test_best_releases_the_answer_that_keeps_most() -> None:
    contract = ContractSettings(choice=CHOICE, length=LengthSettings(max_words=3), on_violation="best", repairs=2)
    calls = ScriptedCalls({"a": ["The answer after all is certainly (B)", "no idea at all, sorry"]})

    answer = held(contract, "I really have no idea of that", calls)

    assert answer.text == "The answer after all is certainly (B)"


def test_repair_releases_the_last_answer_where_none_keeps_the_contract() -> None:
    contract = ContractSettings(choice=CHOICE, length=LengthSettings(max_words=3), repairs=2)
    calls = ScriptedCalls({"a": ["The answer after all is certainly (B)", "no idea at all, sorry"]})
    assert held(contract, "I really have no idea of that", calls).text == "no idea at all, sorry"


def test_a_repair_that_fails_leaves_the_answer_that_there_is() -> None:
    calls = ScriptedCalls({"a": UpstreamBroken("gone")})
    assert held(ContractSettings(choice=CHOICE), "?", calls).text == "?"
    assert (calls.notes[0].what, calls.notes[0].why) == ("failed", "upstream_broken")


def test_a_repair_is_made_within_the_envelope() -> None:
    calls = ScriptedCalls({"a": "not yet"}, Envelope(calls=2))
    assert held(ContractSettings(choice=CHOICE, repairs=5), "?", calls).text == "not yet"
    assert [made.outcome for made in calls.made] == ["answered", "answered", "refused"]


def test_an_answer_that_streams_or_asks_for_tools_is_left_alone() -> None:
    calls = ScriptedCalls({"a": Says(tools=(ToolCall(id="1", name="look", arguments="{}"),))})
    assert held(ContractSettings(choice=CHOICE), "?", ScriptedCalls(), streams=True).text == "?"
    answer = held(ContractSettings(choice=CHOICE), "?", calls)
    assert answer.calls_tools


@pytest.mark.parametrize(
    ("contract", "said", "text"),
    [
        (ContractSettings(choice=CHOICE, render="extracted"), "The answer is (B).", "B"),
        (ContractSettings(choice=CHOICE, render="json"), "The answer is (B).", '{"answer": "B"}'),
        (ContractSettings(exact=ExactSettings(type="number"), render="json"), "so 1,200 km", '{"answer": 1200}'),
        (ContractSettings(exact=ExactSettings(type="number"), render="json"), "It is 1/3", '{"answer": "1/3"}'),
        (ContractSettings(exact=ExactSettings(), render="json"), "答案是東京。", '{"answer": "東京"}'),
        (
            ContractSettings(choice=ChoiceSettings(options=["A", "B"], multiple=True), render="json"),
            "B and A",
            '{"answer": ["A", "B"]}',
        ),
        (ContractSettings(json_schema=SchemaSettings(schema={})), 'Here: {"a": 1}', '{"a": 1}'),
        (ContractSettings(code=CodeSettings(), render="extracted"), "So:\n```python\nx = 1\n```\n!", "x = 1"),
        (ContractSettings(length=LengthSettings(max_words=5), render="json"), "as it is", "as it is"),
    ],
)
def test_what_is_released_is_rendered(contract: ContractSettings, said: str, text: str) -> None:
    answer = held(contract, said, ScriptedCalls())
    assert (answer.text, text_of(answer.message)) == (text, text)


def test_another_text_leaves_thoughts_where_they_are_and_takes_what_was_of_the_old_text() -> None:
    response = response_of("old")
    (choice,) = response.choices
    message = Message(role="assistant", parts=(Reasoning(text="hm", signature="s"), Text(text="o"), Text(text="ld")))
    response = type(response)(
        dialect="openai_chat",
        id="1",
        model="m",
        created_s=0,
        choices=(type(choice)(index=0, message=message, logprobs={"content": []}, finish_reason="stop"),),
    )
    answer = Answer(step="s", seat="a", deployment="a", response=response, text="old", logprobs=(-0.1,))

    changed = with_text(answer, "new")

    assert changed.message.parts == (Reasoning(text="hm", signature="s"), Text(text="new"))
    assert (changed.text, changed.logprobs, changed.response.choices[0].logprobs) == ("new", None, None)
    assert changed.response.choices[0].finish_reason == "stop"


class Passing(Sandbox):
    async def run(self, code: str, **_) -> Ran:
        mark = code.rstrip().rpartition("print(")[2].strip("')\n")
        return Ran(tier="bubblewrap", exit=0, stdout=mark)


def test_the_tier_that_tested_a_program_is_in_the_receipt() -> None:
    calls = ScriptedCalls()
    contract = ContractSettings(code=CodeSettings(tests=["assert x"]))

    play(hold(contract, answer_of("```\nx = 1\n```"), question(), calls, sandbox=Passing()))

    assert [(noted.what, noted.why) for noted in calls.notes] == [("tested", "in the sandbox bubblewrap")]
