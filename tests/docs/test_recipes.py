"""The page of recipes has every pattern, and every word that receipts use of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.recipes.settings import PATTERNS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "recipes.md").read_text(encoding="utf-8")
WORDS = PAGE.split("| word | meaning |")[1].split("\n\n")[0]


def said() -> Iterator[str]:
    """Words of what recipes note: the third argument of `told`, and `what` of `Noted`."""
    for file in sorted((ROOT / "src" / "antiphon" / "recipes").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                given = node.args[2:3] if name == "told" else []
                given += [one.value for one in node.keywords if name == "Noted" and one.arg == "what"]
                yield from (str(one.value) for one in given if isinstance(one, ast.Constant))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_has_its_row_and_its_section(pattern: str) -> None:
    assert re.search(rf"^\| \[`{pattern}`\]\(#{pattern}\) \|", PAGE, re.MULTILINE)
    assert f"\n## `{pattern}`\n" in PAGE


def test_every_word_of_notes_is_explained() -> None:
    words = set(said())

    assert "accepted" in words
    assert {word for word in words if f"`{word}`" not in WORDS} == set()
