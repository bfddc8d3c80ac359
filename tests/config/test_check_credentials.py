from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]

GOOD = """\
providers:
  openai:
    keys:
      - {key: sk-0123456789}
      - {key: sk-9876543210, name: second, weight: 2}
  groq: {keys: [{key: sk-0123456789}]}
  azure: {keys: []}
models: {one: {provider: openai}}
routes: {r: {models: [one]}}
"""
SECRETS = ("sk-0123456789", "sk-9876543210")


def test_the_configuration_that_the_cases_change_is_right(loaded: Load) -> None:
    loaded(GOOD)


CASES = [
    ("  openai:\n", "  openai:\n    key: sk-third-key\n", 4, "keys", "there is a `key` beside it", "into this list"),
    ("  openai:\n", '  openai:\n    key: "${env:GONE:-}"\n', 4, "keys", "there is a `key` beside it", "leave one out"),
    ("{key: sk-0123456789}\n", '{key: "sk 0123"}\n', 4, "keys[0].key", "has a space", "copied"),
    ("{key: sk-0123456789}\n", '{key: "sk-0123\\n"}\n', 4, "keys[0].key", "a line break", "copied"),
    ("sk-9876543210", "sk-0123456789", 5, "keys[1].key", "is the same as that of keys[0]", "its own key"),
    ("sk-9876543210", '""', 5, "keys[1].key", "is empty", "leave this one out"),
    ("sk-9876543210", '"${env:GONE:-}"', 5, "keys[1].key", "is empty", "write the key"),
    ("name: second", "name: sk-98", 5, "keys[1].name", "the name is a part of the key", "tells nothing"),
    ("name: second", "name: key 1", 5, "keys[1].name", "two keys are called 'key 1'", "its own name"),
    ("weight: 2}", "weight: 2}\n      - {key: sk-third-key, name: second}", 6, "keys[2].name", "two keys are called", "its own"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "wrong", "remedy"), CASES, ids=[f"{c[3]}: {c[4]}" for c in CASES]
)
def test_one_mistake_is_one_problem(
    mistakes: Mistakes, old: str, new: str, line: int, path: str, wrong: str, remedy: str
) -> None:
    assert GOOD.count(old) == 1
    problems = mistakes(GOOD.replace(old, new))
    assert [(one.file, one.line, one.path) for one in problems] == [("antiphon.yaml", line, f"providers.openai.{path}")]
    assert wrong in problems[0].wrong
    assert remedy in problems[0].remedy
    assert not any(secret in str(problems) for secret in SECRETS)


def test_a_key_that_is_null_stands_beside_no_list(loaded: Load) -> None:
    loaded(GOOD.replace("  openai:\n", "  openai:\n    key: null\n"))


@pytest.mark.parametrize(
    "broken",
    [
        "keys: 5",
        "keys: [5]",
        "keys: [{}]",
        "keys: [{key: '${env:GONE}'}, {key: sk-0123456789}]",
        "keys: [{key: 5}, {key: sk-0123456789, name: a}, {key: sk-9876543210, name: key 2}]",
        "keys: [{key: sk-0123456789, weight: 0}]",
    ],
)
def test_a_mistake_does_not_make_others_up(mistakes: Mistakes, broken: str) -> None:
    routes = "models: {one: {provider: openai}}\nroutes: {r: {models: [one]}}"
    assert len(mistakes(f"providers: {{openai: {{{broken}}}}}\n{routes}")) == 1


def test_an_item_that_could_not_be_read_moves_no_other(mistakes: Mistakes) -> None:
    problems = mistakes("providers: {openai: {keys: [5, {key: sk-0123456789}, {key: sk-0123456789}]}}")
    assert [(one.path, one.wrong) for one in problems[1:]] == [
        ("providers.openai.keys[2].key", "is the same as that of keys[1]")
    ]
