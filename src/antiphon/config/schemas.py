"""Puts the schemas of files that contracts name in the place of their names."""

from pathlib import Path

from msgspec.structs import replace

from antiphon.config.settings import Settings
from antiphon.recipes.contract_check import loaded
from antiphon.recipes.schema import BadSchema
from antiphon.recipes.settings import RecipeSettings


def with_schemas(settings: Settings, base: Path) -> Settings:
    """The same settings with the schemas in place; a file that holds none keeps its name, which `check` tells.

    So a revision is of what the schemas say.
    """
    if not any(_file(recipe) for recipe in settings.recipes.values()):
        return settings
    return replace(settings, recipes={name: _read(recipe, base) for name, recipe in settings.recipes.items()})


def _file(recipe: RecipeSettings) -> str:
    contract = recipe.contract
    return "" if contract is None or contract.json_schema is None else contract.json_schema.file


def _read(recipe: RecipeSettings, base: Path) -> RecipeSettings:
    if recipe.contract is None or not _file(recipe):
        return recipe
    try:
        return replace(recipe, contract=loaded(recipe.contract, base))
    except BadSchema:
        return recipe
