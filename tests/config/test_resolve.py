from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.config.resolve import off_providers, offered, resolve
from antiphon.providers.profiles import PROFILES

Load = Callable[..., Loaded]

TEXT = """\
providers:
  lab: {lab: {models: {sim-a: {}, sim-b: {}}}}
  other-lab: {profile: lab, lab: {models: {sim-c: {}}}}
  openai: {key: "${env:OPENAI_API_KEY:-}"}
  local: {profile: ollama}
models:
  sim-a: {provider: lab, tier: fast}
  sim-b: {provider: lab, tier: premium}
  sim-c: {provider: other-lab, tier: fast}
  mini: {provider: openai, tier: fast}
  big: {provider: openai, tier: premium}
  idle: {provider: openai, tier: idle, weight: 0}
  spare: {provider: lab, model: sim-a, tier: fast, weight: 0}
  own: {provider: local, tier: local}
routes:
  fast: {tiers: [fast]}
  auto: {tiers: [premium, fast]}
  named: {models: [big, sim-b, mini], tiers: [premium]}
  mixed: {models: [sim-a, own]}
  waiting: {models: [idle, sim-b]}
"""


def lost(loaded: Load, environ: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    routes = resolve(loaded(TEXT, environ).settings, PROFILES)
    return {name: [(one.deployment, one.lost) for one in candidates] for name, candidates in routes.items()}


def test_routes_and_listed_models_whose_provider_is_on_can_be_asked_for(loaded: Load) -> None:
    text = TEXT.replace("own: {", "own: {listed: false, ")
    routes = ["fast", "auto", "named", "mixed", "waiting"]
    assert offered(loaded(text, {}).settings, PROFILES) == [*routes, "sim-a", "sim-b", "sim-c", "spare"]


def test_without_a_key_the_lab_answers_and_the_receipt_can_say_why(loaded: Load) -> None:
    routes = lost(loaded, {})
    assert routes["fast"] == [("sim-a", ""), ("sim-c", ""), ("mini", "no key"), ("spare", "weight 0")]
    assert routes["named"] == [("big", "no key"), ("sim-b", ""), ("mini", "no key")]


def test_with_a_key_lab_deployments_leave_the_routes_that_have_a_real_one(loaded: Load) -> None:
    routes = lost(loaded, {"OPENAI_API_KEY": "sk-0123456789"})
    assert routes["fast"] == [("sim-a", "lab"), ("sim-c", "lab"), ("mini", ""), ("spare", "weight 0")]
    assert routes["named"] == [("big", ""), ("sim-b", "lab"), ("mini", "")]


def test_candidates_stand_in_the_order_of_the_file_tier_by_tier_each_once(loaded: Load) -> None:
    routes = lost(loaded, {})
    assert [name for name, _ in routes["auto"]] == ["sim-b", "big", "sim-a", "sim-c", "mini", "spare"]
    assert [name for name, _ in routes["named"]] == ["big", "sim-b", "mini"]


def test_a_provider_that_needs_no_key_is_real_without_one(loaded: Load) -> None:
    assert lost(loaded, {})["mixed"] == [("sim-a", "lab"), ("own", "")]


def test_a_real_deployment_without_weight_does_not_drive_the_lab_out(loaded: Load) -> None:
    assert lost(loaded, {"OPENAI_API_KEY": "sk-0123456789"})["waiting"] == [("idle", "weight 0"), ("sim-b", "")]


def test_a_provider_with_several_keys_is_on(loaded: Load) -> None:
    text = TEXT.replace('key: "${env:OPENAI_API_KEY:-}"', "keys: [{key: sk-0123456789}, {key: sk-9876543210}]")
    assert off_providers(loaded(text).settings, PROFILES) == set()


def test_an_empty_list_of_keys_is_none(loaded: Load) -> None:
    text = TEXT.replace('key: "${env:OPENAI_API_KEY:-}"', "keys: []")
    assert off_providers(loaded(text).settings, PROFILES) == {"openai"}


@pytest.mark.parametrize(("environ", "off"), [({}, {"openai"}), ({"OPENAI_API_KEY": "sk-0123456789"}, set())])
def test_only_providers_that_need_a_key_and_have_none_are_off(
    loaded: Load, environ: dict[str, str], off: set[str]
) -> None:
    assert off_providers(loaded(TEXT, environ).settings, PROFILES) == off
