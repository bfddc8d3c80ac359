"""What becomes of a Portkey config; every result is read by the real loader."""

import json
from pathlib import Path
from typing import Any

import pytest

from antiphon.config.fallbacks import fallbacks
from antiphon.config.importing.draft import Imported
from antiphon.config.importing.portkey import convert
from antiphon.config.load import load_text
from antiphon.config.settings import Settings
from antiphon.core.error import ConfigError
from antiphon.providers.profiles import PROFILES

WHOLE = Path(__file__).with_name("portkey.json")


def imported(directory: Path, config: Any) -> Imported:
    file = directory / "config.json"
    file.write_text(json.dumps(config))
    return convert(file)


def read(found: Imported) -> Settings:
    environ = {name: f"value-of-{name}" for name in found.variables}
    return load_text(found.text, "imported.yaml", Path("/"), environ).settings


def left(found: Imported) -> dict[str, str]:
    return {one.path: one.why for one in found.left}


def target(model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {"provider": "openai", "override_params": {"model": model}, **more}


@pytest.fixture(scope="module")
def whole() -> Imported:
    return convert(WHOLE)


def test_a_key_in_the_file_is_another_account_than_the_usual_variable(tmp_path: Path) -> None:
    found = imported(tmp_path, {"strategy": {"mode": "fallback"}, "targets": [target(api_key="sk-plain"), target()]})

    keys = [one.key.reveal() for one in read(found).providers.values() if one.key]
    assert keys == ["value-of-OPENAI_API_KEY_2", "value-of-OPENAI_API_KEY"]


def test_a_fallback_over_shares_keeps_both(whole: Imported) -> None:
    settings = read(whole)
    pools = fallbacks(settings, PROFILES)

    assert settings.routes["default"].models == ["gpt-4o/openai", "gpt-4o-eu/azure"]
    assert (settings.models["gpt-4o/openai"].weight, settings.models["gpt-4o-eu/azure"].weight) == (0.7, 0.3)
    assert pools["default"]["any"] == (
        ("claude-sonnet-4-5/anthropic",),
        ("eu.anthropic.claude-haiku-4-5/bedrock",),
        ("llama-3.3-70b/compatible",),
    )
    assert settings.routes["default"].attempts == 1 + 2 + 3


def test_what_stands_above_holds_below_unless_it_is_said_again(whole: Imported) -> None:
    models = read(whole).models

    assert models["gpt-4o/openai"].timeouts.total_s == 30
    assert models["claude-sonnet-4-5/anthropic"].timeouts.total_s == 60


def test_hosts_of_one_s_own_and_azure_s_resources_become_addresses(whole: Imported) -> None:
    providers = read(whole).providers

    assert providers["compatible"].base_url == "http://vllm.internal.example:8000/v1"
    assert providers["azure"].base_url == "https://acme-eu.openai.azure.com/openai/deployments/gpt-4o-eu"
    assert providers["azure"].query["api-version"].reveal() == "2024-10-21"


def test_credentials_are_named_and_never_copied(whole: Imported) -> None:
    assert "literal-azure-secret" not in whole.text
    assert "sk-without-a-model" not in whole.text
    assert {"OPENAI_PROD_7F3A_API_KEY", "ANTHROPIC_TEAM_API_KEY", "AZURE_API_KEY"} <= {*whole.variables}


def test_what_could_not_be_carried_is_told_with_its_place(whole: Imported) -> None:
    found = left(whole)

    assert {
        "strategy.on_status_codes",
        "retry.on_status_codes",
        "cache.mode",
        "targets[0].targets[0].override_params.temperature",
        "targets[0].targets[1].api_key",
        "targets[1].input_guardrails",
        "targets[3].forward_headers",
        "targets[4]",
        "targets[5]",
    } <= set(found)


def test_conditions_become_names_that_callers_ask_for(tmp_path: Path) -> None:
    found = imported(
        tmp_path,
        {
            "strategy": {
                "mode": "conditional",
                "conditions": [{"query": {"metadata.plan": {"$eq": "paid"}}, "then": "big"}],
                "default": "small",
            },
            "targets": [target("gpt-4o", name="big"), target("gpt-4o-mini", name="small")],
        },
    )

    settings = read(found)
    assert {name: route.models for name, route in settings.routes.items()} == {
        "big": ["gpt-4o/openai"],
        "small": ["gpt-4o-mini/openai"],
        "default": ["gpt-4o-mini/openai"],
    }
    assert "ask for the model big" in left(found)["strategy.conditions[0]"]


def test_shares_of_fallbacks_give_their_first_deployments(tmp_path: Path) -> None:
    inner = {"strategy": {"mode": "fallback"}, "targets": [target("a"), target("b")], "weight": 2}

    found = imported(tmp_path, {"strategy": {"mode": "loadbalance"}, "targets": [inner, target("c")]})

    route = read(found).routes["default"]
    assert (route.models, route.fallbacks.any) == (["a/openai", "c/openai"], ["b/openai"])
    assert "targets[0]" in left(found)


@pytest.mark.parametrize(
    ("config", "models"),
    [
        (target(), ["gpt-4o/openai"]),
        ({"config": target(), "name": "main", "slug": "pc-main"}, ["gpt-4o/openai"]),
        ({"strategy": {"mode": "single"}, "targets": [target("a"), target("b")]}, ["a/openai"]),
        ({"provider": "@openai-eu", "override_params": {"model": "o3"}}, ["o3/openai"]),
        ({"override_params": {"model": "@vertex-ai-1/gemini-2.5-pro"}, "vertex_project_id": "p"}, ["gemini-2.5-pro/vertex"]),
    ],
)  # fmt: skip
def test_one_target_is_one_deployment(tmp_path: Path, config: dict[str, Any], models: list[str]) -> None:
    assert read(imported(tmp_path, config)).routes["default"].models == models


@pytest.mark.parametrize(
    "config",
    [
        {"strategy": {"mode": "roulette"}, "targets": [target()]},
        {"strategy": "fallback", "targets": [target(), 3]},
        {"strategy": {"mode": "fallback"}, "targets": []},
        {"targets": {"a": 1}, "retry": {"attempts": "many"}, "request_timeout": -4},
        {"provider": "openai", "override_params": ["x"]},
        {"mystery": 1, **target()},
    ],
)
def test_what_is_out_of_shape_is_told_and_the_rest_is_carried(tmp_path: Path, config: dict[str, Any]) -> None:
    found = imported(tmp_path, config)

    read(found)
    assert found.left


def test_text_that_is_no_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"strategy": {\n')

    with pytest.raises(ConfigError, match="is not JSON"):
        convert(file)
