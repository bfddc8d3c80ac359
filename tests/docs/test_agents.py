"""The page of documents is what the structs say, and the example of it holds."""

from pathlib import Path

import pytest
from pages.page import ROOT

from antiphon.config.documents_reference import reference
from antiphon.config.load import load

EXAMPLE = ROOT / "examples" / "complaints" / "antiphon.yaml"


def test_the_page_is_the_generated_one() -> None:
    page = (ROOT / "docs" / "reference" / "agents.md").read_text("utf-8")
    assert page == reference(), "run python -m antiphon.config.documents_reference > docs/reference/agents.md"


@pytest.mark.parametrize("file", [EXAMPLE], ids=lambda file: Path(file).parent.name)
def test_the_example_holds(file: Path) -> None:
    assert [one.id for one in load(file, {}).shelf.documents] == [
        "Agent/complaints@1.0",
        "Prompt/complaints@1.0",
        "Collection/handbook@1",
        "Tool/handbook@1",
        "Tool/complaints@1",
        "Tool/report@1",
    ]
