from datetime import date

import pytest

from antiphon.providers.catalogue.catalogue import NOTHING, Catalogue
from antiphon.providers.catalogue.table import capabilities
from antiphon.providers.profiles import PROFILES

DAY = date(2026, 11, 27)
CATALOGUE = Catalogue()


@pytest.mark.parametrize(
    ("provider", "model", "input_usd", "output_usd", "context", "output"),
    [
        ("openai", "gpt-4o", 2.5, 10, 128_000, 16_384),
        ("openai", "gpt-4o-2024-08-06", 2.5, 10, 128_000, 16_384),
        ("openai", "gpt-4o-mini", 0.15, 0.6, 128_000, 16_384),
        ("openai", "gpt-4.1-mini", 0.4, 1.6, 1_047_576, 32_768),
        ("openai", "gpt-5", 1.25, 10, 400_000, 128_000),
        ("openai", "gpt-5.5", 5, 30, 1_050_000, 128_000),
        ("openai", "o3", 2, 8, 200_000, 100_000),
        ("openai", "text-embedding-3-small", 0.02, 0, None, None),
        ("azure", "gpt-4o", 2.5, 10, 128_000, 16_384),
        ("anthropic", "claude-sonnet-4-5", 3, 15, 200_000, 64_000),
        ("anthropic", "claude-sonnet-4-5-20250929", 3, 15, 200_000, 64_000),
        ("anthropic", "claude-haiku-4-5", 1, 5, 200_000, 64_000),
        ("anthropic", "claude-opus-4-5", 5, 25, 200_000, 64_000),
        ("anthropic", "claude-fable-5-2", 8, 40, 1_000_000, None),
        ("gemini", "gemini-2.5-pro", 1.25, 10, 1_048_576, 65_536),
        ("gemini", "models/gemini-2.5-flash", 0.3, 2.5, 1_048_576, 65_536),
        ("vertex", "claude-sonnet-4-5@20250929", 3, 15, None, None),
        ("mistral", "mistral-small-latest", 0.15, 0.6, None, None),
        ("cohere", "command-a-03-2025", 2.5, 10, 256_000, 8000),
        ("groq", "openai/gpt-oss-120b", 0.15, 0.6, 131_072, 65_536),
        ("xai", "grok-4.20", None, None, 1_000_000, None),
        ("deepseek", "deepseek-v4-pro", 1.32, 3.96, 1_000_000, 393_216),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3, 16.5, 200_000, None),
        ("bedrock", "amazon.nova-lite-v1:0", 0.06, 0.24, 300_000, None),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", 0.88, 0.88, None, None),
        ("openrouter", "openai/gpt-4o", 2.5, 10, 128_000, None),
        ("perplexity", "sonar-pro", 3, 15, None, None),
    ],
)
def test_well_known_models_are_known(
    provider: str, model: str, input_usd: float | None, output_usd: float, context: int | None, output: int | None
) -> None:
    known = CATALOGUE.known(provider, model, DAY)

    assert known.price is not None
    if input_usd is not None:
        assert (known.price.input / 1e6, known.price.output / 1e6) == (input_usd, output_usd)
    assert known.price.source.startswith("genai-prices 0.2.3, 2026-")
    assert context is None or known.context_tokens == context
    assert known.output_tokens == output


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-99"),
        ("lab", "small"),
        ("compatible", "gpt-4o"),
        ("vllm", "gpt-4o"),
        ("mistral", "mistral-ocr-latest"),
    ],
)
def test_what_is_not_on_the_list_is_unpriced_and_never_free(provider: str, model: str) -> None:
    assert CATALOGUE.known(provider, model, DAY).price is None


def test_a_model_of_which_nothing_is_known_lacks_nothing() -> None:
    assert CATALOGUE.known("compatible", "anything", DAY) == NOTHING
    assert CATALOGUE.known("openai", "gpt-99", DAY) == NOTHING


@pytest.mark.parametrize(
    ("provider", "base_url", "known"),
    [
        ("openai", "https://api.openai.com/v1", True),
        ("openai", "https://eu.api.openai.com/v1", False),  # dearer there
        ("openai", "http://localhost:8000/v1", False),
        ("azure", "https://us.openai.azure.com/openai/v1", True),
        ("azure", "https://gateway.example.com/openai/v1", False),
    ],
)
def test_a_list_is_for_its_providers_own_address(provider: str, base_url: str, known: bool) -> None:
    assert (CATALOGUE.known(provider, "gpt-4o", DAY, base_url) != NOTHING) is known


@pytest.mark.parametrize(
    ("provider", "model", "day", "input_usd"),
    [
        ("gemini", "gemini-3.8-flash", date(2026, 12, 31), 0.75),
        ("gemini", "gemini-3.8-flash", date(2027, 1, 1), 1.5),
        ("openai", "o3", date(2025, 6, 1), 10),
        ("openai", "o3", date(2025, 7, 1), 2),
    ],
)
def test_a_price_is_that_of_its_day(provider: str, model: str, day: date, input_usd: float) -> None:
    price = CATALOGUE.known(provider, model, day).price

    assert price is not None
    assert price.input / 1e6 == input_usd


def test_a_price_that_changes_within_the_day_is_its_dearest() -> None:
    price = CATALOGUE.known("deepseek", "deepseek-chat", DAY).price

    assert price is not None
    assert price.input / 1e6 == 0.27


def test_long_prompts_and_other_grades_of_service_have_their_prices() -> None:
    price = CATALOGUE.known("openai", "gpt-5.5", DAY).price

    assert price is not None
    assert [(one.above_tokens, one.price.input / 1e6, one.price.output / 1e6) for one in price.tiers] == [
        (272_000, 10, 45)
    ]
    assert {one.name: one.price.input / 1e6 for one in price.services} == {
        "batch": 2.5,
        "fast": 12.5,
        "flex": 2.5,
        "priority": 12.5,
    }
    assert price.search == 10**10, "0.01 $ each"


@pytest.mark.parametrize(
    ("model", "minute_usd", "character_usd"), [("whisper-1", 0.006, 0), ("tts-1", 0, 15e-6), ("gpt-4o", 0, 0)]
)
def test_sound_is_priced_by_the_minute_and_speech_by_the_character(
    model: str, minute_usd: float, character_usd: float
) -> None:
    price = CATALOGUE.known("openai", model, DAY).price

    assert price is not None
    assert (price.audio_minute / 1e12, price.character / 1e12) == (minute_usd, character_usd)


@pytest.mark.parametrize(
    ("provider", "model", "lacks"),
    [
        ("openai", "o3-mini", {"images"}),
        ("openai", "gpt-audio", {"images", "reasoning"}),
        ("openai", "gpt-4o", set()),
        ("openai", "gpt-5.5", set()),
        ("anthropic", "claude-sonnet-4-5", set()),
        ("gemini", "gemini-2.5-flash", {"audio_output"}),
        ("deepseek", "deepseek-reasoner", set()),
        ("deepseek", "deepseek-v4-pro", {"images"}),
        ("bedrock", "us.deepseek.r1-v1:0", {"tools"}),
        ("bedrock", "openai.gpt-oss-120b-1:0", {"images"}),
    ],
)
def test_only_what_a_source_denies_is_lacking(provider: str, model: str, lacks: set[str]) -> None:
    assert CATALOGUE.known(provider, model, DAY).lacks == lacks


def test_what_a_denial_would_wrongly_refuse_is_never_lacking() -> None:
    read = [found for name in PROFILES if (found := capabilities(name)) is not None]

    assert read
    for one in read:
        assert one.source.startswith("litellm ")
        denied = {need for facts in one.models.values() for need in facts.lacks}
        assert denied <= {"tools", "images", "audio", "audio_output", "reasoning"}


def test_a_version_that_is_not_listed_has_the_facts_of_its_model() -> None:
    assert CATALOGUE.known("anthropic", "claude-haiku-5-5-20270101", DAY).output_tokens == 128_000


def test_each_file_is_read_once() -> None:
    catalogue = Catalogue()

    assert catalogue.known("openai", "gpt-4o", DAY).price is not None
    first = catalogue._price_list("openai")
    catalogue.known("openai", "gpt-5", DAY)

    assert catalogue._price_list("openai") is first
    assert set(catalogue._prices) == {"openai"}, "and no other provider's"
