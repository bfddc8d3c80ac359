"""What a deployment costs: as its operator wrote it, else as the bundled list says."""

from antiphon.core.deployment import Price, Service, Tier
from antiphon.core.money import NANO_PER_USD, pico_per_token
from antiphon.providers.settings import PriceSettings, TokenPriceSettings

CONFIGURED = "configured"


def priced(written: PriceSettings | None, listed: Price | None) -> Price | None:
    """The prices that count; None: unpriced.

    Args:
        listed: The bundled list's.
    """
    if written is None or written.source == "bundled":
        return listed
    return None if written.source == "none" else _configured(written)


def _configured(written: PriceSettings) -> Price:
    return _price(
        written,
        written,
        tiers=tuple(
            Tier(above_tokens=one.above_tokens, price=_price(one, written))
            for one in sorted(written.tiers, key=lambda one: one.above_tokens)
        ),
        services=tuple(
            Service(name=name, price=_price(one, written)) for name, one in sorted(written.services.items())
        ),
        source=CONFIGURED,
    )


def _price(
    tokens: TokenPriceSettings,
    units: PriceSettings,
    tiers: tuple[Tier, ...] = (),
    services: tuple[Service, ...] = (),
    source: str = "",
) -> Price:
    """Tokens cost what one table says, and units what they always do."""
    return Price(
        input=pico_per_token(tokens.input or 0),
        output=pico_per_token(tokens.output or 0),
        cached_input=_maybe(tokens.cached_input),
        cache_write=_maybe(tokens.cache_write),
        cache_write_1h=_maybe(tokens.cache_write_1h),
        input_audio=_maybe(tokens.input_audio),
        input_image=_maybe(tokens.input_image),
        reasoning=_maybe(tokens.reasoning),
        output_audio=_maybe(tokens.output_audio),
        output_image=_maybe(tokens.output_image),
        image=_unit(units.image),
        search=_unit(units.search),
        audio_minute=_unit(units.audio_minute),
        character=pico_per_token(units.characters),
        call=_unit(units.call),
        tiers=tiers,
        services=services,
        source=source,
    )


def _maybe(usd: float | None) -> int | None:
    return None if usd is None else pico_per_token(usd)


def _unit(usd: float) -> int:
    return round(usd * NANO_PER_USD * 1000)
