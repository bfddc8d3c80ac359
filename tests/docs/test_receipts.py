"""Every field of a receipt has its row in the reference, in order."""

import json
from typing import get_args

import msgspec
import pytest
from msgspec import Struct
from pages.page import reference

from antiphon.core.receipt import Outcome, Receipt

PAGE = reference("receipts")


def structs(kind: object = Receipt, known: dict[str, type[Struct]] | None = None) -> dict[str, type[Struct]]:
    """A struct and all that its fields lead to, by name."""
    known = {} if known is None else known
    if isinstance(kind, type) and issubclass(kind, Struct):
        if kind.__name__ not in known:
            known[kind.__name__] = kind
            for field in msgspec.structs.fields(kind):
                structs(field.type, known)
    else:
        for argument in get_args(kind):
            structs(argument, known)
    return known


def test_every_part_has_a_heading() -> None:
    assert set(PAGE.sections()) - {"Receipts"} == set(structs())


@pytest.mark.parametrize("name", structs())
def test_every_field_has_its_row(name: str) -> None:
    fields = [field.encode_name for field in msgspec.structs.fields(structs()[name])]
    assert [row[0].strip("`") for row in PAGE.rows(name)] == fields
    assert [row[0] for row in PAGE.rows(name) if len(row) != 2 or len(row[1]) < 5] == []


def test_every_outcome_is_explained() -> None:
    meaning = next(row[1] for row in PAGE.rows("Receipt") if row[0] == "`outcome`")
    assert [word for word in get_args(Outcome) if f"`{word}`" not in meaning] == []


def test_the_example_is_a_receipt() -> None:
    [block] = [block for block in PAGE.blocks if block.lang == "json"]
    receipt = msgspec.json.decode(block.text, type=Receipt)
    assert json.loads(msgspec.json.encode(receipt)) == json.loads(block.text)
