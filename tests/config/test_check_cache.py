from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]

GOOD = """\
calls:
  cache: {store_bytes: 300000000, tenant_bytes: 3000000}
providers:
  openai: {key: sk-0123456789}
models:
  one: {provider: openai}
embedders:
  server: {endpoint: {base_url: "http://127.0.0.1:1/v1", model: e, dimensions: 3}}
routes:
  kept: {models: [one], cache: {enabled: true, max_entry_bytes: 2000000}}
  later: {models: [one], cache: {enabled: false, ttl_s: 5}}
"""


def test_the_configuration_that_the_cases_change_is_right(loaded: Load) -> None:
    loaded(GOOD)


CASES = [
    (
        "tenant_bytes: 3000000",
        "tenant_bytes: 300000001",
        "calls.cache.tenant_bytes",
        "300000001 is more than store_bytes 300000000",
    ),
    ("cache: {store_bytes", "cache: {store: valkey, store_bytes", "calls.cache.store", "there is no Valkey"),
    ("tenant_bytes: 3000000", "tenant_bytes: 1000000", "routes.kept.cache.max_entry_bytes", "2000000 is more than"),
    ("enabled: false, ttl_s: 5", "ttl_s: 5", "routes.later.cache", "has no effect while `enabled` is not set"),
    ("ttl_s: 5", "ttl_s: 0", "routes.later.cache.ttl_s", "0"),
    ("ttl_s: 5", "semantic: {embedder: sever}", "routes.later.cache.semantic.embedder", "no embedder 'sever'"),
    (
        "ttl_s: 5",
        "semantic: {embedder: server}",
        "routes.later.cache.semantic.embedder",
        "'server' is an endpoint: each text that is compared would leave this machine",
    ),
    ("embedders:", "embedders:\n  none: {}", "embedders.none", "none of the sections endpoint and local"),
    (
        'base_url: "http://127.0.0.1:1/v1"',
        'base_url: "http://me@127.0.0.1:1/v1"',
        "embedders.server.endpoint.base_url",
        "has a user or password in it",
    ),
]


@pytest.mark.parametrize(("good", "bad", "path", "wrong"), CASES, ids=[f"{case[2]}: {case[3]}" for case in CASES])
def test_a_mistake_is_told_with_its_place(mistakes: Mistakes, good: str, bad: str, path: str, wrong: str) -> None:
    assert good in GOOD
    found = mistakes(GOOD.replace(good, bad))

    (problem,) = found
    assert problem.path == path
    assert wrong in problem.wrong
    assert problem.remedy


def test_an_embedders_folder_that_is_not_there_is_told_with_its_place(mistakes: Mistakes) -> None:
    found = mistakes(GOOD.replace("embedders:", "embedders:\n  here: {local: {dir: nowhere}}"))

    assert {problem.path for problem in found} == {"embedders.here.local.dir"}
