from fractions import Fraction
from math import ceil

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from antiphon.core.deployment import Price
from antiphon.core.usage import Usage
from antiphon.pricing.cost import bound, cost

PICO = st.integers(0, 10**9)
MAYBE = st.none() | PICO
PRICES = st.builds(Price, input=PICO, output=PICO, cached_input=MAYBE, cache_write=MAYBE, call=PICO)
TOKENS = st.integers(0, 10**6)


@st.composite
def usages(draw: DrawFn, most_input: int = 10**6, most_output: int = 10**6) -> Usage:
    total = draw(st.integers(0, most_input))
    cached = draw(st.integers(0, total))
    return Usage(
        input_tokens=total,
        output_tokens=draw(st.integers(0, most_output)),
        cached_tokens=cached,
        cache_write_tokens=draw(st.integers(0, total - cached)),
        reasoning_tokens=draw(TOKENS),
    )


def exact(price: Price, usage: Usage) -> Fraction:
    """Nano-dollars, as a person would work them out from the price list."""
    fresh = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    cached = price.cached_input if price.cached_input is not None else price.input
    written = price.cache_write if price.cache_write is not None else price.input
    pico = (
        Fraction(price.call)
        + Fraction(price.input) * fresh
        + Fraction(cached) * usage.cached_tokens
        + Fraction(written) * usage.cache_write_tokens
        + Fraction(price.output) * usage.output_tokens
    )
    return pico / 1000


@given(PRICES, usages())
def test_a_cost_is_exact_up_to_one_rounding_up(price: Price, usage: Usage) -> None:
    assert cost(price, usage) == ceil(exact(price, usage))


@given(PRICES, st.data())
def test_no_usage_within_the_bounds_costs_more_than_the_bound(price: Price, data: st.DataObject) -> None:
    input_bytes, output_tokens = data.draw(st.integers(0, 10**6)), data.draw(st.integers(0, 10**6))
    usage = data.draw(usages(input_bytes, output_tokens))

    most = bound(price, input_bytes, output_tokens)

    assert most is not None
    assert cost(price, usage) <= most


@given(PRICES, TOKENS)
def test_a_bound_is_reached_by_the_dearest_use(price: Price, tokens: int) -> None:
    kinds = [
        Usage(input_tokens=tokens, output_tokens=tokens),
        Usage(input_tokens=tokens, output_tokens=tokens, cached_tokens=tokens),
        Usage(input_tokens=tokens, output_tokens=tokens, cache_write_tokens=tokens),
    ]

    assert bound(price, tokens, tokens) == max(cost(price, usage) for usage in kinds)


@given(PRICES, TOKENS)
def test_an_output_without_bound_has_no_bound(price: Price, input_bytes: int) -> None:
    assert bound(price, input_bytes, None) is None


def test_a_call_as_providers_bill_it() -> None:
    """2.50 $ and 10 $ a million, cached at half: 1000 in of which 400 cached, 500 out."""
    price = Price(input=2_500_000, output=10_000_000, cached_input=1_250_000)

    charged = cost(price, Usage(input_tokens=1000, cached_tokens=400, output_tokens=500))

    assert charged == 7_000_000, "0.007 $: 600 * 2.5 + 400 * 1.25 + 500 * 10 millionths"
