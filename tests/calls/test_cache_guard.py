"""Which texts may count as the same, by their words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.cache_guard import agree, worded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "How can I reset my password?"),
        ("What's the capital of France?", "what is the capital of France"),
        ("Please sum it up.", "Sum it up, please."),
        ("I'm stuck. How do I log in?", "I am stuck: how do I log in?"),
    ],
)
def test_a_wording_of_the_same_agrees(one: str, other: str) -> None:
    assert agree(worded(one), worded(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refund order 41.", "Refund order 42."),
        ("Is it 1.5 or more?", "Is it 15 or more?"),
        ("Is it safe?", "Is it not safe?"),
        ("Does it cover theft?", "Doesn't it cover theft?"),
        ("Does it cover theft?", "Doesn’t it cover theft?"),
        ("Ist das erlaubt?", "Ist das nicht erlaubt?"),
        ('Translate "good morning".', 'Translate "good night".'),
        ("Translate 'good morning'.", "Translate 'good night'."),
        ("Translate „guten Morgen“.", "Translate „gute Nacht“."),
        ("Do you ship to Canada?", "Do you ship to Mexico?"),
        ("what is the capital of Österreich", "what is the capital of Ungarn"),
        ("次の文を要約して", "次の文を翻訳して"),
        ("Call parse_date now.", "Call parse_time now."),
        ("Mail ann@x.test.", "Mail bob@x.test."),
        ("How do I turn it on?", "How do I turn it off?"),
        ("from savings to checking", "from checking to savings"),
        ("Does Alice report to Bob?", "Does Bob report to Alice?"),
        ("Enable the alarm.", "Disable the alarm."),
        ("Is there one?", "Are there two?"),
    ],
)
def test_what_turns_an_answer_round_does_not(one: str, other: str) -> None:
    assert not agree(worded(one), worded(other))
    assert not agree(worded(other), worded(one))


@given(st.text(max_size=200))
def test_every_text_agrees_with_itself(text: str) -> None:
    assert agree(worded(text), worded(text))


@given(st.text(max_size=60), st.text(max_size=60))
def test_agreeing_goes_both_ways(one: str, other: str) -> None:
    assert agree(worded(one), worded(other)) == agree(worded(other), worded(one))
