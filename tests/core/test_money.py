from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.money import NanoUsd, amount, as_usd, pico_per_token


@given(st.integers(0, 10**12))
def test_a_price_with_six_decimals_is_exact(millionths: int) -> None:
    assert pico_per_token(millionths / 1_000_000) == millionths


@pytest.mark.parametrize(
    ("usd", "pico"), [(2.5, 2_500_000), (0.15, 150_000), (0.075, 75_000), (0.000001, 1), (0.0, 0), (1e6, 10**12)]
)
def test_prices_as_providers_quote_them(usd: float, pico: int) -> None:
    assert pico_per_token(usd) == pico


@given(st.integers(0, 10**24))
def test_an_amount_is_the_next_whole_nano_dollar(pico: int) -> None:
    assert amount(pico) == ceil(Fraction(pico, 1000))


@given(st.integers(-(10**18), 10**18))
def test_an_amount_is_shown_exactly(nano: int) -> None:
    shown = as_usd(NanoUsd(nano))

    assert Decimal(shown) == Decimal(nano) / 10**9
    assert len(shown.partition(".")[2]) == 9
