"""What the page of controls claims is tested is tested there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "controls.md"
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)`", PAGE.read_text("utf-8"))))


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_a_control_names_is_there(name: str) -> None:
    place = ROOT / name
    files = [place] if place.is_file() else sorted(place.rglob("test_*.py"))
    assert any("def test_" in file.read_text("utf-8") for file in files), name


def test_every_row_names_a_test() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ") and "---" not in line]
    bare = [row for row in rows if "`tests/" not in row and not row.endswith("| test |")]
    assert bare == []
