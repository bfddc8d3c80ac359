"""What a call cost."""

from antiphon.core.deployment import Price
from antiphon.core.money import NanoUsd, amount
from antiphon.core.usage import Usage

BYTES_PER_TOKEN = 4
"""Of JSON in English, about. Source: OpenAI, "What are tokens and how to count them?", 4 characters of text."""


def cost(price: Price, usage: Usage) -> NanoUsd:
    """Price of what an attempt used, rounded up to a nano-dollar once."""
    cached = price.input if price.cached_input is None else price.cached_input
    written = price.input if price.cache_write is None else price.cache_write
    return amount(
        usage.fresh_input_tokens * price.input
        + usage.cached_tokens * cached
        + usage.cache_write_tokens * written
        + usage.output_tokens * price.output
        + price.call
    )


def bound(price: Price, input_bytes: int, output_tokens: int | None) -> NanoUsd | None:
    """The most that a call may cost: a token is at least one byte, so bytes bound the input.

    None when the output is unbounded.
    """
    if output_tokens is None:
        return None
    dearest = max(price.input, price.cached_input or 0, price.cache_write or 0)
    return amount(input_bytes * dearest + output_tokens * price.output + price.call)
