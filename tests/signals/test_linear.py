"""The arithmetic of the small models."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.signals.linear import ZERO, Linear, written

NAMES = ("a", "b", "c")
weight = st.integers(-128, 127)
rows = st.dictionaries(st.sampled_from("klmnop"), st.tuples(weight, weight, weight), min_size=1)


def model(weights: dict[str, tuple[int, int, int]], **more: object) -> Linear:
    flat = bytes(ZERO + one for row in weights.values() for one in row)
    rest = {"source": "a test", "names": NAMES, "bias": (0.5, 0.0, -1.0), "scale": 0.25} | more
    return Linear(written(list(weights), flat, **rest))


@given(rows, st.lists(st.sampled_from("klmnopq"), max_size=300))
def test_scores_are_the_sums_of_the_weights(weights: dict[str, tuple[int, int, int]], tokens: list[str]) -> None:
    known, scores = model(weights).scores(tokens)
    found = [weights[token] for token in tokens if token in weights]
    assert known == len(found)
    for at, bias in enumerate((0.5, 0.0, -1.0)):
        assert scores[at] == pytest.approx(bias + 0.25 * sum(row[at] for row in found))


def test_chances_are_cooled() -> None:
    weights = {"k": (4, 0, -4)}
    _, plain = model(weights).chances(["k"])
    grown = [exp(1.5), 1.0, exp(-2.0)]
    assert plain == pytest.approx([one / sum(grown) for one in grown])
    _, cooled = model(weights, cooling=2.0).chances(["k"])
    assert max(cooled) < max(plain)
    _, rooted = model(weights, rooted=True).chances(["k"] * 4)
    _, whole = model(weights).chances(["k"] * 4)
    assert max(rooted) < max(whole)


def test_nothing_known_is_no_class() -> None:
    assert model({"k": (1, 2, 3)}).best(["x"]) == ("", 0.0)
    assert model({"k": (1, 2, 9)}).best(["k"])[0] == "c"
