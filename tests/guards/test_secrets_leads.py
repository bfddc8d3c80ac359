"""What leads from a name to its value is matched by Python's own engine in linear bounds, and reads as RE2 does."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.guards import secrets
from antiphon.guards.secrets_rules import compiled

PIECES = st.sampled_from(
    [
        *"aZ9_.-\t\n\x0b\x0c\r\x1c\x85\u00a0\u2003\"'`]:=|>",
        *(
            " ",
            "  ",
            "->",
            "=>",
            "is ",
            ",",
            "value=",
            "Some(",
            "String(",
            "bearer",
            "BaSic",
            "to\u212aen",
            "ba\u017fic",
        ),
        *("key", "digest", "apikey", "\u00e9", "\u00df", "\U0001f600", "key is", " called", "[:]"),
    ]
)
TEXTS = st.lists(PIECES, max_size=20).map("".join)


@pytest.mark.parametrize("pattern", [secrets._VALUE, secrets._HEADER], ids=["value", "header"])
@given(text=TEXTS)
def test_both_engines_find_the_same(pattern: re.Pattern[str], text: str) -> None:
    ours, linear = pattern.match(text), compiled(pattern.pattern).match(text)

    assert (ours and ours.end()) == (linear and linear.end())
