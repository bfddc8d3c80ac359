from pathlib import Path

import pytest

from antiphon.config.load import Loaded, built_in, load, load_text
from antiphon.config.resolve import off_providers, profile_name, resolve
from antiphon.providers.profiles import PROFILES

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELINE = "# yaml-language-server: $schema="
TIERS = ("fast", "balanced", "premium")


def quickstart(environ: dict[str, str]) -> Loaded:
    return load(EXAMPLES / "quickstart.yaml", environ)


def answering(environ: dict[str, str]) -> dict[str, set[str]]:
    """Providers of the deployments that answer, by route."""
    settings = quickstart(environ).settings
    return {
        name: {settings.models[one.deployment].provider for one in candidates if not one.lost}
        for name, candidates in resolve(settings, PROFILES).items()
    }


def test_the_built_in_quickstart_is_the_example_but_for_where_its_schema_is() -> None:
    example = (EXAMPLES / "quickstart.yaml").read_text().splitlines()
    package = built_in().splitlines()
    assert example[1:] == package[1:]
    assert example[0] == f"{MODELINE}./antiphon.schema.json"
    assert package[0] == f"{MODELINE}../../../examples/antiphon.schema.json"


def test_without_any_key_the_lab_answers_every_route() -> None:
    assert answering({}) == {"auto": {"lab"}, "fast": {"lab"}, "balanced": {"lab"}, "premium": {"lab"}}


def test_every_route_has_its_tier_and_auto_has_all() -> None:
    settings = quickstart({}).settings
    assert list(settings.routes["auto"].tiers) == list(TIERS)
    assert [settings.routes[tier].tiers for tier in TIERS] == [[tier] for tier in TIERS]
    assert {settings.models[f"lab-{tier}"].tier for tier in TIERS} == set(TIERS)


@pytest.mark.parametrize("provider", ["openai", "deepseek", "mistral", "groq", "openrouter"])
def test_a_key_in_the_environment_switches_its_provider_on(provider: str) -> None:
    variable = f"{provider.upper()}_API_KEY"
    settings = quickstart({variable: "sk-0123456789"}).settings
    tiers = {model.tier for model in settings.models.values() if model.provider == provider}
    assert provider in off_providers(quickstart({}).settings, PROFILES)
    assert provider not in off_providers(settings, PROFILES)
    routes = answering({variable: "sk-0123456789"})
    assert {tier: routes[tier] for tier in TIERS} == {tier: {provider if tier in tiers else "lab"} for tier in TIERS}
    assert routes["auto"] == {provider}


def test_an_empty_key_is_no_key() -> None:
    assert answering({"OPENAI_API_KEY": ""}) == answering({})


def test_lab_models_stay_reachable_by_name_when_a_real_provider_is_on() -> None:
    settings = quickstart({"OPENAI_API_KEY": "sk-0123456789"}).settings
    assert all(settings.models[f"lab-{tier}"].listed for tier in TIERS)
    assert "lab" not in off_providers(settings, PROFILES)


def test_every_deployment_has_a_price_and_a_tier() -> None:
    models = quickstart({}).settings.models
    assert [name for name, model in models.items() if model.price is None or model.tier not in TIERS] == []


def test_every_provider_stands_in_the_profile_table() -> None:
    settings = quickstart({}).settings
    assert {profile_name(settings, name) for name in settings.providers} <= set(PROFILES)


def test_it_listens_on_this_machine_alone_and_needs_no_key() -> None:
    settings = quickstart({}).settings
    assert (settings.server.host, settings.server.port, settings.keys) == ("127.0.0.1", 8080, [])


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_every_example_loads(file: Path) -> None:
    load_text(file.read_text(), file.name, EXAMPLES, {})
