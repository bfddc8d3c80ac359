from collections.abc import Callable

import pytest
from msgspec import convert
from msgspec.structs import replace

from antiphon.calls.settings import RouteSettings
from antiphon.config.fallbacks import KINDS, Pools, fallbacks
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.providers.profiles import PROFILES

Load = Callable[..., Loaded]
Make = Callable[..., dict[str, Pools]]

MODELS = """\
providers:
  openai: {key: sk-0123456789}
  groq: {key: "${env:GROQ_API_KEY:-}"}
  sim: {profile: lab, lab: {models: {sim: {}, sim-2: {}}}}
models:
  a: {provider: openai}
  b: {provider: openai}
  c: {provider: openai, listed: false}
  d: {provider: openai, tier: t}
  e: {provider: openai, tier: t}
  off: {provider: groq}
  idle: {provider: openai, weight: 0}
  sim: {provider: sim}
  sim-2: {provider: sim}
"""


@pytest.fixture
def base_settings(loaded: Load) -> Settings:
    return loaded(MODELS, {}).settings


@pytest.fixture
def pools(base_settings: Settings) -> Make:
    """Pools of kind `any` of unchecked routes, written as [own deployments, fallbacks]."""

    def make(**routes: list[list[str]]) -> dict[str, Pools]:
        return {
            name: kinds["any"]
            for name, kinds in fallbacks(
                replace(
                    base_settings,
                    routes={name: route({"any": names}, models=own) for name, (own, names) in routes.items()},
                ),
                PROFILES,
            ).items()
        }

    return make


def route(names: dict[str, list[str]], **rest: object) -> RouteSettings:
    return convert({"fallbacks": names, **rest}, RouteSettings)


def test_models_are_pools_of_one_in_the_order_written(pools: Make) -> None:
    assert pools(r=[["a"], ["c", "b"]])["r"] == (("c",), ("b",))


def test_a_route_is_a_pool_followed_by_its_own_pools(pools: Make) -> None:
    found = pools(r=[["a"], ["s", "sim"]], s=[["b", "c"], ["d", "t"]], t=[["e"], []])
    assert found == {"r": (("b", "c"), ("d",), ("e",)), "s": (("d",), ("e",)), "t": ()}


def test_a_route_that_stands_later_in_the_file_or_earlier_is_the_same(pools: Make) -> None:
    assert pools(s=[["b"], ["c"]], r=[["a"], ["s"]])["r"] == pools(r=[["a"], ["s"]], s=[["b"], ["c"]])["r"]


def test_tiers_are_a_part_of_a_route(base_settings: Settings) -> None:
    routes = {"r": route({"any": ["s"]}, models=["a"]), "s": route({}, tiers=["t"])}
    assert fallbacks(replace(base_settings, routes=routes), PROFILES)["r"]["any"] == (("d", "e"),)


def test_a_deployment_comes_once_and_never_where_the_route_has_it(pools: Make) -> None:
    found = pools(r=[["a"], ["s", "b", "c", "a"]], s=[["a", "b"], ["c", "a"]])
    assert found["r"] == (("b",), ("c",))


def test_kinds_are_apart_also_below_a_route(base_settings: Settings) -> None:
    routes = {
        "r": route({"context_window": ["s"], "content_policy": ["b"]}, models=["a"]),
        "s": route({"any": ["c"], "context_window": ["d"]}, models=["b"]),
    }
    assert fallbacks(replace(base_settings, routes=routes), PROFILES) == {
        "r": {"any": (), "context_window": (("b",), ("d",)), "content_policy": (("b",),)},
        "s": {"any": (("c",),), "context_window": (("d",),), "content_policy": ()},
    }


def test_every_route_has_every_kind(pools: Make, base_settings: Settings) -> None:
    settings = replace(base_settings, routes={"r": route({}, models=["a"])})
    assert fallbacks(settings, PROFILES) == {"r": dict.fromkeys(KINDS, ())}


def test_what_is_lost_or_does_not_exist_is_left_out_and_no_pool_is_empty(pools: Make) -> None:
    assert pools(r=[["a"], ["off", "idle", "gone", "s", "b"]], s=[["off", "idle"], []])["r"] == (("b",),)


def test_a_key_brings_its_deployments_back(loaded: Load) -> None:
    text = MODELS + "routes: {r: {models: [a], fallbacks: {any: [off]}}}"
    assert fallbacks(loaded(text, {}).settings, PROFILES)["r"]["any"] == ()
    settings = loaded(text, {"GROQ_API_KEY": "gsk-0123456789"}).settings
    assert fallbacks(settings, PROFILES)["r"]["any"] == (("off",),)


def test_no_lab_deployment_takes_over_for_a_real_one(pools: Make) -> None:
    found = pools(r=[["a"], ["sim", "s", "b"]], s=[["sim"], ["sim-2", "c"]])
    assert found["r"] == (("c",), ("b",))


def test_a_lab_deployment_takes_over_for_a_lab_one(pools: Make) -> None:
    assert pools(r=[["sim"], ["sim-2", "a"]])["r"] == (("sim-2",), ("a",))
    assert pools(r=[["sim", "off"], ["sim-2"]])["r"] == (("sim-2",),)


def test_behind_a_lab_route_a_real_one_keeps_its_own_rule(pools: Make) -> None:
    found = pools(r=[["sim"], ["s"]], s=[["a", "sim-2"], ["sim-2", "b"]])
    assert found["r"] == (("a",), ("b",))


def test_a_name_of_both_is_the_route(pools: Make) -> None:
    assert pools(r=[["a"], ["c"]], c=[["c"], ["b"]])["r"] == (("c",), ("b",))


def test_a_loop_ends_where_it_closes(pools: Make) -> None:
    found = pools(r=[["a"], ["s"]], s=[["b"], ["t"]], t=[["c"], ["r", "d"]], x=[["e"], ["x"]])
    assert found["r"] == (("b",), ("c",), ("d",))
    assert found["x"] == ()


def test_a_long_chain_of_routes_is_no_trouble(pools: Make) -> None:
    length = 2_000
    routes = {f"r{at}": [["a" if at % 2 else "b"], [f"r{at + 1}"]] for at in range(length)}
    assert pools(**routes)["r0"] == (("a",),)
