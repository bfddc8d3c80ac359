"""Programs of answers, tested in a real sandbox."""

from collections.abc import AsyncIterator

import pytest
from scripted_calls import Says, ScriptedCalls, answer_of, question

from antiphon.recipes.contract import check
from antiphon.recipes.port import Answer
from antiphon.recipes.repair import hold
from antiphon.recipes.settings_contract import CodeSettings, ContractSettings
from antiphon.sandbox.settings import SandboxSettings
from antiphon.sandbox.tiers import Tiers

MEDIAN = ContractSettings(
    code=CodeSettings(entry="median", tests=["assert median([3, 1, 2]) == 2", "assert median([4, 1, 2, 3]) == 2.5"])
)
RIGHT = """
def median(values):
    values, half = sorted(values), len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
"""
WRONG = """
def median(values):
    return sorted(values)[len(values) // 2]
"""
GONE = """
import sys
def median(values):
    sys.exit(0)
"""
CAUGHT = """
class Any:
    def __eq__(self, other):
        raise SystemExit
def median(values):
    return Any()
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Tiers]:
    tiers = Tiers(SandboxSettings(wall_s=20.0))
    probed = await tiers.probed()
    if all(one.why for one in probed):
        await tiers.close()
        pytest.skip("; ".join(f"{one.tier}: {one.why}" for one in probed))
    yield tiers
    await tiers.close()


def answer(program: str) -> Answer:
    return answer_of(f"Here you are:\n```python\n{program}\n```\nDoes that help?")


async def test_a_program_that_passes_its_tests_keeps_the_contract(sandbox: Tiers) -> None:
    found = await check(MEDIAN, answer(RIGHT), question(), sandbox=sandbox)
    assert (found.ok, bool(found.tier)) == (True, True)
    assert found.extracted is not None
    assert found.extracted.strip() == RIGHT.strip()


async def test_one_that_fails_a_test_is_told_which(sandbox: Tiers) -> None:
    found = await check(MEDIAN, answer(WRONG), question(), sandbox=sandbox)
    assert found.why == "code: test 2 of 2 failed"
    assert "assert median([4, 1, 2, 3]) == 2.5" in found.broken[0].told


@pytest.mark.parametrize("program", [GONE, CAUGHT])
async def test_one_that_ends_itself_before_a_test_does_has_failed(sandbox: Tiers, program: str) -> None:
    assert (await check(MEDIAN, answer(program), question(), sandbox=sandbox)).why == "code: test 1 of 2 failed"


async def test_one_that_runs_for_ever_has_failed() -> None:
    tiers = Tiers(SandboxSettings(cpu_s=1.0, wall_s=20.0))
    found = await check(MEDIAN, answer("def median(values):\n    while True: pass"), question(), sandbox=tiers)
    await tiers.close()
    assert found.why in {"code: test 1 of 2 took too long", "code: no sandbox runs its tests"}


async def test_a_program_is_mended_by_what_its_test_said(sandbox: Tiers) -> None:
    calls = ScriptedCalls({"a": Says(text=f"```python\n{RIGHT}\n```", after_s=0)})

    held = await hold(MEDIAN, answer(WRONG), question(), calls, sandbox=sandbox)

    assert held.step == "repair"
    assert "assert median([4, 1, 2, 3]) == 2.5" in calls.of("repair").said
    assert [noted.what for noted in calls.notes] == ["repaired", "tested"]
