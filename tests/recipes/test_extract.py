"""What answers come to, in the many forms that models write."""

import json
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from antiphon.recipes.extract import code_key, key_of, last_code, last_json
from antiphon.recipes.settings_contract import (
    ChoiceSettings,
    CodeSettings,
    ContractSettings,
    ExactSettings,
    SchemaSettings,
)

LETTERS = ContractSettings(choice=ChoiceSettings(options=["A", "B", "C", "D"]))
CITIES = ContractSettings(
    choice=ChoiceSettings(options=["A", "B", "C"], labels=["Paris", "London", "the city of Rome"])
)
KINDS = ContractSettings(choice=ChoiceSettings(options=["refund", "complaint", "no complaint"]))
SEVERAL = ContractSettings(choice=ChoiceSettings(options=["A", "B", "C", "D"], multiple=True))
NUMBER = ContractSettings(exact=ExactSettings(type="number"))
TEXT = ContractSettings(exact=ExactSettings())
DATE = ContractSettings(exact=ExactSettings(type="date"))


@pytest.mark.parametrize(
    "answer",
    [
        "B",
        "b",
        "(B)",
        "B.",
        "**B**",
        "Ｂ",
        "The answer is (B)",
        "The answer is B.",
        "Let me think. A is too small. The answer is (B), not A.",
        "**Answer: B**",
        "**Final Answer:** B) because it is larger",
        "Answer: option B",
        "<ANSWER>B</ANSWER>",
        "<answer>\n(B)\n</answer>",
        "so we get $\\boxed{B}$",
        "Thus\n\\[\n\\boxed{\\text{B}}\n\\]",
        'I chose so: {"reasoning": "A is wrong, the answer is C at first sight", "answer": "B"}',
        '```json\n{"reasoning": "two\nlines", "answer": "B"}\n```',
        '{"answer": "B", "reasoning": "it was cut of',
        "The answer is:\n\n\\[ \\boxed{B} \\]",
        "First I thought the answer is (A). No: the answer is (B).",
        "A: too small\nC: too large\n\nB",
        "The correct option is:\n\nB. Anthropoidea are the higher primates",
        "答案是 B",
        "答案：Ｂ",
        "正解はBです。",
        "정답은 B입니다",
        "La respuesta es B.",
        "La réponse est : B",
        "Die Antwort lautet: B",
        "Ответ: B",
        "الإجابة: B",
        "התשובה: B",
        "उत्तर: B",
    ],
)
def test_a_choice_is_read_in_any_of_its_forms(answer: str) -> None:
    assert key_of(answer, LETTERS) == "B"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I can't tell.",
        "A matter of taste.",
        "The answer is (None of the above)",
        "The answer is (A) and (C).",
        "The answer is A, B, C",
        "It may be A or B.",
        "I think that I should not choose.",
        "The answer is (E)",
    ],
)
def test_no_choice_is_made_up(answer: str) -> None:
    assert key_of(answer, LETTERS) is None


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("The answer is Paris.", "A"),
        ("London", "B"),
        ("The answer is: the City of Rome", "C"),
        ("(C) Rome", "C"),
        ("<answer>Paris, which is in France</answer>", "A"),
    ],
)
def test_a_choice_may_be_said_by_what_it_stands_for(answer: str, key: str) -> None:
    assert key_of(answer, CITIES) == key


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("refund", "refund"),
        ("Category: **Refund**", "refund"),
        ("This is no complaint.", "no complaint"),
        ("The answer is complaint", "complaint"),
        ("It is a refund, not a complaint.", "refund"),
        ('{"label": "complaint"}', "complaint"),
    ],
)
def test_options_may_be_words(answer: str, key: str) -> None:
    assert key_of(answer, KINDS) == key


def test_options_may_be_words_of_a_script_without_spaces() -> None:
    contract = ContractSettings(choice=ChoiceSettings(options=["退款", "投诉"]))
    assert key_of("这封邮件的类别是投诉。", contract) == "投诉"
    assert key_of("答案：退款", contract) == "退款"


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("A, C", "A,C"),
        ("C and A", "A,C"),
        ("The answers are:\nFinal answer: D, A and C", "A,C,D"),
        ("<answer>CA</answer>", "A,C"),
        ("答案：A、C", "A,C"),
        ('{"answer": ["C", "A"]}', "A,C"),
        ("The answer is (B).", "B"),
    ],
)
def test_several_choices_are_a_set_in_the_options_order(answer: str, key: str) -> None:
    assert key_of(answer, SEVERAL) == key


def test_options_that_only_the_request_lists_bound_the_choice() -> None:
    free = ContractSettings(choice=ChoiceSettings())
    request = "Which?\nA. one\nB. two\nC. three"
    assert key_of("The answer is (C)", free, request=request) == "C"
    assert key_of("The answer is (H)", free, request=request) is None
    assert key_of("The answer is (H)", free, request="Which?") == "H"


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("18", "18"),
        ("The answer is 18 dollars.", "18"),
        ("The answer is $1,234.50 per year.", "1234.5"),
        ("#### 1,000", "1000"),
        ("so 1600 - 1350 = 250 pesos.", "250"),
        ("The final answer is 12 * 3 = 36", "36"),
        ("\\boxed{\\frac{3}{4}}", "0.75"),
        ("\\boxed{\\dfrac{1}{3}}", "1/3"),
        ("Answer: 2 1/2 cups", "2.5"),
        ("Answer: -7", "-7"),
        ("Answer: −7", "-7"),
        ("Answer: 1.2 × 10^{3} J", "1200"),
        ("Answer: 6.02e23", "602000000000000000000000"),
        ("Answer: 3.5 million people", "3500000"),
        ("Answer: 45%", "45"),
        ("答案是１２３个", "123"),
        ("الجواب: ٣٤", "34"),
        ("Answer: 12 000 km", "12000"),
        ("First there are 3, then 4 more, so 7 in all.\n\nThat is 7 eggs", "7"),
        ('{"reasoning": "2 + 2", "answer": 4}', "4"),
        ('{"reasoning": "2 + 2", "answer": "4 eggs"}', "4"),
        ("none", None),
        ("1e999999999", None),
    ],
)
def test_numbers_have_one_form(answer: str, key: str | None) -> None:
    assert key_of(answer, NUMBER) == key


def test_numbers_within_the_tolerance_are_the_same() -> None:
    near = ContractSettings(exact=ExactSettings(type="number", tolerance=0.1))
    assert key_of("2.04", near) == key_of("1.98", near) == "2"
    assert key_of("2.06", near) == "2.1"


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("2026-11-27", "2026-11-27"),
        ("It was on November 27th, 2026.", "2026-11-27"),
        ("The answer is 27 Nov 2026", "2026-11-27"),
        ("2026年11月27日", "2026-11-27"),
        ("2026년 11월 27일", "2026-11-27"),
        ("27.11.2026", "2026-11-27"),
        ("27/11/2026", "2026-11-27"),
        ("11/27/2026", "2026-11-27"),
        ("03/04/2026", None),
        ("2026-13-45", None),
        ("tomorrow", None),
    ],
)
def test_days_have_one_form_and_those_of_two_readings_none(answer: str, key: str | None) -> None:
    assert key_of(answer, DATE) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The answer is Paris.", "paris"),
        ("“The Beatles”", "beatles"),
        ("Answer: ＡＢＣ", "abc"),
        ("\\boxed{x + y}", "x+y"),
        ("\\boxed{\\text{blue}}", "Blue"),
        ("{1: None, 2: 3}", "{1:none,2:3}"),
        ('{"answer": "18.0"}', "18"),
        ("答案是“东京”。", "东京"),
        ("The answer is\nשלום", "שלום"),
    ],
)
def test_texts_that_say_the_same_have_the_same_key(one: str, other: str) -> None:
    assert key_of(one, TEXT) == key_of(other, TEXT)


def test_texts_stay_as_they_are_where_nothing_is_to_be_normalised() -> None:
    exact = ContractSettings(exact=ExactSettings(normalise=False))
    assert key_of("The answer is Paris", exact) == "Paris"
    assert key_of("paris", exact) == "paris"


def test_names_that_look_like_numbers_stay_names() -> None:
    assert key_of("007", TEXT) == "007"
    assert key_of("1,2,3,4", TEXT) == "1,2,3,4"
    assert key_of("3 cats", TEXT) != key_of("3 dogs", TEXT)


def test_without_a_contract_an_answer_is_what_it_says_it_is_or_all_of_a_short_one() -> None:
    assert key_of("We add both. The answer is 42 apples.") == "42"
    assert key_of("Blue.") == key_of("blue") == "blue"
    assert key_of("1.5 million") == "1500000"
    assert key_of("word " * 200) is None


def test_json_is_compared_by_value() -> None:
    contract = ContractSettings(json_schema=SchemaSettings(schema={"type": "object"}))
    bare, fenced = '{"b": [1, 2], "a": "é"}', 'Here you are:\n```json\n{"a": "é",\n "b": [1,2]}\n```\nAnything else?'
    assert key_of(bare, contract) == key_of(fenced, contract) == '{"a":"é","b":[1,2]}'
    assert last_json('{"a": 1, "a": 2}') is None
    assert last_json('{"a": NaN}') is None
    assert last_json("[1] and then [2, 3]") == ([2, 3], "[2, 3]")


def test_programs_are_compared_by_what_python_reads() -> None:
    contract = ContractSettings(code=CodeSettings())
    one = "Sure:\n```python\ndef f(x):  # twice\n    return x*2\n```\nDone."
    other = "```\ndef f(x):\n  return (x * 2)\n```"
    assert key_of(one, contract) == key_of(other, contract)
    assert last_code("no fence at all") == "no fence at all"
    assert last_code("```python\nprint(1)") == "print(1)"


def test_a_program_that_no_stack_holds_is_no_error() -> None:
    for deep in ("-" * 60_000 + "1", "1" + "+1" * 30_000, "f" + "()" * 30_000, "lambda:" * 9000 + "1", "x = '\ud800'"):
        assert code_key(deep) == deep


ANY = st.text() | st.text(
    alphabet=st.sampled_from(list('{}[]()"\\:<>/*_$#`.,=-+ \n0123456789ABCabcanswer答案是')), max_size=300
)
CONTRACTS = st.sampled_from(
    [
        None,
        LETTERS,
        CITIES,
        KINDS,
        SEVERAL,
        NUMBER,
        TEXT,
        DATE,
        ContractSettings(choice=ChoiceSettings()),
        ContractSettings(exact=ExactSettings(type="number", tolerance=0.5)),
        ContractSettings(json_schema=SchemaSettings(source="request")),
        ContractSettings(code=CodeSettings()),
    ]
)


@given(answer=ANY, contract=CONTRACTS, request=ANY)
@example(answer="\\boxed{" * 500, contract=None, request="")
@example(answer='{"answer":' * 500, contract=NUMBER, request="")
@example(answer="[" * 100_000, contract=ContractSettings(json_schema=SchemaSettings(source="request")), request="")
@example(answer="answer is " * 10_000, contract=LETTERS, request="A. x\n" * 10_000)
@example(answer=" " * 100_000, contract=TEXT, request=" " * 100_000)
@example(answer="9" * 100_000, contract=NUMBER, request="")
@example(answer="1/0", contract=NUMBER, request="")
@example(answer="\ud800", contract=None, request="\udfff")
def test_reading_an_answer_never_raises(answer: str, contract: ContractSettings | None, request: str) -> None:
    found = key_of(answer, contract, request=request)
    assert found is None or isinstance(found, str)


@given(key=st.sampled_from(["A", "B", "C", "D"]), before=st.text(alphabet="xyz ,\n", max_size=50))
def test_whatever_stands_before_it_a_choice_that_is_marked_is_found(key: str, before: str) -> None:
    for form in ("<answer>{}</answer>", "\\boxed{{{}}}", "The answer is ({}).", "**Answer: {}**"):
        assert key_of(f"{before}\n{form.format(key)}", LETTERS) == key


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_a_number_is_the_same_however_it_is_written(value) -> None:
    plain = key_of(f"The answer is {value:f}", NUMBER)
    assert key_of(f"The answer is {value:,f}", NUMBER) == plain
    assert key_of(f"\\boxed{{{value:f}}}", NUMBER) == plain
    assert key_of(json.dumps({"answer": f"{value:f}"}), NUMBER) == plain


@given(st.dates())
def test_a_day_is_the_same_however_it_is_written(day: date) -> None:
    for text in (day.isoformat(), f"{day.day} {day:%B} {day.year:04}", f"{day.year:04}年{day.month}月{day.day}日"):
        assert key_of(f"The answer is {text}", DATE) == day.isoformat()
