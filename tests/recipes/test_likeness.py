import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.recipes.likeness import likeness, medoid

TEXTS = st.text(max_size=60)


@given(TEXTS, TEXTS)
def test_likeness_is_a_fraction_the_same_both_ways_and_1_of_a_text_to_itself(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, other) == pytest.approx(likeness(other, one))
    assert likeness(one, one) == pytest.approx(1)
    assert likeness(one, f"  {one.upper()}\n") == pytest.approx(likeness(one, one.upper()))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["only"], 0),
        (["same", "same"], 0),
        (["猫が好きです。", "犬が嫌いだ", "猫がとても好きです。"], 0),
        (["x y z", "The cat sat.", "The cat sat down."], 1),
        (["", "a b c d", "a b c e"], 1),
    ],
)
def test_the_text_most_like_all_others_is_found_and_the_first_of_equals(texts: list[str], found: int) -> None:
    assert medoid(texts)[0] == found


@given(st.lists(TEXTS, min_size=1, max_size=6), st.data())
def test_the_order_of_texts_changes_nothing_but_which_of_equals_is_found(texts: list[str], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(texts))

    assert medoid(texts)[1] == pytest.approx(medoid(mixed)[1])
    assert 0 <= medoid(texts)[1] <= 1 + 1e-9


def test_weights_count() -> None:
    texts = ["The cat sat.", "The cat sat down.", "Dogs bark loudly.", "Dogs bark."]

    assert medoid(texts, [1, 1, 9, 9])[0] in {2, 3}
    assert medoid(texts, [9, 9, 1, 1])[0] in {0, 1}


def test_no_text_is_no_answer() -> None:
    with pytest.raises(ValueError, match="no texts"):
        medoid([])
