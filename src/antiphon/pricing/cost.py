"""What a call cost, and the most that it may cost."""

from functools import lru_cache

from antiphon.core.deployment import Price
from antiphon.core.money import NanoUsd, amount
from antiphon.core.usage import Usage

PICO_MS = 60_000
"""Milliseconds in the minute that sound is priced by."""


def cost(price: Price, usage: Usage, service: str = "") -> NanoUsd:
    """Price of what an attempt used, rounded up to a nano-dollar once.

    Args:
        service: The grade of service that the upstream says it gave; one without prices of its own costs the usual.
    """
    if price.services and service:
        price = served(price, service)
    if price.tiers:
        price = tier(price, usage.input_tokens)
    cached_tokens, written_tokens = usage.cached_tokens, usage.cache_write_tokens
    fresh_tokens = usage.input_tokens - cached_tokens - written_tokens
    cached, written = price.cached_input, price.cache_write
    fixed = (
        cached_tokens * (price.input if cached is None else cached)
        + written_tokens * (price.input if written is None else written)
        + price.call
    )
    if _plain(price, usage):
        return amount(max(fresh_tokens, 0) * price.input + usage.output_tokens * price.output + fixed)
    return _rounded(
        fixed + _hour(price, usage) + _input(price, usage, fresh_tokens) + _output(price, usage), price, usage
    )


def likely(price: Price, input_tokens: int, output_tokens: int) -> NanoUsd:
    """Price of so much text, none of it cached."""
    if price.tiers:
        price = tier(price, input_tokens)
    return amount(input_tokens * price.input + output_tokens * price.output + price.call)


def _plain(price: Price, usage: Usage) -> bool:
    """Whether only text was used, all of it priced as text."""
    return not (
        usage.input_audio_tokens
        or usage.input_image_tokens
        or usage.output_audio_tokens
        or usage.output_image_tokens
        or usage.cache_write_1h_tokens
        or usage.searches
        or usage.images
        or usage.audio_ms
        or usage.characters
        or (price.reasoning is not None and usage.reasoning_tokens)
    )


def _hour(price: Price, usage: Usage) -> int:
    """What was written to the cache for an hour costs more than for the usual time by this."""
    if price.cache_write_1h is None:
        return 0
    usual = price.input if price.cache_write is None else price.cache_write
    return min(usage.cache_write_1h_tokens, usage.cache_write_tokens) * (price.cache_write_1h - usual)


def _input(price: Price, usage: Usage, fresh_tokens: int) -> int:
    """Fresh input. Nobody says how much of the sound and the images came from the cache: they are taken to be fresh."""
    kinds = ((usage.input_audio_tokens, price.input_audio), (usage.input_image_tokens, price.input_image))
    return _split(max(fresh_tokens, 0), price.input, kinds)


def _output(price: Price, usage: Usage) -> int:
    kinds = (
        (usage.output_audio_tokens, price.output_audio),
        (usage.output_image_tokens, price.output_image),
        (usage.reasoning_tokens, price.reasoning),
    )
    return _split(usage.output_tokens, price.output, kinds)


def _split(total: int, each: int, kinds: tuple[tuple[int, int | None], ...]) -> int:
    """Price of a total of which some kinds have prices of their own; no token is paid for twice."""
    out, rest = 0, total
    for tokens, own in kinds:
        if tokens and own is not None:
            taken = min(tokens, rest)
            rest -= taken
            out += taken * own
    return out + rest * each


def _rounded(tokens_pico_usd: int, price: Price, usage: Usage) -> NanoUsd:
    """Tokens and units, rounded up once. Sound is priced by the minute, so its milliseconds are divided last."""
    pico_usd = (
        tokens_pico_usd
        + usage.searches * price.search
        + usage.images * price.image
        + usage.characters * price.character
    )
    if not usage.audio_ms:
        return amount(pico_usd)
    return NanoUsd(-(-(pico_usd * PICO_MS + usage.audio_ms * price.audio_minute) // (1000 * PICO_MS)))


def served(price: Price, service: str) -> Price:
    """Prices of a grade of service; the usual ones where it has none."""
    for one in price.services:
        if one.name == service:
            return one.price
    return price


def tier(price: Price, input_tokens: int) -> Price:
    """Prices of a prompt of this length."""
    for one in reversed(price.tiers):
        if input_tokens > one.above_tokens:
            return one.price
    return price


def bound(
    price: Price, input_tokens: int, output_tokens: int | None, units: Usage | None = None, service: str | None = None
) -> NanoUsd | None:
    """The most that a call may cost.

    Args:
        input_tokens: The most that it can read, such as the bytes of its text: a token is at least one byte.
        output_tokens: The most that it can write; None: nothing bounds it.
        units: The most searches, images, milliseconds and characters; None: none of them can be used.
        service: The grade of service it can get; None: any, so the dearest counts.
    Returns: None when the output is unbounded.
    """
    if output_tokens is None:
        return None
    if units is None and not price.tiers and not price.services:
        read, written = _dearest(price)
        return amount(input_tokens * read + output_tokens * written + price.call)
    tables = (price, *(one.price for one in price.services)) if service is None else (served(price, service),)
    return max([_most(table, input_tokens, output_tokens, units) for table in tables])


def _most(price: Price, input_tokens: int, output_tokens: int, units: Usage | None) -> NanoUsd:
    """The most by one table. A shorter prompt can be the dearer one, so each tier is filled to its end."""
    dearest = 0
    starts = [0, *(one.above_tokens for one in price.tiers)]
    ends = [*(one.above_tokens for one in price.tiers), input_tokens]
    for table, start, end in zip((price, *(one.price for one in price.tiers)), starts, ends, strict=True):
        if start and input_tokens <= start:
            break
        tokens = min(end, input_tokens) * dearest_input(table) + output_tokens * dearest_output(table) + table.call
        dearest = max(dearest, _rounded(tokens, table, units or _NOTHING))
    return NanoUsd(dearest)


@lru_cache(maxsize=1024)
def _dearest(price: Price) -> tuple[int, int]:
    """The most that one token of input and one of output may cost; kept, since it is asked before every attempt."""
    return dearest_input(price), dearest_output(price)


def dearest_input(price: Price) -> int:
    """The most that one token of input may cost, tiers aside."""
    written_1h = price.cache_write_1h or 0
    return max(
        price.input,
        price.cached_input or 0,
        price.cache_write or 0,
        written_1h,
        price.input_audio or 0,
        price.input_image or 0,
    )


def dearest_output(price: Price) -> int:
    """The most that one token of output may cost, tiers aside."""
    return max(price.output, price.reasoning or 0, price.output_audio or 0, price.output_image or 0)


_NOTHING = Usage()
