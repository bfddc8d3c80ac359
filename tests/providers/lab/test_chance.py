"""Chance that is the same each time, and spread as its settings say."""

from antiphon.providers.lab.chance import chance, delay_s
from antiphon.providers.lab.run import default_settings
from antiphon.providers.lab.settings import Spread


def test_the_same_parts_give_the_same_numbers() -> None:
    assert chance(1, "a", "b").random() == chance(1, "a", "b").random()
    assert len({chance(*parts).random() for parts in ((1, "a"), (1, "b"), (2, "a"), ("1a",), (1, "a", ""))}) == 5


def test_a_number_stays_what_it_was_in_earlier_releases() -> None:
    assert chance(1, "lab", "key").random() == 0.02638701572823332


def test_delays_have_their_median_and_99th_percentile() -> None:
    spread = Spread(p50_ms=100, p99_ms=400)
    delays = sorted(delay_s(spread, chance(number)) for number in range(20_000))
    assert 0.097 < delays[10_000] < 0.103
    assert 0.37 < delays[19_800] < 0.43
    assert delays[-1] <= 4.0


def test_without_a_99th_percentile_every_delay_is_the_median() -> None:
    assert delay_s(Spread(p50_ms=50), chance(1)) == 0.05
    assert delay_s(Spread(), chance(1)) == 0.0


def test_default_models_are_a_fast_a_balanced_and_a_premium_one() -> None:
    models = default_settings().models
    assert list(models) == ["lab-fast", "lab-balanced", "lab-premium"]
    medians = [model.first_token.p50_ms for model in models.values()]
    rates = [model.tokens_per_s for model in models.values()]
    qualities = [model.quality["default"] for model in models.values()]
    assert medians == sorted(medians)
    assert rates == sorted(rates, reverse=True)
    assert qualities == sorted(qualities)
