"""Every link on every page leads somewhere."""

import pytest
from pages.page import ROOT, Page, pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    assert [link for link in page.links if not leads(page, link)] == []


def leads(page: Page, link: str) -> bool:
    if link.startswith(("https://", "http://")):
        return True
    file, _, anchor = link.partition("#")
    target = (page.path.parent / file).resolve() if file else page.path
    if not target.exists() or ROOT not in (target, *target.parents):
        return False
    return not anchor or anchor in Page(target).anchors


def test_the_map_and_the_readme_lead_to_every_page() -> None:
    everything = {page.path for page in PAGES}
    for start in (ROOT / "README.md", ROOT / "docs" / "index.md"):
        linked = {(start.parent / link.partition("#")[0]).resolve() for link in Page(start).links}
        left = everything - linked - {ROOT / "README.md", ROOT / "docs" / "index.md"}
        assert sorted(str(path.relative_to(ROOT)) for path in left) == []
