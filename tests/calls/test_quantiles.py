from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.quantiles import REFRESH_S, Quantiles

SECONDS = st.floats(0.0011, 3000)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_a_quantile_is_off_by_under_five_percent(values: list[float], q: float) -> None:
    quantiles = Quantiles(300, 1, 0.0)
    for value in values:
        quantiles.add(value, 1.0)

    told = quantiles.read(q, 1.0)

    rank = q * (len(values) - 1)
    near = {sorted(values)[floor(rank)], sorted(values)[ceil(rank)]}
    assert told is not None
    assert any(told == pytest.approx(value, rel=0.05) for value in near)


def test_too_few_values_have_no_quantile() -> None:
    quantiles = Quantiles(300, 3, 0.0)
    quantiles.add(1, 0.0)
    quantiles.add(1, 0.0)
    assert quantiles.read(0.5, 0.0) is None

    quantiles.add(1, 0.0)

    assert quantiles.read(0.5, 0.0) == pytest.approx(1, rel=0.05)


@given(st.lists(st.tuples(st.floats(0, 100), SECONDS), max_size=50), st.floats(0, 400))
def test_what_is_older_than_the_window_is_forgotten(steps: list[tuple[float, float]], later_s: float) -> None:
    quantiles, now_s, at = Quantiles(60, 1, 0.0), 0.0, list[float]()
    for wait_s, value in steps:
        now_s += wait_s
        quantiles.add(value, now_s)
        at.append(now_s)
    now_s += later_s

    told = quantiles.read(0.5, now_s)

    assert quantiles.count <= sum(now_s - then <= 60.001 for then in at)
    assert quantiles.count >= sum(now_s - then < 49.999 for then in at)
    assert (told is None) == (quantiles.count == 0)


def test_a_quantile_is_looked_up_again_after_a_while() -> None:
    quantiles = Quantiles(300, 1, 0.0)
    quantiles.add(1, 0.0)
    first = quantiles.read(0.5, 0.0)
    for _ in range(9):
        quantiles.add(50, 0.0)

    assert quantiles.read(0.5, REFRESH_S / 2) == first
    assert quantiles.read(0.5, REFRESH_S) == pytest.approx(50, rel=0.05)


def test_values_beyond_its_range_stay_in_its_last_buckets() -> None:
    quantiles = Quantiles(300, 1, 0.0)
    quantiles.add(0.0, 0.0)
    quantiles.add(1e9, 0.0)
    quantiles.add(1e9, 0.0)

    assert quantiles.read(0.01, 0.0) == pytest.approx(0.001, rel=0.05)
    assert (quantiles.read(0.99, 0.0) or 0) > 3600
