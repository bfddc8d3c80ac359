"""Mistakes in a contract that only show when it is used, found before that."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from antiphon.recipes.contract_parts import compiled
from antiphon.recipes.extract import strict_json
from antiphon.recipes.extract_choice import options
from antiphon.recipes.schema import MOST_BYTES, BadSchema, JsonSchema, load
from antiphon.recipes.settings_contract import (
    ChoiceSettings,
    ContractSettings,
    LengthSettings,
    SchemaSettings,
)

Mistake = tuple[str, str, str]
"""Path below the contract, what is wrong, what to write."""
PARTS = ("choice", "exact", "json_schema", "code", "citations", "length", "regex")


def mistakes(contract: ContractSettings) -> list[Mistake]:
    """All that is wrong with a contract. The schema of a `file` counts once it is `loaded`."""
    found: list[Mistake] = []
    if not any(getattr(contract, part) for part in PARTS):
        found.append(("", "it asks for nothing", f"write one of {', '.join(PARTS)}"))
    if contract.choice is not None:
        found += _choice(contract.choice)
    if contract.json_schema is not None:
        found += _schema(contract.json_schema)
    if contract.length is not None:
        found += _length(contract.length)
    if contract.code is not None and not (contract.code.compiles or contract.code.entry or contract.code.tests):
        found.append(("code", "it asks for nothing of the program", "leave `compiles` on, or write `entry` or `tests`"))
    if contract.regex:
        try:
            compiled(contract.regex)
        except ValueError as error:
            found.append(("regex", f"{contract.regex!r} can't be used: {error}", "write another"))
    return found


def _choice(choice: ChoiceSettings) -> Iterator[Mistake]:
    keys = options(choice).keys if choice.options else ()
    if len(set(keys)) != len(keys):
        yield "choice.options", "two options are the same when case and articles are left out", "write others"
    if len(choice.labels) > len(choice.options):
        yield "choice.labels", f"{len(choice.labels)} labels for {len(choice.options)} options", "write one an option"
    if choice.multiple and any("," in name for name in choice.options):
        yield "choice.options", "an option of several has a comma in its name", "leave the comma out"


def _schema(asked: SchemaSettings) -> Iterator[Mistake]:
    given = [asked.schema is not None, bool(asked.file), asked.source is not None]
    if sum(given) != 1:
        yield "json_schema", f"{sum(given)} of its fields are set", "write exactly one of schema, file and from"
    if asked.source is not None:
        load()  # now, and not amid the first request
    if asked.schema is not None:
        try:
            JsonSchema(asked.schema)
        except BadSchema as error:
            yield "json_schema.schema", f"the schema can't be used: {error}", "write one that can"


def _length(length: LengthSettings) -> Iterator[Mistake]:
    for unit in ("words", "characters", "tokens"):
        least, most = getattr(length, f"min_{unit}"), getattr(length, f"max_{unit}")
        if most is not None and least > most:
            yield f"length.max_{unit}", f"{most} is less than min_{unit}, {least}", f"write {least} or more"


def loaded(contract: ContractSettings, folder: Path) -> ContractSettings:
    """The contract with the schema of its `file` in place, by the path from a folder.

    Raises: BadSchema, when the file can't be read, or isn't one JSON value; OSError never.
    """
    asked = contract.json_schema
    if asked is None or not asked.file:
        return contract
    try:
        with (folder / asked.file).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        found = strict_json(text.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise BadSchema(f"{asked.file} can't be read: {error}") from None
    if found is None or not isinstance(found[0], dict):
        raise BadSchema(f"{asked.file} isn't one JSON object of at most {MOST_BYTES} bytes")
    return replace(contract, json_schema=replace(asked, schema=found[0], file=""))
