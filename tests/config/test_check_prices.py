from collections.abc import Callable
from datetime import date

import pytest

from antiphon.config.load import Loaded
from antiphon.config.unpriced import unpriced
from antiphon.core.error import Problem
from antiphon.providers.profiles import PROFILES

BASE = "providers: {openai: {key: sk-1}, own: {profile: compatible, base_url: 'http://x/v1'}}\nmodels:\n  m:\n"


def text(price: str, model: str = "gpt-4o", provider: str = "openai") -> str:
    return f"{BASE}    provider: {provider}\n    model: {model}\n    price: {price}\n"


@pytest.mark.parametrize(
    ("price", "path", "wrong"),
    [
        ("{}", "models.m.price", "holds no prices"),
        ("{tiers: []}", "models.m.price", "holds no prices"),
        ("{input: 1}", "models.m.price.output", "is missing"),
        ("{output: 1, image: 1}", "models.m.price.input", "is missing"),
        ("{cached_input: 1, input: 2}", "models.m.price.output", "is missing"),
        ("{input: 1, output: 1, tiers: [{above_tokens: 5, input: 1}]}", "models.m.price.tiers[0].output", "is missing"),
        (
            "{input: 1, output: 1, tiers: [{above_tokens: 5, input: 1, output: 1}, {above_tokens: 5, input: 1, output: 1}]}",
            "models.m.price.tiers[1].above_tokens",
            "there is another tier above 5 tokens",
        ),
        ("{input: 1, output: 1, services: {flex: {}}}", "models.m.price.services.flex.input", "is missing"),
        (
            "{source: none, input: 1, output: 1}",
            "models.m.price.input",
            "`source: none` takes its prices from elsewhere, and input, output would have no effect",
        ),
        (
            "{source: bundled, call: 1}",
            "models.m.price.call",
            "`source: bundled` takes its prices from elsewhere, and call would have no effect",
        ),
    ],
)
def test_a_price_that_is_half_or_says_two_things_is_a_mistake(
    price: str, path: str, wrong: str, mistakes: Callable[..., list[Problem]]
) -> None:
    found = mistakes(text(price))

    assert (found[0].path, found[0].wrong) == (path, wrong)
    assert found[0].remedy


@pytest.mark.parametrize(
    ("model", "provider", "wrong"),
    [
        ("gpt-99", "openai", "the bundled list has no price of gpt-99 by openai"),
        ("gpt-4o", "own", "the bundled list has no price of gpt-4o by compatible at http://x/v1"),
    ],
)
def test_a_bundled_price_that_there_is_not_is_a_mistake(
    model: str, provider: str, wrong: str, mistakes: Callable[..., list[Problem]]
) -> None:
    (found,) = mistakes(text("{source: bundled}", model, provider))

    assert (found.path, found.wrong) == ("models.m.price.source", wrong)


@pytest.mark.parametrize(
    "price",
    [
        "{input: 0, output: 0}",
        "{image: 0.04}",
        "{audio_minute: 0.006}",
        "{source: none}",
        "{source: bundled}",
        "{input: 1, output: 2, reasoning: 3, tiers: [{above_tokens: 1, input: 2, output: 3}], services: {flex: {input: 1, output: 1}}}",
    ],
)
def test_a_price_may_be_of_tokens_of_units_the_lists_or_unknown(price: str, loaded: Callable[..., Loaded]) -> None:
    assert loaded(text(price)).settings.models["m"].price is not None


def test_models_without_a_price_are_found_and_those_that_say_so_are_not(loaded: Callable[..., Loaded]) -> None:
    settings = loaded("""
providers:
  openai: {key: sk-1}
  groq: {}
  own: {profile: compatible, base_url: 'http://x/v1'}
  lab: {lab: {models: {s: {}}}}
models:
  listed: {provider: openai, model: gpt-4o}
  gpt-99: {provider: openai}
  own: {provider: own}
  said: {provider: own, price: {source: none}}
  priced: {provider: own, price: {input: 0, output: 0}}
  off: {provider: groq, model: x}
  s: {provider: lab}
""").settings

    assert unpriced(settings, PROFILES, date(2026, 11, 27)) == ["gpt-99", "own"]
