from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from antiphon.core.deployment import Price, Service, Tier
from antiphon.core.usage import Usage
from antiphon.pricing.cost import bound, cost

PICO = st.integers(0, 10**9)
MAYBE = st.none() | PICO
TOKENS = st.integers(0, 10**6)
UNITS = st.integers(0, 10**4)
KINDS = (
    "cached_input",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "input_image",
    "reasoning",
    "output_audio",
    "output_image",
)
FLAT = st.builds(
    Price,
    input=PICO,
    output=PICO,
    call=PICO,
    image=PICO,
    search=PICO,
    audio_minute=PICO,
    character=PICO,
    **dict.fromkeys(KINDS, MAYBE),
)


@st.composite
def tiered(draw: DrawFn) -> Price:
    price = draw(FLAT)
    starts = sorted(draw(st.sets(st.integers(1, 10**6), max_size=3)))
    tiers = tuple(Tier(above_tokens=start, price=draw(FLAT)) for start in starts)
    services = tuple(Service(name=name, price=draw(FLAT)) for name in draw(st.sets(st.sampled_from(["flex", "fast"]))))
    return Price(
        **{name: getattr(price, name) for name in price.__struct_fields__} | {"tiers": tiers, "services": services}
    )


@st.composite
def usages(draw: DrawFn, most_input: int = 10**6, most_output: int = 10**6) -> Usage:
    """Of which every part is within its total."""
    total, written_out = draw(st.integers(0, most_input)), draw(st.integers(0, most_output))
    cached = draw(st.integers(0, total))
    written = draw(st.integers(0, total - cached))
    fresh = total - cached - written
    sound = draw(st.integers(0, fresh))
    spoken = draw(st.integers(0, written_out))
    drawn = draw(st.integers(0, written_out - spoken))
    return Usage(
        input_tokens=total,
        output_tokens=written_out,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=draw(st.integers(0, written)),
        input_audio_tokens=sound,
        input_image_tokens=draw(st.integers(0, fresh - sound)),
        output_audio_tokens=spoken,
        output_image_tokens=drawn,
        reasoning_tokens=draw(st.integers(0, written_out - spoken - drawn)),
    )


@st.composite
def units(draw: DrawFn) -> Usage:
    names = ("searches", "images", "audio_ms", "characters")
    return Usage(**{name: draw(UNITS) for name in names})


def first(*prices: int | None) -> int:
    return next(price for price in prices if price is not None)


def exact(price: Price, usage: Usage) -> Fraction:
    """Nano-dollars, as a person would work them out from the price list."""
    write = first(price.cache_write, price.input)
    plain_input = (
        usage.input_tokens
        - usage.cached_tokens
        - usage.cache_write_tokens
        - usage.input_audio_tokens
        - usage.input_image_tokens
    )
    plain_output = usage.output_tokens - usage.output_audio_tokens - usage.output_image_tokens - usage.reasoning_tokens
    pico = (
        price.call
        + plain_input * price.input
        + usage.cached_tokens * first(price.cached_input, price.input)
        + (usage.cache_write_tokens - usage.cache_write_1h_tokens) * write
        + usage.cache_write_1h_tokens * first(price.cache_write_1h, write)
        + usage.input_audio_tokens * first(price.input_audio, price.input)
        + usage.input_image_tokens * first(price.input_image, price.input)
        + plain_output * price.output
        + usage.output_audio_tokens * first(price.output_audio, price.output)
        + usage.output_image_tokens * first(price.output_image, price.output)
        + usage.reasoning_tokens * first(price.reasoning, price.output)
        + usage.searches * price.search
        + usage.images * price.image
        + usage.characters * price.character
        + Fraction(usage.audio_ms * price.audio_minute, 60_000)
    )
    return Fraction(pico) / 1000


@given(FLAT, usages(), units())
def test_a_cost_is_exact_up_to_one_rounding_up(price: Price, usage: Usage, beside: Usage) -> None:
    assert cost(price, usage + beside) == ceil(exact(price, usage + beside))


@given(FLAT, usages())
def test_a_cost_of_tokens_alone_is_exact_too(price: Price, usage: Usage) -> None:
    assert cost(price, usage) == ceil(exact(price, usage))


@given(
    tiered(), st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, TOKENS)), st.sampled_from(["", "fast", "odd"])
)
def test_no_usage_costs_less_than_nothing_however_odd_it_is(price: Price, usage: Usage, service: str) -> None:
    assert cost(price, usage, service) >= 0


@given(FLAT, usages(), usages(), units(), units())
def test_within_a_tier_costs_add_up_but_for_the_calls_and_the_rounding(
    price: Price, one: Usage, other: Usage, some: Usage, more: Usage
) -> None:
    one, other = one + some, other + more
    apart = cost(price, one) + cost(price, other)
    together = cost(price, one + other) + Fraction(price.call, 1000)

    assert -1 < apart - together < 2


@given(FLAT, usages(), usages())
def test_more_never_costs_less(price: Price, one: Usage, more: Usage) -> None:
    assert cost(price, one + more) >= cost(price, one)


@given(tiered(), usages())
def test_every_token_is_billed_by_the_tier_of_the_whole_input(price: Price, usage: Usage) -> None:
    table = price
    for tier in price.tiers:
        if usage.input_tokens > tier.above_tokens:
            table = tier.price

    assert cost(price, usage) == ceil(exact(table, usage))


@given(tiered(), st.data())
def test_no_usage_within_the_bounds_costs_more_than_the_bound(price: Price, data: st.DataObject) -> None:
    input_tokens, output_tokens = data.draw(TOKENS), data.draw(TOKENS)
    usage, most_units = data.draw(usages(input_tokens, output_tokens)), data.draw(units())
    service = data.draw(st.sampled_from(["", "flex", "fast"]))

    most = bound(price, input_tokens, output_tokens, most_units)

    assert most is not None
    assert cost(price, usage, service) <= cost(price, usage + most_units, service) <= most


@given(FLAT, TOKENS)
def test_a_bound_is_reached_by_the_dearest_use(price: Price, tokens: int) -> None:
    inputs = ({}, {"cached_tokens": tokens}, {"cache_write_tokens": tokens}, {"input_audio_tokens": tokens})
    inputs += ({"input_image_tokens": tokens}, {"cache_write_tokens": tokens, "cache_write_1h_tokens": tokens})
    outputs = ({}, {"reasoning_tokens": tokens}, {"output_audio_tokens": tokens}, {"output_image_tokens": tokens})
    kinds = [Usage(input_tokens=tokens, output_tokens=tokens, **read, **said) for read in inputs for said in outputs]

    assert bound(price, tokens, tokens) == max(cost(price, usage) for usage in kinds)


@given(tiered(), TOKENS)
def test_an_output_without_bound_has_no_bound(price: Price, input_bytes: int) -> None:
    assert bound(price, input_bytes, None) is None


def test_a_bound_for_one_grade_of_service_leaves_the_dearer_ones_out() -> None:
    price = Price(
        input=1_000_000, output=0, services=(Service(name="priority", price=Price(input=2_000_000, output=0)),)
    )

    assert [bound(price, 1000, 0, service=name) for name in ("", "priority", None)] == [1_000_000, 2_000_000, 2_000_000]


def test_a_shorter_prompt_may_be_the_dearer_one_so_a_bound_looks_at_each_tier() -> None:
    price = Price(input=10_000_000, output=0, tiers=(Tier(above_tokens=1000, price=Price(input=1_000_000, output=0)),))

    assert bound(price, 1001, 0) == cost(price, Usage(input_tokens=1000))


# --- as providers bill, by their own pages

GPT_4O = Price(input=2_500_000, output=10_000_000, cached_input=1_250_000)
"""2.50 $, 10 $, cached 1.25 $ a million. Source: developers.openai.com/api/docs/pricing, 2026-11."""
SONNET = Price(
    input=3_000_000, output=15_000_000, cached_input=300_000, cache_write=3_750_000, cache_write_1h=6_000_000,
    search=10_000_000_000,
)  # fmt: skip
"""3 $, 15 $; written 1.25 and 2 times, read a tenth; 10 $ a thousand searches. Source:
platform.claude.com/docs/en/about-claude/pricing, 2026-11."""
GEMINI_PRO = Price(
    input=1_250_000, output=10_000_000, cached_input=125_000,
    tiers=(Tier(above_tokens=200_000, price=Price(input=2_500_000, output=15_000_000, cached_input=250_000)),),
)  # fmt: skip
"""Twice, and 1.5 times, for prompts above 200,000 tokens. Source: ai.google.dev/gemini-api/docs/pricing, 2026-11."""
O3 = Price(
    input=2_000_000, output=8_000_000, services=(Service(name="flex", price=Price(input=1_000_000, output=4_000_000)),)
)
"""Half for flex. Source: developers.openai.com/api/docs/pricing, 2026-11."""
AUDIO = Price(input=2_500_000, output=10_000_000, input_audio=32_000_000, output_audio=64_000_000)
"""gpt-audio. Source: the same."""
WHISPER = Price(input=0, output=0, audio_minute=6_000_000_000)
"""0.006 $ a minute. Source: the same."""
SPEECH = Price(input=0, output=0, character=15_000_000)
"""tts-1, 15 $ a million characters. Source: the same."""


@pytest.mark.parametrize(
    ("price", "usage", "service", "nano_usd", "why"),
    [
        (
            GPT_4O,
            Usage(input_tokens=1000, cached_tokens=400, output_tokens=500, reasoning_tokens=100),
            "",
            7_000_000,
            "600 * 2.5 + 400 * 1.25 + 500 * 10 millionths",
        ),
        (
            SONNET,
            Usage(input_tokens=2100, cached_tokens=2000, output_tokens=100),
            "",
            2_400_000,
            "100 * 3 + 2000 * 0.3 + 100 * 15",
        ),
        (
            SONNET,
            Usage(input_tokens=1000, cache_write_tokens=1000, cache_write_1h_tokens=400, searches=2),
            "",
            24_650_000,
            "600 * 3.75 + 400 * 6 + 2 * 10,000",
        ),
        (GEMINI_PRO, Usage(input_tokens=200_000, output_tokens=1000), "", 260_000_000, "at the edge: 0.25 $ + 0.01 $"),
        (GEMINI_PRO, Usage(input_tokens=200_001, output_tokens=1000), "", 515_002_500, "all of it at the higher price"),
        (O3, Usage(input_tokens=1_000_000, output_tokens=1_000_000), "flex", 5_000_000_000, "1 $ + 4 $"),
        (O3, Usage(input_tokens=1_000_000, output_tokens=1_000_000), "default", 10_000_000_000, "2 $ + 8 $"),
        (
            AUDIO,
            Usage(input_tokens=300, input_audio_tokens=200, output_tokens=120, output_audio_tokens=100),
            "",
            13_250_000,
            "100 * 2.5 + 200 * 32 + 20 * 10 + 100 * 64",
        ),
        (WHISPER, Usage(audio_ms=90_000), "", 9_000_000, "a minute and a half"),
        (WHISPER, Usage(audio_ms=1), "", 100, "a millisecond"),
        (SPEECH, Usage(characters=1000), "", 15_000_000, "0.015 $"),
    ],
)
def test_a_call_costs_what_its_providers_page_says(
    price: Price, usage: Usage, service: str, nano_usd: int, why: str
) -> None:
    assert cost(price, usage, service) == nano_usd, why


def test_sound_that_must_have_come_from_the_cache_is_not_paid_for_twice() -> None:
    usage = Usage(input_tokens=1000, cached_tokens=900, input_audio_tokens=500)

    assert cost(Price(input=1_000_000, output=0, cached_input=0, input_audio=10_000_000), usage) == 1_000_000
