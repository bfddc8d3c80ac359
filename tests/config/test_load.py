import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.config.load import Loaded, built_in, environment, load, load_text
from antiphon.config.settings import Settings
from antiphon.core.error import ConfigError, Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]


def refused(path: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_a_named_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("server: {port: 9000}")
    loaded = load(file, {})
    assert loaded.settings.server.port == 9000
    assert (loaded.file, loaded.base, loaded.text) == (str(file), tmp_path, "server: {port: 9000}")


def test_without_a_name_antiphon_yaml_here_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "antiphon.yaml").write_text("server: {port: 9001}")
    loaded = load(None, {})
    assert loaded.settings.server.port == 9001
    assert (loaded.file, loaded.base) == ("antiphon.yaml", tmp_path)


def test_without_any_file_the_quickstart_is_read_with_paths_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(None, {})
    assert loaded.text == built_in()
    assert (loaded.file, loaded.base) == ("quickstart.yaml (built in)", tmp_path)
    assert loaded.settings.storage.dir == str(tmp_path / "antiphon-data")


def test_an_empty_file_is_all_defaults_but_for_paths(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("")
    settings = load(file, {}).settings
    assert settings.storage.dir == str(tmp_path / "antiphon-data")
    assert settings.server == Settings().server


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    problem = refused(tmp_path / "gone.yaml")
    assert (problem.line, problem.path) == (1, "(file)")
    assert "No such file" in problem.wrong


def test_a_directory_is_a_problem(tmp_path: Path) -> None:
    assert "can't be read" in refused(tmp_path).wrong


def test_a_file_that_is_not_utf_8_is_a_problem_in_its_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"server:\n  host: caf\xe9\n")
    assert (refused(file).line, refused(file).remedy) == (2, "save the file as UTF-8")


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "bom.yaml"
    file.write_bytes(b"\xef\xbb\xbfserver: {port: 9002}\r\n")
    assert load(file, {}).settings.server.port == 9002


def test_paths_are_relative_to_the_file_and_absolute_ones_stay(loaded: Load, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text("{}")
    text = """\
storage: {dir: data}
providers:
  lab:
    lab: {models: {a: {replay: r.jsonl}}}
"""
    settings = loaded(text, at=tmp_path).settings
    assert settings.storage.dir == str(tmp_path / "data")
    lab = settings.providers["lab"].lab
    assert lab is not None
    assert lab.models["a"].replay == str(tmp_path / "r.jsonl")
    assert loaded("storage: {dir: /var/lib/antiphon}").settings.storage.dir == "/var/lib/antiphon"


def test_paths_start_at_a_link_to_the_file_not_at_what_it_leads_to(tmp_path: Path) -> None:
    # A Kubernetes volume links to a directory that has another name after every change.
    (tmp_path / "..2026_11_21").mkdir()
    (tmp_path / "..2026_11_21" / "antiphon.yaml").write_text("")
    (tmp_path / "antiphon.yaml").symlink_to(tmp_path / "..2026_11_21" / "antiphon.yaml")
    assert load(tmp_path / "antiphon.yaml", {}).base == tmp_path


def test_the_environment_is_copied() -> None:
    copy = environment()
    assert copy == dict(os.environ)
    assert copy is not os.environ


def test_another_text_is_read_under_the_same_name_place_and_environment(loaded: Load, base: Path) -> None:
    first = loaded("server: {port: 1}", {"PORT": "9003"})
    second = first.again("server: {port: '${env:PORT}'}")
    assert second.settings.server.port == 9003
    assert (second.file, second.base) == (first.file, first.base)
    with pytest.raises(ConfigError, match=r"antiphon\.yaml:1"):
        first.again("server: 5")


def test_the_message_of_an_error_has_a_line_for_each_mistake(base: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text("server:\n  port: x\n  hots: y\n", "my.yaml", base, {})
    number = "a whole number from 0 to 65535"
    assert str(caught.value).splitlines() == [
        f"my.yaml:2: server.port: found the text 'x'; write {number}",
        "my.yaml:3: server.hots: unknown key; did you mean `host`? allowed here: "
        + ", ".join(Settings().server.__struct_fields__),
    ]


@pytest.mark.parametrize("word", ["num_retries", "max_retries", "retries"])
def test_a_word_of_another_gateway_leads_to_ours(base: Path, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(f"routes: {{r: {{{word}: 3, models: [m]}}}}", "my.yaml", base, {})
    (found,) = [one for one in caught.value.problems if one.wrong == "unknown key"]
    assert (found.path, found.remedy.partition("?")[0]) == (f"routes.r.{word}", "did you mean `attempts`")


def test_same_settings_have_the_same_revision_wherever_they_lie(loaded: Load, tmp_path: Path) -> None:
    text = "storage: {dir: data}\nserver: {port: 9000}"
    assert (
        loaded(text).revision == loaded("# a remark\nserver:\n  port: 9000\nstorage: {dir: data}", at=tmp_path).revision
    )
    assert len(loaded(text).revision.id) == 16
    assert set(loaded(text).revision.parts) == set(Settings.__struct_fields__)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("server: {port: 9001}", "server"),
        ("keys: [{name: a, key: sk-0000000001}]", "keys"),
        ("providers: {openai: {key: sk-0000000001}}", "providers"),
        ("providers: {openai: {key: sk-0000000002}}", "providers"),
        ("providers: {openai: {key: sk-0000000002, headers: {a: b}}}", "providers"),
        ("providers: {openai: {key: sk-0000000002, headers: {a: c}}}", "providers"),
        ("prompts: {a: {text: b}}", "prompts"),
        ("telemetry: {log_level: debug}", "telemetry"),
    ],
)
def test_a_change_changes_the_revision_and_the_hash_of_its_section(loaded: Load, text: str, part: str) -> None:
    before, after = loaded("").revision, loaded(text).revision
    assert before.id != after.id
    assert [name for name in before.parts if before.parts[name] != after.parts[name]] == [part]


def test_different_secrets_are_different_revisions(loaded: Load) -> None:
    texts = [f"providers: {{openai: {{key: sk-000000000{at}, headers: {{x: {at}{at}a}}}}}}" for at in range(3)]
    assert len({loaded(text).revision.id for text in texts}) == 3


def test_the_order_of_models_is_part_of_the_revision(loaded: Load) -> None:
    lab = "providers: {lab: {lab: {models: {a: {}, b: {}}}}}\n"
    one = loaded(lab + "models: {a: {provider: lab}, b: {provider: lab}}").revision
    other = loaded(lab + "models: {b: {provider: lab}, a: {provider: lab}}").revision
    assert one.id != other.id


SCRAPS = st.sampled_from(
    [
        *Settings.__struct_fields__,
        *[
            "host",
            "port",
            "tls",
            "cert_file",
            "name",
            "key",
            "provider",
            "model",
            "tier",
            "models",
            "tiers",
            "lab",
            "profile",
            "weight",
            "price",
            "input",
        ],
        *[
            ":",
            ":",
            "-",
            "-",
            "\n",
            "\n",
            "",
            "\n",
            "",
            "",
            "{",
            "}",
            "[",
            "]",
            ",",
            "'",
            '"',
            "${env:A}",
            "${file:x}",
            "${",
            "$${",
            "&a",
            "*a",
            "!",
            "|",
            ">",
            "#",
            "~",
            "true",
            "1",
            "-1",
            "1e9",
            ".nan",
        ],
    ]
)


@given(st.lists(SCRAPS, max_size=40).map(" ".join) | st.lists(SCRAPS, max_size=40).map("".join) | st.text())
@settings(max_examples=400, deadline=None)
def test_any_text_loads_or_is_refused_with_lines(text: str) -> None:
    try:
        load_text(text, "any.yaml", Path("/nowhere"), {"A": "x"})
    except ConfigError as error:
        problems = error.problems
    else:
        return
    assert problems
    lines = len(text.splitlines()) + 1
    assert all(1 <= problem.line <= lines and problem.wrong and problem.remedy for problem in problems)
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
