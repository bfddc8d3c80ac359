from collections.abc import Callable
from datetime import date

import pytest

from antiphon.config.check_unpriced import refused
from antiphon.config.load import Loaded
from antiphon.providers.profiles import PROFILES

TEXT = """
providers:
  openai: {key: sk-1}
  groq: {}
  own: {profile: compatible, base_url: 'http://x/v1'}
models:
  priced: {provider: openai, model: gpt-4o}
  own: {provider: own, tier: cheap}
  said: {provider: own, price: {source: none}, listed: false}
  off: {provider: groq, model: x}
routes:
  fast: {tiers: [cheap]}
budgets:
"""


@pytest.mark.parametrize(
    ("budget", "names"),
    [
        ("usd: 1", ["own", "said"]),
        ("usd: 1, shared: true", ["own", "said"]),
        ("usd: 1, on: [team], only: {team: [sales]}", ["own", "said"]),
        ("usd: 1, on: [tier]", ["own"]),
        ("usd: 1, on: [model]", ["own"]),
        ("usd: 1, only: {model: [fast]}", ["own"]),
        ("usd: 1, only: {route: ['f*']}", ["own"]),
        ("usd: 1, only: {deployment: [said, priced]}", ["said"]),
        ("usd: 1, only: {provider: [openai]}", None),
        ("usd: 1, unpriced: allow", None),
        ("usd: 1, at_cap: shadow", None),
        ("tokens: 1", None),
    ],
)
def test_models_without_a_price_that_a_budget_refuses(
    loaded: Callable[..., Loaded], budget: str, names: list[str] | None
) -> None:
    settings = loaded(f"{TEXT}  - {{name: b, {budget}}}\n").settings

    assert refused(settings, PROFILES, date(2026, 11, 27)) == ({"b": names} if names else {})
