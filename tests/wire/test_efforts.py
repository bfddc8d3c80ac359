import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.content import Content, Sampling
from antiphon.wire.efforts import TOKENS, effort_of, thoughts_wanted, tokens_of


@pytest.mark.parametrize("effort", TOKENS)
def test_an_effort_comes_back_from_its_tokens(effort: str) -> None:
    assert effort_of(tokens_of(effort)) == effort


@pytest.mark.parametrize(
    ("tokens", "effort"),
    [
        (-1, "medium"),
        (0, "none"),
        (1, "minimal"),
        (1023, "minimal"),
        (2047, "minimal"),
        (2048, "low"),
        (4096, "low"),
        (8191, "low"),
        (8192, "medium"),
        (24_575, "medium"),
        (24_576, "high"),
        (63_999, "xhigh"),
        (10**9, "max"),
    ],
)
def test_a_budget_is_the_greatest_effort_within_it(tokens: int, effort: str) -> None:
    assert effort_of(tokens) == effort


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_more_tokens_are_never_less_effort(tokens: int, more: int) -> None:
    assert TOKENS[effort_of(tokens)] <= TOKENS[effort_of(tokens + more)]


def test_a_word_that_is_not_known_counts_as_medium() -> None:
    assert tokens_of("ultra") == tokens_of("medium")


@pytest.mark.parametrize(
    ("dialect", "sampling", "wanted"),
    [
        ("anthropic_messages", Sampling(reasoning_tokens=1024), True),
        ("anthropic_messages", Sampling(reasoning_tokens=1024, reasoning_shown=False), False),
        ("anthropic_messages", Sampling(), None),
        ("gemini", Sampling(reasoning_tokens=1024), None),
        ("gemini", Sampling(reasoning_shown=True), True),
    ],
)
def test_anthropics_callers_are_told_of_thoughts_where_they_ask_to_think(
    dialect: str, sampling: Sampling, wanted: bool | None
) -> None:
    assert thoughts_wanted(Content(dialect=dialect, messages=(), sampling=sampling)) is wanted  # type: ignore[arg-type]
