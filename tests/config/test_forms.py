"""Objects of the admin API are read as the file's are, and never share a name with them."""

from collections.abc import Callable
from typing import Any

import pytest

from antiphon.config.diff import diff
from antiphon.config.forms import FileForms, check_owners
from antiphon.config.load import Loaded
from antiphon.control.ownership import Flawed
from antiphon.control.settings import KeyForm
from antiphon.core.error import ConfigError, Problem
from antiphon.core.objects import Object

FILE = """\
keys:
  - {name: alice, key: sk-alice-001}
  - name: ci
    key: sk-ci-000001
budgets:
  - {name: month, usd: 5}
limits:
  - {name: rate, requests: 5}
providers:
  lab: {lab: {models: {fast: {}}}}
models:
  fast: {provider: lab}
"""
Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]


def stored(kind: str, name: str) -> Object:
    return Object(kind=kind, name=name, tenant="default", spec=b"{}", version=17, at_ns=0, by="key/root")  # type: ignore[arg-type]


def test_the_file_owns_what_is_written_in_it(loaded: Load) -> None:
    forms = FileForms(loaded(FILE))
    assert [list(forms.written(kind)) for kind in ("key", "budget", "limit")] == [["alice", "ci"], ["month"], ["rate"]]


def test_an_object_with_a_name_that_the_file_has_too_is_a_mistake_with_both_owners_named(loaded: Load) -> None:
    with pytest.raises(ConfigError) as caught:
        check_owners(loaded(FILE), [stored("key", "ci"), stored("key", "other"), stored("budget", "month")])

    assert [(one.line, one.path) for one in caught.value.problems] == [(3, "keys[1].name"), (6, "budgets[0].name")]
    first = caught.value.problems[0]
    assert first.wrong == "the admin API owns a key ci too (version 17, by key/root)"
    assert "antiphon keys delete ci" in first.remedy


def test_objects_of_other_names_or_kinds_are_no_mistake(loaded: Load) -> None:
    check_owners(loaded(FILE), [stored("budget", "ci"), stored("key", "month"), stored("limit", "alice")])


def test_a_body_is_read_with_the_file_s_defaults_and_choices(loaded: Load) -> None:
    form = FileForms(loaded(FILE)).read("key", "new", {"models": ["fa*"], "priority": "low"})
    assert form == KeyForm(name="new", models=["fa*"], priority="low")


@pytest.mark.parametrize(
    ("kind", "fields", "field", "remedy"),
    [
        ("key", {"models": ["fsat"]}, "models[0]", "did you mean `fast`?"),
        ("key", {"prioritty": "low"}, "prioritty", "did you mean `priority`?"),
        ("key", {"budget": {"usd": 1, "requests": 1}}, "budget", "write one limit"),
        ("key", {"limit": {}}, "limit", "write one or more"),
        ("limit", {"requests": 5, "only": {"planet": ["x"]}}, "only.planet", "write one of"),
        ("budget", {"tokens": 1.5}, "tokens", "a whole number"),
    ],
)
def test_a_mistake_has_the_file_s_remedy(loaded: Load, kind: Any, fields: Any, field: str, remedy: str) -> None:
    with pytest.raises(Flawed) as caught:
        FileForms(loaded(FILE)).read(kind, "new", fields)
    (flaw,) = caught.value.flaws
    assert flaw.field == field
    assert remedy in flaw.remedy


# --- settings of keys and of the admin API


@pytest.mark.parametrize(
    ("text", "path", "word"),
    [
        ("keys: [{name: a, key: sk-12345678, expires: soon}]", "keys[0].expires", "no point in time"),
        ("keys: [{name: a, key: sk-12345678, budget: {}}]", "keys[0].budget", "exactly one"),
        ("keys: [{name: a, key: sk-12345678, budget: {usd: 0.00000000001}}]", "keys[0].budget", "decimals"),
        ("keys: [{name: a, key: sk-12345678, limit: {per: day}}]", "keys[0].limit", "limits nothing"),
        ("admin: {key: short}", "admin.key", "shorter than 16"),
        ("admin: {key: 'sixteen or more signs'}", "admin.key", "a space"),
        ("admin: {host: 0.0.0.0}", "admin.host", "other machines"),
    ],
)
def test_a_mistake_in_the_file_is_told(mistakes: Mistakes, text: str, path: str, word: str) -> None:
    (problem,) = mistakes(text)
    assert problem.path == path
    assert word in problem.wrong


def test_an_admin_api_beyond_loopback_may_be_wanted(loaded: Load) -> None:
    admin = loaded("admin: {host: 0.0.0.0, insecure: true}").settings.admin
    assert admin is not None
    assert admin.port == 8081


def test_a_gateway_with_an_admin_api_may_listen_beyond_loopback_without_a_key_in_the_file(loaded: Load) -> None:
    assert loaded("admin: {}\nserver: {host: 0.0.0.0}").settings.server.host == "0.0.0.0"


def test_turning_the_admin_api_on_needs_a_restart_and_another_first_key_doesn_t(loaded: Load) -> None:
    off, on = loaded("{}").settings, loaded("admin: {key: a-key-of-16-signs}").settings
    other = loaded("admin: {key: another-key-of-16}").settings
    assert {one.path for one in diff(off, on) if one.needs_restart} == {"admin.host", "admin.port"}
    assert {one.path for one in diff(on, other)} == {"admin.key"}
    assert not any(one.needs_restart for one in diff(on, other))
