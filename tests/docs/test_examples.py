"""Every example does what it says."""

from pathlib import Path

import pytest
from pages.configurations import whole
from pages.desk import Desk
from pages.page import ROOT

EXAMPLES = ROOT / "examples"
MODELINE = "# yaml-language-server: $schema=./antiphon.schema.json\n"


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_a_configuration_names_its_schema_and_holds(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.startswith(MODELINE)
    whole(text, file.name, EXAMPLES)


@pytest.mark.processes
@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.name)
def test_a_program_runs(file: Path, shared: Desk) -> None:
    assert shared.python(file.read_text("utf-8")).strip()
