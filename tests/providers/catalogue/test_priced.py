from antiphon.core.deployment import Price, Service, Tier
from antiphon.providers.catalogue.priced import priced
from antiphon.providers.settings import PriceSettings, TierSettings, TokenPriceSettings

LISTED = Price(input=1, output=2, source="a list")


def test_what_nobody_wrote_is_the_lists_and_may_be_unknown() -> None:
    assert priced(None, LISTED) is LISTED
    assert priced(PriceSettings(source="bundled"), LISTED) is LISTED
    assert priced(None, None) is None


def test_unpriced_is_unpriced_whatever_the_list_says() -> None:
    assert priced(PriceSettings(source="none"), LISTED) is None


def test_what_is_written_takes_the_place_of_the_list() -> None:
    written = PriceSettings(
        input=3,
        output=15,
        cached_input=0.3,
        cache_write=3.75,
        cache_write_1h=6,
        input_audio=10,
        input_image=4,
        reasoning=16,
        output_audio=20,
        output_image=30,
        image=0.04,
        search=0.01,
        audio_minute=0.006,
        characters=15,
        call=0.001,
        tiers=[
            TierSettings(above_tokens=500_000, input=9, output=30),
            TierSettings(above_tokens=200_000, input=6, output=22.5, cached_input=0.6),
        ],
        services={"flex": TokenPriceSettings(input=1.5, output=7.5)},
    )
    units = {
        "image": 40_000_000_000,
        "search": 10_000_000_000,
        "audio_minute": 6_000_000_000,
        "character": 15_000_000,
        "call": 1_000_000_000,
    }

    assert priced(written, LISTED) == Price(
        input=3_000_000,
        output=15_000_000,
        cached_input=300_000,
        cache_write=3_750_000,
        cache_write_1h=6_000_000,
        input_audio=10_000_000,
        input_image=4_000_000,
        reasoning=16_000_000,
        output_audio=20_000_000,
        output_image=30_000_000,
        tiers=(
            Tier(
                above_tokens=200_000,
                price=Price(input=6_000_000, output=22_500_000, cached_input=600_000, **units),
            ),
            Tier(above_tokens=500_000, price=Price(input=9_000_000, output=30_000_000, **units)),
        ),
        services=(Service(name="flex", price=Price(input=1_500_000, output=7_500_000, **units)),),
        source="configured",
        **units,
    )
