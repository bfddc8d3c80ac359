"""Texts of policies, and what is wrong with them."""

from pathlib import Path

import pytest

from antiphon.core.error import ConfigError
from antiphon.policy.compile import MOST_POLICIES, compiled, rules_of
from antiphon.policy.schema import SCHEMA, schema
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source, files_of, passages, read_files

TIERS = ("fast", "balanced", "premium")


def wrong(text: str) -> list[str]:
    return [f"{one.line}: {one.path}: {one.wrong}" for one in rules_of([Source(name="t.cedar", text=text)], TIERS)[1]]


def test_policies_are_found_behind_comments_and_around_strings() -> None:
    text = '// a; b\n@id("a;//")\npermit(principal,\n action, resource);  // "\n\n@id("b\\"") forbid(principal, action, resource)'

    assert [(one.line, one.text.count("\n")) for one in passages(text)] == [(2, 2), (6, 0)]


def test_a_good_policy_is_read() -> None:
    rules, problems = rules_of(
        [
            Source(
                name="t.cedar",
                text='\n@id("a") @log("none") permit(principal, action == Action::"use_tool", resource);',
            )
        ],
        TIERS,
    )

    assert problems == []
    assert [(one.id, one.effect, one.actions, one.line, one.file) for one in rules] == [
        ("a", "permit", ("use_tool",), 2, "t.cedar")
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("permit(principal, action, resource);", "1: (policy): the policy has no @id"),
        ('\n@id("a") permit(principal, action, resource) when { context.x };', "2: a: attribute `x` in context not found"),
        ('@id("a") permit(principal, action, resource) when { context.hour };', "1: a: unexpected type: expected Bool but saw Long"),
        ('@id("a") permit(principal, action == Action::"fly", resource);', '1: a: unrecognized action `Action::"fly"`'),
        ('@id("a") permit(principal in Tea::"x", action, resource);', "1: a: unrecognized entity type `Tea`"),
        ('@id("a") permit(principal, action, resource', "1: (policy): unexpected end of input"),
        ('@id("a") permit(principal == ?principal, action, resource);', "1: (policy): a template (`?principal`, `?resource`) decides nothing by itself"),
        ('@id("a b") permit(principal, action, resource);', "1: a b: @id can't be 'a b'"),
        ('@id("a") @share("2") permit(principal, action, resource);', "1: a: @share can't be '2'"),
        ('@id("a") @share("nan") permit(principal, action, resource);', "1: a: @share can't be 'nan'"),
        ('@id("a") @mode("off") permit(principal, action, resource);', "1: a: @mode can't be 'off'"),
        ('@id("a") @log("all") permit(principal, action, resource);', "1: a: @log can't be 'all'"),
        ('@id("a") @retention("soon") permit(principal, action, resource);', "1: a: @retention can't be 'soon'"),
        ('@id("a") @max_tier("huge") permit(principal, action, resource);', "1: a: @max_tier names 'huge', which is no tier"),
        ('@id("a") @maks("email") permit(principal, action, resource);', "1: a: there is no annotation @maks"),
        ('@id("a") @mask("email") forbid(principal, action, resource);', "1: a: @mask on a forbid obliges nobody"),
        ('@id("a") @approvals("2") permit(principal, action, resource);', "1: a: @approvals without @approve"),
        ('@id("a") @approve("x") @approvals("0") permit(principal, action, resource);', "1: a: @approvals can't be '0'"),
    ],
)  # fmt: skip
def test_a_bad_policy_is_told_with_its_line(text: str, told: str) -> None:
    assert wrong(text) == [told]


def test_all_mistakes_are_told_at_once() -> None:
    text = 'permit(principal, action, resource);\n@id("b") @mode("x") forbid(principal, action, resource) when { context.y };'

    assert [one.split(":")[0] for one in wrong(text)] == ["1", "2", "2"]


def test_a_name_is_there_once() -> None:
    text = '@id("a") permit(principal, action, resource);\n@id("a") forbid(principal, action, resource);'

    assert wrong(text) == ["2: a: t.cedar:1 has a policy of this @id"]


def test_there_are_not_too_many() -> None:
    text = "\n".join(f'@id("p{at}") permit(principal, action, resource);' for at in range(MOST_POLICIES + 1))

    assert wrong(text)[0].startswith(f"{MOST_POLICIES + 1}: p{MOST_POLICIES}: there are {MOST_POLICIES + 1} policies")


def test_files_are_found_by_patterns_each_once(tmp_path: Path) -> None:
    for name in ("b.cedar", "a.cedar", "c.txt"):
        (tmp_path / name).write_text("")

    found = files_of([str(tmp_path / "b.cedar"), str(tmp_path / "*.cedar")])

    assert [one.name for one in found] == ["b.cedar", "a.cedar"]


def test_every_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin.cedar").write_bytes(b"// caf\xe9")
    (tmp_path / "large.cedar").write_bytes(b" " * 1_048_577)

    with pytest.raises(ConfigError) as told:
        read_files([str(tmp_path / name) for name in ("latin.cedar", "large.cedar", "none.cedar")])

    assert [Path(one.file).name for one in told.value.problems] == ["latin.cedar", "large.cedar", "none.cedar"]


def test_policies_are_compiled_from_files_and_bundles(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text('@id("a") permit(principal, action, resource);')
    bundle = Source(name="bundle/b@1", text='@id("b") forbid(principal, action, resource);')

    made = compiled(PolicySettings(files=[str(tmp_path / "*.cedar")]), [bundle])

    assert [one.id for one in made.rules] == ["a", "b"]


def test_mistakes_stop_the_compiling(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_text("permit(principal, action, resource);")

    with pytest.raises(ConfigError, match=r"a\.cedar:1: \(policy\): the policy has no @id"):
        compiled(PolicySettings(files=[str(tmp_path / "a.cedar")]))


def test_the_schema_is_one_that_cedar_takes() -> None:
    assert schema() is schema()
    assert "action call_model" in SCHEMA
