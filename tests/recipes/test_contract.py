"""Whether answers keep contracts, and what is told of those that don't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_calls import answer_of, question

from antiphon.core.content import Citation, File, Message, ResponseFormat, Text, ToolCall
from antiphon.core.sandbox import Ran, Sandbox
from antiphon.core.usage import Usage
from antiphon.recipes.contract import Checked, check
from antiphon.recipes.extract import key_of
from antiphon.recipes.port import Answer, Question
from antiphon.recipes.repair import released
from antiphon.recipes.settings_contract import (
    ChoiceSettings,
    CitationsSettings,
    CodeSettings,
    ContractSettings,
    ExactSettings,
    LengthSettings,
    SchemaSettings,
)

PRICE = {"type": "object", "properties": {"price": {"type": "number"}}, "required": ["price"]}


async def checked(contract: ContractSettings, text: str, asked: Question | None = None, **beside) -> Checked:
    return await check(contract, answer_of(text, **beside), asked or question())


async def test_a_choice_is_extracted_and_an_answer_without_one_breaks_the_contract() -> None:
    contract = ContractSettings(choice=ChoiceSettings(options=["A", "B"]))
    assert (await checked(contract, "The answer is (B).")).extracted == "B"
    found = await checked(contract, "Who knows")
    assert (found.ok, found.why) == (False, "choice: no option can be told from it")
    assert found.broken[0].told == "It must choose exactly one of these: A, B."


async def test_options_that_the_request_lists_bound_the_choice() -> None:
    contract = ContractSettings(choice=ChoiceSettings())
    asked = question("Which is larger?\nA. one\nB. two")
    assert (await checked(contract, "The answer is B", asked)).ok
    assert not (await checked(contract, "The answer is G", asked)).ok


@pytest.mark.parametrize(
    ("kind", "text", "extracted"),
    [
        ("number", "It is 1,200 km", "1200"),
        ("text", "It is blue", "It is blue"),
        ("date", "On 3 March 2026.", "2026-03-03"),
    ],
)
async def test_a_value_is_extracted(kind, text: str, extracted: str) -> None:
    contract = ContractSettings(exact=ExactSettings(type=kind))
    assert (await checked(contract, text)).extracted == extracted
    assert not (await checked(contract, "" if kind == "text" else "none")).ok


async def test_json_is_held_to_its_schema_whatever_stands_around_it() -> None:
    contract = ContractSettings(json_schema=SchemaSettings(schema=PRICE))
    assert (await checked(contract, 'Sure!\n```json\n{"price": 3}\n```')).extracted == '{"price": 3}'
    found = await checked(contract, '{"price": "3"}')
    assert found.why == "json_schema: not as properties/price/type says"
    assert '"3" is not of type "number"' in found.broken[0].told
    assert (await checked(contract, "three")).why == "json_schema: it isn't JSON"


async def test_json_that_is_released_as_it_is_has_nothing_around_it() -> None:
    contract = ContractSettings(json_schema=SchemaSettings(schema=PRICE), render="as_is")
    assert (await checked(contract, '{"price": 3}')).ok
    assert not (await checked(contract, 'Sure! {"price": 3}')).ok


async def test_the_receipt_is_told_nothing_of_an_answer() -> None:
    contract = ContractSettings(
        choice=ChoiceSettings(options=["A"]),
        json_schema=SchemaSettings(schema={"additionalProperties": False}),
        code=CodeSettings(entry="f"),
        citations=CitationsSettings(),
        length=LengthSettings(max_words=1),
        regex="x",
    )
    found = await checked(contract, '{"SECRET": "SECRET SECRET SECRET"}')
    assert len(found.broken) >= 5
    assert "SECRET" not in found.why


async def test_the_caller_s_own_schema_is_held_to() -> None:
    contract = ContractSettings(json_schema=SchemaSettings(source="request"))
    asked = question(response_format=ResponseFormat(kind="json_schema", name="p", schema=PRICE))
    assert (await checked(contract, '{"price": 3}', asked)).ok
    assert not (await checked(contract, "{}", asked)).ok
    anything = question(response_format=ResponseFormat(kind="json_object"))
    assert (await checked(contract, "{}", anything)).ok
    assert not (await checked(contract, "[]", anything)).ok
    assert (await checked(contract, "free text")).ok


async def test_a_caller_s_schema_that_can_not_be_used_is_told_and_never_fetched() -> None:
    contract = ContractSettings(json_schema=SchemaSettings(source="request"))
    asked = question(
        response_format=ResponseFormat(kind="json_schema", name="p", schema={"$ref": "http://127.0.0.1:1/"})
    )
    found = await checked(contract, "{}", asked)
    assert (found.why, found.mendable) == ("json_schema: the schema can't be used", False)
    assert "http://127.0.0.1:1/" in found.broken[0].more


async def test_a_program_must_compile_and_define_its_entry() -> None:
    contract = ContractSettings(code=CodeSettings(entry="add"))
    good = "```python\ndef add(a, b):\n    return a + b\n```"
    assert (await checked(contract, good)).extracted == "def add(a, b):\n    return a + b"
    assert (await checked(contract, "```python\ndef sub(a, b): ...\n```")).why == "code: it doesn't define its entry"
    found = await checked(contract, "```python\ndef add(a, b:\n```")
    assert found.why == "code: it doesn't compile: SyntaxError"
    assert found.broken[0].told.startswith("The program doesn't compile: line 1: ")
    assert not (await checked(contract, "")).ok


@pytest.mark.parametrize(
    "deep", ["-" * 60_000 + "1", "f" + "()" * 30_000, "x = 1\n" * 20_000, "if 1:\n" + " if 1:\n" * 9000]
)
async def test_a_program_that_no_compiler_holds_breaks_the_contract(deep: str) -> None:
    assert not (await checked(ContractSettings(code=CodeSettings()), f"```\n{deep}\n```")).ok


class Scripted(Sandbox):
    """Runs nothing; says what a run gave."""

    def __init__(self, *gives) -> None:
        self.gives, self.ran = list(gives), []

    async def run(self, code: str, **_) -> Ran:
        self.ran.append(code)
        return self.gives[len(self.ran) - 1](code)


def printed(code: str) -> Ran:
    """What a program prints that comes to its end."""
    return Ran(tier="landlock", exit=0, stdout="noise\n" + code.rstrip().rpartition("print(")[2].strip("')\n") + "\n")


ADD = "```python\ndef add(a, b):\n    return a + b\n```"
TESTED = ContractSettings(code=CodeSettings(tests=["assert add(1, 2) == 3", "assert add(0, 0) == 0"]))


async def test_tests_run_in_the_sandbox_each_on_its_own_and_the_tier_is_told() -> None:
    sandbox = Scripted(printed, printed)
    found = await check(TESTED, answer_of(ADD), question(), sandbox=sandbox)
    assert (found.ok, found.tier) == (True, "landlock")
    assert ["add(1, 2)" in code for code in sandbox.ran] == [True, False]
    assert ["add(0, 0)" in code for code in sandbox.ran] == [False, True]


@pytest.mark.parametrize(
    ("gives", "why"),
    [
        (Ran(tier="monty", exit=1, stderr="AssertionError: 4"), "test 1 of 2 failed"),
        (Ran(tier="monty", timed_out=True), "test 1 of 2 took too long"),
        (Ran(tier="monty", exit=0, stdout="done"), "test 1 of 2 failed"),
        (Ran(tier="refuse", refused="no tier"), "no sandbox runs its tests: no tier"),
    ],
)
async def test_a_test_passes_only_by_coming_to_its_end(gives: Ran, why: str) -> None:
    sandbox = Scripted(lambda _: gives)
    found = await check(TESTED, answer_of(ADD), question(), sandbox=sandbox)
    assert found.why == f"code: {why}"
    assert len(sandbox.ran) == 1


async def test_without_a_sandbox_a_program_with_tests_breaks_its_contract() -> None:
    assert (await checked(TESTED, ADD)).why == "code: no sandbox runs its tests"


@pytest.mark.parametrize(
    ("length", "text", "why"),
    [
        (LengthSettings(max_words=2), "one two three", "3 words: at most 2"),
        (LengthSettings(min_words=4), "one two three", "3 words: at least 4"),
        (LengthSettings(max_words=3), "日本の歴史", "5 words: at most 3"),
        (LengthSettings(max_characters=1), "e\u0301a", "2 characters: at most 1"),
        (LengthSettings(min_characters=3), "👨‍👩‍👧", "1 characters: at least 3"),
        (LengthSettings(max_tokens=9), "any", "10 tokens: at most 9"),
        (LengthSettings(max_words=3, max_characters=20), "one two three", ""),
    ],
)
async def test_length_is_counted_as_a_reader_counts(length: LengthSettings, text: str, why: str) -> None:
    usage = Usage(output_tokens=15, reasoning_tokens=5)
    found = await checked(ContractSettings(length=length), text, usage=usage)
    assert found.why == (f"length: {why}" if why else "")


async def test_tokens_that_nobody_counted_break_nothing() -> None:
    assert (await checked(ContractSettings(length=LengthSettings(min_tokens=100)), "any")).ok


async def test_all_of_an_answer_matches_a_regular_expression() -> None:
    contract = ContractSettings(regex="[A-Z]{3}-[0-9]+|none")
    assert (await checked(contract, " ABC-12\n")).ok
    assert (await checked(contract, "none")).ok
    assert not (await checked(contract, "it is ABC-12")).ok
    assert not (await checked(ContractSettings(regex="(a+)+"), "a" * 100_000 + "!")).ok


def documents(*texts: str) -> Question:
    files = tuple(File(text=text) for text in texts)
    return question([Message(role="user", parts=(*files, Text(text="What does it say of the rain in Spain?")))])


CITED = ContractSettings(citations=CitationsSettings())


@pytest.mark.parametrize(
    "text",
    [
        'It says "the rain in Spain stays mainly" there.',
        "It says “The rain in Spain … mainly in the plain”.",
        "「the rain in  Spain stays」",
        "« The rain in Spain stays »",
        '{"quote": "the rain in Spain stays"}',
    ],
)
async def test_quotes_stand_in_the_documents(text: str) -> None:
    assert (await checked(CITED, text, documents("Other.", "The rain in Spain\nstays mainly in the plain."))).ok


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("It rains.", "citations: 0 quotes: at least 1"),
        ('It says "the rain in France stays".', "citations: 1 of 1 quotes stand in no source"),
        ('It says "mainly in the plain … the rain in Spain".', "citations: 1 of 1 quotes stand in no source"),
        ('"rain"', "citations: 0 quotes: at least 1"),
        ('It says "of the rain in Spain?" itself', "citations: 1 of 1 quotes stand in no source"),
    ],
)
async def test_quotes_that_stand_nowhere_break_the_contract(text: str, why: str) -> None:
    assert (await checked(CITED, text, documents("The rain in Spain stays mainly in the plain."))).why == why


async def test_results_of_tools_are_documents_and_the_question_itself_is_one_where_it_is_said() -> None:
    tool = Message(role="tool", parts=(Text(text="forty-two degrees in the shade"),), tool_call_id="1")
    assert (await checked(CITED, '"forty-two degrees"', question([tool]))).ok
    everywhere = ContractSettings(citations=CitationsSettings(sources="request"))
    asked = question("The report: rain fell for nine days.")
    assert (await checked(everywhere, '"rain fell for nine days"', asked)).ok
    assert not (await checked(CITED, '"rain fell for nine days"', asked)).ok


async def test_citations_of_the_provider_s_own_count() -> None:
    given = answer_of("It rained.")
    cited = Text(text="It rained.", citations=(Citation(kind="document", quoted="rain fell for nine days"),))
    message = Message(role="assistant", parts=(cited,))
    (choice,) = given.response.choices
    response = type(given.response)(
        dialect="anthropic_messages", id="1", model="m", created_s=0, choices=(type(choice)(index=0, message=message),)
    )
    answer = Answer(step="s", seat="a", deployment="a", response=response, text="It rained.")
    assert (await check(CITED, answer, documents("rain fell for nine days"))).ok


async def test_an_answer_that_asks_for_tools_keeps_every_contract() -> None:
    answer = answer_of("Let me look")
    call = ToolCall(id="1", name="look", arguments="{}")
    (choice,) = answer.response.choices
    message = Message(role="assistant", parts=(*choice.message.parts, call))
    asking = type(answer.response)(
        dialect="openai_chat", id="1", model="m", created_s=0, choices=(type(choice)(index=0, message=message),)
    )
    calling = Answer(step="s", seat="a", deployment="a", response=asking, text="Let me look")
    assert (await check(ContractSettings(regex="never"), calling, question())).ok


TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=80) | st.sampled_from(
    ["東京", "שלום עולם", "مرحبا", "The answer is מים", "ＡＢＣ", "naïve 'quote'", "안녕"]
)


@pytest.mark.parametrize("render", ["extracted", "json"])
@given(text=TEXTS)
async def test_what_is_released_comes_to_the_same_as_what_was_said(render, text: str) -> None:
    for contract in (
        ContractSettings(choice=ChoiceSettings(options=["A", "B", "C"]), render=render),
        ContractSettings(choice=ChoiceSettings(options=["A", "B", "C"], multiple=True), render=render),
        ContractSettings(choice=ChoiceSettings(options=["東京", "שלום", "naïve"]), render=render),
        ContractSettings(exact=ExactSettings(type="number"), render=render),
        ContractSettings(exact=ExactSettings(type="date"), render=render),
        ContractSettings(json_schema=SchemaSettings(schema={}), render=render),
    ):
        for said in (text, f"The answer is {text}", f"<answer>{text}</answer>"):
            given = answer_of(said)
            found = await check(contract, given, question())
            if found.ok:
                assert key_of(released(contract, given, found).text, contract) == key_of(said, contract)


@given(text=TEXTS)
async def test_a_text_that_is_released_as_json_comes_to_the_same(text: str) -> None:
    contract = ContractSettings(exact=ExactSettings(), render="json")
    given = answer_of(text)
    found = await check(contract, given, question())
    if found.ok:
        assert key_of(released(contract, given, found).text, contract) == key_of(text, contract)
