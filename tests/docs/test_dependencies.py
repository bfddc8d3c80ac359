"""Every package that Antiphon takes stands on the page of dependencies with its reason, and data of others with its licence."""

import re
import tomllib

import pytest
from pages.page import ROOT, Page

PAGE = Page(ROOT / "docs" / "explanation" / "dependencies.md")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
ROWS = {heading: [row[0] for row in PAGE.rows(heading)] for heading in ("To run", "To check and test", "To measure")}
CATALOGUE = ROOT / "src" / "antiphon" / "providers" / "catalogue"


def name(wanted: str) -> str:
    found = re.match(r"[\w.-]+", wanted)
    assert found is not None
    return found[0]


def cells(package: str, headings: tuple[str, ...] = tuple(ROWS)) -> list[str]:
    """First cells that name a package."""
    word = re.compile(rf"(?<![\w-]){re.escape(package)}(?![\w-])")
    return [cell for heading in headings for cell in ROWS[heading] if word.search(cell)]


@pytest.mark.parametrize("package", [name(one) for one in PROJECT["project"]["dependencies"]])
def test_what_is_needed_to_run_has_its_row(package: str) -> None:
    assert cells(package, ("To run",))


@pytest.mark.parametrize(
    ("extra", "package"), [(extra, name(one)) for extra, packages in EXTRAS.items() for one in packages]
)
def test_what_an_extra_brings_has_its_row_with_the_extra_s_name(extra: str, package: str) -> None:
    assert any(f"(extra `{extra}`)" in cell for cell in cells(package))


@pytest.mark.parametrize("package", sorted({name(one) for group in GROUPS.values() for one in group}))
def test_what_tests_and_benches_take_has_its_row(package: str) -> None:
    assert cells(package)


def test_every_row_names_a_package_that_is_taken() -> None:
    wanted = [*PROJECT["project"]["dependencies"], *(one for group in EXTRAS.values() for one in group)]
    taken = {name(one) for one in (*wanted, *(one for group in GROUPS.values() for one in group))}
    left = [cell for rows in ROWS.values() for cell in rows if not any(package in cell for package in taken)]
    assert left == []


def test_every_source_of_bundled_data_is_named_with_its_licence() -> None:
    notice = (ROOT / "THIRD_PARTY.md").read_text("utf-8").lower()
    sources = {
        found[1].lower()
        for file in CATALOGUE.rglob("*.json")
        if (found := re.match(r'\{"source":"([\w-]+) ', file.read_text("utf-8"))) is not None
    }
    assert sources
    assert [source for source in sources if f"/{source})" not in notice] == []
    data = notice.partition("## libraries of the console's pages")[0]
    assert data.count("permission is hereby granted") == len(sources)
    assert {path.parent.name for path in CATALOGUE.rglob("*.json")} == {"prices", "capabilities"}
