import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.principal import Principal

NAMES = st.text(min_size=1, max_size=6)


def asking(*models: str) -> Principal:
    return Principal(tenant="t", key="k", models=models)


@pytest.mark.parametrize(
    ("models", "model", "allowed"),
    [
        (("*",), "anything", True),
        (("gpt-*",), "gpt-4o", True),
        (("gpt-*",), "gpt-", True),
        (("gpt-*",), "gpt", False),
        (("gpt-*",), "my-gpt-4o", False),
        (("gpt-4o",), "gpt-4o", True),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("gpt-4o",), "GPT-4O", False),
        (("a", "b*"), "bc", True),
        ((), "gpt-4o", False),
        (("a.c",), "abc", False),
        (("a*c",), "abc", False),
        (("a*c",), "a*d", False),
        (("a*c",), "a*c", True),
    ],
)
def test_a_star_at_the_end_stands_for_any_ending(models: tuple[str, ...], model: str, allowed: bool) -> None:
    assert asking(*models).may_ask(model) is allowed


@given(NAMES, NAMES)
def test_a_prefix_allows_exactly_what_begins_with_it(prefix: str, name: str) -> None:
    assert asking(f"{prefix}*").may_ask(name) == name.startswith(prefix)


def test_a_key_may_ask_for_everything_unless_told() -> None:
    assert Principal(tenant="t", key="k").may_ask("gpt-4o")
