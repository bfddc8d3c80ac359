"""Money as an integer number of nano-dollars."""

from typing import NewType

NanoUsd = NewType("NanoUsd", int)
"""US dollars times 10**9. Integers only: sums are exact in any order."""

NANO_PER_USD = 1_000_000_000


def pico_per_token(usd_per_million_tokens: float) -> int:
    """Price of one token in pico-dollars (10**-12 USD), exact for prices with up to six decimals.

    Providers quote dollars per million tokens, and cheap models cost less than one nano-dollar a
    token, so a price is kept one thousand times finer than an amount.
    """
    return round(usd_per_million_tokens * 1_000_000)


def amount(pico_usd: int) -> NanoUsd:
    """Round a pico-dollar sum up to whole nano-dollars: a charge is never understated."""
    return NanoUsd(-(-pico_usd // 1000))


def as_usd(value: NanoUsd) -> str:
    """Plain decimal text of an amount, for people: `0.000123450`."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), NANO_PER_USD)
    return f"{sign}{whole}.{rest:09d}"
