"""What is to be done, what it is about, and how hard it is."""

import pytest
from asking import chat, fact_of, facts_of, value_of

from antiphon.signals.learned import domains, tasks

TASKS = {
    "classify": [
        "Classify this review as positive or negative:\nThe phone is great",
        "这封邮件是垃圾邮件吗？恭喜您中奖了",
    ],
    "extract": [
        "Extract all names and dates from this text:\nAnna met Bob on 3 May.",
        "次の文章から人名を抽出してください：田中さん",
    ],
    "transform": [
        "Translate the following text into French:\nGood evening",
        "Resume este artículo en tres frases:\nEl mar sube.",
    ],
    "answer": ["What is the capital of Peru?", "Wer hat Faust geschrieben?"],
    "reason": [
        "Compare the pros and cons of solar and wind power and recommend one.",
        "分析公司亏损的原因并权衡利弊。",
    ],
    "code": [
        "Write a Python function that reverses a string.",
        "Pourquoi ma fonction ne marche-t-elle pas ?\n```\ndef f(x):\n  return x +\n```",
    ],
    "math": ["Solve for x: 3x + 5 = 20", "What is 15% of 240?"],
    "agentic": ["Book a flight from Berlin to Rome for next Friday.", "Prenota un tavolo per domani sera."],
    "chat": ["Hi, how are you?", "谢谢你！"],
    "creative": ["Write a poem about autumn.", "Escribe un cuento corto sobre un dragón."],
}
DOMAINS = {
    "computing": "Why does this JavaScript code throw a TypeError? const a = b.map(x => x.id)",
    "math": "Find the derivative of x^3 sin(x)",
    "law": "Is the contract void if the defendant signed under duress, and which court has jurisdiction?",
    "health": "Patient with fever and low blood pressure: which diagnosis and treatment?",
    "physics": "A ball is thrown upward with a velocity of 20 m/s. What is its acceleration?",
    "business": "Estimate the profit margin and the inflation-adjusted revenue of the firm",
    "other": "Tell me a joke about my dog's birthday",
}


@pytest.mark.parametrize(("task", "text"), [(task, text) for task, texts in TASKS.items() for text in texts])
def test_typical_requests_have_their_task(task: str, text: str) -> None:
    assert value_of("task.name", text) == task


@pytest.mark.parametrize(("domain", "text"), DOMAINS.items())
def test_typical_requests_have_their_domain(domain: str, text: str) -> None:
    assert value_of("domain.name", text) == domain


def test_the_chances_of_all_classes_add_up() -> None:
    for model in (tasks(), domains()):
        _, chances = model.chances(["write", "a", "poem"])
        assert sum(chances) == pytest.approx(1)


def test_the_confidence_is_that_of_the_name() -> None:
    facts = facts_of("Solve for x: 3x + 5 = 20")
    assert facts.fact("task.name").confidence == facts.value("task.confidence")
    assert facts.fact("domain.name").confidence == facts.value("domain.confidence")


TOOL = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("more", "turns"),
    [
        ({"tools": [TOOL], "tool_choice": "required"}, ()),
        ({"tools": [TOOL]}, (("tool", "found"),)),
        ({"tools": [{"type": "function", "function": {"name": name}} for name in "abc"]}, ()),
    ],
)
def test_work_with_tools_is_agentic(more: dict[str, object], turns: tuple[tuple[str, str], ...]) -> None:
    fact = fact_of("task.name", chat("What is the capital of Peru?", *turns, **more))
    assert (fact.value, fact.confidence, fact.why) == ("agentic", 0.9, "it works with tools")


def test_one_tool_that_may_be_called_alone_makes_nothing_agentic() -> None:
    assert value_of("task.name", chat("What is the capital of Peru?", tools=[TOOL])) == "answer"


@pytest.mark.parametrize("text", ["", " \n"])
def test_without_a_text_there_is_no_task(text: str) -> None:
    assert fact_of("task.name", text).value is None
    assert fact_of("task.name", text).why == "it has no text"
    assert value_of("task.confidence", text) == 0.0


def test_a_system_prompt_alone_is_a_task() -> None:
    assert (
        value_of("task.name", chat(("system", "Translate the following text into French:\nGood evening")))
        == "transform"
    )


def test_words_that_no_model_knows_tell_nothing() -> None:
    fact = fact_of("domain.name", "qqqqq zzzzzz")
    assert (fact.value, fact.why) == (None, "no word of it is known")


def test_an_exam_question_in_physics_is_harder_than_a_sum() -> None:
    hard = value_of(
        "difficulty.score",
        "An electron moves in a magnetic field of 0.5 T at 10^6 m/s. Find the radius of its path.\n"
        + "\n".join(f"{letter}. {number}.2e-5 m" for number, letter in enumerate("ABCDEFGHIJ")),
    )
    easy = value_of("difficulty.score", "Tom has 12 apples and gets 8 more. How many apples does he have?")
    assert isinstance(hard, float)
    assert isinstance(easy, float)
    assert 0 < easy < 0.4 < hard < 1
