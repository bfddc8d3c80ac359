"""Facts that are told by words, in eight languages."""

from typing import Any

import pytest
from asking import chat, fact_of, facts_of, value_of

from antiphon.core.signal import Value

SAYS = [
    ("asks.exact", ["Answer with a single number.", "Antworte nur mit der Zahl.", "Réponds uniquement par le nombre."]),
    ("asks.exact", ["Responde solo con la letra.", "Rispondi solo con la lettera.", "Responda apenas com o número."]),
    ("asks.exact", ["只回答数字。", "数字だけを答えてください。", "Put it in \\boxed{}."]),
    ("asks.brief", ["In one sentence, what is CEL?", "Bitte ganz kurz.", "Réponds en une phrase."]),
    ("asks.brief", ["Explícalo en pocas palabras.", "Dimmelo in breve.", "Explique em poucas palavras."]),
    ("asks.brief", ["用一句话解释。", "手短に説明して。"]),
    ("asks.long", ["Write an essay on bees.", "Erkläre das ausführlich.", "Explique en détail."]),
    (
        "asks.long",
        ["Escribe un ensayo.", "Scrivi un saggio.", "Escreva um ensaio.", "请详细说明。", "詳しく説明して。"],
    ),
    ("asks.json", ["Return JSON with two keys.", "Gib es als JSON aus.", "Réponds en JSON."]),
    ("asks.json", ["Devuélvelo en JSON.", "In formato JSON.", "Retorne em JSON.", "用JSON格式返回", "JSON形式で"]),
    ("talk.frustration", ["This is frustrating!", "Das ist lächerlich.", "C'est ridicule.", "Esto es inútil."]),
    ("talk.frustration", ["È una perdita di tempo.", "Ainda não funciona.", "浪费时间", "役に立たない"]),
]
CORRECTIONS = [
    "No, I meant the other one.",
    "Nein, ich meinte das andere.",
    "Non, je voulais dire l'autre.",
    "No, quise decir el otro.",
    "No, intendevo l'altro.",
    "Não, eu quis dizer o outro.",
    "不对，我的意思是另一个",
    "違います、別のものです",
]
PLAIN = [
    "What is the capital of Peru?",
    "Wie wird das Wetter?",
    "Où est la gare ?",
    "¿Dónde está la estación?",
    "Dov'è la stazione?",
    "Onde fica a estação?",
    "车站在哪里？",
    "駅はどこですか。",
]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SAYS for text in texts])
def test_words_tell(name: str, text: str) -> None:
    fact = fact_of(name, text)
    assert fact.value is True
    assert fact.why  # the phrase


@pytest.mark.parametrize("name", ["asks.exact", "asks.brief", "asks.long", "asks.json", "talk.frustration"])
@pytest.mark.parametrize("text", PLAIN)
def test_plain_questions_tell_none_of_it(name: str, text: str) -> None:
    assert value_of(name, text) is False


@pytest.mark.parametrize("text", CORRECTIONS)
def test_a_correction_needs_something_that_was_said_before(text: str) -> None:
    assert value_of("talk.correction", chat("Show me a car", ("assistant", "Here"), text)) is True
    assert value_of("talk.correction", text) is False


@pytest.mark.parametrize("text", PLAIN)
def test_another_question_is_no_correction(text: str) -> None:
    assert value_of("talk.correction", chat("Show me a car", ("assistant", "Here"), text)) is False


@pytest.mark.parametrize(
    ("first", "last", "value"),
    [
        ("How do I reset my password?", "how do I reset my password", True),
        ("How do I reset my password?", "So how do I reset my password?", True),
        ("How do I reset my password?", "How do I change my address?", False),
        ("我怎么重置我的密码？", "我怎么重置密码？", True),
        ("我怎么重置我的密码？", "今天天气怎么样？", False),
        ("パスワードを忘れました。どうすればいいですか", "パスワードを忘れました、どうすればいい?", True),
        ("Hi", "Hi", True),
        ("Hi", "Bye", False),
    ],
)
def test_saying_nearly_the_same_again_is_asking_again(first: str, last: str, value: bool) -> None:
    assert value_of("talk.reask", chat(first, ("assistant", "…"), last)) is value


def test_what_was_said_once_is_not_asked_again() -> None:
    assert value_of("talk.reask", "How do I reset my password?") is False


def test_the_system_prompt_too_says_what_form_the_answer_has() -> None:
    body = chat(("system", "Reply only with one label. Return JSON."), "It is late")
    assert value_of("asks.exact", body) is True
    assert value_of("asks.json", body) is True


@pytest.mark.parametrize(
    ("form", "json", "schema"),
    [
        ({"type": "json_object"}, True, False),
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}, True, True),
        ({"type": "text"}, False, False),
    ],
)
def test_the_request_s_own_field_says_that_json_is_wanted(form: dict[str, Any], json: bool, schema: bool) -> None:
    facts = facts_of(chat("A list of birds", response_format=form))
    assert (facts.value("asks.json"), facts.value("asks.schema")) == (json, schema)


@pytest.mark.parametrize(
    ("text", "impact", "kinds"),
    [
        ("What is the capital of Peru?", "low", ()),
        ("Transfer funds to this IBAN", "high", ("money",)),
        ("Is my mortgage too high?", "medium", ("money",)),
        ("What dosage of ibuprofen is safe for a child?", "high", ("health",)),
        ("I feel dizzy, is that a symptom of pregnancy?", "medium", ("health",)),
        ("Please drop table users on the production database", "high", ("deletion", "production")),
        ("I want to die", "high", ("safety",)),
        ("Ich brauche einen Anwalt für meinen Mietvertrag", "medium", ("law",)),
        ("Lösche alle Nutzer unwiderruflich", "high", ("deletion",)),
        ("Faites un virement au fournisseur", "high", ("money",)),
        ("Quiero demandar a mi vecino", "high", ("law",)),
        ("Voglio morire", "high", ("safety",)),
        ("Tenho dor no peito", "high", ("health",)),
        ("请删除数据库里的全部用户，清空它", "high", ("deletion",)),
        ("この薬の用量を教えてください", "high", ("health",)),
    ],
)
def test_words_let_expect_what_is_at_stake(text: str, impact: str, kinds: tuple[str, ...]) -> None:
    facts = facts_of(text)
    assert (facts.value("stakes.impact"), facts.value("stakes.words")) == (impact, kinds)
    assert facts.value("stakes.stated") is False


@pytest.mark.parametrize(
    ("tool", "impact"),
    [
        ("transfer_funds", "high"),
        ("deleteUser", "high"),
        ("sendEmail", "medium"),
        ("get_weather", "low"),
        ("payee", "low"),
    ],
)
def test_names_of_tools_let_expect_it_too(tool: str, impact: str) -> None:
    body = chat("Go on", tools=[{"type": "function", "function": {"name": tool}}])
    assert value_of("stakes.impact", body) == impact


@pytest.mark.parametrize(
    ("said", "value", "confidence"),
    [(b"low", "low", 1.0), (b" HIGH ", "high", 1.0), (b"dire", "high", 0.6), (b"", "high", 0.6)],
)
def test_a_header_states_the_impact(said: bytes, value: Value, confidence: float) -> None:
    facts = facts_of("I want to die", headers={b"x-antiphon-impact": said})
    fact = facts.fact("stakes.impact")
    assert (fact.value, fact.confidence) == (value, confidence)
    assert facts.value("stakes.stated") is (confidence == 1.0)


@pytest.mark.parametrize(
    "text", ["the sauerkraut was sued", "grandiose loaned", "suicideboys fan", "ibanez guitar", "undosed"]
)
def test_words_within_words_tell_nothing(text: str) -> None:
    assert value_of("stakes.words", text) == ()
