"""What no page and no example says."""

import re
from pathlib import Path

import pytest
from pages.page import ROOT, Page, pages, reference

from antiphon.providers.lab.settings import Fault
from antiphon.providers.profiles import PROFILES

README = Page(ROOT / "README.md")
TEXTS = sorted({*(page.path for page in pages()), ROOT / "CHANGELOG.md", *(ROOT / "examples").glob("*.*")})
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|tmp|home|Users)(?:/|\b)")
REGISTRY = re.compile(r"pypi\.|npmjs|artifactory|nexus|jfrog|quay\.io|ghcr\.io|gcr\.io", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\{\{([a-z0-9-]+)\}\}")
LEFT = re.compile(r"\b(?:TODO|FIXME|XXX|TBD)\b")
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf]")
NUMBERS = {22: "Twenty-two"}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_machine_registry_or_unfinished_word_is_named(path: Path) -> None:
    text = path.read_text("utf-8")
    found = [match[0] for pattern in (MACHINE, REGISTRY, LEFT, EMOJI) for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_placeholders_stand_in_the_readme_s_table_of_speed_alone(path: Path) -> None:
    text = path.read_text("utf-8")
    if path == README.path:
        text = text.replace(README.sections()["Speed"], "")
    assert PLACEHOLDER.findall(text) == []


def test_the_table_of_speed_has_the_rows_of_the_bench() -> None:
    bench = {row[0].strip("`") for row in Page(ROOT / "bench" / "README.md").rows("Rows of path.py")}
    rows = README.rows("Speed")
    assert {row[0].partition(":")[0].strip("`") for row in rows} == bench
    assert all(PLACEHOLDER.findall(row[1]) in ([], [row[0].partition(":")[0].strip("`")]) for row in rows)


def test_numbers_in_the_readme_are_those_of_the_code() -> None:
    simulated = {"lab", "compatible"}
    assert f"{NUMBERS[len(set(PROFILES) - simulated)]} providers and servers" in README.text
    assert f"{len(reference('lab').rows('Faults'))} kinds of faults" in README.text
    assert Fault is not None
