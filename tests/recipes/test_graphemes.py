"""Held against the segmentation of the package `regex`, which follows Unicode's own test file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.recipes.graphemes import at_or_after, at_or_before, starts

regex = pytest.importorskip("regex", reason="the package regex, which tiktoken brings, is not installed")

NAMED = (
    "\u200d\u200c\ufe0f\u0301\u0308\u20e3\u0e33\u0eb3\u0903\u093f\u094d\u0915\u0937\u0924\u0bbe\u1100\u1161\u11a8\uac00"
    "\uac01\u1112\ua960\ud7b0\ud7cb\u2764\u0600\u06dd\u070f\uff9e\uff9f\u00ad\u2028\r\n\U0001f1e6\U0001f1e7\U0001f468"
    "\U0001f469\U0001f466\U0001f3fd\U0001f3f4\U000e0067\U000e007f\U000110bd中あ1#*a "
)
TEXTS = st.text(st.sampled_from(NAMED) | st.characters(exclude_categories=["Cs", "Cn"]), max_size=12)


@given(TEXTS)
@settings(max_examples=500)
def test_a_text_is_cut_nowhere_but_between_whole_characters(text):
    ends = {0, *(found.end() for found in regex.finditer(r"\X", text))}

    assert {place for place in range(len(text) + 1) if starts(text, place)} <= ends


@given(text=TEXTS, place=st.integers(-3, 20))
def test_the_nearest_place_is_one_to_cut_at(text, place):
    after, before = at_or_after(text, place), at_or_before(text, place)

    assert starts(text, after)
    assert starts(text, before)
    assert before <= max(0, min(place, len(text))) <= after


def test_a_run_of_nothing_but_marks_is_cut_all_the_same():
    text = "a" + "\u0301" * 500

    assert at_or_after(text, 100) == 100
    assert at_or_before(text, 200) == 200
