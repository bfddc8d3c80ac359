"""Every operator, function and bound is on the reference's page, and its example is true."""

import re

import pytest
from pages.page import reference

from antiphon import expr
from antiphon.core.signal import Declared, FactKind
from antiphon.expr import arithmetic, check, evaluate, parse
from antiphon.expr.functions import CALLS, MACROS, METHODS
from antiphon.expr.tree import BINARY

PAGE = reference("expressions")
TABLES = ("Operators", "Functions", "Times", "Macros")
ENV = {"context.tokens": Declared(name="context.tokens", kind="int", cost="free", says="")}
EXAMPLES = [row[-1].strip("`").replace("\\|", "|") for table in TABLES for row in PAGE.rows(table)]
NAMES = re.compile(r"([a-zA-Z_.]+)(?=\(|`)")
KINDS: dict[str, FactKind] = {"bool": "bool", "int": "int", "double": "double", "string": "string"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_true(example: str) -> None:
    assert expr.compile(example, ENV).holds({}.get)


def test_every_operator_has_its_row() -> None:
    signs = {sign.replace("\\|", "|") for row in PAGE.rows("Operators") for sign in re.findall(r"`([^`]+)`", row[0])}
    assert signs - {"x.f()", "list[at]", "!", "? :"} == set(BINARY)


def test_every_function_has_its_row() -> None:
    first = " ".join(row[0] for table in TABLES[1:] for row in PAGE.rows(table))
    names = {found.rpartition(".")[2] for found in NAMES.findall(first)}
    known = {name.rpartition(".")[2] for name in (*CALLS, *METHODS)}
    assert names == known | {"has", "matches"} | set(MACROS)


def test_bounds_are_those_of_the_code() -> None:
    told = [int(row[1].replace(",", "")) for row in PAGE.rows("Bounds")]
    assert told == [
        parse.MAX_CHARACTERS,
        parse.MAX_DEPTH,
        parse.MAX_ITEMS,
        check.MAX_MACROS,
        evaluate.MAX_STEPS,
        arithmetic.MAX_ITEMS,
        arithmetic.MAX_CHARACTERS,
    ]
