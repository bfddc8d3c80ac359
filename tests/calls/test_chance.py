from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.chance import SEEDS, drawn, mixed, pair, rank

SEED = st.integers(0, SEEDS - 1)
NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=6, unique=True)


@given(SEED, st.integers(0, 2**64 - 1))
def test_what_looks_like_chance_lies_between_0_and_1(seed: int, salt: int) -> None:
    assert 0 < mixed(seed, salt) < 1
    assert mixed(seed, salt) == mixed(seed, salt)


def test_neighbouring_seeds_and_salts_are_spread_evenly() -> None:
    by_seed = Counter(int(mixed(seed, 7) * 10) for seed in range(20_000))
    by_salt = Counter(int(mixed(7, salt) * 10) for salt in range(20_000))

    assert all(1_800 < count < 2_200 for count in (*by_seed.values(), *by_salt.values()))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_a_draw_falls_where_the_fraction_points(weights: list[float], fraction: float) -> None:
    index = drawn(weights, fraction)

    point = fraction * sum(weights)
    assert sum(weights[:index]) <= point * 1.000001 + 1e-9
    assert sum(weights[: index + 1]) >= point * 0.999999 - 1e-9


@given(st.floats(0, 1, exclude_max=True))
def test_a_draw_never_falls_on_nothing(fraction: float) -> None:
    assert drawn([0.0, 1.0, 0.0, 2.0, 0.0], fraction) in {1, 3}


def test_the_least_of_weights_is_drawn_too() -> None:
    assert drawn([5e-324], 0.9) == 0


@given(SEED, st.integers(2, 20))
def test_a_pair_is_two_different_ones(seed: int, count: int) -> None:
    first, second = pair(seed, count)

    assert first != second
    assert 0 <= first < count
    assert 0 <= second < count


@given(st.integers(2, 12))
def test_each_pair_is_as_likely_as_any(count: int) -> None:
    pairs = Counter(pair(seed, count) for seed in range(count * (count - 1)))

    assert len(pairs) == count * (count - 1)


@given(SEED, NAMES, st.data())
def test_taking_a_name_away_leaves_the_others_order(seed: int, names: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(names))
    order = sorted(names, key=lambda name: rank(seed, name, 1.0))

    left = sorted((name for name in names if name != gone), key=lambda name: rank(seed, name, 1.0))

    assert left == [name for name in order if name != gone]


def test_who_comes_first_is_shared_by_weight() -> None:
    weights = {"a": 1.0, "b": 2.0, "c": 5.0}

    first = Counter(min(weights, key=lambda name: rank(seed, name, weights[name])) for seed in range(8_000))

    assert [first[name] / 1_000 for name in weights] == pytest.approx([1, 2, 5], rel=0.1)
