"""Mistakes in contracts that show in the whole configuration alone: files of schemas, programs that nothing can run."""

from collections.abc import Iterator
from pathlib import Path

from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.recipes.contract_check import loaded
from antiphon.recipes.schema import BadSchema


def check_contracts(settings: Settings, written: Written, base: Path) -> Iterator[Problem]:
    """What recipes' contracts need of files and of the sandbox.

    Args:
        base: Directory that relative paths start from.
    """
    tiers = settings.sandbox.tiers
    if "refuse" in tiers and tiers[-1] != "refuse" and written.sound(("sandbox",)):
        behind = tiers[tiers.index("refuse") + 1]
        yield written.problem(("sandbox", "tiers"), f"{behind} stands behind refuse", "put refuse last")
    for name, recipe in settings.recipes.items():
        at, contract = ("recipes", name, "contract"), recipe.contract
        if contract is None or not written.sound(at):
            continue
        if contract.json_schema is not None and contract.json_schema.file:
            try:
                loaded(contract, base)
            except BadSchema as error:
                remedy = "name a file that holds a JSON Schema"
                yield written.problem((*at, "json_schema", "file"), str(error), remedy)
        if contract.code is not None and contract.code.tests and tiers[0] == "refuse":
            wrong = "its tests can't run: sandbox.tiers begins with refuse"
            yield written.problem(
                (*at, "code", "tests"), wrong, "give the sandbox another tier, or leave the tests out"
            )
