"""The makers, on tables of a few lines; genai-prices itself is not needed."""

import json
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace as Rule

import pytest

from antiphon.core.deployment import Price
from antiphon.core.usage import Usage
from antiphon.pricing.cost import cost
from antiphon.providers.catalogue.make import main
from antiphon.providers.catalogue.make_capabilities import make_capabilities
from antiphon.providers.catalogue.make_prices import _row, clause
from antiphon.providers.catalogue.table import Clause, Facts, dashed, undated


def model(prices: object, variants: object = None, name: str = "m") -> Rule:
    return Rule(id=name, match=Rule(equals=name), context_window=9, prices=prices, price_variants=variants)


def usd(**prices: object) -> Rule:
    return Rule(**{name: Decimal(price) if isinstance(price, str) else price for name, price in prices.items()})


def since(day: date | None, prices: object) -> Rule:
    return Rule(constraint=None if day is None else Rule(start_date=day), prices=prices)


def hours(prices: object) -> Rule:
    return Rule(constraint=Rule(start_time=time(1), end_time=time(4)), prices=prices)


def test_every_kind_is_taken_over_in_its_unit() -> None:
    row = _row(
        model(
            usd(
                input_mtok="2.5",
                output_mtok="10",
                cache_read_mtok="0.003625",
                web_searches_kcount="10",
                requests_kcount="12",
                audio_hours="0.36",
                input_mchars="15",
                storage_searches_kcount="2.5",
                cache_write_mtok=None,
            )
        )
    )

    assert row is not None
    assert row.context_tokens == 9
    assert [one.price for one in row.prices] == [
        Price(
            input=2_500_000,
            output=10_000_000,
            cached_input=3625,
            search=10**10,
            call=12 * 10**9,
            audio_minute=6 * 10**9,
            character=15_000_000,
        )
    ]


def test_tiers_are_whole_tables_that_begin_above_their_number() -> None:
    tiered = Rule(base=Decimal(1), tiers=[Rule(start=1000, price=Decimal(2))])

    row = _row(model(usd(input_mtok=tiered, output_mtok="3")))

    assert row is not None
    price = row.prices[0].price
    assert [cost(price, Usage(input_tokens=tokens, output_tokens=1)) for tokens in (1000, 1001)] == [
        1_003_000,
        2_005_000,
    ]


def test_the_last_price_that_holds_is_the_one_of_a_day() -> None:
    steps = [since(None, usd(input_mtok="1")), since(date(2026, 3, 1), usd(input_mtok="2"))]

    row = _row(model(steps))

    assert row is not None
    assert [row.on(day).price.input for day in (date(2026, 2, 28), date(2026, 3, 1))] == [1_000_000, 2_000_000]


def test_hours_of_the_day_are_charged_at_the_dearest() -> None:
    row = _row(model([since(None, usd(input_mtok="1", output_mtok="5")), hours(usd(input_mtok="2", output_mtok="4"))]))

    assert row is not None
    assert [(one.price.input, one.price.output) for one in row.prices] == [(2_000_000, 5_000_000)]


def test_a_grade_of_service_has_what_it_says_and_else_the_usual_from_its_day_on() -> None:
    day = date(2026, 10, 12)
    flex = Rule(when={"service_tier": "flex"}, constraint=Rule(start_date=day), prices=usd(input_mtok="1"))
    odd = Rule(when={"route": "x"}, constraint=None, prices=usd(input_mtok="7"))

    row = _row(model(usd(input_mtok="2", output_mtok="8"), [flex, odd]))

    assert row is not None
    assert [
        (one.since, [(s.name, s.price.input, s.price.output) for s in one.price.services]) for one in row.prices
    ] == [
        (None, []),
        (day, [("flex", 1_000_000, 8_000_000)]),
    ]


@pytest.mark.parametrize(
    ("name", "prices", "kept"),
    [
        ("m", usd(input_document_kpages="4"), False),
        ("m", usd(input_mtok="1", input_video_mtok="3"), False),
        ("m", usd(input_mtok="0", output_mtok="0"), False),
        ("m:free", usd(input_mtok="0", output_mtok="0"), True),
        ("moderation", usd(input_mtok="0"), True),
        ("m", usd(input_mtok="1"), True),
    ],
)
def test_what_can_not_be_charged_or_has_no_real_price_is_left_out(name: str, prices: object, kept: bool) -> None:
    assert (_row(model(prices, name=name)) is not None) is kept


@pytest.mark.parametrize(
    ("rule", "fits", "fails"),
    [
        (Rule(equals="GPT"), ["gpt"], ["gpt-x", "a"]),
        (Rule(starts_with="gpt-"), ["gpt-4"], ["x-gpt-"]),
        (Rule(ends_with="-x"), ["a-x"], ["-xa"]),
        (Rule(contains="son"), ["a-sonnet"], ["so"]),
        (Rule(regex=r"^a\d+$"), ["a1"], ["a1b"]),
        (Rule(or_=[Rule(equals="a"), Rule(equals="b"), Rule(starts_with="c")]), ["a", "b", "cc"], ["d"]),
        (Rule(and_=[Rule(starts_with="a"), Rule(ends_with="z")]), ["a-z"], ["a", "z"]),
        (Rule(or_=[Rule(equals="q"), Rule(and_=[Rule(contains="a"), Rule(contains="z")])]), ["q", "za"], ["a"]),
    ],
)
def test_rules_of_matching_mean_what_they_meant(rule: object, fits: list[str], fails: list[str]) -> None:
    made = clause(rule)

    assert [one for one in [*fits, *fails] if made.fits(one)] == fits


def test_a_rule_without_any_part_fits_nothing() -> None:
    assert not Clause().fits("")


TABLE = {
    "sample_spec": {
        "litellm_provider": "one of …",
        "mode": "one of …",
        "supports_vision": True,
        "max_input_tokens": "…",
    },
    "a": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 100, "max_output_tokens": 10},
    "openai/b": {
        "litellm_provider": "openai",
        "mode": "responses",
        "supports_vision": False,
        "supports_web_search": False,
    },
    "eu/c": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 5},
    "d": {"litellm_provider": "openai", "mode": "chat", "supports_response_schema": False},
    "e": {"litellm_provider": "openai", "mode": "embedding", "max_input_tokens": 5},
    "mistral/f": {"litellm_provider": "mistral", "mode": "chat", "max_input_tokens": 100, "max_output_tokens": 10},
    "g": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 100, "max_output_tokens": 100},
    "gpt-4": {"litellm_provider": "openai", "mode": "chat", "max_output_tokens": 4096, "max_input_tokens": 8192},
    "h": {"litellm_provider": "elsewhere", "mode": "chat", "supports_vision": False},
}


def test_of_capabilities_only_denials_and_published_limits_are_taken_over() -> None:
    made = dict(make_capabilities(json.dumps(TABLE).encode(), "table 1"))

    assert {name: one.models for name, one in made.items()} == {
        "mistral": {"f": Facts(context_tokens=100)},
        "openai": {
            "a": Facts(context_tokens=100, output_tokens=10),
            "b": Facts(lacks=("images",)),
            "g": Facts(context_tokens=100),
            "gpt-4": Facts(context_tokens=8192),
        },
    }


@pytest.mark.parametrize(
    ("model_id", "with_dashes", "without"),
    [
        ("gpt-5.2-20251211", "gpt-5.2-2025-12-11", "gpt-5.2"),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("anthropic.claude-x-20250929-v1:0", "anthropic.claude-x-2025-09-29-v1:0", "anthropic.claude-x-v1:0"),
        ("gpt-4-0613", "gpt-4-0613", "gpt-4-0613"),
        ("model-20251399", "model-20251399", "model-20251399"),
    ],
)
def test_the_day_of_a_version_is_known_by_its_form(model_id: str, with_dashes: str, without: str) -> None:
    assert (dashed(model_id), undated(model_id)) == (with_dashes, without)


def test_the_command_says_how_it_is_called(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["bake"]) == 2
    assert "catalogue.make prices" in capsys.readouterr().err
