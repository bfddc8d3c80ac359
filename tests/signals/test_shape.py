"""Facts that are told by the form of a text."""

import pytest
from asking import fact_of, value_of

CODE = [
    "Why does this fail?\n```\nprint(1)\n```",
    "def f(x):\n    return x + 1",
    "const a = () => { return 1; };",
    "#include <stdio.h>\nint main() { return 0; }",
    "SELECT name, count(*) FROM users WHERE age > 3 GROUP BY name;",
    "public class Main {\n  public static void main(String[] a) {}\n}",
    'Traceback (most recent call last):\n  File "a.py", line 1\nTypeError: x',
    "请看这段代码：\nfor (let i = 0; i < 3; i++) {\n  run(i);\n}",
    '<div class="a"><p>hi</p></div>\n<script>go();</script>',
]
NO_CODE = [
    "Please summarize the meeting (from Monday); we talked about prices, then left.",
    "How do I write a good letter to my landlord?",
    "我们什么时候去北京？",
    "The function of the heart is to pump blood.",
    "Import taxes rose 5%; exports fell.",
    "- buy milk\n- call Anna (home)\n- pay rent;",
    "",
]


@pytest.mark.parametrize("text", CODE)
def test_code_is_seen(text: str) -> None:
    assert value_of("text.code", text) is True


@pytest.mark.parametrize("text", NO_CODE)
def test_prose_is_no_code(text: str) -> None:
    assert value_of("text.code", text) is False


@pytest.mark.parametrize(
    "text",
    [
        r"Compute \frac{1}{2} + \sqrt{x}",
        "Let $x^2 + y = 3$. Find y.",
        "What is 12 * 37 + 4?",
        "Solve x^2 - 5x + 6 = 0",
        "求 ∫ x² dx",
        "Berechne 3,5 × 12 = ?",
    ],
)
def test_formulas_are_seen(text: str) -> None:
    assert value_of("text.math", text) is True


@pytest.mark.parametrize("text", ["I have 3 cats and 2 dogs.", "Call +49 30 1234567 on 2024-05-01.", "和我聊聊天", ""])
def test_numbers_alone_are_no_formulas(text: str) -> None:
    assert value_of("text.math", text) is False


def test_operators_of_code_are_no_formulas() -> None:
    assert value_of("text.math", "```\nx = 3 * 4 + y\n```") is False


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("Buy:\n- milk\n* bread\n• tea", 3),
        ("1. one\n2. two\n10) ten", 3),
        ("步骤：\n1、打开\n2、关闭", 2),
        ("a) first\nb) second", 2),
        ("no list - none at all. 1. not at a line's start", 0),
        ("-5 degrees", 1),
    ],
)
def test_points_of_lists_are_counted(text: str, many: int) -> None:
    assert value_of("text.lists", text) == many


@pytest.mark.parametrize(
    ("text", "many"),
    [("Why? How?", 2), ("你好吗？为什么？", 2), ("لماذا؟", 1), ("No.", 0), ("これは何ですか？ Really?", 2)],
)
def test_questions_are_counted_in_any_script(text: str, many: int) -> None:
    assert value_of("text.questions", text) == many


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("three little words", 3),
        ("", 0),
        ("don't-stop", 3),
        ("今天天气", 3),
        ("नमस्ते दुनिया", 2),
        ("🎉🎉", 0),
        ("שלום עולם", 2),
    ],
)
def test_words_are_counted(text: str, many: int) -> None:
    assert value_of("text.words", text) == many


@pytest.mark.parametrize(
    "text",
    [
        "What is a stack?\nA. FIFO\nB. LIFO\nC. neither",
        "Pick one:\n(a) red\n(b) green\n(c) blue\n(d) none",
        "Which is right? A) one B) two C) three",
        "哪个正确？\nA．水\nB．火\nC．土",
        "どれですか。\n（A）犬\n（B）猫\n（C）鳥",
    ],
)
def test_options_to_choose_from_are_seen(text: str) -> None:
    assert value_of("asks.choice", text) is True


@pytest.mark.parametrize(
    "text", ["A. Smith and B. Jones wrote it.", "1. one\n2. two\n3. three", "Plan A) is dead", "B. no\nC. start", ""]
)
def test_other_letters_are_no_options(text: str) -> None:
    assert value_of("asks.choice", text) is False


def test_a_long_text_is_looked_at_from_its_start_and_its_end() -> None:
    assert value_of("text.code", "word " * 4000 + "\n```\nx\n```") is True
    middle = "word " * 4000 + "\n```\nx\n```" + "word " * 4000
    assert fact_of("text.code", middle).value is False
