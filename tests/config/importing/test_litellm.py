"""What becomes of a LiteLLM proxy's configuration; every result is read by the real loader."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from antiphon.config.fallbacks import fallbacks
from antiphon.config.importing.draft import SOME_URL, Imported
from antiphon.config.importing.litellm import convert
from antiphon.config.load import load_text
from antiphon.config.resolve import resolve
from antiphon.config.settings import Settings
from antiphon.core.error import ConfigError
from antiphon.providers.profiles import PROFILES

PRODUCTION = Path(__file__).with_name("production.yaml")
LOST = ("model_list[9]", "model_list[10]")
"""Entries that are left out as a whole, which is told of the field that is the cause."""
MINIMAL = {"model_list": [{"model_name": "gpt", "litellm_params": {"model": "gpt-4o", "api_key": "os.environ/KEY"}}]}


def imported(directory: Path, config: Any) -> Imported:
    file = directory / "config.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return convert(file)


def read(found: Imported) -> Settings:
    environ = {name: SOME_URL if name == "AZURE_API_BASE" else f"value-of-{name}" for name in found.variables}
    return load_text(found.text, "imported.yaml", Path("/"), environ).settings


def left(found: Imported) -> dict[str, str]:
    return {one.path: one.why for one in found.left}


def one(directory: Path, name: str = "gpt", **params: Any) -> dict[str, Any]:
    return {"model_list": [{"model_name": name, "litellm_params": params}]}


@pytest.fixture(scope="module")
def production() -> Imported:
    return convert(PRODUCTION)


def test_a_whole_file_becomes_a_configuration_that_holds(production: Imported) -> None:
    settings = read(production)

    names = ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "gemini-flash", "internal", "groq-fast"]
    assert [name for name in settings.routes if name in names] == names
    routes = {name: [one.deployment for one in found] for name, found in resolve(settings, PROFILES).items()}
    assert routes["gpt-4o"] == routes["gpt-4"] == ["gpt-4o/azure", "gpt-4o/azure-2"]
    assert not any(one.lost for found in resolve(settings, PROFILES).values() for one in found)


def test_shares_follow_rpm_where_no_entry_has_a_weight(production: Imported) -> None:
    models = read(production).models

    assert (models["gpt-4o/azure"].weight, models["gpt-4o/azure-2"].weight) == (900, 300)
    assert models["gpt-4o/azure"].limits.requests_per_minute == 900
    assert (models["claude-sonnet/anthropic"].weight, models["claude-sonnet/bedrock"].weight) == (3, 1)
    assert (models["claude-sonnet/anthropic"].priority, models["claude-sonnet/bedrock"].priority) == (1, 2)


def test_fallbacks_lead_where_they_did_and_a_loop_is_cut(production: Imported) -> None:
    settings = read(production)
    pools = fallbacks(settings, PROFILES)

    assert settings.routes["gpt-4o"].fallbacks.any == ["claude-sonnet", "gpt-4o-mini"]
    assert settings.routes["claude-sonnet"].fallbacks.any == ["gpt-4o/azure", "gpt-4o/azure-2"]
    assert settings.routes["gpt-4o-mini"].fallbacks.context_window == ["gemini-flash"]
    assert settings.routes["internal"].fallbacks.any == ["gpt-4o-mini"]
    assert settings.routes["gpt-4"].fallbacks == settings.routes["gpt-4o"].fallbacks
    assert pools["gpt-4o"]["any"][0] == ("claude-sonnet/anthropic", "claude-sonnet/bedrock")


def test_attempts_leave_room_for_retries_and_those_that_take_over(production: Imported) -> None:
    routes = read(production).routes

    assert routes["gpt-4o"].attempts == 1 + 3 + 2
    assert routes["gpt-4o"].timeouts.total_s == 120


def test_accounts_are_shared_and_have_what_they_need(production: Imported) -> None:
    providers = read(production).providers

    assert providers["azure"].base_url == f"{SOME_URL}/openai/v1"
    older = providers["azure-2"]
    assert older.base_url == "https://acme-us.openai.azure.com/openai/deployments/gpt-4o-us"
    assert older.query["api-version"].reveal() == "2024-10-21"
    bedrock = providers["bedrock"].auth
    assert bedrock is not None
    assert bedrock.aws is not None
    assert (bedrock.aws.region, bedrock.aws.session_name) == ("eu-central-1", "litellm")
    assert providers["vllm"].key is None
    assert providers["anthropic"].headers["anthropic-beta"].reveal() == "context-1m-2025-08-07"
    assert len([name for name in providers if name.startswith("openai")]) == 1
    assert "${env:GROQ_API_KEY}" in production.text


def test_prices_are_a_million_times_those_of_a_token(production: Imported) -> None:
    price = read(production).models["internal/vllm"].price

    assert price is not None
    assert (price.input, price.output) == (0.2, 0.6)


def test_cooldown_cache_keys_and_probes_are_carried(production: Imported) -> None:
    settings = read(production)

    assert (settings.calls.breaker.consecutive_failures, settings.calls.breaker.open_s) == (4, 90)
    assert settings.calls.probes.enabled
    assert settings.routes["internal"].cache.ttl_s == 600
    assert [(key.name, key.admin) for key in settings.keys] == [("admin", True)]


def test_budgets_are_carried_with_their_windows(production: Imported) -> None:
    found = {one.name: one for one in read(production).budgets}

    proxy, user, internal = found["proxy"], found["end-user"], found["deployment-internal-vllm"]
    assert (proxy.usd, proxy.window, proxy.shared, proxy.on) == (5000, "month", True, None)
    assert (user.usd, user.window, user.on) == (2.5, "total", ["end_user"])
    assert (internal.usd, internal.window, internal.only) == (250, "month", {"deployment": ["internal/vllm"]})


def test_no_secret_is_copied(production: Imported) -> None:
    assert "sk-ant-literal-secret-0001" not in production.text
    assert not any("sk-ant-literal" in one.why for one in production.left)
    assert "ANTHROPIC_API_KEY" in left(production)["model_list[3].litellm_params.api_key"]


def test_what_could_not_be_carried_is_told_with_its_place(production: Imported) -> None:
    found = left(production)

    assert "stands for no one model" in found["model_list[9]"]
    assert "petals is not known" in found["model_list[10].litellm_params.model"]
    for path in (
        "model_list[2].litellm_params.temperature",
        "model_list[2].litellm_params.max_retries",
        "litellm_settings.success_callback",
        "router_settings.retry_policy",
        "router_settings.model_group_alias.gone",
        "general_settings.database_url",
        "environment_variables.LANGFUSE_HOST",
        "guardrails",
        "mystery_section",
    ):
        assert found[path]


def tables(value: Any, path: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Every table of a document, with its path."""
    if isinstance(value, dict):
        yield value, path
        for key, inner in value.items():
            yield from tables(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from tables(inner, f"{path}[{at}]")


def test_no_key_is_passed_over_unseen_wherever_it_stands(tmp_path: Path) -> None:
    """A key that nobody knows is put into each table in turn: it is told, or all that is around it is."""
    whole = yaml.safe_load(PRODUCTION.read_text())
    for number, (_, path) in enumerate(tables(whole)):
        changed = json.loads(json.dumps(whole))
        table, _ = list(tables(changed))[number]
        table["zzz_unheard_of"] = "x"
        found = imported(tmp_path, changed)

        own = f"{path}.zzz_unheard_of" if path else "zzz_unheard_of"
        whole_left = [told for told in left(found) if own.startswith((f"{told}.", f"{told}["))]
        told = [one for one in left(found) if one.endswith("zzz_unheard_of")]
        carried = "zzz_unheard_of" in found.text
        assert told or whole_left or carried or path.startswith(LOST), own


@pytest.mark.parametrize(
    ("params", "provider", "model"),
    [
        ({"model": "gpt-4o"}, "openai", "gpt-4o"),
        ({"model": "openai/my/own", "api_base": "http://host:1/v1"}, "compatible", "my/own"),
        ({"model": "claude-sonnet-4-5"}, "anthropic", "claude-sonnet-4-5"),
        ({"model": "my-model", "custom_llm_provider": "openai", "api_base": "http://h:1/v1"}, "compatible", "my-model"),
        ({"model": "ollama_chat/llama3", "api_base": "http://localhost:11434"}, "ollama", "llama3"),
        ({"model": "mistral/mistral-large-latest"}, "mistral", "mistral-large-latest"),
        ({"model": "bedrock/converse/amazon.nova-pro-v1:0", "aws_region_name": "us-east-1"}, "bedrock", "amazon.nova-pro-v1:0"),
        ({"model": "bedrock/us-west-2/anthropic.claude-v2"}, "bedrock", "anthropic.claude-v2"),
        ({"model": "together_ai/meta-llama/Llama-3-70b"}, "together", "meta-llama/Llama-3-70b"),
        ({"model": "azure/d", "api_base": "https://r.openai.azure.com/openai/v1/", "api_version": "preview"}, "azure", "d"),
    ],
)  # fmt: skip
def test_a_model_s_provider_is_found(tmp_path: Path, params: dict[str, Any], provider: str, model: str) -> None:
    settings = read(imported(tmp_path, one(tmp_path, **params)))

    (made,) = settings.models.values()
    assert (made.provider, made.model) == (provider, model)


def test_two_secrets_of_one_provider_get_a_variable_each(tmp_path: Path) -> None:
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": key}}
            for name, key in (("a", "sk-first-secret"), ("b", "sk-second-secret"), ("c", "sk-first-secret"))
        ]
    }

    found = imported(tmp_path, config)

    assert found.variables == ["OPENAI_API_KEY", "OPENAI_API_KEY_2"]
    assert {name: model.provider for name, model in read(found).models.items()} == {
        "a/openai": "openai",
        "b/openai-2": "openai-2",
        "c/openai": "openai",
    }


@pytest.mark.parametrize("named", ["os.environ/OPENAI_API_KEY", None])
@pytest.mark.parametrize("plain_first", [True, False])
def test_a_secret_in_the_file_is_another_account_than_the_usual_variable(
    tmp_path: Path, named: str | None, plain_first: bool
) -> None:
    entries = [
        {"model_name": "plain", "litellm_params": {"model": "openai/a", "api_key": "sk-plain-secret"}},
        {"model_name": "named", "litellm_params": {"model": "openai/b", **({"api_key": named} if named else {})}},
    ]

    found = imported(tmp_path, {"model_list": entries if plain_first else entries[::-1]})

    settings = read(found)
    keys = {one.provider: settings.providers[one.provider].key for one in settings.models.values()}
    said = {one.model: key.reveal() for one in settings.models.values() if (key := keys[one.provider])}
    assert said == {"a": "value-of-OPENAI_API_KEY_2", "b": "value-of-OPENAI_API_KEY"}
    assert [why for path, why in left(found).items() if path.endswith("api_key")] == [
        "secrets are not copied: put it in the environment as OPENAI_API_KEY_2"
    ]


def test_a_budget_that_refuses_models_without_a_price_is_told_with_their_names(tmp_path: Path) -> None:
    entries = [
        {"model_name": "known", "litellm_params": {"model": "gpt-4o"}},
        {"model_name": "own", "litellm_params": {"model": "openai/own", "api_base": "http://h:1/v1", "max_budget": 5}},
    ]

    found = left(imported(tmp_path, {"model_list": entries, "litellm_settings": {"max_budget": 100}}))

    assert found == {
        path: "it refuses calls to models without a price: own/compatible;"
        f" give each a `price`, or write `unpriced: allow` at the budget {budget}"
        for path, budget in (
            ("litellm_settings.max_budget", "proxy"),
            ("model_list[1].litellm_params.max_budget", "deployment-own-compatible"),
        )
    }


def test_an_entry_without_a_name_is_told_with_its_place(tmp_path: Path) -> None:
    found = imported(tmp_path, {"model_list": [*MINIMAL["model_list"], {"litellm_params": {"model": "gpt-4o"}}]})

    assert left(found) == {
        "model_list[1]": "`model_name` is missing: callers ask for an entry by it, so it was left out"
    }


def test_a_price_that_lacks_a_half_is_not_taken_for_0(tmp_path: Path) -> None:
    found = imported(tmp_path, one(tmp_path, model="openai/x", input_cost_per_token=1e-6))

    assert next(iter(read(found).models.values())).price is None
    assert any("needs both input and output" in why for why in left(found).values())


def test_a_plain_dollar_brace_stays_text(tmp_path: Path) -> None:
    found = imported(tmp_path, one(tmp_path, model="openai/x", extra_headers={"x-note": "${not:ours}"}))

    assert read(found).providers["openai"].headers["x-note"].reveal() == "${not:ours}"


@pytest.mark.parametrize("strategy", ["usage-based-routing-v2", "latency-based-routing", "cost-based-routing"])
def test_strategies_have_their_counterparts(tmp_path: Path, strategy: str) -> None:
    settings = read(imported(tmp_path, {**MINIMAL, "router_settings": {"routing_strategy": strategy}}))

    expected = {"usage": "headroom", "latency": "fastest", "cost": "cheapest"}
    assert settings.routes["gpt"].balance.strategy == expected[strategy.split("-", maxsplit=1)[0]]


@pytest.mark.parametrize(
    "config",
    [
        {"model_list": "nothing"},
        {"model_list": [3, None, {"model_name": 7, "litellm_params": []}]},
        {"model_list": [{"litellm_params": {"model": ["x"]}}]},
        {**MINIMAL, "router_settings": [1], "litellm_settings": {"fallbacks": {"a": 1}, "num_retries": "many"}},
        {**MINIMAL, "litellm_settings": {"fallbacks": [{"gpt": ["gpt"]}, {"nobody": ["gpt"]}, {"gpt": 3}]}},
        {**MINIMAL, "general_settings": {"master_key": {"a": 1}}, "router_settings": {"cooldown_time": -5}},
    ],
)
def test_what_is_out_of_shape_is_told_and_the_rest_is_carried(tmp_path: Path, config: dict[str, Any]) -> None:
    found = imported(tmp_path, config)

    read(found)
    assert found.left


@pytest.mark.parametrize("text", ["- a\n- b\n", "model_list: [", "just words", "{}", "model_list:\n", "a: 1"])
def test_a_file_that_is_no_configuration_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        imported(tmp_path, text)

    assert all(problem.line >= 1 and problem.remedy for problem in refused.value.problems)
