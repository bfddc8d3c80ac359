"""Policies of a configuration: where they are, what is wrong with them, and what they do to the revision."""

import os
from pathlib import Path

import pytest

from antiphon.app.watch import Watch
from antiphon.config.load import Loaded, load
from antiphon.core.error import ConfigError

GOOD = '@id("a") permit(principal, action == Action::"call_model", resource);'
LAB = "providers: {lab: {lab: {models: {quick: {}}}}}\nmodels: {quick: {provider: lab}}\n"


def loaded(directory: Path, policy: str) -> Loaded:
    file = directory / "antiphon.yaml"
    file.write_text(f"{LAB}policy: {policy}\n")
    return load(file, {})


def wrong(directory: Path, policy: str) -> list[tuple[str, int, str, str]]:
    with pytest.raises(ConfigError) as told:
        loaded(directory, policy)
    return [(Path(one.file).name, one.line, one.path, one.wrong) for one in told.value.problems]


def test_files_are_found_from_the_configurations_directory(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(GOOD)

    assert loaded(tmp_path, '{files: ["*.cedar"]}').settings.policy.files == [str(tmp_path / "*.cedar")]


def test_mistakes_in_policies_are_told_with_their_own_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(f"{GOOD}\n\npermit(principal, action, resource);")
    (tmp_path / "b.cedar").write_text('@id("b") forbid(principal, action, resource) when { context.x };')

    assert wrong(tmp_path, "{files: [a.cedar, b.cedar]}") == [
        ("b.cedar", 1, "b", "attribute `x` in context not found"),
        ("a.cedar", 3, "(policy)", "the policy has no @id"),
    ]


def test_a_name_is_there_once_in_all_files(tmp_path: Path) -> None:
    for name in ("a.cedar", "b.cedar"):
        (tmp_path / name).write_text(GOOD)

    assert [one[:3] for one in wrong(tmp_path, "{files: [a.cedar, b.cedar]}")] == [("b.cedar", 1, "a")]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("{files: [none.cedar]}", ("none.cedar", 1, "(file)", "can't be read: No such file or directory")),
        ('{files: ["none/*.cedar"]}', ("antiphon.yaml", 3, "policy.files[0]", "no file is named so: DIR/none/*.cedar")),
        ("{tiers: [fast, fast]}", ("antiphon.yaml", 3, "policy.tiers", "fast stands there twice")),
    ],
)
def test_settings_that_lead_nowhere_are_told(tmp_path: Path, policy: str, told: tuple[str, int, str, str]) -> None:
    expected = (*told[:3], told[3].replace("DIR", str(tmp_path)))

    assert wrong(tmp_path, policy) == [expected]


def test_a_tier_of_the_operators_own_is_known_to_policies(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(GOOD.replace("permit", '@max_tier("small") permit', 1))

    assert loaded(tmp_path, "{files: [a.cedar], tiers: [small, large]}").settings.policy.tiers == ["small", "large"]
    assert wrong(tmp_path, "{files: [a.cedar]}")[0][3] == "@max_tier names 'small', which is no tier"


def test_another_policy_is_another_revision(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(GOOD)
    before = loaded(tmp_path, "{files: [a.cedar]}").revision
    (tmp_path / "a.cedar").write_text(f"{GOOD} // more")
    after = loaded(tmp_path, "{files: [a.cedar]}").revision

    assert before.id != after.id


def test_a_policy_that_changes_comes_or_goes_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text(GOOD)
    watch = Watch(loaded(tmp_path, '{files: ["*.cedar"]}'))
    first = watch.changed()

    (tmp_path / "a.cedar").write_text(f"{GOOD} // more")
    os.utime(tmp_path / "a.cedar", ns=(1, 1))
    changed = watch.changed()
    (tmp_path / "b.cedar").write_text(GOOD.replace('"a"', '"b"'))
    came = watch.changed()
    (tmp_path / "b.cedar").unlink()

    assert [first, changed, came, watch.changed(), watch.changed()] == [False, True, True, True, False]
