from collections.abc import Callable

import pytest
from msgspec.structs import replace

from antiphon.config.diff import RESTART, Change, diff
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.config.walk import walk
from antiphon.core.secret import Secret
from antiphon.server.settings import Tls

Load = Callable[..., Loaded]

LAB = "providers: {lab: {lab: {models: {a: {}, b: {}}}}}\n"


@pytest.fixture
def changes(loaded: Load) -> Callable[[str, str], list[Change]]:
    return lambda old, new: diff(loaded(old).settings, loaded(new).settings)


Changes = Callable[[str, str], list[Change]]


def test_the_same_settings_differ_in_nothing(changes: Changes) -> None:
    assert changes("server: {port: 8080}", "# default") == []


def test_a_change_has_its_path_and_both_values(changes: Changes) -> None:
    assert changes("server: {drain_timeout_s: 5}", "server: {drain_timeout_s: 6}") == [
        Change(path="server.drain_timeout_s", old=5.0, new=6.0)
    ]


def test_what_comes_and_what_goes_is_none_on_the_other_side(changes: Changes) -> None:
    one = changes(LAB, f"{LAB}models: {{a: {{provider: lab}}}}")
    assert Change(path="models.a.provider", old=None, new="lab") in one
    back = changes(f"{LAB}models: {{a: {{provider: lab}}}}", LAB)
    assert Change(path="models.a.provider", old="lab", new=None) in back


def test_a_list_of_words_is_one_change(changes: Changes) -> None:
    old = f"{LAB}models: {{a: {{provider: lab}}, b: {{provider: lab}}}}\nroutes: {{r: {{models: [a]}}}}"
    assert changes(old, old.replace("[a]", "[a, b]")) == [Change(path="routes.r.models", old=["a"], new=["a", "b"])]


def test_keys_are_told_apart_by_name_not_by_place(changes: Changes) -> None:
    one, two = "{name: one, key: sk-0000000001}", "{name: two, key: sk-0000000002}"
    found = changes(f"keys: [{one}, {two}]", f"keys: [{two}]")
    assert {change.path.split(".")[0] for change in found} == {"keys[one]"}


def test_a_providers_keys_without_a_name_are_told_apart_by_place(changes: Changes) -> None:
    old = "providers: {openai: {keys: [{key: sk-0000000001}, {key: sk-0000000002, name: b}, {key: sk-0000000003}]}}"
    new = old.replace("sk-0000000001", "sk-1000000001").replace("sk-0000000002", "sk-1000000002")
    assert [change.path for change in changes(old, new)] == [
        "providers.openai.keys[0].key",
        "providers.openai.keys[b].key",
    ]


def test_a_secret_appears_by_its_digest(changes: Changes) -> None:
    old, new = "sk-0000000001", "sk-0000000002"
    found = changes(f"keys: [{{name: a, key: {old}}}]", f"keys: [{{name: a, key: {new}}}]")
    assert found == [
        Change(
            path="keys[a].key",
            old=f"secret {Secret(old).digest().hex()[:8]}",
            new=f"secret {Secret(new).digest().hex()[:8]}",
        )
    ]


@pytest.mark.parametrize(
    ("new", "path"),
    [
        ("server: {host: localhost}", "server.host"),
        ("server: {port: 1}", "server.port"),
        ("server: {workers: 2}", "server.workers"),
        ("storage: {dir: elsewhere}", "storage.dir"),
        ("storage: {fsync: true}", "storage.fsync"),
        ("storage: {journal_bytes: 65536}", "storage.journal_bytes"),
    ],
)
def test_what_a_running_gateway_can_not_change_is_marked(changes: Changes, new: str, path: str) -> None:
    assert path in RESTART
    assert [(change.path, change.needs_restart) for change in changes("", new)] == [(path, True)]


def test_what_is_marked_exists() -> None:
    assert {setting.path for setting in walk(Settings)} >= RESTART


def test_other_changes_are_not_marked(changes: Changes) -> None:
    found = changes("", "server: {drain_timeout_s: 5, limits: {max_pipelined: 2}}\ntelemetry: {log_level: debug}")
    assert len(found) == 3
    assert not any(change.needs_restart for change in found)


def test_turning_tls_on_or_off_is_marked_and_other_files_are_not(loaded: Load) -> None:
    plain = loaded("").settings
    secured = replace(plain, server=replace(plain.server, tls=Tls(cert_file="a", key_file="b")))
    renewed = replace(plain, server=replace(plain.server, tls=Tls(cert_file="c", key_file="d")))
    assert any(change.needs_restart for change in diff(plain, secured))
    assert any(change.needs_restart for change in diff(secured, plain))
    assert [change.needs_restart for change in diff(secured, renewed)] == [False, False]


def test_what_begins_or_ends_that_agents_are_served_needs_a_restart(changes: Changes, tmp_path: object) -> None:
    from antiphon.agents.settings import AgentsSettings

    none, one, two = (
        Settings(agents=AgentsSettings(documents=files)) for files in ([], ["/a.yaml"], ["/a.yaml", "/b.yaml"])
    )
    on = Settings(agents=AgentsSettings(documents=[], enabled=True))
    assert [change.needs_restart for change in diff(none, one)] == [True]
    assert [change.needs_restart for change in diff(one, none)] == [True]
    assert [change.needs_restart for change in diff(one, two)] == [False]
    assert [change.path for change in diff(none, on) if change.needs_restart] == ["agents.enabled"]
