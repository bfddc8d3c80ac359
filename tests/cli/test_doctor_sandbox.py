"""What `antiphon doctor` says of the sandbox."""

import msgspec
import pytest

from antiphon.cli.checks.sandbox import sandbox, told
from antiphon.config.settings import Settings
from antiphon.sandbox.probe import Probed

TESTED = {"recipes": {"code": {"single": {}, "contract": {"code": {"tests": ["assert f()"]}}}}}


def settings(**more: object) -> Settings:
    return msgspec.convert({**TESTED, **more}, Settings)


async def test_where_no_recipe_runs_programs_nothing_is_said() -> None:
    assert await sandbox(Settings()) == []


async def test_tiers_that_keep_programs_in_are_named() -> None:
    (finding,) = await sandbox(settings(sandbox={"tiers": ["monty"]}))
    if "isn't installed" in finding.found:
        pytest.skip("pydantic-monty isn't installed")
    assert (finding.state, finding.found) == ("ok", "monty keep programs in")


def test_a_tier_that_is_not_used_says_why() -> None:
    found = told([Probed(tier="monty"), Probed(tier="bubblewrap", why="there is no program bwrap")], ["code"])
    assert [(one.state, one.found) for one in found] == [
        ("ok", "monty keep programs in"),
        ("note", "bubblewrap isn't used: there is no program bwrap"),
    ]


def test_a_recipe_whose_programs_nothing_keeps_in_is_wrong() -> None:
    found = told([Probed(tier="landlock", why="this kernel has no Landlock")], ["code"])
    assert [one.state for one in found] == ["note", "wrong"]
    assert "which code would run" in found[1].found


async def test_where_code_is_refused_a_recipe_that_runs_it_is_wrong() -> None:
    assert [one.state for one in await sandbox(settings(sandbox={"tiers": ["refuse"]}))] == ["wrong"]
