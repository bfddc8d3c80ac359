"""Budgets as they are written, as the words of core."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import cast

from antiphon.core.budget import NO_END_NS, Budget, Measure, Raise, Scope, Window
from antiphon.core.money import NANO_PER_USD
from antiphon.metering.settings import BudgetSettings, RaiseSettings
from antiphon.metering.windows import NS

UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MOST_DECIMALS = 9
MOST_DIGITS = 15
"""A decimal number of so many digits is the same after it was a float. Source: IEEE 754 binary64."""
MEASURES: dict[str, Measure] = {"usd": "money", "tokens": "tokens", "requests": "requests"}


def nano_usd(usd: float) -> int:
    """An amount in dollars as it was written, exactly.

    Raises: ValueError, when it has more than nine decimals, or more digits than a float keeps.
    """
    decimal = Decimal(repr(usd))
    _, digits, exponent = decimal.normalize().as_tuple()
    if len(digits) > MOST_DIGITS or int(exponent) < -MOST_DECIMALS:
        raise ValueError(f"{usd} has more than {MOST_DECIMALS} decimals or {MOST_DIGITS} digits")
    return int(decimal * NANO_PER_USD)


def seconds(length: str) -> int:
    """`24h` in seconds."""
    return int(length[:-1]) * UNIT_S[length[-1]]


def time_ns(text: str) -> int:
    """Nanoseconds since the epoch. Raises: ValueError, when there is no such time."""
    at_ns = int(datetime.fromisoformat(text).timestamp()) * NS
    return min(at_ns, NO_END_NS)


def measure_of(written: BudgetSettings | RaiseSettings) -> list[Measure]:
    """Measures that are written: exactly one where all is well."""
    return [measure for field, measure in MEASURES.items() if getattr(written, field) is not None]


def budget(written: BudgetSettings) -> Budget:
    """A budget that was checked. Raises: ValueError, IndexError, when it was not."""
    scopes: tuple[Scope, ...] = () if written.shared else ("tenant",)
    measure = measure_of(written)[0]
    rolling_s = seconds(written.rolling) if written.rolling else 0
    return Budget(
        name=written.name,
        measure=measure,
        limit=_amount(written, measure),
        window=Window(
            period="rolling" if rolling_s else written.window, timezone=written.timezone, rolling_s=rolling_s
        ),
        scopes=scopes if written.on is None else tuple(written.on),
        only={cast("Scope", scope): tuple(values) for scope, values in written.only.items()},
        at_cap=written.at_cap,
        shared=written.shared,
        alerts=tuple(written.alerts),
        raises=tuple(
            Raise(amount=_amount(one, measure), until_ns=time_ns(one.until), note=one.note) for one in written.raises
        ),
        downgrade_to=written.downgrade_to or "",
        throttle_per_minute=written.throttle_per_minute or 0,
        unpriced=written.unpriced,
    )


def budgets(written: Iterable[BudgetSettings]) -> tuple[Budget, ...]:
    """All of them, in order."""
    return tuple(budget(one) for one in written)


def _amount(written: BudgetSettings | RaiseSettings, measure: Measure) -> int:
    value = {"money": written.usd, "tokens": written.tokens, "requests": written.requests}[measure]
    if value is None:
        raise ValueError(f"has no amount in {measure}")
    return nano_usd(value) if measure == "money" else int(value)
